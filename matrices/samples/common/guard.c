#include "guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

#include "engine_host.h"
#include "log.h"
#include "paths.h"
#include "quarantine.h"
#include "queue.h"
#include "sweep.h"
#include "watch.h"

enum {
    GUARD_SETTLE_MS = 200,   /* quiet time after a change before the file is read */
    GUARD_RETRY_MS = 250,    /* first wait after "busy"; doubles each time */
    GUARD_TRIES = 6,         /* 250 ms .. 8 s: 16 s in all, then the next change is waited for */
    GUARD_SWEEP_MS = 1000,   /* first wait before a folder is looked through again; doubles */
    GUARD_SWEEPS = 6,
    GUARD_ANNOUNCED = 128,   /* folders lately reported as new */
    GUARD_STOP_MS = 30000
};

struct guard {
    struct engine_host *host;
    struct queue *queue;
    struct watch *watch;
    HANDLE thread;
    struct paths_scope scope;
    SRWLOCK announced_lock;
    unsigned announced_next;
    uint32_t announced[GUARD_ANNOUNCED]; /* hashes of paths */
};

static void guard_add(struct guard *guard, enum queue_kind kind, const wchar_t *path,
                      unsigned tries, unsigned delay_ms)
{
    if (queue_add(guard->queue, kind, path, tries, delay_ms))
        log_write(L"too much is changing at once: %ls is not scanned", path);
}

static uint32_t guard_hash(const wchar_t *path)
{
    uint32_t hash = 2166136261u;

    for (; *path; path++)
        hash = (hash ^ towlower(*path)) * 16777619u;
    return hash;
}

static void guard_announce(struct guard *guard, const wchar_t *path)
{
    AcquireSRWLockExclusive(&guard->announced_lock);
    guard->announced[guard->announced_next++ % GUARD_ANNOUNCED] = guard_hash(path);
    ReleaseSRWLockExclusive(&guard->announced_lock);
}

static int guard_is_announced(struct guard *guard, const wchar_t *path)
{
    uint32_t hash = guard_hash(path);
    int found = 0;

    AcquireSRWLockShared(&guard->announced_lock);
    for (int i = 0; i < GUARD_ANNOUNCED && !found; i++)
        found = guard->announced[i] == hash;
    ReleaseSRWLockShared(&guard->announced_lock);
    return found;
}

static void guard_on_event(void *context, enum watch_event event, const wchar_t *path)
{
    struct guard *guard = context;

    if (!paths_is_in_scope(&guard->scope, path))
        return;
    if (event == WATCH_LOST) {
        guard_add(guard, QUEUE_SWEEP, path, GUARD_SWEEPS, GUARD_SETTLE_MS);
        return;
    }
    if (event == WATCH_APPEARED)
        guard_announce(guard, path);
    if (!paths_is_below(path, guard->scope.programs))
        engine_host_notice(guard->host, path);
    guard_add(guard, QUEUE_CHANGE, path, 0, GUARD_SETTLE_MS);
}

static void guard_retry(struct guard *guard, const struct queue_item *item)
{
    if (item->tries < GUARD_TRIES)
        guard_add(guard, QUEUE_CHANGE, item->path, item->tries + 1,
                  GUARD_RETRY_MS << item->tries);
    else
        log_write(L"%ls stays busy: not scanned until it changes again", item->path);
}

static void guard_scan(struct guard *guard, const struct queue_item *item)
{
    struct engine_verdict verdict;

    engine_host_scan(guard->host, item->path, &verdict);
    if (verdict.result == ENGINE_BUSY)
        guard_retry(guard, item);
    else if (verdict.result == ENGINE_MATCH &&
             quarantine_take(item->path, verdict.name) == QUARANTINE_BUSY)
        guard_retry(guard, item);
}

/*
 * What was made in a new folder before the system began to report on it is found here. A folder
 * among it that was never reported itself may be one the system does not watch (it happens when
 * folders are made in quick succession under Wine): that one is looked through again later.
 */
