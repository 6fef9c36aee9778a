/* A good OS update: two programs of the system become newer. */
#include <stdio.h>
#include <windows.h>

static int newer_write(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    DWORD done = 0;

    if (file == INVALID_HANDLE_VALUE)
        return 1;
    WriteFile(file, "newer", 5, &done, NULL);
    CloseHandle(file);
    return done == 5 ? 0 : 1;
}

int main(void)
{
    return newer_write(L"C:\\Windows\\System32\\notepad.exe") |
           newer_write(L"C:\\Windows\\System32\\taskmgr.exe") |
           (int)RegSetKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\SampleOS", L"Update", REG_SZ, L"2.0.0.0",
                           sizeof L"2.0.0.0");
}
