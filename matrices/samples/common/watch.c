#include "watch.h"

#include <stddef.h>
#include <stdlib.h>
#include <windows.h>

#include "log.h"
#include "paths.h"

enum {
    WATCH_FOLDERS_MAX = 192,
    WATCH_BUFFER = 32 * 1024, /* bytes; DWORD aligned as the interface asks */
    WATCH_CANCEL_MS = 1000,
    WATCH_DEPTH = 2,          /* C:\folder\folder, see watch_needs_each_folder */
    WATCH_PROFILE_DEPTH = 1,  /* and what lies in each of those in C:\Users */
    WATCH_FILTER = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME |
                   FILE_NOTIFY_CHANGE_LAST_WRITE | FILE_NOTIFY_CHANGE_SIZE
};

struct watch_folder {
    OVERLAPPED overlapped;
    HANDLE handle;
    wchar_t *path;
    DWORD buffer[WATCH_BUFFER / sizeof(DWORD)];
};

struct watch {
    const struct paths_scope *scope;
    int each_folder; /* see watch_needs_each_folder */
    watch_fn *on_event;
    void *context;
    HANDLE port;
    HANDLE thread;
    unsigned count;
    struct watch_folder *folders[WATCH_FOLDERS_MAX];
};

static int watch_arm(struct watch_folder *folder)
{
    ZeroMemory(&folder->overlapped, sizeof folder->overlapped);
    return ReadDirectoryChangesW(folder->handle, folder->buffer, sizeof folder->buffer, TRUE,
                                 WATCH_FILTER, NULL, &folder->overlapped, NULL) ? 0 : -1;
}

static void watch_free_folder(struct watch_folder *folder)
{
    if (!folder)
        return;
    if (folder->handle != INVALID_HANDLE_VALUE)
        CloseHandle(folder->handle);
    free(folder->path);
    free(folder);
}

static int watch_start_folder(struct watch *watch, struct watch_folder *folder)
{
    wchar_t path[PATHS_MAX];

    /* "C:" alone would be that drive's current folder; a tail slash never hurts. */
    if (paths_join(path, folder->path, L"", NULL) < 0)
        return -1;
    folder->handle = CreateFileW(path, FILE_LIST_DIRECTORY,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                 OPEN_EXISTING,
                                 FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, NULL);
    if (folder->handle == INVALID_HANDLE_VALUE)
        return -1;
    if (!CreateIoCompletionPort(folder->handle, watch->port, (ULONG_PTR)folder, 0))
        return -1;
    return watch_arm(folder);
}

static int watch_is_watched(const struct watch *watch, const wchar_t *path)
{
    for (unsigned i = 0; i < watch->count; i++)
        if (!_wcsicmp(watch->folders[i]->path, path))
            return 1;
    return 0;
}

static int watch_add_folder(struct watch *watch, const wchar_t *path)
{
    struct watch_folder *folder;

    if (watch->count == WATCH_FOLDERS_MAX || watch_is_watched(watch, path))
        return -1;
    folder = calloc(1, sizeof *folder);
    if (!folder)
        return -1;
    folder->handle = INVALID_HANDLE_VALUE;
    folder->path = _wcsdup(path);
    if (!folder->path || watch_start_folder(watch, folder) < 0) {
        watch_free_folder(folder);
        return -1;
    }
    watch->folders[watch->count++] = folder;
    return 0;
}

/*
 * On Windows one recursive watch on the drive reports everything. Wine reports folders that
 * appear while it watches, but not what lies in folders that were there before: those need a
 * watch each. And since an open folder cannot be removed by anybody there, only the few at the
 * top (C:\Users\somebody\Desktop and the like) may be held open, and none inside Program Files.
 */
