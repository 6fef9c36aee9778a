#include "model/stamp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "model/hostfile.h"

struct stamp_edit { /* text[begin, end) becomes new */
    size_t begin, end;
    char *new;
};

struct stamp {
    struct json_doc *doc;
    char *dir;
    struct stamp_edit *edits; /* in the order of the text after sorting */
    size_t count;
    struct diags *diags;
};

static void stamp_cleanup(struct stamp *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->edits[i].new);
    }
    free(s->edits);
    free(s->dir);
    json_doc_free(s->doc);
}

/* One behind the closing quote of the string token at begin. */
static size_t stamp_string_end(const struct stamp *s, size_t begin) {
    size_t len = 0;
    const char *text = json_doc_text(s->doc, &len);
    size_t i = begin + 1;
    while (text[i] != '"') {
        i += text[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static void stamp_add_edit(struct stamp *s, size_t begin, size_t end, char *new) {
    s->edits = mem_grow(s->edits, s->count + 1, sizeof(*s->edits));
    s->edits[s->count++] = (struct stamp_edit){begin, end, new};
}

static void stamp_object(struct stamp *s, const json_t *o, const char *pointer) {
    const char *name = json_string_value(json_object_get(o, "file"));
    CLEANUP_FREE char *at_file = str_printf("%s/file", pointer);
    CLEANUP_FREE char *at_digest = str_printf("%s/sha256", pointer);
    CLEANUP_FREE char *path = str_eq(s->dir, ".") ? str_dup(name) : fs_join(s->dir, name);
    const struct hostfile_at place = {s->doc, at_file, s->diags};
    const json_t *old = json_object_get(o, "sha256");
    char hex[FS_SHA256_HEX];
    CLEANUP_ERR struct err why = ERR_INIT;
    if (old && !json_is_string(old)) {
        json_doc_complain(s->doc, at_digest, 0, s->diags, "wrong-type", "remove it: the right one is written here then",
                          "\"sha256\" must be a string");
    }
    if (!hostfile_check_there(&place, path, "named", name)) {
        return;
    }
    if (fs_sha256_file(path, hex, &why) < 0) {
        json_doc_complain(s->doc, at_file, 0, s->diags, "unreadable-file", NULL, "%s", err_text(&why));
    } else if (!old) {
        size_t end = stamp_string_end(s, json_doc_offset(s->doc, at_file));
        stamp_add_edit(s, end, end, str_printf(", \"sha256\": \"%s\"", hex));
    } else if (json_is_string(old) && strcasecmp(json_string_value(old), hex) != 0) {
        size_t begin = json_doc_offset(s->doc, at_digest);
        stamp_add_edit(s, begin, stamp_string_end(s, begin), str_printf("\"%s\"", hex));
    }
}

/* Every object with a "file" below value. Depth is bounded by JSON_DEPTH_MAX of the scan. */
static void stamp_walk(struct stamp *s, json_t *value, const char *pointer) {
    if (json_is_string(json_object_get(value, "file"))) {
        stamp_object(s, value, pointer);
    }
    const char *key;
    size_t i;
    json_t *item;
    json_object_foreach(value, key, item) {
        if (!strpbrk(key, "/~")) {
            CLEANUP_FREE char *at = str_printf("%s/%s", pointer, key);
            stamp_walk(s, item, at);
        }
    }
    json_array_foreach(value, i, item) {
        CLEANUP_FREE char *at = str_printf("%s/%zu", pointer, i);
        stamp_walk(s, item, at);
    }
}

static int stamp_compare(const void *a, const void *b) {
    const struct stamp_edit *x = a;
    const struct stamp_edit *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int stamp_write(struct stamp *s, struct err *err) {
    size_t len = 0;
    const char *text = json_doc_text(s->doc, &len);
    CLEANUP_STR struct str out = STR_INIT;
    size_t from = 0;
    qsort(s->edits, s->count, sizeof(*s->edits), stamp_compare);
    for (size_t i = 0; i < s->count; i++) {
        str_add_bytes(&out, text + from, s->edits[i].begin - from);
        str_add(&out, s->edits[i].new);
        from = s->edits[i].end;
    }
    str_add_bytes(&out, text + from, len - from);
    struct stat st;
    CLEANUP_FREE char *file = realpath(json_doc_path(s->doc), NULL); /* behind a link: the link stays one */
    const char *path = file ? file : json_doc_path(s->doc);
    mode_t mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
    return fs_write_atomic(path, out.data, out.len, mode, err);
}

int model_stamp_file(const char *path, bool *changed, struct diags *diags, struct err *err) {
    size_t before = diags->count;
    CLEANUP(stamp_cleanup) struct stamp s = {
        .doc = json_doc_load(path, diags), .dir = fs_dirname(path), .diags = diags};
    const char *format = s.doc ? json_string_value(json_object_get(json_doc_root(s.doc), "format")) : NULL;
    if (str_eq(format, "coexist-product/1") || str_eq(format, "coexist-update/1")) {
        stamp_walk(&s, json_doc_root(s.doc), "");
    } else if (s.doc) {
        json_doc_complain(s.doc, "/format", 0, diags, "wrong-format",
                          "\"format\" is \"coexist-product/1\" or \"coexist-update/1\" there",
                          "only product and update files carry digests");
    }
    if (diags->count > before) {
        return err_set(err, ERR_INPUT, "%s: left as it was", path);
    }
    *changed = s.count > 0;
    return s.count > 0 ? stamp_write(&s, err) : 0;
}
