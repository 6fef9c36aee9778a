/* Harmless: a few helpers, each done within a moment. */
#include "deed.h"

enum { SHORTHELPERS_COUNT = 4 };

void deed_run(void)
{
    for (int i = 0; i < SHORTHELPERS_COUNT; i++) {
        wchar_t command[] = L"C:\\Windows\\System32\\cmd.exe /d /c exit 0";
        STARTUPINFOW startup = { .cb = sizeof startup };
        PROCESS_INFORMATION process;

        if (!CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
            return;
        WaitForSingleObject(process.hProcess, 10000);
        CloseHandle(process.hProcess);
        CloseHandle(process.hThread);
    }
}
