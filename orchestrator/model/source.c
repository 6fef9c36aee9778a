/* What the journal keeps of the input, and its digest. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/build.h"

/* Replaces each "file" beside a "sha256" by what fn makes of it, everywhere below value. */
static void source_map_files(json_t *value, char *(*fn)(const char *file, const char *dir),
                             const char *dir) {
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        source_map_files(item, fn, dir);
    }
    const char *key;
    json_object_foreach(value, key, item) {
        source_map_files(item, fn, dir);
    }
    const char *file = json_string_value(json_object_get(value, "file"));
    if (file && json_object_get(value, "sha256")) {
        CLEANUP_FREE char *mapped = fn(file, dir);
        json_object_set_new(value, "file", json_string(mapped));
    }
}

static char *source_resolve(const char *file, const char *dir) {
    CLEANUP_FREE char *path = fs_join(dir, file);
    return fs_absolute(path);
}

static char *source_basename(const char *file, const char *dir) {
    (void)dir;
    return str_dup(fs_basename(file));
}

static json_t *source_list(const struct input_doc *docs, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *copy = json_deep_copy(docs[i].root);
        source_map_files(copy, source_resolve, docs[i].dir);
        json_array_append_new(list, copy);
    }
    return list;
}

json_t *source_build(const struct input *in) {
    CLEANUP_FREE char *path = in->offline ? str_dup(json_doc_path(in->matrix.doc))
                                          : fs_absolute(json_doc_path(in->matrix.doc));
    json_t *source = json_object();
    json_object_set_new(source, "path", json_string(path));
    json_object_set_new(source, "matrix", json_deep_copy(in->matrix.root));
    json_object_set_new(source, "products", source_list(in->products, in->product_count));
    json_object_set_new(source, "updates", source_list(in->updates, in->update_count));
    return source;
}

char *source_digest(const json_t *source) {
    json_t *copy = json_deep_copy(source);
    json_object_del(copy, "path");
    source_map_files(copy, source_basename, NULL);
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(text, strlen(text), hex);
    free(text);
    json_decref(copy);
    return str_dup(hex);
}
