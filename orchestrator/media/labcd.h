/* The CDs the lab makes: a new one (ISO 9660 level 3 with Joliet, so that Windows Setup finds Autounattend.xml at its
 * root under exactly that name), by libisofs; and another's CD with files added or replaced, its boot records kept, by
 * xorriso as a child process (ECMA-119, El Torito 1.0: the boot catalog must follow the files it names as they move,
 * which xorriso's "-boot_image any replay" does).
 *
 * The same files, names and label give the same bytes: times on a new CD are all LABCD_TIME. */
#ifndef COEXIST_MEDIA_LABCD_H
#define COEXIST_MEDIA_LABCD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* 1980-01-01 00:00:00 UTC, in seconds since 1970: the first time that FAT, and so every guest, can tell. */
#define LABCD_TIME 315532800

enum {
    LABCD_LABEL_MAX = 16, /* characters: what Joliet keeps of a volume's label */
    LABCD_NAME_MAX = 64,  /* characters: of a file or folder in Joliet */
    LABCD_PATH_MAX = 200  /* bytes */
};

struct labcd_file { /* all borrowed */
    const char *path;      /* on the CD: "drivers/viostor/viostor.inf"; printable ASCII without \ : * ? " < > | */
    const char *host_file; /* where its content lies, or NULL: then the bytes */
    const void *bytes;
    size_t len;
};

/* Writes the CD to the file `iso`, which appears whole or not at all. label: 1 to LABCD_LABEL_MAX of A-Z, 0-9, _.
 * ERR_INPUT names a path that cannot be on a CD, stands twice (Windows sees no difference between letter cases), is a
 * file here and a folder there; a host file that cannot be read; ERR_NOSPACE, ERR_SYSTEM. */
int labcd_write(const char *iso, const char *label, const struct labcd_file *files, size_t count, struct err *err);

/* The CD `from` with these files added, or put in the place of what has that path there (letter case does not matter
 * then: the old spelling stays), written to `to`: all other files, label, names and El Torito records stay. Code before
 * the volume stays as bytes, but its addresses are not followed: a hybrid CD boots as a CD afterwards, not from a USB
 * stick. `from` is another's: xorriso reads it within limits of time. Errors as above; ERR_INPUT also when
 * `from` is no ISO 9660, is UDF beside it (its UDF part would not survive: Windows Setup media), or has boot records
 * that could not be kept; ERR_REFUSED when xorriso is not installed. */
int labcd_rewrite(const char *from, const char *to, const struct labcd_file *files, size_t count, struct err *err);

#endif
