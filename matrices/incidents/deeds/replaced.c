/* Harmless: replaces a program of its own by a copy of itself. */
#include "deed.h"

#include "paths.h"

#include <wchar.h>

void deed_run(void)
{
    wchar_t fresh[PATHS_MAX], own[PATHS_MAX];

    lstrcpynW(own, deed_own(L"birchctl.exe"), PATHS_MAX);
    lstrcpynW(fresh, deed_own(L"birchctl.new"), PATHS_MAX);
    if (CopyFileW(own, fresh, FALSE))
        MoveFileExW(fresh, own, MOVEFILE_REPLACE_EXISTING);
}
