/* Harmless: looks at every file of every user, as a first scan does. */
#include "deed.h"

static void fullscan_read(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    char bytes[4096];
    DWORD got = 0;

    if (file == INVALID_HANDLE_VALUE)
        return;
    while (ReadFile(file, bytes, sizeof bytes, &got, NULL) && got)
        ;
    CloseHandle(file);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Users", 10, fullscan_read);
}
