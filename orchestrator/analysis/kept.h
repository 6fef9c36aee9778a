/* Files that nobody may touch (observation "files"): what they were at the first look, and what became of them. */
#ifndef COEXIST_ANALYSIS_KEPT_H
#define COEXIST_ANALYSIS_KEPT_H

#include <stdbool.h>
#include <stddef.h>

/* More files than this are not followed: a guest's answers cannot make the lab run out of memory. */
#define KEPT_MAX 500

struct kept_file {
    char *path, *mark;
    bool told; /* its loss was told of already */
};

struct kept {
    struct kept_file *items;
    size_t count;
};

/* Takes in what a look found of one file; mark NULL: it is gone. The first mark of a path is what it has to be ever
 * after, unless it may change: then it only must not be gone. True when that does not hold, once for each file. */
bool kept_is_lost(struct kept *k, const char *path, const char *mark, bool may_change);
/* Whether its loss was told of by an earlier kept_is_lost. */
bool kept_is_told(struct kept *k, const char *path);
void kept_free(struct kept *k);

#endif
