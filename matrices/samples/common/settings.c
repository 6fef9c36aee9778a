#include "settings.h"

#include <windows.h>

#include "vendor.h"

enum { SETTINGS_KEY_MAX = 128 };

static void settings_key(wchar_t key[SETTINGS_KEY_MAX])
{
    lstrcpynW(key, L"Software\\", SETTINGS_KEY_MAX);
    lstrcpynW(key + 9, vendor_self()->name, SETTINGS_KEY_MAX - 9);
}

int settings_set(const wchar_t *name, const wchar_t *value, struct err *err)
{
    wchar_t key[SETTINGS_KEY_MAX];
    DWORD size = (DWORD)((wcslen(value) + 1) * sizeof *value);
    LSTATUS status;

    settings_key(key);
    status = RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, REG_SZ, value, size);
    if (status != ERROR_SUCCESS)
        return err_set(err, (DWORD)status, "cannot set HKLM\\%ls\\%ls", key, name);
    return 0;
}

void settings_get(const wchar_t *name, wchar_t *value, size_t size)
{
    wchar_t key[SETTINGS_KEY_MAX];
    DWORD bytes = (DWORD)(size * sizeof *value);

    settings_key(key);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ, NULL, value, &bytes))
        value[0] = 0;
}

void settings_purge(void)
{
    wchar_t key[SETTINGS_KEY_MAX];

    settings_key(key);
    RegDeleteTreeW(HKEY_LOCAL_MACHINE, key);
}
