#include "payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "content.h"
#include "paths.h"
#include "vendor.h"
#include "version.h"

static int payload_read_handle(HANDLE file, size_t max, uint8_t **data, size_t *size,
                               struct err *err)
{
    LARGE_INTEGER length;
    DWORD got = 0;

    if (!GetFileSizeEx(file, &length))
        return err_set(err, GetLastError(), "cannot tell a file's size");
    if (length.QuadPart <= 0 || (unsigned long long)length.QuadPart > max)
        return err_set(err, 0, "a file of %lld bytes is not expected", length.QuadPart);
    *size = (size_t)length.QuadPart;
    *data = malloc(*size);
    if (!*data)
        return err_set(err, ERROR_OUTOFMEMORY, "out of memory");
    if (ReadFile(file, *data, (DWORD)*size, &got, NULL) && got == *size)
        return 0;
    free(*data);
    *data = NULL;
    return err_set(err, GetLastError(), "cannot read a file whole");
}

int payload_read(const wchar_t *path, size_t max, uint8_t **data, size_t *size, struct err *err)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    int result;

    *data = NULL;
    if (file == INVALID_HANDLE_VALUE)
        return err_set(err, GetLastError(), "cannot open %ls", path);
    result = payload_read_handle(file, max, data, size, err);
    CloseHandle(file);
    return result;
}

int payload_read_content(const wchar_t *path, uint8_t **data, size_t *size, wchar_t *version,
                         struct err *err)
{
    struct content_header header;
    const char *fault;

    if (payload_read(path, CONTENT_FILE_MAX, data, size, err) < 0)
        return -1;
    fault = content_read_header(*data, *size, &header);
    if (!fault && strcmp(header.vendor, vendor_self()->id) != 0)
        fault = "content file of another vendor";
    if (fault) {
        free(*data);
        *data = NULL;
        return err_set(err, 0, "%ls: %s", path, fault);
    }
    _snwprintf(version, VERSION_MAX, L"%u.%u.%u.%u", header.version[0], header.version[1],
               header.version[2], header.version[3]);
    version[VERSION_MAX - 1] = 0;
    return 0;
}

int payload_replace(const wchar_t *from, const wchar_t *to, struct err *err)
{
    wchar_t temporary[PATHS_MAX];

    if (wcslen(to) + 5 > PATHS_MAX)
        return err_set(err, ERROR_FILENAME_EXCED_RANGE, "path too long");
    _snwprintf(temporary, PATHS_MAX, L"%ls.new", to);
    if (!CopyFileW(from, temporary, FALSE))
        return err_set(err, GetLastError(), "cannot copy %ls to %ls", from, temporary);
    if (MoveFileExW(temporary, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return 0;
    err_set(err, GetLastError(), "cannot replace %ls", to);
    DeleteFileW(temporary);
    return -1;
}
