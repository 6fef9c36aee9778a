/* Whose module it is, Windows' own or somebody else's. Dumps name no companies, so names decide: a table of modules
 * that come with Windows (drivers, kernel libraries, system libraries), then folders, then the version, and the reason
 * is told. The table was put together from the names of Windows' components in Microsoft's public documentation and
 * from what real dumps name. */
#ifndef COEXIST_EVIDENCE_MICROSOFT_H
#define COEXIST_EVIDENCE_MICROSOFT_H

#include <stdbool.h>

#include "evidence/dump.h"

enum microsoft_kind {
    MICROSOFT_NOT,     /* somebody else's, as far as can be told */
    MICROSOFT_OWN,     /* Windows' own */
    MICROSOFT_CARRIER, /* Windows' own, and works on behalf of other drivers: a fault in it says little */
    MICROSOFT_KERNEL   /* the kernel, the hardware layer: where every crash ends */
};

/* why: static text for people, "its name is one of Windows' own"; may be NULL. */
enum microsoft_kind microsoft_module(const struct dump *d, const struct dump_module *m, const char **why);
/* By file name alone (case-insensitive). */
enum microsoft_kind microsoft_name(const char *name);

#endif
