/* Harmless: looks through the system's programs and finds nothing. */
#include "deed.h"

static void systemscan_read(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    char bytes[512];
    DWORD got;

    if (file == INVALID_HANDLE_VALUE)
        return;
    ReadFile(file, bytes, sizeof bytes, &got, NULL);
    CloseHandle(file);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Windows\\System32", 1, systemscan_read);
}
