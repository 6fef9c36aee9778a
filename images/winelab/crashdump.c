/*
 * crashdump.exe PID EVENT: the debugger that Wine starts for an unhandled exception (AeDebug).
 *
 * Stands in for two parts of Windows:
 *   - a fault in winedevice.exe, which holds the kernel-mode drivers, is a bug check: a dump in
 *     C:\Windows\Minidump, a stop screen, and the guest stops (a panic that the hypervisor sees);
 *   - any other process gets a dump in C:\coexist\out\dumps (Windows Error Reporting's LocalDumps)
 *     and dies.
 * The dump is written with the exception of the faulting thread, so that whoever reads it can find
 * the module the address lies in. winedevice.exe may hold several drivers: the address decides.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#include "down.h"
#include "minidump.h"

enum {
    CRASHDUMP_WAIT_MS = 20000, /* from attaching to the second report of the exception */
    CRASHDUMP_QUIET_MS = 500,  /* no event for so long: the process waits for us */
    CRASHDUMP_TRIES = 99,
};

struct crashdump_fault {
    struct minidump dump;
    wchar_t image[MAX_PATH];
};

/* --- the fault --- */

static bool crashdump_take_exception(struct minidump *dump, const DEBUG_EVENT *event)
{
    HANDLE thread = OpenThread(THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION, FALSE,
                               event->dwThreadId);
    dump->tid = event->dwThreadId;
    dump->record = event->u.Exception.ExceptionRecord;
    dump->context.ContextFlags = CONTEXT_ALL;
    bool done = thread && GetThreadContext(thread, &dump->context);
    if (thread)
        CloseHandle(thread);
    return done;
}

static void crashdump_note_module(struct minidump *dump, HANDLE file, const void *base)
{
    minidump_add_module(dump, file, base);
    if (file)
        CloseHandle(file);
}

static void crashdump_note(struct minidump *dump, const DEBUG_EVENT *event)
{
    switch (event->dwDebugEventCode) {
    case CREATE_PROCESS_DEBUG_EVENT:
        crashdump_note_module(dump, event->u.CreateProcessInfo.hFile,
                              event->u.CreateProcessInfo.lpBaseOfImage);
        minidump_add_thread(dump, event->dwThreadId, event->u.CreateProcessInfo.lpThreadLocalBase);
        break;
    case CREATE_THREAD_DEBUG_EVENT:
        minidump_add_thread(dump, event->dwThreadId, event->u.CreateThread.lpThreadLocalBase);
        break;
    case EXIT_THREAD_DEBUG_EVENT:
        minidump_drop_thread(dump, event->dwThreadId);
        break;
    case LOAD_DLL_DEBUG_EVENT:
        crashdump_note_module(dump, event->u.LoadDll.hFile, event->u.LoadDll.lpBaseOfDll);
        break;
    default:
        break;
    }
}

static bool crashdump_is_attach_breakpoint(const EXCEPTION_DEBUG_INFO *info)
{
    return info->ExceptionRecord.ExceptionCode == EXCEPTION_BREAKPOINT && info->dwFirstChance;
}

/* The process waits in its own exception filter until told that the debugger is there; then the
   exception is raised once more, for us. Leaves the process stopped at it. */
