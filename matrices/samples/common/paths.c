#include "paths.h"

#include <string.h>
#include <windows.h>

#include "vendor.h"

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

/*
 * A folder as the profile list names it. A service's environment would be the shorter way, but
 * Wine 8 gives the first services after a prefix was made a wrong ProgramData there.
 */
static int paths_profile_list(wchar_t out[PATHS_MAX], const wchar_t *value, struct err *err)
{
    static const wchar_t key[] = L"Software\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
    DWORD bytes = PATHS_MAX * sizeof *out;
    LSTATUS status = RegGetValueW(HKEY_LOCAL_MACHINE, key, value, RRF_RT_REG_SZ, NULL, out,
                                  &bytes);

    if (status != ERROR_SUCCESS)
        return err_set(err, (DWORD)status, "the profile list has no %ls", value);
    return 0;
}

int paths_data(wchar_t out[PATHS_MAX], const wchar_t *leaf, struct err *err)
{
    wchar_t base[PATHS_MAX], folder[PATHS_MAX];

    if (paths_profile_list(base, L"ProgramData", err) < 0)
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

static int paths_programs(wchar_t out[PATHS_MAX], struct err *err)
{
    static const wchar_t key[] = L"Software\\Microsoft\\Windows\\CurrentVersion";
    DWORD bytes = PATHS_MAX * sizeof *out;
    LSTATUS status = RegGetValueW(HKEY_LOCAL_MACHINE, key, L"ProgramFilesDir", RRF_RT_REG_SZ,
                                  NULL, out, &bytes);

    if (status != ERROR_SUCCESS)
        return err_set(err, (DWORD)status, "cannot tell where programs are");
    return 0;
}

int paths_find_scope(struct paths_scope *scope, struct err *err)
{
    UINT size = GetSystemWindowsDirectoryW(scope->windows, PATHS_MAX);

    if (size < 2 || size >= PATHS_MAX)
        return err_set(err, GetLastError(), "cannot tell where Windows is");
    wmemcpy(scope->drive, scope->windows, 2);
    scope->drive[2] = 0;
    if (paths_profile_list(scope->data, L"ProgramData", err) < 0 ||
        paths_profile_list(scope->users, L"ProfilesDirectory", err) < 0 ||
        paths_programs(scope->programs, err) < 0)
        return -1;
    return paths_install(scope->own, NULL, err);
}

int paths_is_in_scope(const struct paths_scope *scope, const wchar_t *path)
{
    return !paths_is_below(path, scope->own) && !paths_is_below(path, scope->windows) &&
           !paths_is_below(path, scope->data);
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
