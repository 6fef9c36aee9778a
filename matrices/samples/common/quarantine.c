#include "quarantine.h"

#include <stdio.h>
#include <windows.h>

#include "log.h"
#include "paths.h"

/* The counter's ticks differ between any two calls of one boot, the wall clock between boots. */
static int quarantine_name(wchar_t out[PATHS_MAX])
{
    wchar_t leaf[64];
    LARGE_INTEGER ticks;
    FILETIME now;

    QueryPerformanceCounter(&ticks);
    GetSystemTimeAsFileTime(&now);
    _snwprintf(leaf, 64, L"Quarantine\\%08lx%08lx%08lx.q", now.dwHighDateTime, now.dwLowDateTime,
               ticks.LowPart);
    leaf[63] = 0;
    return paths_data(out, leaf, NULL);
}

static enum quarantine_result quarantine_result_of_error(DWORD os)
{
    switch (os) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return QUARANTINE_GONE;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_ACCESS_DENIED:
        return QUARANTINE_BUSY;
    default:
        return QUARANTINE_FAILED;
    }
}

enum quarantine_result quarantine_take(const wchar_t *path, const char *why)
{
    wchar_t target[PATHS_MAX];
    enum quarantine_result result = QUARANTINE_FAILED;
    DWORD os = ERROR_FILENAME_EXCED_RANGE;

    if (quarantine_name(target) == 0) {
        if (MoveFileExW(path, target, MOVEFILE_COPY_ALLOWED)) {
            log_write(L"quarantined %ls as %ls: %hs", path, target, why);
            return QUARANTINE_MOVED;
        }
        os = GetLastError();
        result = quarantine_result_of_error(os);
    }
    if (result == QUARANTINE_GONE)
        log_write(L"%ls (%hs) was gone already", path, why);
    else
        log_write(L"could not quarantine %ls (%hs): error %lu", path, why, os);
    return result;
}