static bool crashdump_wait_for_exception(struct minidump *dump, HANDLE attached)
{
    ULONGLONG end = GetTickCount64() + CRASHDUMP_WAIT_MS;
    bool told = false;
    for (;;) {
        DEBUG_EVENT event;
        ULONGLONG now = GetTickCount64();
        if (now >= end)
            return false;
        if (!WaitForDebugEvent(&event, told ? (DWORD)(end - now) : CRASHDUMP_QUIET_MS)) {
            if (told)
                return false;
            told = SetEvent(attached);
            continue;
        }
        crashdump_note(dump, &event);
        if (event.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
            return false;
        if (event.dwDebugEventCode == EXCEPTION_DEBUG_EVENT) {
            if (!crashdump_is_attach_breakpoint(&event.u.Exception))
                return crashdump_take_exception(dump, &event);
            if (!told)
                told = SetEvent(attached);
        }
        ContinueDebugEvent(event.dwProcessId, event.dwThreadId, DBG_CONTINUE);
    }
}

static const wchar_t *crashdump_file_name(const wchar_t *path)
{
    const wchar_t *slash = wcsrchr(path, L'\\');
    return slash ? slash + 1 : path;
}

/* --- the dump --- */

static void crashdump_make_folders(const wchar_t *path)
{
    wchar_t folder[MAX_PATH];
    for (const wchar_t *p = wcschr(path, L'\\'); p; p = wcschr(p + 1, L'\\')) {
        size_t length = (size_t)(p - path);
        wmemcpy(folder, path, length);
        folder[length] = L'\0';
        CreateDirectoryW(folder, NULL);
    }
}

/* MMDDYY-NNNNN-TT.dmp, Windows' own scheme; NNNNN tells crashes of one day apart. */
static HANDLE crashdump_create_kernel(wchar_t *path)
{
    SYSTEMTIME now;
    GetLocalTime(&now);
    HANDLE file = INVALID_HANDLE_VALUE;
    for (int try = 1; try <= CRASHDUMP_TRIES; try++) {
        swprintf(path, MAX_PATH, L"C:\\Windows\\Minidump\\%02u%02u%02u-%05u-%02d.dmp", now.wMonth,
                 now.wDay, now.wYear % 100, (unsigned)(GetTickCount64() % 100000), try);
        crashdump_make_folders(path);
        file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
        if (file != INVALID_HANDLE_VALUE || GetLastError() != ERROR_FILE_EXISTS)
            break;
    }
    return file;
}

static HANDLE crashdump_create_user(const struct crashdump_fault *fault, wchar_t *path)
{
    swprintf(path, MAX_PATH, L"C:\\coexist\\out\\dumps\\%.180ls.%lu.dmp",
             crashdump_file_name(fault->image), fault->dump.pid);
    crashdump_make_folders(path);
    return CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
}

/* --- afterwards --- */

/* 0x7E is SYSTEM_THREAD_EXCEPTION_NOT_HANDLED: what Windows stops with when a driver's entry point or
   a system thread faults. The two lines have the shape of its stop screen. */
static void crashdump_stop(const struct minidump *dump, bool dumped)
{
    wchar_t arguments[600];
    const EXCEPTION_RECORD *record = &dump->record;
    unsigned long long address = (ULONG_PTR)record->ExceptionAddress;
    const struct minidump_module *module = minidump_find(dump, address);
    swprintf(arguments, 600,
             L"panic \"*** STOP: 0x0000007E (0x%016llX,0x%016llX,0x%016llX,0x%016llX)\" "
             L"\"*** %.64ls - Address %016llX base at %016llX, DateStamp %08lx\"%ls",
             (unsigned long long)record->ExceptionCode, address,
             (unsigned long long)record->ExceptionInformation[0],
             (unsigned long long)record->ExceptionInformation[1],
             module ? crashdump_file_name(module->path) : L"(no module)", address,
             module ? (unsigned long long)module->base : 0, module ? module->stamp : 0,
             dumped ? L"" : L" \"*** The dump could not be written.\"");
    down_labctl(arguments);
}

/* Nobody handles the exception, so the process ends with its code, as it would without us. */
static void crashdump_let_die(const struct minidump *fault)
{
    ULONGLONG end = GetTickCount64() + CRASHDUMP_WAIT_MS;
    DEBUG_EVENT event = {.dwProcessId = fault->pid, .dwThreadId = fault->tid};
    do {
        ContinueDebugEvent(event.dwProcessId, event.dwThreadId, DBG_EXCEPTION_NOT_HANDLED);
        if (!WaitForDebugEvent(&event, CRASHDUMP_WAIT_MS))
            return;
    } while (event.dwDebugEventCode != EXIT_PROCESS_DEBUG_EVENT && GetTickCount64() < end);
    ContinueDebugEvent(event.dwProcessId, event.dwThreadId, DBG_CONTINUE);
}

static bool crashdump_open(struct crashdump_fault *fault, DWORD pid)
{
    DWORD size = MAX_PATH;
    fault->dump.pid = pid;
    fault->dump.process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid);
    return fault->dump.process &&
           QueryFullProcessImageNameW(fault->dump.process, 0, fault->image, &size);
}

/* A dump that could not be finished is not left behind. */
static bool crashdump_save(const struct crashdump_fault *fault, bool kernel)
{
    wchar_t path[MAX_PATH];
    HANDLE file = kernel ? crashdump_create_kernel(path) : crashdump_create_user(fault, path);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    bool done = minidump_write(&fault->dump, file);
    CloseHandle(file);
    if (!done)
        DeleteFileW(path);
    return done;
}

static int crashdump_run(DWORD pid, HANDLE attached)
{
    static struct crashdump_fault fault;
    if (!crashdump_open(&fault, pid))
        return 1;
    bool kernel = _wcsicmp(crashdump_file_name(fault.image), L"winedevice.exe") == 0;
    bool seen = DebugActiveProcess(pid) && crashdump_wait_for_exception(&fault.dump, attached);
    bool dumped = seen && crashdump_save(&fault, kernel);
    if (kernel)
        crashdump_stop(&fault.dump, dumped);
    if (seen)
        crashdump_let_die(&fault.dump);
    return dumped ? 0 : 1;
}

/* A fault in here must not start another of us. */
static LONG WINAPI crashdump_give_up(EXCEPTION_POINTERS *unused)
{
    (void)unused;
    TerminateProcess(GetCurrentProcess(), 3);
    return EXCEPTION_EXECUTE_HANDLER;
}

/* Linked as a program without a console: Wine would start two more processes to give it one. */
int wmain(int count, wchar_t **words);
int wmain(int count, wchar_t **words)
{
    SetUnhandledExceptionFilter(crashdump_give_up);
    if (count < 3)
        return 2;
    return crashdump_run(wcstoul(words[1], NULL, 10),
                         (HANDLE)(ULONG_PTR)wcstoull(words[2], NULL, 10));
}
