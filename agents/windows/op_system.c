/* system */
#include <windows.h>

#include <psapi.h>

#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/process_list.h"
#include "windows/system_times.h"

int system_times_take(struct system_times *t)
{
    typedef BOOL(WINAPI * times_fn)(FILETIME *, FILETIME *, FILETIME *);
    times_fn times = (times_fn)(void *)guest_function(L"kernel32.dll", "GetSystemTimes");
    FILETIME idle, kernel, user;

    if (times == NULL || !times(&idle, &kernel, &user))
        return -1;
    t->idle = guest_ticks(idle);
    t->kernel = guest_ticks(kernel) - t->idle;
    t->user = guest_ticks(user);
    return 0;
}

static void system_put_cpu(struct jsonw *w)
{
    struct system_times t;
    if (system_times_take(&t) < 0)
        return;
    jsonw_put_u64(w, "cpu_idle_ms", t.idle / 10000);
    jsonw_put_u64(w, "cpu_kernel_ms", t.kernel / 10000);
    jsonw_put_u64(w, "cpu_user_ms", t.user / 10000);
}

static void system_put_memory(struct jsonw *w)
{
    typedef BOOL(WINAPI * performance_fn)(PERFORMANCE_INFORMATION *, DWORD);
    performance_fn performance = (performance_fn)(void *)guest_function(L"psapi.dll",
                                                                        "GetPerformanceInfo");
    PERFORMANCE_INFORMATION p = {.cb = sizeof p};
    MEMORYSTATUSEX m = {.dwLength = sizeof m};

    if (GlobalMemoryStatusEx(&m)) {
        jsonw_put_u64(w, "memory_total", m.ullTotalPhys);
        jsonw_put_u64(w, "memory_available", m.ullAvailPhys);
    }
    /* Wine computes a commit charge from free memory: no measurement, so it is left out. */
    if (guest_wine_version() == NULL && performance != NULL && performance(&p, sizeof p))
        jsonw_put_u64(w, "commit", (uint64_t)p.CommitTotal * p.PageSize);
}

static void system_put_disk(struct jsonw *w)
{
    wchar_t windows[MAX_PATH] = L"C:\\";
    ULARGE_INTEGER available, total, unused;

    GetWindowsDirectoryW(windows, MAX_PATH);
    windows[3] = L'\0'; /* "C:\" */
    if (!GetDiskFreeSpaceExW(windows, &available, &total, &unused))
        return;
    jsonw_put_u64(w, "disk_total", total.QuadPart);
    jsonw_put_u64(w, "disk_free", available.QuadPart);
}

static int system_put_processes(struct jsonw *w, struct op_error *err)
{
    struct process_list list;
    uint64_t handles = 0, threads = 0;

    if (process_list_take(&list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        handles += list.row[i].handles;
        threads += list.row[i].threads;
    }
    jsonw_put_u64(w, "handles", handles);
    jsonw_put_u64(w, "processes", list.count);
    jsonw_put_u64(w, "threads", threads);
    process_list_free(&list);
    return 0;
}

int op_system(struct request *rq, struct jsonw *result, struct op_error *err)
{
    (void)rq;
    jsonw_put_u64(result, "up_ms", plat_now_ms());
    system_put_cpu(result);
    system_put_memory(result);
    system_put_disk(result);
    return system_put_processes(result, err);
}
