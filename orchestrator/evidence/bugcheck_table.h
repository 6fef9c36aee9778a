/* The table of bugchecks, for bugcheck.c alone. */
#ifndef COEXIST_EVIDENCE_BUGCHECK_TABLE_H
#define COEXIST_EVIDENCE_BUGCHECK_TABLE_H

#include "evidence/bugcheck.h"

/* Sorted by code; *count: how many. Static storage. */
const struct bugcheck *bugcheck_table(size_t *count);

#endif
