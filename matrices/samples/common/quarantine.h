/* Moves a bad file to C:\ProgramData\<Vendor>\Quarantine under a neutral name. */
#ifndef SAMPLES_QUARANTINE_H
#define SAMPLES_QUARANTINE_H

#include <wchar.h>

enum quarantine_result {
    QUARANTINE_MOVED,
    QUARANTINE_GONE,  /* somebody else was first: as good as moved */
    QUARANTINE_BUSY,  /* try again later */
    QUARANTINE_FAILED /* logged; trying again is of no use */
};

/* Logs what happened to the file. why: name of the signature. */
enum quarantine_result quarantine_take(const wchar_t *path, const char *why);

#endif
