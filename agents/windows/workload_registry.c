/* registry: creates keys under HKCU\Software\coexist\bench, sets and queries values, deletes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/guest.h"
#include "windows/workload.h"

#define REGISTRY_KEYS 250
#define REGISTRY_VALUES 4
#define REGISTRY_BASE L"Software\\coexist\\bench"

static int registry_open(struct bench *b, struct op_error *err)
{
    uint64_t *keys = malloc(sizeof *keys);

    b->state = keys;
    if (keys == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    *keys = REGISTRY_KEYS;
    return request_param_u64(b->rq, "keys", 1, 100000, keys, err);
}

static void registry_close(struct bench *b)
{
    RegDeleteKeyW(HKEY_CURRENT_USER, REGISTRY_BASE); /* empty by now */
    free(b->state);
}

static LONG registry_set_and_query(HKEY key, uint64_t n)
{
    wchar_t name[32];
    uint64_t back = 0;

    for (uint64_t v = 0; v < REGISTRY_VALUES; v++) {
        uint64_t value = n * REGISTRY_VALUES + v;
        DWORD size = sizeof back, type = 0;
        _snwprintf(name, sizeof name / sizeof *name, L"value%I64u", v);
        LONG os = RegSetValueExW(key, name, 0, REG_BINARY, (const BYTE *)&value, sizeof value);
        if (os == ERROR_SUCCESS)
            os = RegQueryValueExW(key, name, NULL, &type, (BYTE *)&back, &size);
        if (os == ERROR_SUCCESS && (size != sizeof value || back != value))
            os = ERROR_INVALID_DATA;
        if (os != ERROR_SUCCESS)
            return os;
    }
    return ERROR_SUCCESS;
}

static LONG registry_one_key(HKEY base, uint64_t n)
{
    wchar_t name[32];
    HKEY key;

    _snwprintf(name, sizeof name / sizeof *name, L"key%I64u", n);
    LONG os = RegCreateKeyExW(base, name, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL);
    if (os != ERROR_SUCCESS)
        return os;
    os = registry_set_and_query(key, n);
    RegCloseKey(key);
    LONG gone = RegDeleteKeyW(base, name);
    return os != ERROR_SUCCESS ? os : gone;
}

static int registry_run(struct bench *b, uint64_t i, struct op_error *err)
{
    const uint64_t *keys = b->state;
    HKEY base;

    (void)i;
    LONG os = RegCreateKeyExW(HKEY_CURRENT_USER, REGISTRY_BASE, 0, NULL, 0, KEY_ALL_ACCESS, NULL,
                              &base, NULL);
    if (os != ERROR_SUCCESS)
        return guest_fail_code(err, (DWORD)os, "registry");
    for (uint64_t n = 0; n < *keys && os == ERROR_SUCCESS; n++) {
        if (request_stopped(b->rq, err)) {
            RegCloseKey(base);
            return -1;
        }
        os = registry_one_key(base, n);
    }
    RegCloseKey(base);
    return os == ERROR_SUCCESS ? 0 : guest_fail_code(err, (DWORD)os, "registry");
}

const struct workload workload_registry = {
    .name = "registry",
    .open = registry_open,
    .run = registry_run,
    .close = registry_close,
};
