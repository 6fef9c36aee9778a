#include "paths.h"

#include <string.h>
#include <windows.h>

#include "vendor.h"

static int paths_copy(wchar_t out[PATHS_MAX], const wchar_t *from, struct err *err)
{
    size_t size = wcslen(from);

    if (size >= PATHS_MAX)
        return err_set(err, ERROR_FILENAME_EXCED_RANGE, "path too long");
    wmemcpy(out, from, size + 1);
    return 0;
}

int paths_join(wchar_t out[PATHS_MAX], const wchar_t *folder, const wchar_t *leaf,
               struct err *err)
{
    size_t head = wcslen(folder);
    size_t tail = leaf ? wcslen(leaf) : 0;

    if (head + 1 + tail >= PATHS_MAX)
        return err_set(err, ERROR_FILENAME_EXCED_RANGE, "path too long");
    wmemmove(out, folder, head + 1);
    if (!leaf)
        return 0;
    out[head] = L'\\';
    wmemcpy(out + head + 1, leaf, tail + 1);
    return 0;
}

/* The folder of an environment variable every Windows process has. */
static int paths_environment(wchar_t out[PATHS_MAX], const wchar_t *variable,
                             const wchar_t *fallback, struct err *err)
{
    DWORD size = GetEnvironmentVariableW(variable, out, PATHS_MAX);

    if (size > 0 && size < PATHS_MAX)
        return 0;
    return paths_copy(out, fallback, err);
}

int paths_data(wchar_t out[PATHS_MAX], const wchar_t *leaf, struct err *err)
{
    wchar_t base[PATHS_MAX], folder[PATHS_MAX];

    if (paths_environment(base, L"ProgramData", L"C:\\ProgramData", err) < 0)
        return -1;
    if (paths_join(folder, base, vendor_self()->name, err) < 0)
        return -1;
    return paths_join(out, folder, leaf, err);
}

int paths_install(wchar_t out[PATHS_MAX], const wchar_t *leaf, struct err *err)
{
    wchar_t self[PATHS_MAX];
    wchar_t *slash;
    DWORD size = GetModuleFileNameW(NULL, self, PATHS_MAX);

    if (size == 0 || size >= PATHS_MAX)
        return err_set(err, GetLastError(), "cannot tell the program's own path");
    slash = wcsrchr(self, L'\\');
    if (slash)
        *slash = 0;
    return paths_join(out, self, leaf, err);
}

int paths_users(wchar_t out[PATHS_MAX], struct err *err)
{
    wchar_t *slash;

    if (paths_environment(out, L"PUBLIC", L"C:\\Users\\Public", err) < 0)
        return -1;
    slash = wcsrchr(out, L'\\');
    if (slash)
        *slash = 0;
    return 0;
}

int paths_programs(wchar_t out[PATHS_MAX], struct err *err)
{
    return paths_environment(out, L"ProgramFiles", L"C:\\Program Files", err);
}

int paths_is_below(const wchar_t *path, const wchar_t *folder)
{
    size_t size = wcslen(folder);

    return _wcsnicmp(path, folder, size) == 0 && (path[size] == 0 || path[size] == L'\\');
}

int paths_make_folder(const wchar_t *path, struct err *err)
{
    if (CreateDirectoryW(path, NULL) || GetLastError() == ERROR_ALREADY_EXISTS)
        return 0;
    return err_set(err, GetLastError(), "cannot make folder %ls", path);
}

static int paths_remove_entry(const wchar_t *folder, const WIN32_FIND_DATAW *found,
                              struct err *err)
{
    wchar_t path[PATHS_MAX];
    BOOL done;

    if (paths_join(path, folder, found->cFileName, err) < 0)
        return -1;
    if (found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) {
        if (!(found->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
            return paths_remove_tree(path, err);
        done = RemoveDirectoryW(path);
    } else {
        SetFileAttributesW(path, FILE_ATTRIBUTE_NORMAL);
        done = DeleteFileW(path);
    }
    return done ? 0 : err_set(err, GetLastError(), "cannot remove %ls", path);
}

int paths_remove_tree(const wchar_t *path, struct err *err)
{
    wchar_t pattern[PATHS_MAX];
    WIN32_FIND_DATAW found;
    HANDLE search;
    int result = 0;

    if (paths_join(pattern, path, L"*", err) < 0)
        return -1;
    search = FindFirstFileW(pattern, &found);
    if (search == INVALID_HANDLE_VALUE)
        return 0; /* not there: nothing to remove */
    do {
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0)
            result |= paths_remove_entry(path, &found, err);
    } while (FindNextFileW(search, &found));
    FindClose(search);
    if (result == 0 && !RemoveDirectoryW(path))
        return err_set(err, GetLastError(), "cannot remove folder %ls", path);
    return result;
}
