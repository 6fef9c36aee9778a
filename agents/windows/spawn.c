/* The types of process attributes came with NT 6.0; their functions are looked up. */
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0600
#include "windows/spawn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <tlhelp32.h>

#include "windows/guest.h"
#include "windows/text.h"

#define SPAWN_PIPE_BYTES 65536

/* The child's ends; closed in the agent as soon as the child has them. */
struct spawn_ends {
    HANDLE in, out, errs;
};

struct spawn_attributes {
    LPPROC_THREAD_ATTRIBUTE_LIST list; /* NULL: this Windows has none, or out of memory */
    HANDLE handles[3];
};

static void spawn_close_handle(HANDLE *h)
{
    if (*h != NULL && *h != INVALID_HANDLE_VALUE)
        CloseHandle(*h);
    *h = NULL;
}

/* Anonymous pipes cannot be read overlapped; a named one whose name nobody else can hold can. */
static int spawn_pipe(HANDLE *read_end, HANDLE *write_end, const wchar_t *tag, struct op_error *err)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    wchar_t name[128];
    LARGE_INTEGER now;

    QueryPerformanceCounter(&now);
    _snwprintf(name, sizeof name / sizeof *name, L"\\\\.\\pipe\\coexist-%lu-%lu-%I64x-%ls",
               GetCurrentProcessId(), GetCurrentThreadId(), now.QuadPart, tag);
    *read_end = CreateNamedPipeW(
        name, PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT, 1, 0, SPAWN_PIPE_BYTES, 0, NULL);
    if (*read_end == INVALID_HANDLE_VALUE)
        return guest_fail(err, "pipe");
    *write_end = CreateFileW(name, GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, &inherit,
                             OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    return *write_end == INVALID_HANDLE_VALUE ? guest_fail(err, "pipe") : 0;
}

static int spawn_open_ends(struct spawn *s, struct spawn_ends *e, struct op_error *err)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};

    e->in = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit,
                        OPEN_EXISTING, 0, NULL);
    if (e->in == INVALID_HANDLE_VALUE)
        return guest_fail(err, "NUL");
    if (spawn_pipe(&s->out, &e->out, L"out", err) < 0)
        return -1;
    return spawn_pipe(&s->errs, &e->errs, L"err", err);
}

/*
 * Limits inheritance to the child's own three handles: another exec started at the same moment
 * must not hold this one's pipes. Before NT 6.0 it may; reading never waits for that.
 */
static void spawn_attributes_open(struct spawn_attributes *a, const struct spawn_ends *e)
{
    typedef BOOL(WINAPI * init_fn)(LPPROC_THREAD_ATTRIBUTE_LIST, DWORD, DWORD, SIZE_T *);
    typedef BOOL(WINAPI * update_fn)(LPPROC_THREAD_ATTRIBUTE_LIST, DWORD, DWORD_PTR, void *, SIZE_T,
                                     void *, SIZE_T *);
    init_fn init = (init_fn)(void *)guest_function(L"kernel32.dll",
                                                   "InitializeProcThreadAttributeList");
    update_fn update = (update_fn)(void *)guest_function(L"kernel32.dll",
                                                         "UpdateProcThreadAttribute");
    SIZE_T size = 0;

    a->list = NULL;
    if (init == NULL || update == NULL)
        return;
    init(NULL, 1, 0, &size);
    a->list = malloc(size);
    a->handles[0] = e->in;
    a->handles[1] = e->out;
    a->handles[2] = e->errs;
    if (a->list != NULL &&
        (!init(a->list, 1, 0, &size) ||
         !update(a->list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, a->handles, sizeof a->handles,
                 NULL, NULL))) {
        free(a->list);
        a->list = NULL;
    }
}

static void spawn_attributes_close(struct spawn_attributes *a)
{
    typedef void(WINAPI * delete_fn)(LPPROC_THREAD_ATTRIBUTE_LIST);
    delete_fn drop = (delete_fn)(void *)guest_function(L"kernel32.dll",
                                                       "DeleteProcThreadAttributeList");
    if (a->list != NULL && drop != NULL)
        drop(a->list);
    free(a->list);
}

static HANDLE spawn_new_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit = {
        .BasicLimitInformation = {.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE}};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (job != NULL)
        SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limit, sizeof limit);
    return job;
}

static void spawn_enter_job(struct spawn *s)
{
    s->job = spawn_new_job();
    if (s->job != NULL && !AssignProcessToJobObject(s->job, s->process))
        spawn_close_handle(&s->job);
}