static int watch_needs_each_folder(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

/* Also C:\Program Files (x86). */
static int watch_is_programs(const struct watch *watch, const wchar_t *path)
{
    return !_wcsnicmp(path, watch->scope->programs, wcslen(watch->scope->programs));
}

static void watch_add_tree(struct watch *watch, const wchar_t *root, int depth)
{
    wchar_t pattern[PATHS_MAX], path[PATHS_MAX];
    WIN32_FIND_DATAW found;
    HANDLE search;

    if (paths_join(pattern, root, L"*", NULL) < 0)
        return;
    search = FindFirstFileW(pattern, &found);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        if (!(found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) || found.cFileName[0] == L'.' ||
            paths_join(path, root, found.cFileName, NULL) < 0 ||
            paths_is_below(path, watch->scope->windows) ||
            paths_is_below(path, watch->scope->data))
            continue;
        watch_add_folder(watch, path);
        if (depth > 1 && !watch_is_programs(watch, path))
            watch_add_tree(watch, path, depth - 1);
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

/* The temporary folder may lie deeper than the rest of a profile's usual folders. */
static void watch_add_temporary(struct watch *watch)
{
    wchar_t path[PATHS_MAX];
    DWORD size = GetTempPathW(PATHS_MAX, path);

    if (size < 2 || size >= PATHS_MAX)
        return;
    path[size - 1] = 0; /* it ends in a backslash */
    watch_add_folder(watch, path);
}

static unsigned watch_depth(const wchar_t *path)
{
    unsigned depth = 0;

    for (; *path; path++)
        depth += *path == L'\\';
    return depth;
}

/*
 * A new folder that would have been given a watch of its own, had it been there at the start,
 * gets one now: else the same change would cost more after the service's next start than before.
 */
static void watch_adopt(struct watch *watch, const wchar_t *path)
{
    DWORD attributes;

    if (!watch->each_folder || watch_depth(path) > WATCH_DEPTH || watch_is_programs(watch, path))
        return;
    attributes = GetFileAttributesW(path);
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        watch_add_folder(watch, path);
}

static void watch_report(struct watch *watch, const struct watch_folder *folder,
                         const FILE_NOTIFY_INFORMATION *record)
{
    wchar_t leaf[PATHS_MAX], path[PATHS_MAX];
    size_t size = record->FileNameLength / sizeof(wchar_t);

    if (record->Action == FILE_ACTION_REMOVED || record->Action == FILE_ACTION_RENAMED_OLD_NAME)
        return;
    if (size >= PATHS_MAX)
        return;
    wmemcpy(leaf, record->FileName, size);
    leaf[size] = 0;
    if (paths_join(path, folder->path, leaf, NULL) < 0)
        return;
    if (record->Action == FILE_ACTION_MODIFIED) {
        watch->on_event(watch->context, WATCH_CHANGED, path);
        return;
    }
    watch_adopt(watch, path);
    watch->on_event(watch->context, WATCH_APPEARED, path);
}

static void watch_report_all(struct watch *watch, const struct watch_folder *folder, DWORD bytes)
{
    const char *at = (const char *)folder->buffer;
    const char *end = at + bytes;

    while ((size_t)(end - at) >= offsetof(FILE_NOTIFY_INFORMATION, FileName)) {
        const FILE_NOTIFY_INFORMATION *record = (const void *)at;

        watch_report(watch, folder, record);
        if (!record->NextEntryOffset || record->NextEntryOffset > (size_t)(end - at))
            break;
        at += record->NextEntryOffset;
    }
}

static DWORD WINAPI watch_run(void *argument)
{
    struct watch *watch = argument;

    for (;;) {
        OVERLAPPED *overlapped = NULL;
        ULONG_PTR key = 0;
        DWORD bytes = 0;
        BOOL ok = GetQueuedCompletionStatus(watch->port, &bytes, &key, &overlapped, INFINITE);
        struct watch_folder *folder = (struct watch_folder *)key;

        if (!folder)
            return 0; /* posted by watch_close, or the port is broken */
        if (!ok)
            continue; /* the folder is gone: nothing to watch any more */
        if (bytes)
            watch_report_all(watch, folder, bytes);
        else
            watch->on_event(watch->context, WATCH_LOST, folder->path);
        if (watch_arm(folder) < 0)
            log_write(L"watching %ls ended: error %lu", folder->path, GetLastError());
    }
}

static int watch_is_profile(const struct watch *watch, const wchar_t *path)
{
    return paths_is_below(path, watch->scope->users) && _wcsicmp(path, watch->scope->users) != 0;
}

static int watch_add_roots(struct watch *watch, struct err *err)
{
    if (!watch_needs_each_folder()) {
        watch_add_folder(watch, watch->scope->drive);
    } else {
        watch->each_folder = 1;
        watch_add_tree(watch, watch->scope->drive, WATCH_DEPTH);
        for (unsigned i = 0, count = watch->count; i < count; i++)
            if (watch_is_profile(watch, watch->folders[i]->path))
                watch_add_tree(watch, watch->folders[i]->path, WATCH_PROFILE_DEPTH);
        watch_add_temporary(watch);
    }
    return watch->count ? 0 : err_set(err, GetLastError(), "cannot watch %ls",
                                      watch->scope->drive);
}

struct watch *watch_open(const struct paths_scope *scope, watch_fn *on_event, void *context,
                         struct err *err)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch) {
        err_set(err, ERROR_OUTOFMEMORY, "out of memory");
        return NULL;
    }
    watch->scope = scope;
    watch->on_event = on_event;
    watch->context = context;
    watch->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (watch->port && watch_add_roots(watch, err) == 0)
        watch->thread = CreateThread(NULL, 0, watch_run, watch, 0, NULL);
    else if (!watch->port)
        err_set(err, GetLastError(), "cannot make a completion port");
    if (!watch->thread) {
        watch_close(watch);
        return NULL;
    }
    return watch;
}

/* The system writes into the buffers until each cancelled read has come back. */
static void watch_cancel_all(struct watch *watch)
{
    OVERLAPPED *overlapped;
    ULONG_PTR key;
    DWORD bytes;
    unsigned pending = 0;

    for (unsigned i = 0; i < watch->count; i++)
        if (CancelIoEx(watch->folders[i]->handle, &watch->folders[i]->overlapped))
            pending++;
    while (pending-- && (GetQueuedCompletionStatus(watch->port, &bytes, &key, &overlapped,
                                                   WATCH_CANCEL_MS) || overlapped))
        ;
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    if (watch->thread) {
        PostQueuedCompletionStatus(watch->port, 0, 0, NULL);
        WaitForSingleObject(watch->thread, INFINITE);
        CloseHandle(watch->thread);
    }
    watch_cancel_all(watch);
    for (unsigned i = 0; i < watch->count; i++)
        watch_free_folder(watch->folders[i]);
    if (watch->port)
        CloseHandle(watch->port);
    free(watch);
}
