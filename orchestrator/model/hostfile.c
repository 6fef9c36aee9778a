#include "model/hostfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/nearest.h"
#include "base/str.h"

enum { HOSTFILE_NAMES_MAX = 4096 }; /* entries of a folder looked at for a hint */

struct hostfile_names {
    char **names;
    size_t count;
};

static int hostfile_collect(const char *name, void *ctx) {
    struct hostfile_names *list = ctx;
    list->names = mem_grow(list->names, list->count + 1, sizeof(*list->names));
    list->names[list->count++] = str_dup(name);
    return list->count == HOSTFILE_NAMES_MAX;
}

/* "did you mean ...?" among the folder's files, or why not. Caller frees; may be NULL. */
static char *hostfile_hint(const char *path) {
    CLEANUP_FREE char *dir = fs_dirname(path);
    if (!fs_exists(dir)) {
        return str_printf("there is no folder %s", dir);
    }
    struct hostfile_names list = {NULL, 0};
    fs_each(dir, hostfile_collect, &list, NULL);
    const char *near =
        nearest_name(fs_basename(path), (const char *const *)list.names, list.count);
    char *hint = near ? str_printf("the folder has a file \"%s\"; paths are relative to this JSON file", near)
                      : str_printf("paths are relative to this JSON file; looked for %s", path);
    for (size_t i = 0; i < list.count; i++) {
        free(list.names[i]);
    }
    free(list.names);
    return hint;
}

bool hostfile_check_there(const struct hostfile_at *at, const char *path, const char *what,
                          const char *name) {
    struct stat st;
    if (stat(path, &st) < 0) {
        int why = errno;
        bool absent = why == ENOENT || why == ENOTDIR;
        CLEANUP_FREE char *hint = absent ? hostfile_hint(path) : NULL;
        json_doc_complain(at->doc, at->pointer, 0, at->diags,
                          absent ? "missing-file" : "unreadable-file", hint,
                          "%s file \"%s\": %s", what, name, strerror(why));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        json_doc_complain(at->doc, at->pointer, 0, at->diags, "not-a-file", "name a regular file",
                          "%s file \"%s\" is %s", what, name,
                          S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
        return false;
    }
    if (access(path, R_OK) < 0) {
        json_doc_complain(at->doc, at->pointer, 0, at->diags, "unreadable-file", NULL,
                          "%s file \"%s\": %s", what, name, strerror(errno));
        return false;
    }
    return true;
}

static bool hostfile_is_digest(const char *text) {
    return text && strlen(text) == FS_SHA256_HEX - 1 &&
           strspn(text, "0123456789abcdefABCDEF") == FS_SHA256_HEX - 1;
}

void hostfile_check(const struct hostfile_at *at, const json_t *object, const char *dir,
                    const char *what) {
    const char *name = json_string_value(json_object_get(object, "file"));
    const char *wanted = json_string_value(json_object_get(object, "sha256"));
    if (!name || !*name) {
        return;
    }
    CLEANUP_FREE char *path = str_eq(dir, ".") ? str_dup(name) : fs_join(dir, name);
    CLEANUP_FREE char *at_file = str_printf("%s/file", at->pointer);
    struct hostfile_at file = {at->doc, at_file, at->diags};
    if (!hostfile_check_there(&file, path, what, name)) {
        return;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    char found[FS_SHA256_HEX];
    if (fs_sha256_file(path, found, &err) < 0) {
        json_doc_complain(at->doc, at_file, 0, at->diags, "unreadable-file", NULL, "%s file: %s",
                          what, err_text(&err));
    } else if (hostfile_is_digest(wanted) && strcasecmp(found, wanted) != 0) {
        CLEANUP_FREE char *at_digest = str_printf("%s/sha256", at->pointer);
        CLEANUP_FREE char *hint = str_printf(
            "if this is the right file, write its digest here with: coexist stamp %s",
            json_doc_path(at->doc));
        json_doc_complain(at->doc, at_digest, 0, at->diags, "wrong-digest", hint,
                          "%s file \"%s\" is not the one meant: expected sha256 %s, found %s", what,
                          name, wanted, found);
    }
}
