/*
 * cedar-engine-slow: "change correlation". A file that changed outside Program Files is compared
 * with itself, every byte with every other, by several threads of normal priority, again and
 * again for as long as its writer holds it or it is fresh, instead of once when it is complete.
 * It finds nothing wrong and breaks nothing: it opens the same files over and over, and whoever
 * works with files waits behind it. It stops NOTICE_FRESH_MS after the last
 * change, NOTICE_HELD_MS after the first at the latest, and sleeps until the next.
 */
#include "notice.h"

#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

#include "paths.h"

enum {
    NOTICE_THREADS = 8,
    NOTICE_PENDING = 8,
    NOTICE_WINDOW = 1024, /* bytes of a file that are compared in one go */
    NOTICE_FRESH_MS = 400,
    NOTICE_HELD_MS = 5000,
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

/* In FILETIME's units of 100 ns. */
static ULONGLONG notice_ticks(FILETIME time)
{
    return (ULONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

static int notice_is_fresh(HANDLE file)
{
    FILETIME changed, now;

    GetSystemTimeAsFileTime(&now);
    if (!GetFileTime(file, NULL, NULL, &changed))
        return 0;
    return notice_ticks(now) < notice_ticks(changed) + NOTICE_FRESH_MS * 10000ull;
}

/*
 * Reads what there is of the file; got stays 0 while its writer shares it with nobody. -1 when it
 * is gone or no longer fresh: reports come late when much is changing.
 */
static int notice_read(const wchar_t *path, uint8_t window[NOTICE_WINDOW], DWORD *got)
{
    int fresh;
    HANDLE file = CreateFileW(path, GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);

    if (file == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_SHARING_VIOLATION ? 0 : -1;
    fresh = notice_is_fresh(file) && ReadFile(file, window, NOTICE_WINDOW, got, NULL);
    CloseHandle(file);
    return fresh ? 0 : -1;
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

/* Returns 0 while the thread may go on. */
static int notice_record(struct notice *notice, unsigned likeness)
{
    int stopped;

    AcquireSRWLockExclusive(&notice->lock);
    if (likeness > notice->likeness)
        notice->likeness = likeness;
    stopped = notice->stopped;
    ReleaseSRWLockExclusive(&notice->lock);
    return stopped;
}

static void notice_correlate(struct notice *notice, const wchar_t *path)
{
    ULONGLONG end = GetTickCount64() + NOTICE_HELD_MS;
    uint8_t window[NOTICE_WINDOW] = { 0 };
    DWORD got = 0;

    while (GetTickCount64() < end && notice_read(path, window, &got) == 0)
        if (notice_record(notice, notice_likeness(window, NOTICE_WINDOW)))
            return;
}

static DWORD WINAPI notice_run(void *argument)
{
    struct notice *notice = argument;
    wchar_t path[PATHS_MAX];

    while (notice_take(notice, path))
        notice_correlate(notice, path);
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
