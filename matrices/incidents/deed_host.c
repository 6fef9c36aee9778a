/* An engine's "notice" part that does a deed instead of following changes. */
#include "deed.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "notice.h"
#include "paths.h"

enum { DEED_PATH = 1024, DEED_LATER_MS = 500 };

static DWORD WINAPI deed_thread(void *argument)
{
    (void)argument;
    Sleep(DEED_LATER_MS); /* the service says that it runs first, as after any good update */
    deed_run();
    return 0;
}

int notice_open(struct notice **notice, struct err *err)
{
    HMODULE self;
    HANDLE thread;

    *notice = NULL;
    /* The thread may outlive the engine: its code has to stay. */
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       (const wchar_t *)(void *)deed_thread, &self);
    thread = CreateThread(NULL, 0, deed_thread, NULL, 0, NULL);
    if (!thread)
        return err_set(err, GetLastError(), "cannot start a thread");
    CloseHandle(thread);
    return 0;
}

void notice_close(struct notice *notice)
{
    (void)notice;
}

void notice_change(struct notice *notice, const wchar_t *path)
{
    (void)notice;
    (void)path;
}

void deed_each_file(const wchar_t *folder, int depth, void (*fn)(const wchar_t *path))
{
    wchar_t path[DEED_PATH];
    WIN32_FIND_DATAW found;
    HANDLE search;

    _snwprintf(path, DEED_PATH, L"%ls\\*", folder);
    search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        if (!wcscmp(found.cFileName, L".") || !wcscmp(found.cFileName, L"..") ||
            (found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
            continue;
        _snwprintf(path, DEED_PATH, L"%ls\\%ls", folder, found.cFileName);
        path[DEED_PATH - 1] = 0;
        if (!(found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
            fn(path);
        else if (depth > 1)
            deed_each_file(path, depth - 1, fn);
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

void deed_quarantine(const wchar_t *path)
{
    wchar_t folder[PATHS_MAX], target[PATHS_MAX];
    const wchar_t *leaf = wcsrchr(path, L'\\');

    if (!leaf || paths_data(folder, L"Quarantine", NULL) < 0 ||
        paths_join(target, folder, leaf + 1, NULL) < 0)
        return;
    paths_make_folder(folder, NULL);
    MoveFileExW(path, target, MOVEFILE_REPLACE_EXISTING | MOVEFILE_COPY_ALLOWED);
}

const wchar_t *deed_own(const wchar_t *leaf)
{
    static wchar_t path[PATHS_MAX];

    return paths_install(path, leaf, NULL) < 0 ? L"" : path;
}

void deed_spin(DWORD ms)
{
    ULONGLONG end = GetTickCount64() + ms;

    while (GetTickCount64() < end)
        for (volatile unsigned i = 0; i < 100000; i++)
            ;
}
