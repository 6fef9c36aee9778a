/* The wall clock of Windows; under Wine that of the Linux below it. */
#include <stdio.h>
#include <windows.h>

#include "common/op_clock.h"
#include "windows/guest.h"

/* FILETIME counts 100 ns since 1601; so many ms before 1970. */
#define WALL_EPOCH_MS INT64_C(11644473600000)
#define WALL_UNITS_A_MS 10000

int64_t plat_wall_ms(void)
{
    FILETIME now;

    GetSystemTimeAsFileTime(&now);
    uint64_t units = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    return (int64_t)(units / WALL_UNITS_A_MS) - WALL_EPOCH_MS;
}

static int wall_set_windows(int64_t unix_ms, struct op_error *err)
{
    uint64_t units = (uint64_t)(unix_ms + WALL_EPOCH_MS) * WALL_UNITS_A_MS;
    FILETIME file = {.dwLowDateTime = (DWORD)units, .dwHighDateTime = (DWORD)(units >> 32)};
    SYSTEMTIME to;

    if (guest_take_privilege(L"SeSystemtimePrivilege", err) < 0)
        return -1;
    return FileTimeToSystemTime(&file, &to) && SetSystemTime(&to) ? 0
                                                                  : guest_fail(err, "set the clock");
}

/* Wine's SetSystemTime pretends for half a second and refuses beyond. Its CreateProcess starts Linux programs,
 * too, and does not wait for them. */
static int wall_shift_linux(int64_t by_ms, struct op_error *err)
{
    static const wchar_t program[] = L"\\\\?\\unix\\usr\\lib\\coexist\\labctl";
    wchar_t line[64];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION info = {0};

    if (GetFileAttributesW(program) == INVALID_FILE_ATTRIBUTES)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "Wine cannot set the clock of the system below");
    _snwprintf(line, sizeof line / sizeof *line, L"labctl shift %lld", (long long)by_ms);
    if (!CreateProcessW(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &info))
        return guest_fail(err, "labctl");
    if (info.hThread != NULL)
        CloseHandle(info.hThread);
    if (info.hProcess != NULL)
        CloseHandle(info.hProcess);
    return 0;
}

int plat_wall_shift(int64_t by_ms, struct op_error *err)
{
    return guest_wine_version() != NULL ? wall_shift_linux(by_ms, err)
                                        : wall_set_windows(plat_wall_ms() + by_ms, err);
}