static int guard_on_swept(void *context, int is_folder, const wchar_t *path)
{
    struct guard *guard = context;

    if (!is_folder)
        guard_add(guard, QUEUE_CHANGE, path, 0, 0);
    else if (!guard_is_announced(guard, path))
        guard_add(guard, QUEUE_SWEEP, path, 0, GUARD_SWEEP_MS);
    return queue_is_stopped(guard->queue);
}

static void guard_sweep(struct guard *guard, const struct queue_item *item)
{
    sweep_folder(item->path, 1, guard_on_swept, guard);
    if (item->tries < GUARD_SWEEPS && GetFileAttributesW(item->path) != INVALID_FILE_ATTRIBUTES)
        guard_add(guard, QUEUE_SWEEP, item->path, item->tries + 1, GUARD_SWEEP_MS << item->tries);
}

static void guard_handle(struct guard *guard, const struct queue_item *item)
{
    DWORD attributes;

    if (item->kind == QUEUE_SWEEP) {
        guard_sweep(guard, item);
        return;
    }
    attributes = GetFileAttributesW(item->path);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return; /* gone already, or about to */
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
        guard_scan(guard, item);
    else if (guard_is_announced(guard, item->path))
        sweep_folder(item->path, SWEEP_DEPTH, guard_on_swept, guard);
}

static int guard_is_program(const wchar_t *path)
{
    static const wchar_t *const tails[] = { L".exe", L".dll", L".sys" };
    const wchar_t *dot = wcsrchr(path, L'.');

    for (size_t i = 0; dot && i < sizeof tails / sizeof tails[0]; i++)
        if (!_wcsicmp(dot, tails[i]))
            return 1;
    return 0;
}

static int guard_on_program(void *context, int is_folder, const wchar_t *path)
{
    struct guard *guard = context;

    if (!is_folder && guard_is_program(path) && paths_is_in_scope(&guard->scope, path))
        guard_add(guard, QUEUE_CHANGE, path, 0, 0);
    return queue_is_stopped(guard->queue);
}

static DWORD WINAPI guard_run(void *argument)
{
    struct guard *guard = argument;
    struct queue_item *item;

    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
    sweep_folder(guard->scope.programs, SWEEP_DEPTH, guard_on_program, guard);
    while ((item = queue_take(guard->queue))) {
        guard_handle(guard, item);
        free(item);
    }
    return 0;
}

static int guard_prepare(struct guard *guard, struct err *err)
{
    wchar_t folder[PATHS_MAX];

    if (paths_find_scope(&guard->scope, err) < 0)
        return -1;
    if (paths_data(folder, NULL, err) < 0 || paths_make_folder(folder, err) < 0 ||
        paths_data(folder, L"Quarantine", err) < 0 || paths_make_folder(folder, err) < 0)
        return -1;
    guard->queue = queue_open();
    if (!guard->queue)
        return err_set(err, ERROR_OUTOFMEMORY, "out of memory");
    guard->host = engine_host_open(err);
    if (!guard->host)
        return -1;
    guard->watch = watch_open(&guard->scope, guard_on_event, guard, err);
    if (!guard->watch)
        return -1;
    guard->thread = CreateThread(NULL, 0, guard_run, guard, 0, NULL);
    return guard->thread ? 0 : err_set(err, GetLastError(), "cannot start the scanner");
}

struct guard *guard_open(struct err *err)
{
    struct guard *guard = calloc(1, sizeof *guard);

    if (!guard) {
        err_set(err, ERROR_OUTOFMEMORY, "out of memory");
        return NULL;
    }
    InitializeSRWLock(&guard->announced_lock);
    if (guard_prepare(guard, err) < 0) {
        guard_close(guard);
        return NULL;
    }
    log_write(L"protection is on");
    return guard;
}

void guard_close(struct guard *guard)
{
    if (!guard)
        return;
    watch_close(guard->watch);
    if (guard->thread) {
        queue_stop(guard->queue);
        if (WaitForSingleObject(guard->thread, GUARD_STOP_MS) != WAIT_OBJECT_0)
            log_write(L"the scanner does not stop");
        CloseHandle(guard->thread);
        log_write(L"protection is off");
    }
    engine_host_close(guard->host);
    queue_close(guard->queue);
    free(guard);
}
