/* registry: one value, as text whatever its type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/text.h"

/* Larger values are refused; the answer would not fit into a frame. */
#define REGISTRY_MAX_BYTES 16384

static const struct {
    const wchar_t *word;
    ULONG_PTR root; /* HKEY_... are no integer constants */
} registry_roots[] = {
    {L"HKLM", 0x80000002}, {L"HKEY_LOCAL_MACHINE", 0x80000002},
    {L"HKCU", 0x80000001}, {L"HKEY_CURRENT_USER", 0x80000001},
    {L"HKCR", 0x80000000}, {L"HKEY_CLASSES_ROOT", 0x80000000},
    {L"HKU", 0x80000003},  {L"HKEY_USERS", 0x80000003},
};

/* Splits "HKLM\Software\X"; *rest points behind the first backslash. NULL: no known root. */
static HKEY registry_root(const wchar_t *path, const wchar_t **rest)
{
    size_t n = wcscspn(path, L"\\");

    *rest = path[n] == L'\0' ? path + n : path + n + 1;
    for (size_t i = 0; i < sizeof registry_roots / sizeof registry_roots[0]; i++)
        if (wcslen(registry_roots[i].word) == n &&
            _wcsnicmp(registry_roots[i].word, path, n) == 0)
            return (HKEY)(LONG_PTR)(LONG)registry_roots[i].root;
    return NULL;
}

static const char *registry_type_name(DWORD type)
{
    static const char *const names[] = {"none", "sz", "expand-sz", "binary", "dword",
                                        "dword-be", "link", "multi-sz"};
    if (type < sizeof names / sizeof names[0])
        return names[type];
    return type == REG_QWORD ? "qword" : "other";
}

static void registry_put_hex(struct jsonw *w, const BYTE *data, DWORD n)
{
    /* jsonw cuts text at JSONW_MAX_TEXT; half of it is what fits in hex. */
    char hex[JSONW_MAX_TEXT + 1] = "";
    for (DWORD i = 0; i < n && i < JSONW_MAX_TEXT / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", data[i]);
    jsonw_put_string(w, "data", hex);
}

/* data has two zero characters behind its n bytes. */
static void registry_put_data(struct jsonw *w, DWORD type, BYTE *data, DWORD n)
{
    wchar_t *text = (wchar_t *)data;
    uint64_t number = 0;
    char digits[24];

    if (type == REG_SZ || type == REG_EXPAND_SZ) {
        guest_put_wide(w, "data", text);
    } else if (type == REG_MULTI_SZ) {
        /* Each string ends with a zero; between two it becomes a newline. */
        for (DWORD i = 0; i + 1 < n / sizeof *text; i++)
            if (text[i] == L'\0' && text[i + 1] != L'\0')
                text[i] = L'\n';
        guest_put_wide(w, "data", text);
    } else if ((type == REG_DWORD && n == 4) || (type == REG_QWORD && n == 8)) {
        memcpy(&number, data, n); /* little-endian, as is every Windows */
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
        jsonw_put_string(w, "data", digits);
    } else {
        registry_put_hex(w, data, n);
    }
}

static int registry_read_value(HKEY key, const wchar_t *value, struct jsonw *result,
                               struct op_error *err)
{
    _Alignas(8) BYTE data[REGISTRY_MAX_BYTES + 2 * sizeof(wchar_t)];
    DWORD n = REGISTRY_MAX_BYTES, type = 0;

    memset(data, 0, sizeof data);
    LONG os = RegQueryValueExW(key, value, NULL, &type, data, &n);
    if (os == ERROR_FILE_NOT_FOUND) {
        jsonw_put_bool(result, "exists", false);
        return 0;
    }
    if (os == ERROR_MORE_DATA)
        return op_fail(err, PROTO_ERR_TOO_LONG, "the value has %lu bytes", n);
    if (os != ERROR_SUCCESS)
        return guest_fail_code(err, (DWORD)os, "value");
    memset(data + n, 0, 2 * sizeof(wchar_t)); /* what came need not end with zeros */
    jsonw_put_bool(result, "exists", true);
    jsonw_put_string(result, "type", registry_type_name(type));
    registry_put_data(result, type, data, n);
    return 0;
}

static int registry_read(const wchar_t *path, const wchar_t *value, struct jsonw *result,
                         struct op_error *err)
{
    const wchar_t *rest;
    HKEY root = registry_root(path, &rest), key;

    if (root == NULL)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "key: begins with no root such as HKLM");
    LONG os = RegOpenKeyExW(root, rest, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key);
    if (os == ERROR_FILE_NOT_FOUND || os == ERROR_PATH_NOT_FOUND) {
        jsonw_put_bool(result, "exists", false);
        return 0;
    }
    if (os != ERROR_SUCCESS)
        return guest_fail_code(err, (DWORD)os, "key");
    int rc = registry_read_value(key, value, result, err);
    RegCloseKey(key);
    return rc;
}

int op_registry(struct request *rq, struct jsonw *result, struct op_error *err)
{
    char *path, *value = NULL;

    if (request_arg_string(rq, "key", &path, err) < 0)
        return -1;
    if (request_opt_string(rq, "value", &value, err) < 0) {
        free(path);
        return -1;
    }
    wchar_t *wide_path = text_to_wide(path), *wide_value = text_to_wide(value ? value : "");
    int rc;
    if (wide_path == NULL || wide_value == NULL)
        rc = op_fail(err, PROTO_ERR_BUSY, "out of memory");
    else
        rc = registry_read(wide_path, wide_value, result, err);
    free(wide_path);
    free(wide_value);
    free(path);
    free(value);
    return rc;
}
