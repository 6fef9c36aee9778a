/* Writing the true digests into a product or update file: the core of `coexist stamp`. */
#ifndef COEXIST_MODEL_STAMP_H
#define COEXIST_MODEL_STAMP_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/err.h"

/* Sets "sha256" beside every "file" of the JSON file at path to the digest of the file named (relative
 * to path). Nothing else of the text changes: order, layout and numbers stay as the user wrote them. A
 * missing "sha256" is added. The file is replaced atomically, and only when something changed. Errors are
 * ERR_INPUT (not JSON, not a product or update, files are missing), with every complaint in diags at its
 * place and the file as it was, or ERR_SYSTEM. */
int model_stamp_file(const char *path, bool *changed, struct diags *diags, struct err *err);

#endif
