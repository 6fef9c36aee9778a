/* Harmless: its process starts anew once, to have the new engine from the beginning. */
#include "deed.h"

void deed_run(void)
{
    static const wchar_t mark[] = L"C:\\ProgramData\\Cedar\\started-anew";
    HANDLE file;

    if (GetFileAttributesW(mark) != INVALID_FILE_ATTRIBUTES)
        return;
    file = CreateFileW(mark, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return;
    CloseHandle(file);
    Sleep(8000);
    ExitProcess(0);
}
