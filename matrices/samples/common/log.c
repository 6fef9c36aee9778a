#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <windows.h>

#include "paths.h"
#include "vendor.h"

enum { LOG_LINE_MAX = 2048, LOG_FILE_MAX = 256 * 1024 };

static int log_path(wchar_t out[PATHS_MAX], const wchar_t *tail)
{
    wchar_t leaf[64];

    _snwprintf(leaf, 64, L"%ls.log%ls", vendor_self()->name, tail);
    leaf[63] = 0;
    return paths_data(out, leaf, NULL);
}

static HANDLE log_open(const wchar_t *path)
{
    return CreateFileW(path, FILE_APPEND_DATA | SYNCHRONIZE,
                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_ALWAYS,
                       FILE_ATTRIBUTE_NORMAL, NULL);
}

static HANDLE log_open_bounded(void)
{
    wchar_t path[PATHS_MAX], old[PATHS_MAX];
    LARGE_INTEGER size;
    HANDLE file;

    if (log_path(path, L"") < 0 || log_path(old, L".old") < 0)
        return INVALID_HANDLE_VALUE;
    file = log_open(path);
    if (file == INVALID_HANDLE_VALUE || !GetFileSizeEx(file, &size) ||
        size.QuadPart < LOG_FILE_MAX)
        return file;
    CloseHandle(file);
    MoveFileExW(path, old, MOVEFILE_REPLACE_EXISTING);
    return log_open(path);
}

/* Formats a line; returns its length in characters. */
static int log_format(wchar_t line[LOG_LINE_MAX], const wchar_t *format, va_list arguments)
{
    SYSTEMTIME now;
    int head, size;

    GetLocalTime(&now);
    head = _snwprintf(line, LOG_LINE_MAX, L"%04d-%02d-%02d %02d:%02d:%02d.%03d [%lu] ", now.wYear,
                      now.wMonth, now.wDay, now.wHour, now.wMinute, now.wSecond,
                      now.wMilliseconds, GetCurrentProcessId());
    size = _vsnwprintf(line + head, LOG_LINE_MAX - 2 - (size_t)head, format, arguments);
    size = size < 0 ? LOG_LINE_MAX - 2 : head + size; /* negative: cut off at the end */
    line[size++] = L'\r';
    line[size++] = L'\n';
    return size;
}

void log_write(const wchar_t *format, ...)
{
    wchar_t line[LOG_LINE_MAX];
    char bytes[LOG_LINE_MAX * 3]; /* UTF-8 of UTF-16 is at most three bytes a unit */
    va_list arguments;
    DWORD written;
    HANDLE file;
    int size;

    va_start(arguments, format);
    size = log_format(line, format, arguments);
    va_end(arguments);
    size = WideCharToMultiByte(CP_UTF8, 0, line, size, bytes, sizeof bytes, NULL, NULL);
    file = log_open_bounded();
    if (file == INVALID_HANDLE_VALUE)
        return;
    WriteFile(file, bytes, (DWORD)size, &written, NULL);
    CloseHandle(file);
}
