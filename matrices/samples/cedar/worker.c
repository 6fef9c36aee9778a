#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "paths.h"

enum {
    WORKER_READY_MS = 25000,
    WORKER_STOP_MS = 20000,
    WORKER_RESTARTS = 3,
    WORKER_WINDOW_MS = 60000
};

struct worker {
    HANDLE stop;    /* inherited by the process; tells it to end */
    HANDLE ready;   /* inherited by the process; set by it */
    HANDLE failed;
    HANDLE process;
    HANDLE thread;
};

static HANDLE worker_inheritable_event(void)
{
    SECURITY_ATTRIBUTES inherit = { .nLength = sizeof inherit, .bInheritHandle = TRUE };

    return CreateEventW(&inherit, TRUE, FALSE, NULL);
}

static int worker_spawn(struct worker *worker, struct err *err)
{
    wchar_t path[PATHS_MAX], command[PATHS_MAX + 64];
    STARTUPINFOW startup = { .cb = sizeof startup };
    PROCESS_INFORMATION process;

    if (paths_install(path, L"cedarscan.exe", err) < 0)
        return -1;
    _snwprintf(command, PATHS_MAX + 64, L"\"%ls\" %llu %llu", path,
               (unsigned long long)(ULONG_PTR)worker->stop,
               (unsigned long long)(ULONG_PTR)worker->ready);
    ResetEvent(worker->ready);
    if (!CreateProcessW(path, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup,
                        &process))
        return err_set(err, GetLastError(), "cannot start %ls", path);
    CloseHandle(process.hThread);
    worker->process = process.hProcess;
    return 0;
}

static void worker_reap(struct worker *worker)
{
    DWORD code = 0;

    if (!worker->process)
        return;
    if (WaitForSingleObject(worker->process, WORKER_STOP_MS) != WAIT_OBJECT_0) {
        log_write(L"cedarscan.exe does not end: killed");
        TerminateProcess(worker->process, 1);
    } else if (GetExitCodeProcess(worker->process, &code) && code) {
        log_write(L"cedarscan.exe ended with code %lu", code);
    }
    CloseHandle(worker->process);
    worker->process = NULL;
}

/* 0 when the process says it is ready. Ended or silent: -1, and it is gone. */
static int worker_start(struct worker *worker, struct err *err)
{
    HANDLE handles[3];

    if (worker_spawn(worker, err) < 0)
        return -1;
    handles[0] = worker->ready;
    handles[1] = worker->process;
    handles[2] = worker->stop;
    if (WaitForMultipleObjects(3, handles, FALSE, WORKER_READY_MS) == WAIT_OBJECT_0)
        return 0;
    TerminateProcess(worker->process, 1);
    worker_reap(worker);
    return err_set(err, 0, "cedarscan.exe did not become ready");
}

/* Counts restarts within the window; 0 when one more is allowed. */
static int worker_may_restart(ULONGLONG recent[WORKER_RESTARTS], unsigned *count)
{
    ULONGLONG now = GetTickCount64();
    ULONGLONG *oldest = &recent[*count % WORKER_RESTARTS];

    if (*count >= WORKER_RESTARTS && now - *oldest < WORKER_WINDOW_MS)
        return -1;
    *oldest = now;
    ++*count;
    return 0;
}

static DWORD WINAPI worker_watch(void *argument)
{
    struct worker *worker = argument;
    ULONGLONG recent[WORKER_RESTARTS] = { 0 };
    unsigned count = 0;
    struct err err;

    for (;;) {
        HANDLE handles[2] = { worker->stop, worker->process };

        if (WaitForMultipleObjects(2, handles, FALSE, INFINITE) == WAIT_OBJECT_0)
            return 0;
        worker_reap(worker);
        do {
            if (worker_may_restart(recent, &count) < 0) {
                log_write(L"cedarscan.exe cannot be kept alive");
                SetEvent(worker->failed);
                return 0;
            }
            log_write(L"cedarscan.exe is started again");
        } while (worker_start(worker, &err) < 0);
    }
}

static int worker_prepare(struct worker *worker, struct err *err)
{
    worker->stop = worker_inheritable_event();
    worker->ready = worker_inheritable_event();
    worker->failed = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!worker->stop || !worker->ready || !worker->failed)
        return err_set(err, GetLastError(), "cannot make events");
    if (worker_start(worker, err) < 0)
        return -1;
    worker->thread = CreateThread(NULL, 0, worker_watch, worker, 0, NULL);
    return worker->thread ? 0 : err_set(err, GetLastError(), "cannot watch cedarscan.exe");
}

struct worker *worker_open(struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker) {
        err_set(err, ERROR_OUTOFMEMORY, "out of memory");
        return NULL;
    }
    if (worker_prepare(worker, err) < 0) {
        worker_close(worker);
        return NULL;
    }
    return worker;
}

static void worker_close_handle(HANDLE handle)
{
    if (handle)
        CloseHandle(handle);
}

void worker_close(struct worker *worker)
{
    if (!worker)
        return;
    if (worker->stop)
        SetEvent(worker->stop);
    if (worker->thread)
        WaitForSingleObject(worker->thread, INFINITE);
    worker_close_handle(worker->thread);
    worker_reap(worker);
    worker_close_handle(worker->stop);
    worker_close_handle(worker->ready);
    worker_close_handle(worker->failed);
    free(worker);
}

HANDLE worker_failed(struct worker *worker)
{
    return worker->failed;
}
