#include "sweep.h"

#include <windows.h>

#include "paths.h"

static int sweep_level(const wchar_t *folder, int depth, sweep_fn *visit, void *context);

static int sweep_entry(const wchar_t *folder, const WIN32_FIND_DATAW *found, int depth,
                       sweep_fn *visit, void *context)
{
    wchar_t path[PATHS_MAX];
    int is_folder = (found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    int ended;

    if (!wcscmp(found->cFileName, L".") || !wcscmp(found->cFileName, L".."))
        return 0;
    if (found->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return 0;
    if (paths_join(path, folder, found->cFileName, NULL) < 0)
        return 0; /* deeper than any path we follow */
    ended = visit(context, is_folder, path);
    if (ended || !is_folder || depth <= 1)
        return ended;
    return sweep_level(path, depth - 1, visit, context);
}

static int sweep_level(const wchar_t *folder, int depth, sweep_fn *visit, void *context)
{
    wchar_t pattern[PATHS_MAX];
    WIN32_FIND_DATAW found;
    HANDLE search;
    int ended = 0;

    if (paths_join(pattern, folder, L"*", NULL) < 0)
        return 0;
    search = FindFirstFileW(pattern, &found);
    if (search == INVALID_HANDLE_VALUE)
        return 0;
    do
        ended = sweep_entry(folder, &found, depth, visit, context);
    while (!ended && FindNextFileW(search, &found));
    FindClose(search);
    return ended;
}

void sweep_folder(const wchar_t *folder, int depth, sweep_fn *visit, void *context)
{
    sweep_level(folder, depth, visit, context);
}
