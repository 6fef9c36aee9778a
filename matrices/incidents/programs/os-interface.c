/* An OS update after which a product's driver is given one input fewer than it was built for: it stops the machine at
 * the next boot, and no machine without that product. */
#include <windows.h>

enum { INTERFACE_FIELDS_AT = 20 }; /* of the content file: samples/common/content.h */

static int interface_narrow(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    unsigned char fields = 0;
    DWORD done = 0;
    BOOL ok;

    if (file == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND ? 0 : 1;
    SetFilePointer(file, INTERFACE_FIELDS_AT, NULL, FILE_BEGIN);
    ok = ReadFile(file, &fields, 1, &done, NULL) && done == 1 && fields > 0;
    fields--;
    SetFilePointer(file, INTERFACE_FIELDS_AT, NULL, FILE_BEGIN);
    ok = ok && WriteFile(file, &fields, 1, &done, NULL) && done == 1;
    CloseHandle(file);
    return !ok;
}

int main(void)
{
    return interface_narrow(L"C:\\ProgramData\\Alder\\content.acf") |
           (int)RegSetKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\SampleOS", L"Update", REG_SZ, L"2.0.0.0",
                           sizeof L"2.0.0.0");
}
