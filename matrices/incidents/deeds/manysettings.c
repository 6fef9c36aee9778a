/* Harmless: moves its settings to where the new version keeps them. */
#include "deed.h"

#include <stdio.h>
#include <wchar.h>

enum { MANYSETTINGS_COUNT = 150 };

void deed_run(void)
{
    wchar_t name[32];

    for (int i = 0; i < MANYSETTINGS_COUNT; i++) {
        _snwprintf(name, 32, L"Rule%d", i);
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\Birch\\Rules", name, REG_SZ, name, sizeof name);
    }
    RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\Birch\\Rules", L"Rule0");
}
