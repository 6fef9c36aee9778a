/* What a cell's screenshots and event logs say. A crash dump is the better witness; where there is none, a stop screen
 * still names the driver. */
#ifndef COEXIST_ANALYSIS_WITNESS_H
#define COEXIST_ANALYSIS_WITNESS_H

#include "analysis/facts.h"

struct witness_line {
    size_t moment; /* of the artifact that says so */
    char *text;    /* "screen: STOP 0x7E ..., labdrv.sys"; owned */
};

struct witness {
    struct witness_line *lines;
    size_t count;
    char *module;                      /* driver a stop screen names; NULL: none. Owned */
    const struct model_product *owner; /* whose it is; NULL: no product's of this matrix. Borrowed */
    char *how;                         /* for people: what the screen says. Owned */
};

/* Pictures already read, by digest: repetitions fail alike, and reading takes seconds. Zero-initialise. */
struct witness_cache {
    struct witness_seen *items;
    size_t count;
};
void witness_cache_clear(struct witness_cache *c);

/* screens: read the screenshots, too (worth it where the guest crashed, hung or did not boot). Never fails: what
 * cannot be read is told in a line. */
void witness_read(const struct model *m, const char *artifact_dir, const struct cell_facts *facts, bool screens,
                  struct witness_cache *cache, struct witness *out);
void witness_clear(struct witness *w);

#endif
