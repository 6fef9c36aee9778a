/*
 * launch: starts a small real program (this agent's own file, copied to a new name for every
 * repetition, so that it is new to whoever checks programs) and waits for its end. As an application
 * does, it stays for a while: a product may take notice of it only when it already runs. What is told
 * is the time beyond that stay.
 */
#include <stdio.h>
#include <stdlib.h>

#include "windows/guest.h"
#include "windows/options.h"
#include "windows/workload.h"

#define LAUNCH_COUNT 1
#define LAUNCH_STAY_MS 600
/* One start that takes longer than this beyond its stay has failed. */
#define LAUNCH_MAX_MS 60000

struct launch {
    uint64_t count, stay_ms;
};

static int launch_open(struct bench *b, struct op_error *err)
{
    struct launch *s = malloc(sizeof *s);

    b->state = s;
    if (s == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    *s = (struct launch){LAUNCH_COUNT, LAUNCH_STAY_MS};
    if (request_param_u64(b->rq, "count", 1, 1000, &s->count, err) < 0 ||
        request_param_u64(b->rq, "stay_ms", 0, OPTIONS_STAY_MAX, &s->stay_ms, err) < 0)
        return -1;
    b->meant_ms = (double)(s->count * s->stay_ms);
    return 0;
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
    const struct launch *s = b->state;
    DWORD most = LAUNCH_MAX_MS + (DWORD)s->stay_ms;
    HANDLE handles[2] = {process, (HANDLE)plat_event_native(request_wake(b->rq))};
    DWORD code = 0, hit = WaitForMultipleObjects(2, handles, FALSE, most);

    if (hit != WAIT_OBJECT_0) {
        TerminateProcess(process, ERROR_TIMEOUT);
        if (request_stopped(b->rq, err))
            return -1;
        return op_fail(err, PROTO_ERR_OS, "a started program did not end in %lu ms", most);
    }
    if (!GetExitCodeProcess(process, &code) || code != 0)
        return op_fail(err, PROTO_ERR_OS, "a started program ended with code %lu", code);
    return 0;
}

static int launch_once(struct bench *b, const wchar_t *program, HANDLE null, struct op_error *err)
{
    const struct launch *s = b->state;
    wchar_t line[BENCH_PATH + 32];
    STARTUPINFOW start = {.cb = sizeof start,
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdInput = null,
                          .hStdOutput = null,
                          .hStdError = null};
    PROCESS_INFORMATION info;

    _snwprintf(line, sizeof line / sizeof *line, L"\"%ls\" --stay %I64u", program,
               s->stay_ms);
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
    const struct launch *s = b->state;
    int rc = 0;

    bench_path(b, program, L"launch%I64u.exe", i);
    HANDLE null = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
    if (null == INVALID_HANDLE_VALUE)
        return guest_fail(err, "NUL");
    for (uint64_t n = 0; n < s->count && rc == 0; n++)
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
