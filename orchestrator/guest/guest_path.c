#include "guest/guest_path.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static bool guest_path_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool guest_path_has_bad_byte(const char *path) {
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < 0x20 || strchr("<>\"|?*", *p) || (*p == ':' && p != path + 1)) {
            return true;
        }
    }
    return false;
}

/* `forward` has forward slashes only. */
static bool guest_path_climbs(const char *forward) {
    for (const char *p = strstr(forward, "/.."); p; p = strstr(p + 1, "/..")) {
        if (p[3] == '/' || p[3] == '\0') {
            return true;
        }
    }
    return false;
}

char *guest_path_to_sftp(const char *path, const char *root, struct err *err) {
    if (strlen(path) > GUEST_PATH_MAX) {
        err_set(err, ERR_INPUT, "guest path longer than %d bytes", GUEST_PATH_MAX);
        return NULL;
    }
    CLEANUP_FREE char *forward = str_dup(path);
    for (char *p = forward; *p; p++) {
        *p = *p == '\\' ? '/' : *p;
    }
    if (!guest_path_is_letter(forward[0]) || forward[1] != ':' || forward[2] != '/' ||
        guest_path_has_bad_byte(forward) || guest_path_climbs(forward)) {
        err_set(err, ERR_INPUT, "'%s' is not an absolute path in the guest, like C:\\x\\y", path);
        return NULL;
    }
    return str_printf("%s/%s", root, forward);
}
