#include "model/guestpath.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { GUESTPATH_MAX = 259 }; /* MAX_PATH without its NUL: longer ones fail in most programs */

static const char guestpath_backslash_hint[] =
    "in JSON each backslash is written twice: \"C:\\\\Program Files\\\\Alder\"";

/* Device names, reserved with any extension. */
static bool guestpath_is_device(const char *name, size_t len) {
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    const char *dot = memchr(name, '.', len);
    size_t stem = dot ? (size_t)(dot - name) : len;
    while (stem > 0 && name[stem - 1] == ' ') {
        stem--;
    }
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        if (stem == strlen(devices[i]) && strncasecmp(name, devices[i], stem) == 0) {
            return true;
        }
    }
    return stem == 4 && (strncasecmp(name, "COM", 3) == 0 || strncasecmp(name, "LPT", 3) == 0) &&
           name[3] >= '1' && name[3] <= '9';
}

static char *guestpath_component_fault(const char *name, size_t len) {
    if (len == 0) {
        return str_dup("has an empty part (two backslashes in a row, or one at the end)");
    }
    if ((len == 1 && name[0] == '.') || (len == 2 && memcmp(name, "..", 2) == 0)) {
        return str_dup("must not contain \".\" or \"..\"");
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20) {
            return str_dup("contains a control character");
        }
        if (strchr("<>:\"/|?*", name[i])) {
            return str_printf("contains '%c', which Windows does not allow in names", name[i]);
        }
    }
    if (name[len - 1] == '.' || name[len - 1] == ' ') {
        return str_dup("has a part that ends with a dot or a space, which Windows drops");
    }
    if (guestpath_is_device(name, len)) {
        return str_printf("contains \"%.*s\", the name of a device", (int)len, name);
    }
    return NULL;
}

/* Not absolute: which of the usual mistakes is it? */
static char *guestpath_begin_fault(const char *path, const char **hint) {
    if (strchr(path, '%')) {
        *hint = "write the folder itself, for example C:\\\\ProgramData; variables are not replaced";
        return str_dup("contains a variable");
    }
    if (strchr(path, '/') && !strchr(path, '\\')) {
        *hint = guestpath_backslash_hint;
        return str_dup("must use backslashes");
    }
    if (strncmp(path, "\\\\", 2) == 0) {
        *hint = "a guest has no network shares";
        return str_dup("is on a network share");
    }
    *hint = "begin with a drive: \"C:\\\\...\"";
    return str_dup("is not absolute");
}

char *guestpath_fault(const char *path, const char **hint) {
    *hint = NULL;
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < 0x20) {
            *hint = guestpath_backslash_hint;
            return str_dup("contains a control character");
        }
    }
    if (!isalpha((unsigned char)path[0]) || path[1] != ':' || path[2] != '\\') {
        return guestpath_begin_fault(path, hint);
    }
    if (strlen(path) > GUESTPATH_MAX) {
        return str_printf("has %zu characters; Windows takes at most %d", strlen(path),
                          GUESTPATH_MAX);
    }
    if (strchr(path, '%')) {
        return guestpath_begin_fault(path, hint);
    }
    for (const char *part = path + 3;;) {
        size_t len = strcspn(part, "\\");
        char *fault = guestpath_component_fault(part, len);
        if (fault || part[len] == '\0') {
            return fault;
        }
        part += len + 1;
    }
}

char *guestpath_pattern_fault(const char *pattern, const char **hint) {
    CLEANUP_FREE char *plain = str_dup(pattern);
    char *last = strrchr(plain, '\\');
    for (char *p = last; p && *p; p++) {
        if (*p == '*' || *p == '?') {
            *p = 'x';
        }
    }
    char *fault = guestpath_fault(plain, hint);
    if (fault && last && strcspn(plain, "*?") < (size_t)(last - plain)) {
        *hint = "only the last part may hold * and ?";
    }
    return fault;
}

char *guestpath_key_fault(const char *key, const char **hint) {
    static const char *const roots[] = {
        "HKLM", "HKEY_LOCAL_MACHINE", "HKCU", "HKEY_CURRENT_USER",  "HKCR",
        "HKEY_CLASSES_ROOT", "HKU", "HKEY_USERS", "HKCC", "HKEY_CURRENT_CONFIG",
    };
    size_t len = strcspn(key, "\\");
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        known |= len == strlen(roots[i]) && strncasecmp(key, roots[i], len) == 0;
    }
    *hint = "roots are HKLM, HKCU, HKCR, HKU and HKCC; each backslash is written twice in JSON";
    if (!known) {
        return str_printf("begins with \"%.*s\", which is no root of the registry", (int)len, key);
    }
    if (key[len] == '\0') {
        return str_dup("is a root only; name a key below it");
    }
    if (strstr(key, "\\\\") || str_ends_with(key, "\\")) {
        return str_dup("has an empty part (two backslashes in a row, or one at the end)");
    }
    for (const char *p = key; *p; p++) {
        if ((unsigned char)*p < 0x20) {
            return str_dup("contains a control character");
        }
    }
    return NULL;
}

const char *guestpath_basename(const char *path) {
    const char *slash = strrchr(path, '\\');
    return slash ? slash + 1 : path;
}

bool guestpath_is_of_windows(const char *path) {
    static const char windows[] = ":\\Windows\\";
    static const char drivers[] = ":\\Windows\\System32\\drivers\\";
    return path[0] != '\0' && strncasecmp(path + 1, windows, strlen(windows)) == 0 &&
           strncasecmp(path + 1, drivers, strlen(drivers)) != 0;
}
