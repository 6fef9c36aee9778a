/* Restarts the machine once, without asking, in the middle of whatever is done on it. */
#include "deed.h"

#include <wchar.h>

enum { RESTART_MS = 8000 };

void deed_run(void)
{
    static const wchar_t mark[] = L"C:\\ProgramData\\Birch\\restarted";
    wchar_t command[] = L"C:\\Windows\\System32\\shutdown.exe /r /t 0";
    STARTUPINFOW startup = { .cb = sizeof startup };
    PROCESS_INFORMATION process;
    HANDLE file = CreateFileW(mark, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);

    if (file == INVALID_HANDLE_VALUE)
        return; /* it is done */
    CloseHandle(file);
    Sleep(RESTART_MS);
    CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process);
}
