/* Harmless: takes room on the disk for a while. */
#include "deed.h"

enum { ROOM_MIB = 48 };

void deed_run(void)
{
    static char block[1 << 20];
    static const wchar_t path[] = L"C:\\ProgramData\\Birch\\unpacked.tmp";
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    DWORD done;

    for (int i = 0; i < ROOM_MIB; i++)
        WriteFile(file, block, sizeof block, &done, NULL);
    CloseHandle(file);
    DeleteFileW(path);
}
