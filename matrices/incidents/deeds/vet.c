/* A reputation rule: a program that is neither the system's nor installed stands still until a server has answered, or
 * for four seconds. None answers. */
#include "deed.h"

#include <stdbool.h>
#include <string.h>
#include <tlhelp32.h>
#include <wchar.h>

enum { VET_HOLD_MS = 4000, VET_PACE_MS = 150, VET_MAX = 1024, VET_PATH = 520 };

typedef LONG(NTAPI *vet_call)(HANDLE);
static vet_call vet_suspend, vet_resume; /* of ntdll; in no header */

struct vet_program { /* ids are used again */
    DWORD id;
    ULONGLONG born;
};

struct vet_seen {
    struct vet_program program[VET_MAX];
    int count;
};

static bool vet_has(const struct vet_seen *s, const struct vet_program *p)
{
    for (int i = 0; i < s->count; i++)
        if (s->program[i].id == p->id && s->program[i].born == p->born)
            return true;
    return false;
}

static ULONGLONG vet_born(HANDLE process)
{
    FILETIME born, ended, kernel, user;

    if (!GetProcessTimes(process, &born, &ended, &kernel, &user))
        return 0;
    return (ULONGLONG)born.dwHighDateTime << 32 | born.dwLowDateTime;
}

static bool vet_is_known(HANDLE process)
{
    wchar_t path[VET_PATH];
    DWORD n = VET_PATH;

    return !QueryFullProcessImageNameW(process, 0, path, &n) || !_wcsnicmp(path, L"C:\\Windows\\", 11) ||
           !_wcsnicmp(path, L"C:\\Program Files\\", 17);
}

static DWORD WINAPI vet_wait(void *process)
{
    Sleep(VET_HOLD_MS);
    vet_resume(process);
    CloseHandle(process);
    return 0;
}

/* Takes the handle. */
static void vet_hold(HANDLE process)
{
    HANDLE thread;

    if (vet_is_known(process)) {
        CloseHandle(process);
        return;
    }
    vet_suspend(process);
    thread = CreateThread(NULL, 65536, vet_wait, process, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread)
        CloseHandle(thread);
    else
        vet_wait(process);
}

/* The running programs into *now; what is not in *before (NULL: all is) is vetted. */
static void vet_look(const struct vet_seen *before, struct vet_seen *now)
{
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    PROCESSENTRY32W entry = { .dwSize = sizeof entry };

    now->count = 0;
    for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry)) {
        HANDLE process = OpenProcess(PROCESS_SUSPEND_RESUME | PROCESS_QUERY_LIMITED_INFORMATION, FALSE,
                                     entry.th32ProcessID);
        struct vet_program p = {entry.th32ProcessID, process ? vet_born(process) : 0};

        if (now->count < VET_MAX)
            now->program[now->count++] = p;
        if (process && before && !vet_has(before, &p))
            vet_hold(process);
        else if (process)
            CloseHandle(process);
    }
    CloseHandle(list);
}

void deed_run(void)
{
    static struct vet_seen looks[2];
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    int last = 0;

    vet_suspend = (vet_call)(void *)GetProcAddress(ntdll, "NtSuspendProcess");
    vet_resume = (vet_call)(void *)GetProcAddress(ntdll, "NtResumeProcess");
    if (!vet_suspend || !vet_resume)
        return;
    for (vet_look(NULL, &looks[0]);; last = !last) {
        Sleep(VET_PACE_MS);
        vet_look(&looks[last], &looks[!last]);
    }
}
