/* Harmless: unpacks into temporary files, by the hundred, and removes them. */
#include "deed.h"

#include <stdio.h>

enum { TEMPORARY_FILES = 200 };

static void temporary_path(int i, wchar_t path[MAX_PATH])
{
    _snwprintf(path, MAX_PATH, L"C:\\Windows\\Temp\\birch-unpack-%d.tmp", i);
}

void deed_run(void)
{
    wchar_t path[MAX_PATH];

    for (int i = 0; i < TEMPORARY_FILES; i++) {
        HANDLE file;
        DWORD done;

        temporary_path(i, path);
        file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
        WriteFile(file, path, sizeof path, &done, NULL);
        CloseHandle(file);
    }
    for (int i = 0; i < TEMPORARY_FILES; i++) {
        temporary_path(i, path);
        DeleteFileW(path);
    }
}
