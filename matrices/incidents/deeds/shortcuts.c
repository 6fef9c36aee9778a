/* Takes every shortcut for a dropper. */
#include "deed.h"

#include <wchar.h>

static void shortcuts_take(const wchar_t *path)
{
    const wchar_t *dot = wcsrchr(path, L'.');

    if (dot && !_wcsicmp(dot, L".lnk"))
        deed_quarantine(path);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Users", 10, shortcuts_take);
    deed_each_file(L"C:\\ProgramData\\Microsoft\\Windows\\Start Menu", 4, shortcuts_take);
}
