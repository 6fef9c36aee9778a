/* Files on the host that the input names: there, readable, with the digest that was promised.
 * Private to model/. */
#ifndef COEXIST_MODEL_HOSTFILE_H
#define COEXIST_MODEL_HOSTFILE_H

#include <stdbool.h>

#include "base/json.h"

struct hostfile_at { /* the place of the file's name; all borrowed */
    const struct json_doc *doc;
    const char *pointer;
    struct diags *diags;
};

/* Complains unless path is a regular file that can be read. what: "product", "installer"; name: as
 * written. */
bool hostfile_check_there(const struct hostfile_at *at, const char *path, const char *what,
                          const char *name);

/* Checks {"file","sha256"} of the object at pointer, relative to dir. */
void hostfile_check(const struct hostfile_at *at, const json_t *object, const char *dir,
                    const char *what);

#endif
