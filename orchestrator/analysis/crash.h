/* Which module a cell's crash dumps speak against. */
#ifndef COEXIST_ANALYSIS_CRASH_H
#define COEXIST_ANALYSIS_CRASH_H

#include "analysis/facts.h"

struct crash {
    char *module;                      /* file name at fault; NULL: no dump, or none that tells */
    const struct model_product *owner; /* whose module it is; NULL: no product's of this matrix. Borrowed */
    bool kernel;                       /* from the guest's kernel-fault dump */
    bool on_stack;                     /* not at the fault itself but the first product module on its stack */
    char *how;                         /* for people: what the dump says */
    char *problem;                     /* a dump is there but cannot be read, or not to its end: why; else NULL */
};

/* Reads the dumps among the artifacts from artifact_dir. Kernel dumps (roles "minidump" and "memory-dump") count more
 * than those of processes, dumps that lead to a product's module more than others. Never fails: what cannot be read is
 * told in problem. */
void crash_read(const struct model *m, const char *artifact_dir, const struct cell_facts *facts,
                struct crash *out);
void crash_clear(struct crash *c);

#endif
