#include "common/plat.h"

#include <process.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/guest.h"

struct plat_mutex {
    CRITICAL_SECTION section;
};

struct plat_event {
    HANDLE handle;
};

uint64_t plat_now_ms(void)
{
    typedef ULONGLONG(WINAPI * tick_fn)(void);
    tick_fn tick = (tick_fn)(void *)guest_function(L"kernel32.dll", "GetTickCount64");
    LARGE_INTEGER count, hertz;

    if (tick != NULL)
        return tick();
    /* Before Vista: GetTickCount would step back after 49 days. */
    QueryPerformanceFrequency(&hertz);
    QueryPerformanceCounter(&count);
    return (uint64_t)(count.QuadPart / hertz.QuadPart) * 1000 +
           (uint64_t)(count.QuadPart % hertz.QuadPart) * 1000 / (uint64_t)hertz.QuadPart;
}

struct plat_mutex *plat_mutex_new(void)
{
    struct plat_mutex *m = malloc(sizeof *m);
    if (m != NULL)
        InitializeCriticalSection(&m->section);
    return m;
}

void plat_mutex_free(struct plat_mutex *m)
{
    if (m == NULL)
        return;
    DeleteCriticalSection(&m->section);
    free(m);
}

void plat_mutex_lock(struct plat_mutex *m)
{
    EnterCriticalSection(&m->section);
}

void plat_mutex_unlock(struct plat_mutex *m)
{
    LeaveCriticalSection(&m->section);
}

struct plat_event *plat_event_new(void)
{
    struct plat_event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->handle = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (e->handle == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

void plat_event_free(struct plat_event *e)
{
    if (e == NULL)
        return;
    CloseHandle(e->handle);
    free(e);
}

void plat_event_set(struct plat_event *e)
{
    SetEvent(e->handle);
}

void plat_event_reset(struct plat_event *e)
{
    ResetEvent(e->handle);
}

bool plat_event_wait(struct plat_event *e, uint64_t timeout_ms)
{
    /* One wait holds at most INFINITE - 1 ms (49 days); a longer one is taken for endless. */
    DWORD ms = timeout_ms >= INFINITE ? INFINITE : (DWORD)timeout_ms;
    return WaitForSingleObject(e->handle, ms) == WAIT_OBJECT_0;
}

intptr_t plat_event_native(const struct plat_event *e)
{
    return (intptr_t)e->handle;
}

struct plat_start {
    void (*fn)(void *);
    void *arg;
};

static unsigned __stdcall plat_thread_body(void *arg)
{
    struct plat_start start = *(struct plat_start *)arg;
    free(arg);
    start.fn(start.arg);
    return 0;
}

int plat_thread_start(void (*fn)(void *arg), void *arg)
{
    struct plat_start *start = malloc(sizeof *start);

    if (start == NULL)
        return -1;
    *start = (struct plat_start){fn, arg};
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, plat_thread_body, start, 0, NULL);
    if (thread == NULL) {
        free(start);
        return -1;
    }
    CloseHandle(thread);
    return 0;
}

enum proto_error plat_error_class(uint32_t os)
{
    switch (os) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_SERVICE_DOES_NOT_EXIST:
        return PROTO_ERR_NOT_FOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_WRITE_PROTECT:
        return PROTO_ERR_DENIED;
    default:
        return PROTO_ERR_OS;
    }
}
