/* Files that nobody may touch (observation "files"): what they were at the first look, and what became of them. */
#ifndef COEXIST_ANALYSIS_KEPT_H
#define COEXIST_ANALYSIS_KEPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/failure.h"

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

struct kept_loss { /* borrowed during the call */
    enum failure_class cls; /* FAILURE_DATA_LOST or FAILURE_SYSTEM_FILE */
    const char *path, *text;
};

/* Takes in one look: role "canary" or "system", files an object of path: mark or null. The first mark of a path is
 * what it has to be ever after; each loss is told once. os_update: an OS update was applied, which may
 * change the system's files (and does not lose them). Anything malformed is passed over. */
void kept_look(struct kept *k, const char *role, const json_t *files, bool os_update,
               void (*lost)(const struct kept_loss *loss, void *ctx), void *ctx);
void kept_free(struct kept *k);

#endif
