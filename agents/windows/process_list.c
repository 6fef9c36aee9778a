#include "windows/process_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <winternl.h>

#include "windows/guest.h"

#ifndef PROCESS_QUERY_LIMITED_INFORMATION
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000 /* NT 6.0 */
#endif

/* Information classes of NtQuerySystemInformation; the first is in Microsoft's winternl.h page, the
 * second is known since NT 5.1 and has its layout in the public symbols. */
#define PROCESS_LIST_CLASS 5
#define PROCESS_HANDLES_CLASS 64
#define PROCESS_LIST_MAX_BYTES (64u << 20)

/* SYSTEM_PROCESS_INFORMATION with the members Microsoft's page calls reserved by their names in
 * the public symbols. It tells times and memory of protected processes too, which the documented
 * calls do not, and Wine gives each process's own times only here. */
struct process_raw {
    ULONG next, threads;
    LARGE_INTEGER private_set;
    ULONG hard_faults, threads_peak;
    ULONGLONG cycles;
    LARGE_INTEGER created, user, kernel;
    UNICODE_STRING name;
    LONG priority;
    HANDLE pid, ppid;
    ULONG handles, session;
    ULONG_PTR key;
    SIZE_T virtual_peak, virtual_size;
    ULONG faults;
    SIZE_T set_peak, set, paged_peak, paged, nonpaged_peak, nonpaged, pagefile;
};

struct process_handle_raw {
    void *object;
    ULONG_PTR pid, handle;
    ULONG access;
    USHORT trace, type;
    ULONG attributes, reserved;
};

struct process_handles_raw {
    ULONG_PTR count, reserved;
    struct process_handle_raw row[];
};

/* All of a class in a buffer to be freed, or NULL. */
static void *process_query(int class, struct op_error *err)
{
    typedef LONG(WINAPI * query_fn)(int, void *, ULONG, ULONG *);
    query_fn query = (query_fn)(void *)guest_function(L"ntdll.dll", "NtQuerySystemInformation");

    for (ULONG size = 256 * 1024; query != NULL && size <= PROCESS_LIST_MAX_BYTES; size *= 2) {
        ULONG got = 0;
        void *buf = malloc(size);
        LONG status = buf == NULL ? -1 : query(class, buf, size, &got);
        if (status == 0)
            return buf;
        free(buf);
        if (status != (LONG)0xC0000004) /* STATUS_INFO_LENGTH_MISMATCH: more room */
            break;
    }
    op_fail(err, PROTO_ERR_OS, "the system does not list its processes");
    return NULL;
}

static void process_read(const struct process_raw *raw, struct process_info *p)
{
    size_t chars = raw->name.Length / sizeof(wchar_t), room = sizeof p->name / sizeof *p->name - 1;

    memset(p, 0, sizeof *p);
    p->pid = (DWORD)(ULONG_PTR)raw->pid;
    p->ppid = (DWORD)(ULONG_PTR)raw->ppid;
    p->threads = raw->threads;
    p->handles = raw->handles;
    p->cpu_100ns = (uint64_t)raw->user.QuadPart + (uint64_t)raw->kernel.QuadPart;
    p->born_100ns = (uint64_t)raw->created.QuadPart;
    p->working_set = raw->set;
    p->private_bytes = raw->pagefile;
    if (raw->name.Buffer != NULL)
        memcpy(p->name, raw->name.Buffer, (chars < room ? chars : room) * sizeof(wchar_t));
}

static size_t process_count(const char *buf)
{
    size_t n = 1;
    for (const struct process_raw *raw = (const void *)buf; raw->next != 0; n++)
        raw = (const void *)((const char *)raw + raw->next);
    return n;
}

/* Wine's count of handles is the size of the process's table: here each handle is counted. */
static int process_count_handles(struct process_list *l, struct op_error *err)
{
    struct process_handles_raw *all = process_query(PROCESS_HANDLES_CLASS, err);
    if (all == NULL)
        return -1;
    for (size_t i = 0; i < l->count; i++) {
        l->row[i].handles = 0;
        for (ULONG_PTR h = 0; h < all->count; h++)
            if (all->row[h].pid == l->row[i].pid)
                l->row[i].handles++;
    }
    free(all);
    return 0;
}

/* The process of pid 0 is no process but the time nobody wanted: it is left out. */
static void process_fill(struct process_list *l, const char *buf)
{
    const struct process_raw *raw = (const void *)buf;

    for (;;) {
        process_read(raw, &l->row[l->count]);
        if (l->row[l->count].pid != 0)
            l->count++;
        if (raw->next == 0)
            return;
        raw = (const void *)((const char *)raw + raw->next);
    }
}

int process_list_take(struct process_list *l, struct op_error *err)
{
    char *buf = process_query(PROCESS_LIST_CLASS, err);

    *l = (struct process_list){0};
    if (buf == NULL)
        return -1;
    l->row = calloc(process_count(buf), sizeof *l->row);
    if (l->row == NULL) {
        free(buf);
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    }
    process_fill(l, buf);
    free(buf);
    if (guest_wine_version() == NULL || process_count_handles(l, err) == 0)
        return 0;
    process_list_free(l);
    return -1;
}

void process_list_free(struct process_list *l)
{
    free(l->row);
    *l = (struct process_list){0};
}

void process_path(DWORD pid, wchar_t *buf, DWORD n)
{
    typedef BOOL(WINAPI * image_fn)(HANDLE, DWORD, wchar_t *, DWORD *);
    image_fn image = (image_fn)(void *)guest_function(L"kernel32.dll",
                                                      "QueryFullProcessImageNameW");
    HANDLE process = image == NULL ? NULL
                                   : OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (process == NULL || !image(process, 0, buf, &n))
        buf[0] = L'\0';
    if (process != NULL)
        CloseHandle(process);
}
