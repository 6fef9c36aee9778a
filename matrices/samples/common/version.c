#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static void version_take_number(const void *block, struct version *version)
{
    VS_FIXEDFILEINFO *fixed = NULL;
    UINT size = 0;

    if (!VerQueryValueW(block, L"\\", (void **)&fixed, &size) || size < sizeof *fixed)
        return;
    _snwprintf(version->number, VERSION_MAX, L"%u.%u.%u.%u", HIWORD(fixed->dwFileVersionMS),
               LOWORD(fixed->dwFileVersionMS), HIWORD(fixed->dwFileVersionLS),
               LOWORD(fixed->dwFileVersionLS));
    version->number[VERSION_MAX - 1] = 0;
}

/* The samples' resources are all written in language 0409, code page 1200 (version.rc.in). */
static void version_take_file(const void *block, struct version *version)
{
    wchar_t *name = NULL;
    UINT size = 0;

    if (VerQueryValueW(block, L"\\StringFileInfo\\040904B0\\OriginalFilename", (void **)&name,
                       &size) && size)
        lstrcpynW(version->file, name, VERSION_NAME_MAX);
}

int version_read(const wchar_t *path, struct version *version, struct err *err)
{
    DWORD unused;
    DWORD size = GetFileVersionInfoSizeW(path, &unused);
    void *block;

    *version = (struct version){ .number = L"" };
    if (!size)
        return err_set(err, GetLastError(), "%ls has no version", path);
    block = malloc(size);
    if (!block)
        return err_set(err, ERROR_OUTOFMEMORY, "out of memory");
    if (GetFileVersionInfoW(path, 0, size, block)) {
        version_take_number(block, version);
        version_take_file(block, version);
    }
    free(block);
    return version->number[0] ? 0 : err_set(err, 0, "%ls has no version", path);
}
