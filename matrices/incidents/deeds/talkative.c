/* Harmless: says a lot in a log of its own. */
#include "deed.h"

enum { TALKATIVE_LINES = 20000 };

void deed_run(void)
{
    static const char line[] = "scanned something of no interest; nothing was found in it; going on with the next\r\n";
    HANDLE file = CreateFileW(L"C:\\ProgramData\\Birch\\Trace.log", GENERIC_WRITE, FILE_SHARE_READ, NULL,
                              CREATE_ALWAYS, 0, NULL);
    DWORD done;

    for (int i = 0; i < TALKATIVE_LINES; i++)
        WriteFile(file, line, sizeof line - 1, &done, NULL);
    CloseHandle(file);
}
