#include "model/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/hostfile.h"

/* Lists longer than their limit are no longer worth comparing each with each. */
static bool input_is_flooded(const struct diags *diags, size_t from) {
    for (size_t i = from; i < diags->count; i++) {
        if (str_eq(diags->items[i].code, "too-many") ||
            str_eq(diags->items[i].code, "too-many-errors")) {
            return true;
        }
    }
    return false;
}

static void input_check_schema(struct input *in, struct input_doc *d, enum schema_kind kind) {
    size_t before = in->diags->count;
    enum schemas_fit fit = schemas_check(kind, d->doc, in->diags);
    d->good = fit == SCHEMAS_FOLLOWS;
    d->usable = fit != SCHEMAS_OTHER && json_is_object(d->root) && !input_is_flooded(in->diags, before);
}

/* NULL also for an id that breaks its rules: then complaints about names that miss it are noise. */
static const char *input_id(const json_t *root) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *id = json_string_value(json_object_get(root, "id"));
    return id && *id && strspn(id, allowed) == strlen(id) ? id : NULL;
}

static void input_take(struct input *in, struct input_doc *d, struct json_doc *doc,
                       enum schema_kind kind) {
    d->doc = doc;
    if (!doc) {
        return;
    }
    d->root = json_doc_root(doc);
    d->id = input_id(d->root);
    d->dir = fs_dirname(json_doc_path(doc));
    input_check_schema(in, d, kind);
}

/* A file the matrix lists. That it is missing is an error of the matrix, at the place of its name. */
static void input_load_listed(struct input *in, struct input_doc *d, enum schema_kind kind,
                              const char *name, const char *pointer) {
    bool here = str_eq(in->matrix.dir, "."); /* "x.json" reads better than "./x.json" */
    CLEANUP_FREE char *path = here ? str_dup(name) : fs_join(in->matrix.dir, name);
    struct hostfile_at at = {in->matrix.doc, pointer, in->diags};
    if (!hostfile_check_there(&at, path, schemas_name(kind), name)) {
        return;
    }
    input_take(in, d, json_doc_load(path, in->diags), kind);
}

static struct input_doc *input_load_list(struct input *in, enum schema_kind kind, const char *key,
                                         size_t *count) {
    const json_t *list = json_object_get(in->matrix.root, key);
    size_t n = json_array_size(list);
    struct input_doc *docs = mem_zalloc(n, sizeof(*docs));
    *count = n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        CLEANUP_FREE char *pointer = str_printf("/%s/%zu", key, i);
        bool twice = false; /* the schema complains about it, once is enough */
        for (size_t k = 0; k < i; k++) {
            twice |= str_eq(name, json_string_value(json_array_get(list, k)));
        }
        if (name && *name && !twice) {
            input_load_listed(in, &docs[i], kind, name, pointer);
        }
    }
    return docs;
}

void input_load(struct input *in, const char *matrix_path, struct diags *diags) {
    *in = (struct input){.diags = diags};
    input_take(in, &in->matrix, json_doc_load(matrix_path, diags), SCHEMA_MATRIX);
    if (!in->matrix.usable) {
        return;
    }
    in->products = input_load_list(in, SCHEMA_PRODUCT, "products", &in->product_count);
    in->updates = input_load_list(in, SCHEMA_UPDATE, "updates", &in->update_count);
}

static void input_take_source(struct input *in, struct input_doc *d, const json_t *value,
                              enum schema_kind kind, const char *name) {
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (text) {
        input_take(in, d, json_doc_parse(name, text, strlen(text), in->diags), kind);
    }
    free(text);
}

static struct input_doc *input_source_list(struct input *in, const json_t *source,
                                           enum schema_kind kind, const char *key, size_t *count) {
    const json_t *list = json_object_get(source, key);
    size_t n = json_array_size(list);
    struct input_doc *docs = mem_zalloc(n, sizeof(*docs));
    *count = n;
    for (size_t i = 0; i < n; i++) {
        CLEANUP_FREE char *name = str_printf("journal: %s[%zu]", key, i);
        input_take_source(in, &docs[i], json_array_get(list, i), kind, name);
    }
    return docs;
}

void input_load_source(struct input *in, const json_t *source, struct diags *diags) {
    *in = (struct input){.diags = diags, .offline = true};
    const json_t *matrix = json_object_get(source, "matrix");
    const char *path = json_string_value(json_object_get(source, "path"));
    if (!matrix || !path) {
        diags_add(diags, "journal", (struct diag_pos){0, 0}, "wrong-form", NULL,
                  "what was kept of the run's matrix is not complete");
        return;
    }
    input_take_source(in, &in->matrix, matrix, SCHEMA_MATRIX, path);
    in->products =
        input_source_list(in, source, SCHEMA_PRODUCT, "products", &in->product_count);
    in->updates = input_source_list(in, source, SCHEMA_UPDATE, "updates", &in->update_count);
}

static void input_doc_free(struct input_doc *d) {
    json_doc_free(d->doc);
    free(d->dir);
}

void input_free(struct input *in) {
    input_doc_free(&in->matrix);
    for (size_t i = 0; i < in->product_count; i++) {
        input_doc_free(&in->products[i]);
    }
    for (size_t i = 0; i < in->update_count; i++) {
        input_doc_free(&in->updates[i]);
    }
    free(in->products);
    free(in->updates);
}

bool input_knows_all(const struct input_doc *docs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!docs[i].id || input_find(docs, i, docs[i].id)) {
            return false;
        }
    }
    return true;
}

const struct input_doc *input_find(const struct input_doc *docs, size_t count, const char *id) {
    for (size_t i = 0; i < count; i++) {
        if (docs[i].id && str_eq(docs[i].id, id)) {
            return &docs[i];
        }
    }
    return NULL;
}
