/* Passwords of images, made by chance and kept where only the lab's user can read them. */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/windows.h"

enum { SECRET_LENGTH = 24 };

void windows_password_forget(char **password) {
    if (*password) {
        sodium_memzero(*password, strlen(*password));
        free(*password);
        *password = NULL;
    }
}

/* Windows asks for three of four kinds; none of these means anything to a command line. */
static char *secret_make(void) {
    static const char *const kinds[] = {"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-_.+"};
    char *password = mem_zalloc(SECRET_LENGTH + 1, 1);
    for (size_t i = 0; i < SECRET_LENGTH; i++) {
        const char *kind = kinds[i < ARRAY_LEN(kinds) ? i : randombytes_uniform(3)];
        password[i] = kind[randombytes_uniform((uint32_t)strlen(kind))];
    }
    for (size_t i = SECRET_LENGTH - 1; i > 0; i--) { /* so that the kinds stand anywhere */
        size_t k = randombytes_uniform((uint32_t)i + 1);
        char c = password[i];
        password[i] = password[k];
        password[k] = c;
    }
    return password;
}

static int secret_write(const char *path, const char *account, const char *password, struct err *err) {
    json_t *j = json_pack("{s:s, s:s, s:s}", "format", "coexist-secret/1", "account", account, "password", password);
    char *text = json_dumps(j, JSON_INDENT(2));
    size_t len = strlen(text);
    int rc = fs_write_atomic(path, text, len, 0600, err);
    sodium_memzero(text, len);
    free(text);
    json_decref(j);
    return rc;
}

static char *secret_read(const char *path, struct err *err) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077)) {
        err_set(err, ERR_INPUT, "%s can be read by others (mode %03o): chmod 600 it, and change the password", path,
                (unsigned)st.st_mode & 0777);
        return NULL;
    }
    json_t *j = json_load_file(path, 0, NULL);
    const char *text = json_string_value(json_object_get(j, "password"));
    char *password = text && *text ? str_dup(text) : NULL;
    if (!password) {
        err_set(err, ERR_INPUT, "%s holds no password", path);
    }
    json_decref(j);
    return password;
}

char *windows_password(const char *lab_dir, const char *name, const char *account, struct err *err) {
    CLEANUP_FREE char *dir = fs_join(lab_dir, "secrets");
    CLEANUP_FREE char *file = str_printf("%s.json", name);
    CLEANUP_FREE char *path = fs_join(dir, file);
    if (fs_exists(path)) {
        return secret_read(path, err);
    }
    if (fs_mkdirs(dir, err) < 0) {
        return NULL;
    }
    if (chmod(dir, 0700) < 0) {
        err_sys(err, errno, "%s", dir);
        return NULL;
    }
    char *password = secret_make();
    if (secret_write(path, account, password, err) < 0) {
        windows_password_forget(&password);
        err_prefix(err, "the password of image '%s'", name);
        return NULL;
    }
    return password;
}
