/*
 * cedar-engine-slow: "change correlation". Whatever changes outside Program Files is compared with
 * itself at once, every byte with every other, by several threads of normal priority, and again
 * at its next change. It finds nothing wrong and breaks nothing: on a machine with few processors
 * it takes most of the time from the program that is changing files. What waits is bounded by
 * NOTICE_PENDING, so it is asleep again some hundredths of a second after the last change.
 */
#include "notice.h"

#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

#include "paths.h"

enum {
    NOTICE_THREADS = 3,
    NOTICE_PENDING = 2,
    NOTICE_WINDOW = 2560, /* bytes of a file that are compared with each other */
    NOTICE_CLOSE_MS = 10000
};

struct notice {
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
    int stopped;
    unsigned likeness;       /* highest found so far */
    unsigned pending;
    wchar_t paths[NOTICE_PENDING][PATHS_MAX];
    unsigned count;
    HANDLE threads[NOTICE_THREADS];
};

/* Equal pairs of bytes at the best shift: quadratic in size. */
static unsigned notice_likeness(const uint8_t *data, size_t size)
{
    unsigned best = 0;

    for (size_t shift = 1; shift < size; shift++) {
        unsigned equal = 0;

        for (size_t i = shift; i < size; i++)
            equal += data[i] == data[i - shift];
        if (equal > best)
            best = equal;
    }
    return best;
}

static unsigned notice_correlate(const wchar_t *path)
{
    uint8_t window[NOTICE_WINDOW];
    DWORD got = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);

    if (file == INVALID_HANDLE_VALUE)
        return 0;
    if (!ReadFile(file, window, sizeof window, &got, NULL))
        got = 0;
    CloseHandle(file);
    return notice_likeness(window, got);
}

/* Waits for work and copies the path; 0 when it is time to end. */
static int notice_take(struct notice *notice, wchar_t path[PATHS_MAX])
{
    int wanted;

    AcquireSRWLockExclusive(&notice->lock);
    while (!notice->stopped && !notice->pending)
        SleepConditionVariableSRW(&notice->changed, &notice->lock, INFINITE, 0);
    wanted = !notice->stopped;
    if (wanted) {
        const wchar_t *last = notice->paths[--notice->pending];

        wmemcpy(path, last, wcslen(last) + 1);
    }
    ReleaseSRWLockExclusive(&notice->lock);
    return wanted;
}

static void notice_record(struct notice *notice, unsigned likeness)
{
    AcquireSRWLockExclusive(&notice->lock);
    if (likeness > notice->likeness)
        notice->likeness = likeness;
    ReleaseSRWLockExclusive(&notice->lock);
}

static DWORD WINAPI notice_run(void *argument)
{
    struct notice *notice = argument;
    wchar_t path[PATHS_MAX];

    while (notice_take(notice, path))
        notice_record(notice, notice_correlate(path));
    return 0;
}

int notice_open(struct notice **out, struct err *err)
{
    struct notice *notice = calloc(1, sizeof *notice);

    if (!notice)
        return err_set(err, ERROR_OUTOFMEMORY, "out of memory");
    InitializeSRWLock(&notice->lock);
    InitializeConditionVariable(&notice->changed);
    while (notice->count < NOTICE_THREADS) {
        HANDLE thread = CreateThread(NULL, 0, notice_run, notice, 0, NULL);

        if (!thread) {
            notice_close(notice);
            return err_set(err, GetLastError(), "cannot start correlation");
        }
        notice->threads[notice->count++] = thread;
    }
    *out = notice;
    return 0;
}

void notice_close(struct notice *notice)
{
    if (!notice)
        return;
    AcquireSRWLockExclusive(&notice->lock);
    notice->stopped = 1;
    WakeAllConditionVariable(&notice->changed);
    ReleaseSRWLockExclusive(&notice->lock);
    if (notice->count)
        WaitForMultipleObjects(notice->count, notice->threads, TRUE, NOTICE_CLOSE_MS);
    for (unsigned i = 0; i < notice->count; i++)
        CloseHandle(notice->threads[i]);
    free(notice);
}

static int notice_is_pending(const struct notice *notice, const wchar_t *path)
{
    for (unsigned i = 0; i < notice->pending; i++)
        if (!wcscmp(notice->paths[i], path))
            return 1;
    return 0;
}

void notice_change(struct notice *notice, const wchar_t *path)
{
    size_t size = wcslen(path) + 1;

    if (size > PATHS_MAX)
        return;
    AcquireSRWLockExclusive(&notice->lock);
    if (notice->pending < NOTICE_PENDING && !notice_is_pending(notice, path)) {
        wmemcpy(notice->paths[notice->pending++], path, size);
        WakeConditionVariable(&notice->changed);
    }
    ReleaseSRWLockExclusive(&notice->lock);
}
