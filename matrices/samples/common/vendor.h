/*
 * What tells one sample vendor from another. Everything in common/ is written against this
 * description; each vendor folder defines its own in vendor.c. A new vendor starts there.
 */
#ifndef SAMPLES_VENDOR_H
#define SAMPLES_VENDOR_H

#include <wchar.h>

struct vendor {
    const char *id;                /* as in the content file's header: "alder" */
    const wchar_t *name;           /* folder in ProgramData, key in HKLM\Software: L"Alder" */
    const wchar_t *service;        /* L"AlderSvc" */
    const wchar_t *service_title;
    const wchar_t *service_file;   /* file names only, beside the control tool */
    const wchar_t *content_file;   /* in ProgramData\<name> */
    const wchar_t *engine_file;    /* NULL: the engine is linked into the service */
    const wchar_t *driver;         /* NULL: no kernel part */
    const wchar_t *driver_title;
    const wchar_t *driver_file;
};

const struct vendor *vendor_self(void);

#endif
