/*
 * shutdown.exe: the part of Windows' program that installers and labs use.
 *
 *   shutdown /r | /s | /p  [/t SECONDS] [/f] [/c TEXT] [/d REASON]      shutdown /a
 *
 * As on Windows the command returns at once: the waiting is done by a second process of itself.
 * The exit codes are Windows' system error codes (1116: no shutdown in progress).
 */
#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#include "down.h"

enum { SHUTDOWN_DEFAULT_S = 30, SHUTDOWN_MAX_S = 315360000 };

static const wchar_t shutdown_abort_event[] = L"Global\\CoexistShutdownAbort";

struct shutdown_request {
    bool down, again, abort, waiter, bad;
    DWORD seconds;
};

static void shutdown_parse_one(struct shutdown_request *r, int *i, int count, wchar_t **words)
{
    const wchar_t *word = words[*i];
    if (word[0] != L'/' && word[0] != L'-') {
        r->bad = true;
        return;
    }
    bool has_value = *i + 1 < count;
    switch (towlower(word[1])) {
    case L'r':
    case L'g':
        r->down = r->again = true;
        break;
    case L's':
        r->down = true;
        break;
    case L'p':
        r->down = true;
        r->seconds = 0;
        break;
    case L'a':
        r->abort = true;
        break;
    case L'w': /* ours: the process that waits */
        r->waiter = true;
        break;
    case L't':
        r->bad |= !has_value;
        if (has_value)
            r->seconds = wcstoul(words[++*i], NULL, 10);
        break;
    case L'c':
    case L'd':
        *i += has_value;
        break;
    case L'f':
        break;
    default:
        r->bad = true;
    }
}

static struct shutdown_request shutdown_parse(int count, wchar_t **words)
{
    struct shutdown_request r = {.seconds = SHUTDOWN_DEFAULT_S};
    for (int i = 1; i < count; i++)
        shutdown_parse_one(&r, &i, count, words);
    r.bad |= r.down == r.abort || r.seconds > SHUTDOWN_MAX_S;
    return r;
}

static int shutdown_abort(void)
{
    HANDLE event = OpenEventW(EVENT_MODIFY_STATE, FALSE, shutdown_abort_event);
    if (!event)
        return ERROR_NO_SHUTDOWN_IN_PROGRESS;
    return SetEvent(event) ? 0 : (int)GetLastError();
}

static int shutdown_go(const struct shutdown_request *r)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, shutdown_abort_event);
    if (event && WaitForSingleObject(event, r->seconds * 1000) == WAIT_OBJECT_0)
        return 0;
    return down_request(r->again) ? 0 : (int)GetLastError();
}

static int shutdown_spawn_waiter(const struct shutdown_request *r)
{
    wchar_t line[128];
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    HANDLE event = OpenEventW(EVENT_MODIFY_STATE, FALSE, shutdown_abort_event);
    if (event)
        return ERROR_SHUTDOWN_IN_PROGRESS;
    swprintf(line, 128, L"C:\\windows\\system32\\shutdown.exe /%lc /t %lu /w", r->again ? L'r' : L's',
             r->seconds);
    if (!CreateProcessW(NULL, line, NULL, NULL, FALSE, DETACHED_PROCESS, NULL, NULL, &start,
                        &process))
        return (int)GetLastError();
    return 0;
}

int wmain(int count, wchar_t **words);
int wmain(int count, wchar_t **words)
{
    struct shutdown_request r = shutdown_parse(count, words);
    if (r.bad) {
        fputs("usage: shutdown /r | /s | /p [/t SECONDS] [/f] [/c TEXT] [/d REASON] | /a\n", stderr);
        return ERROR_INVALID_PARAMETER;
    }
    if (r.abort)
        return shutdown_abort();
    return r.waiter ? shutdown_go(&r) : shutdown_spawn_waiter(&r);
}
