#include "windows/process_info.h"

#include <psapi.h>
#include <string.h>
#include <tlhelp32.h>

#include "windows/guest.h"

#ifndef PROCESS_QUERY_LIMITED_INFORMATION
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000 /* NT 6.0 */
#endif

static uint64_t process_ticks(FILETIME t)
{
    return (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
}

static void process_read_times(HANDLE process, struct process_info *p)
{
    FILETIME created, exited, kernel, user;
    if (!GetProcessTimes(process, &created, &exited, &kernel, &user))
        return;
    p->has_times = true;
    p->born_100ns = process_ticks(created);
    p->cpu_100ns = process_ticks(kernel) + process_ticks(user);
}

static void process_read_memory(HANDLE process, struct process_info *p)
{
    typedef BOOL(WINAPI * memory_fn)(HANDLE, PROCESS_MEMORY_COUNTERS *, DWORD);
    memory_fn memory = (memory_fn)(void *)guest_function(L"psapi.dll", "GetProcessMemoryInfo");
    PROCESS_MEMORY_COUNTERS_EX m;

    memset(&m, 0, sizeof m);
    m.cb = sizeof m;
    if (memory == NULL || !memory(process, (PROCESS_MEMORY_COUNTERS *)&m, sizeof m))
        return;
    p->has_memory = true;
    p->working_set = m.WorkingSetSize;
    p->private_bytes = m.PrivateUsage;
}

static void process_read_handles(HANDLE process, struct process_info *p)
{
    typedef BOOL(WINAPI * handles_fn)(HANDLE, DWORD *);
    handles_fn handles = (handles_fn)(void *)guest_function(L"kernel32.dll",
                                                            "GetProcessHandleCount");
    p->has_handles = handles != NULL && handles(process, &p->handles);
}

static void process_read_path(HANDLE process, struct process_info *p)
{
    typedef BOOL(WINAPI * image_fn)(HANDLE, DWORD, wchar_t *, DWORD *);
    image_fn image = (image_fn)(void *)guest_function(L"kernel32.dll",
                                                      "QueryFullProcessImageNameW");
    DWORD n = sizeof p->path / sizeof *p->path;
    if (image == NULL || !image(process, 0, p->path, &n))
        p->path[0] = L'\0';
}

static void process_read(const PROCESSENTRY32W *entry, struct process_info *p)
{
    memset(p, 0, sizeof *p);
    p->pid = entry->th32ProcessID;
    p->ppid = entry->th32ParentProcessID;
    p->threads = entry->cntThreads;
    p->name = entry->szExeFile;
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, p->pid);
    if (process == NULL) /* protected processes allow this much only */
        process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, p->pid);
    if (process == NULL)
        return;
    process_read_times(process, p);
    process_read_memory(process, p);
    process_read_handles(process, p);
    process_read_path(process, p);
    CloseHandle(process);
}

int process_info_each(int (*each)(void *arg, const struct process_info *p, struct op_error *err),
                      void *arg, struct op_error *err)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    struct process_info p;
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    int rc = 0;

    if (list == INVALID_HANDLE_VALUE)
        return guest_fail(err, "process list");
    for (BOOL more = Process32FirstW(list, &entry); more && rc == 0;
         more = Process32NextW(list, &entry)) {
        process_read(&entry, &p);
        rc = each(arg, &p, err);
    }
    CloseHandle(list);
    return rc;
}
