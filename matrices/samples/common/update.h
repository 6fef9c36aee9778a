/*
 * The product's own update: a content file or an engine DLL replaces the current one, the
 * service restarts with it, and what was there before is kept in ProgramData\<Vendor>\Previous.
 */
#ifndef SAMPLES_UPDATE_H
#define SAMPLES_UPDATE_H

#include <wchar.h>

#include "err.h"

enum update_result {
    UPDATE_DONE,
    UPDATE_REFUSED,  /* the payload is not for this product; nothing was changed */
    UPDATE_UNDONE,   /* the service did not start with it; the previous one is back */
    UPDATE_NOTHING,  /* rollback: there is nothing to go back to */
    UPDATE_FAILED    /* the system said no on the way */
};

/* err is set for every result but UPDATE_DONE. */
enum update_result update_apply(const wchar_t *payload, struct err *err);
enum update_result update_rollback(struct err *err);

#endif
