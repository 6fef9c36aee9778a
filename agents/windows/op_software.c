/* file_version, products: what is installed, by the resources of files and the uninstall keys. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/text.h"

/* Larger version resources than this are not real. */
#define SOFTWARE_MAX_VERSION_BYTES (1u << 20)

static void software_put_version(struct jsonw *w, const char *key, DWORD high, DWORD low)
{
    char text[32];
    snprintf(text, sizeof text, "%u.%u.%u.%u", HIWORD(high), LOWORD(high), HIWORD(low),
             LOWORD(low));
    jsonw_put_string(w, key, text);
}

static void software_put_no_version(struct jsonw *w)
{
    jsonw_put_string(w, "file_version", NULL);
    jsonw_put_string(w, "product_version", NULL);
}

static void software_write_version(const wchar_t *path, DWORD size, struct jsonw *w)
{
    void *block = malloc(size);
    VS_FIXEDFILEINFO *fixed = NULL;
    UINT n = 0;

    if (block != NULL && GetFileVersionInfoW(path, 0, size, block) &&
        VerQueryValueW(block, L"\\", (void **)&fixed, &n) && n >= sizeof *fixed) {
        software_put_version(w, "file_version", fixed->dwFileVersionMS, fixed->dwFileVersionLS);
        software_put_version(w, "product_version", fixed->dwProductVersionMS,
                             fixed->dwProductVersionLS);
    } else {
        software_put_no_version(w);
    }
    free(block);
}

int op_file_version(struct request *rq, struct jsonw *result, struct op_error *err)
{
    char *path;
    DWORD unused;
    int rc = 0;

    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    wchar_t *wide = text_to_wide(path);
    free(path);
    if (wide == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    if (GetFileAttributesW(wide) == INVALID_FILE_ATTRIBUTES) {
        rc = guest_fail(err, "file");
    } else {
        DWORD size = GetFileVersionInfoSizeW(wide, &unused);
        if (size == 0 || size > SOFTWARE_MAX_VERSION_BYTES)
            software_put_no_version(result);
        else
            software_write_version(wide, size, result);
    }
    free(wide);
    return rc;
}

/* A text value of an uninstall key as a member; null when there is none. */
static void software_put_value(struct jsonw *w, const char *member, HKEY key, const wchar_t *name)
{
    wchar_t text[2048];
    DWORD size = sizeof text - sizeof *text, type = 0;

    if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)text, &size) != ERROR_SUCCESS ||
        (type != REG_SZ && type != REG_EXPAND_SZ)) {
        jsonw_put_string(w, member, NULL);
        return;
    }
    text[size / sizeof *text] = L'\0';
    guest_put_wide(w, member, text);
}

struct software_rows {
    struct request *rq;
    uint64_t count;
};

static int software_row(struct software_rows *rows, HKEY parent, const wchar_t *name,
                        REGSAM view, struct op_error *err)
{
    HKEY key;

    if (request_stopped(rows->rq, err))
        return -1;
    if (RegOpenKeyExW(parent, name, 0, KEY_QUERY_VALUE | view, &key) != ERROR_SUCCESS)
        return 0; /* gone since, or not for us to see */
    struct jsonw *w = request_item_begin(rows->rq);
    guest_put_wide(w, "key", name);
    software_put_value(w, "name", key, L"DisplayName");
    software_put_value(w, "version", key, L"DisplayVersion");
    software_put_value(w, "publisher", key, L"Publisher");
    software_put_value(w, "uninstall", key, L"UninstallString");
    RegCloseKey(key);
    rows->count++;
    return request_item_end(rows->rq, err);
}

static int software_rows(struct software_rows *rows, HKEY root, REGSAM view, struct op_error *err)
{
    static const wchar_t path[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall";
    wchar_t name[256];
    HKEY key;
    int rc = 0;

    if (RegOpenKeyExW(root, path, 0, KEY_ENUMERATE_SUB_KEYS | view, &key) != ERROR_SUCCESS)
        return 0; /* nothing was ever installed there */
    for (DWORD i = 0; rc == 0; i++) {
        DWORD n = sizeof name / sizeof *name;
        if (RegEnumKeyExW(key, i, name, &n, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
            break;
        rc = software_row(rows, key, name, view, err);
    }
    RegCloseKey(key);
    return rc;
}

int op_products(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct software_rows rows = {.rq = rq};
    SYSTEM_INFO info;
    int rc;

    GetNativeSystemInfo(&info);
    if (info.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_INTEL) {
        rc = software_rows(&rows, HKEY_LOCAL_MACHINE, 0, err);
    } else {
        rc = software_rows(&rows, HKEY_LOCAL_MACHINE, KEY_WOW64_64KEY, err);
        if (rc == 0)
            rc = software_rows(&rows, HKEY_LOCAL_MACHINE, KEY_WOW64_32KEY, err);
    }
    if (rc == 0)
        rc = software_rows(&rows, HKEY_CURRENT_USER, 0, err);
    jsonw_put_u64(result, "count", rows.count);
    return rc;
}
