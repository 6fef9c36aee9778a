/* From checked documents to typed structs. Nothing here can fail: what could be wrong was found by
 * the checks before. Private to model/. */
#ifndef COEXIST_MODEL_BUILD_H
#define COEXIST_MODEL_BUILD_H

#include "model/input.h"
#include "model/model.h"

void build_command(const json_t *o, struct model_command *out); /* o NULL: stays absent */
void build_checks(const json_t *o, struct model_checks *out);
void build_product(const struct input_doc *d, struct model_product *out);
/* products: those of m, already built. */
void build_update(const struct input_doc *d, const struct model *m, struct model_update *out);
/* What a healthy install with the update has belongs to the product of m that it is for. */
void build_adopt(struct model *m, const struct model_update *u);
void build_matrix(const struct input_doc *d, struct model *m);
void build_sets(const json_t *root, struct model *m);

void build_command_free(struct model_command *c);
void build_checks_free(struct model_checks *c);
void build_product_free(struct model_product *p);
void build_update_free(struct model_update *u);

/* "{"path","matrix","products","updates"}" with absolute file names; new reference. */
json_t *source_build(const struct input *in);
/* SHA-256 of the canonical JSON of a source, the same wherever its files lie. Caller frees. */
char *source_digest(const json_t *source);

#endif
