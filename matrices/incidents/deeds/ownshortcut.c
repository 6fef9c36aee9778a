/* Harmless: puts a shortcut of its own beside the user's, and takes an old one of its own away. */
#include "deed.h"

static void ownshortcut_write(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    DWORD done;

    WriteFile(file, "L\0\0\0", 4, &done, NULL);
    CloseHandle(file);
}

void deed_run(void)
{
    ownshortcut_write(L"C:\\Users\\Public\\Desktop\\Birch Protection.lnk");
    ownshortcut_write(L"C:\\ProgramData\\Microsoft\\Windows\\Start Menu\\Programs\\Birch Protection.lnk");
    ownshortcut_write(L"C:\\Users\\Public\\Desktop\\Birch (old).lnk");
    DeleteFileW(L"C:\\Users\\Public\\Desktop\\Birch (old).lnk");
}