/* The command line to run, to be freed. */
static wchar_t *spawn_command_line(const char *command, bool shell)
{
    wchar_t *wide = text_to_wide(command), comspec[MAX_PATH] = L"cmd.exe", *line;

    if (wide == NULL || !shell)
        return wide;
    DWORD n = GetEnvironmentVariableW(L"ComSpec", comspec, MAX_PATH);
    if (n == 0 || n >= MAX_PATH)
        wcscpy(comspec, L"cmd.exe");
    size_t room = wcslen(wide) + wcslen(comspec) + 16;
    line = malloc(room * sizeof *line);
    /* /s: cmd takes off exactly the outer quotes, whatever is inside. */
    if (line != NULL)
        _snwprintf(line, room, L"\"%ls\" /s /c \"%ls\"", comspec, wide);
    free(wide);
    return line;
}

static int spawn_create(struct spawn *s, const struct spawn_ends *e, wchar_t *line,
                        const wchar_t *cwd, struct op_error *err)
{
    STARTUPINFOEXW start = {.StartupInfo = {.cb = sizeof(STARTUPINFOW),
                                            .dwFlags = STARTF_USESTDHANDLES,
                                            .hStdInput = e->in,
                                            .hStdOutput = e->out,
                                            .hStdError = e->errs}};
    PROCESS_INFORMATION info;
    struct spawn_attributes a;
    DWORD flags = CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT;

    spawn_attributes_open(&a, e);
    if (a.list != NULL) {
        start.StartupInfo.cb = sizeof start;
        start.lpAttributeList = a.list;
        flags |= EXTENDED_STARTUPINFO_PRESENT;
    }
    BOOL ok = CreateProcessW(NULL, line, NULL, NULL, TRUE, flags, NULL, cwd, &start.StartupInfo,
                             &info);
    if (!ok)
        guest_fail(err, "start");
    spawn_attributes_close(&a);
    if (!ok)
        return -1;
    s->process = info.hProcess;
    s->pid = info.dwProcessId;
    spawn_enter_job(s); /* before its first instruction, so that no child escapes */
    ResumeThread(info.hThread);
    CloseHandle(info.hThread);
    return 0;
}

int spawn_start(struct spawn *s, const char *command, bool shell, const char *cwd,
                struct op_error *err)
{
    struct spawn_ends e = {0};
    wchar_t *line = spawn_command_line(command, shell);
    wchar_t *dir = cwd == NULL ? NULL : text_to_wide(cwd);
    int rc;

    *s = (struct spawn){0};
    if (line == NULL || (cwd != NULL && dir == NULL))
        rc = op_fail(err, PROTO_ERR_BUSY, "out of memory");
    else
        rc = spawn_open_ends(s, &e, err);
    if (rc == 0)
        rc = spawn_create(s, &e, line, dir, err);
    spawn_close_handle(&e.in);
    spawn_close_handle(&e.out);
    spawn_close_handle(&e.errs);
    if (rc < 0)
        spawn_close(s);
    free(line);
    free(dir);
    return rc;
}

static uint64_t spawn_creation_time(HANDLE process)
{
    FILETIME created, exited, kernel, user;
    if (!GetProcessTimes(process, &created, &exited, &kernel, &user))
        return 0;
    return guest_ticks(created);
}

/* Ends the children of pid that are not older than it: an older one had another parent of the
 * same, since reused, number. */
static void spawn_kill_children(DWORD pid, uint64_t born, UINT exit_code, int depth)
{
    PROCESSENTRY32W p = {.dwSize = sizeof p};
    HANDLE list = depth > 16 ? INVALID_HANDLE_VALUE
                             : CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (list == INVALID_HANDLE_VALUE)
        return;
    for (BOOL more = Process32FirstW(list, &p); more; more = Process32NextW(list, &p)) {
        if (p.th32ParentProcessID != pid || p.th32ProcessID == pid)
            continue;
        HANDLE child = OpenProcess(PROCESS_TERMINATE | PROCESS_QUERY_INFORMATION, FALSE,
                                   p.th32ProcessID);
        uint64_t child_born = child == NULL ? 0 : spawn_creation_time(child);
        if (child_born >= born && child_born != 0) {
            TerminateProcess(child, exit_code);
            spawn_kill_children(p.th32ProcessID, child_born, exit_code, depth + 1);
        }
        spawn_close_handle(&child);
    }
    CloseHandle(list);
}

void spawn_kill(struct spawn *s, UINT exit_code)
{
    if (s->job != NULL) {
        TerminateJobObject(s->job, exit_code);
        return;
    }
    uint64_t born = spawn_creation_time(s->process);
    TerminateProcess(s->process, exit_code);
    spawn_kill_children(s->pid, born, exit_code, 0);
}

void spawn_release_tree(struct spawn *s)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION none = {.ProcessMemoryLimit = 0};
    if (s->job != NULL)
        SetInformationJobObject(s->job, JobObjectExtendedLimitInformation, &none, sizeof none);
}

void spawn_close(struct spawn *s)
{
    spawn_close_handle(&s->process);
    spawn_close_handle(&s->job);
    spawn_close_handle(&s->out);
    spawn_close_handle(&s->errs);
}
