#include "media/labcd_paths.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

/* What Windows refuses in a name (Naming Files, Paths, and Namespaces) and Joliet (specification, section 5.3). */
static bool labcd_is_name(const char *name, size_t len) {
    if (len == 0 || len > LABCD_NAME_MAX || name[0] == ' ' || name[len - 1] == ' ' || name[len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e || strchr("\\:*?\"<>|;", name[i])) {
            return false;
        }
    }
    return true;
}

static bool labcd_is_path(const char *path) {
    if (strlen(path) > LABCD_PATH_MAX) {
        return false;
    }
    for (const char *part = path;;) {
        size_t len = strcspn(part, "/");
        if (!labcd_is_name(part, len)) {
            return false;
        }
        if (!part[len]) {
            return true;
        }
        part += len + 1;
    }
}

static int labcd_compare(const void *a, const void *b) {
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order of names a folder's files may not follow a file of its name at once ("a", "a b", "a/c"). */
static int labcd_check_twice(const char *const *sorted, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(sorted[i]);
        for (size_t k = i + 1; k < count && strncasecmp(sorted[i], sorted[k], len) == 0; k++) {
            if (!sorted[k][len]) {
                return err_set(err, ERR_INPUT, "'%s' is to be on the CD twice", sorted[i]);
            }
            if (sorted[k][len] == '/') {
                return err_set(err, ERR_INPUT, "'%s' is to be a file on the CD, and a folder for '%s'", sorted[i],
                               sorted[k]);
            }
        }
    }
    return 0;
}

int labcd_check_paths(const struct labcd_file *files, size_t count, struct err *err) {
    CLEANUP_FREE const char **sorted = mem_zalloc(count + 1, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        if (!labcd_is_path(files[i].path)) {
            return err_set(err, ERR_INPUT, "'%s' cannot be the path of a file on a CD", files[i].path);
        }
        sorted[i] = files[i].path;
    }
    qsort(sorted, count, sizeof(*sorted), labcd_compare);
    return labcd_check_twice(sorted, count, err);
}
