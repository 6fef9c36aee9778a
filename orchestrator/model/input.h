/* The JSON documents a model is made of: loaded, checked against their schemas, not yet understood.
 * Private to model/. */
#ifndef COEXIST_MODEL_INPUT_H
#define COEXIST_MODEL_INPUT_H

#include <stdbool.h>

#include "base/json.h"
#include "model/schemas.h"

struct input_doc {
    struct json_doc *doc; /* NULL when it could not be parsed */
    const json_t *root;   /* borrowed from doc; NULL with it */
    const char *id;       /* borrowed; NULL when not known */
    char *dir;            /* folder its file names are relative to */
    bool usable;          /* an object of the right format: worth looking at, types not sure */
    bool good;            /* follows its schema: types can be relied on */
};

struct input {
    struct input_doc matrix;
    struct input_doc *products, *updates; /* as the matrix lists them */
    size_t product_count, update_count;
    bool offline;  /* from the journal: the files named are not looked at */
    struct diags *diags; /* borrowed */
};

/* Loads the matrix and the files it lists. Complaints go to diags; what can be loaded is. */
void input_load(struct input *in, const char *matrix_path, struct diags *diags);
/* The same from model->source. */
void input_load_source(struct input *in, const json_t *source, struct diags *diags);
void input_free(struct input *in);

/* Whether every id that could be meant is known; else complaints about unknown names would mislead. */
bool input_knows_all(const struct input_doc *docs, size_t count);
const struct input_doc *input_find(const struct input_doc *docs, size_t count, const char *id);

#endif
