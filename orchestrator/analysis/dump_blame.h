/* Which module a dump speaks against, how sure that is, and why. Knows nothing of products: crash.c and the renderers
 * tell whose module it is. The confidences are ranks on a scale, set by judgement (METHOD.md). */
#ifndef COEXIST_ANALYSIS_DUMP_BLAME_H
#define COEXIST_ANALYSIS_DUMP_BLAME_H

#include "evidence/dump.h"

enum dump_blame_how {
    DUMP_BLAME_NOBODY,    /* nothing broke (asked for), the hardware did, or only the kernel is seen */
    DUMP_BLAME_NAMED,     /* the dump itself names a driver */
    DUMP_BLAME_ADDRESS,   /* the fault lies in it */
    DUMP_BLAME_UNLOADED,  /* the fault lies where a driver was that is gone */
    DUMP_BLAME_STACK,     /* first module on the stack that is not Microsoft's */
    DUMP_BLAME_MICROSOFT, /* only Microsoft's own are seen; this is the one nearest to the fault */
    DUMP_BLAME_HOW_COUNT
};
const char *dump_blame_how_name(enum dump_blame_how h); /* "nobody", "named", "address", ... */

struct dump_blame {
    enum dump_blame_how how;
    const char *name;                 /* file name of the module; NULL: nobody. Borrowed from the dump */
    const struct dump_module *module; /* NULL: nobody, or no longer loaded. Borrowed */
    uint64_t offset;                  /* of the address in it that counts; 0: none */
    double confidence;                /* 0..1 */
    char *reason;                     /* for people; never NULL */
    const struct dump_module *at;     /* where the fault itself lies; NULL: not known, or in none. Borrowed */
};

/* The dump must outlive the result. */
struct dump_blame dump_blame(const struct dump *d);
void dump_blame_clear(struct dump_blame *b);

/* Codes of crashes somebody asked for, and of hardware: no module is at fault, whatever lies on the stack. NULL when
 * the code is none of them, else why. Static storage. */
const char *dump_blame_nobody(const struct dump *d);
/* The first module on the stack `wanted` says yes to: from the crashing context's stack pointer up, else from the
 * beginning. NULL: none. */
const struct dump_module *dump_blame_stack(const struct dump *d,
                                           bool (*wanted)(const struct dump *d, const struct dump_module *m, void *ctx),
                                           void *ctx, uint64_t *address);

#endif
