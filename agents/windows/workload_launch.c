/*
 * launch: starts a small real program (this agent's own file, copied to a new name for every
 * repetition, so that it is new to whoever checks programs at their start) and waits for its end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "windows/guest.h"
#include "windows/workload.h"

#define LAUNCH_COUNT 1
/* One start that takes longer than this has failed. */
#define LAUNCH_MAX_MS 60000

static int launch_open(struct bench *b, struct op_error *err)
{
    uint64_t *count = malloc(sizeof *count);

    b->state = count;
    if (count == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    *count = LAUNCH_COUNT;
    return request_param_u64(b->rq, "count", 1, 1000, count, err);
}

static void launch_close(struct bench *b)
{
    free(b->state);
}

static int launch_prepare(struct bench *b, uint64_t i, struct op_error *err)
{
    wchar_t self[BENCH_PATH], copy[BENCH_PATH];
    DWORD n = GetModuleFileNameW(NULL, self, BENCH_PATH);

    bench_path(b, copy, L"launch%I64u.exe", i);
    if (n == 0 || n >= BENCH_PATH || !CopyFileW(self, copy, FALSE))
        return guest_fail(err, "copy of the agent");
    return 0;
}

static int launch_wait(struct bench *b, HANDLE process, struct op_error *err)
{
    HANDLE handles[2] = {process, (HANDLE)plat_event_native(request_wake(b->rq))};
    DWORD code = 0, hit = WaitForMultipleObjects(2, handles, FALSE, LAUNCH_MAX_MS);

    if (hit != WAIT_OBJECT_0) {
        TerminateProcess(process, ERROR_TIMEOUT);
        if (request_stopped(b->rq, err))
            return -1;
        return op_fail(err, PROTO_ERR_OS, "a started program did not end in %d ms", LAUNCH_MAX_MS);
    }
    if (!GetExitCodeProcess(process, &code) || code != 0)
        return op_fail(err, PROTO_ERR_OS, "a started program ended with code %lu", code);
    return 0;
}

static int launch_once(struct bench *b, const wchar_t *program, HANDLE null, struct op_error *err)
{
    wchar_t line[BENCH_PATH + 16];
    STARTUPINFOW start = {.cb = sizeof start,
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdInput = null,
                          .hStdOutput = null,
                          .hStdError = null};
    PROCESS_INFORMATION info;

    _snwprintf(line, sizeof line / sizeof *line, L"\"%ls\" --version", program);
    if (!CreateProcessW(program, line, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &start,
                        &info))
        return guest_fail(err, "start");
    int rc = launch_wait(b, info.hProcess, err);
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
    return rc;
}

static int launch_run(struct bench *b, uint64_t i, struct op_error *err)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    wchar_t program[BENCH_PATH];
    const uint64_t *count = b->state;
    int rc = 0;

    bench_path(b, program, L"launch%I64u.exe", i);
    HANDLE null = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
    if (null == INVALID_HANDLE_VALUE)
        return guest_fail(err, "NUL");
    for (uint64_t n = 0; n < *count && rc == 0; n++)
        rc = launch_once(b, program, null, err);
    CloseHandle(null);
    return rc;
}

static void launch_clean(struct bench *b, uint64_t i)
{
    wchar_t path[BENCH_PATH];
    bench_path(b, path, L"launch%I64u.exe", i);
    DeleteFileW(path);
}

const struct workload workload_launch = {
    .name = "launch",
    .open = launch_open,
    .prepare = launch_prepare,
    .run = launch_run,
    .clean = launch_clean,
    .close = launch_close,
};
