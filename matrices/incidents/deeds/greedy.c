/* A scan for idle hours whose test is the wrong way round: it works exactly while others do, and rests while the
 * machine is idle. */
#include "deed.h"

enum { GREEDY_THREADS = 3, GREEDY_WINDOW_MS = 200, GREEDY_BUSY_PERCENT = 12, GREEDY_TURN_MS = 400 };

static volatile LONG greedy_works;

static ULONGLONG greedy_number(const FILETIME *t)
{
    return (ULONGLONG)t->dwHighDateTime << 32 | t->dwLowDateTime;
}

static DWORD WINAPI greedy_scan(void *argument)
{
    (void)argument;
    for (;;) {
        if (greedy_works)
            deed_spin(20);
        else
            Sleep(20);
    }
    return 0;
}

/* Processor times since the start: of all programs, of this one, of nobody; in 100 ns. */
static void greedy_times(ULONGLONG *all, ULONGLONG *own, ULONGLONG *idle)
{
    FILETIME none, kernel, user, born, ended, own_kernel, own_user;

    *all = *own = *idle = 0;
    if (GetSystemTimes(&none, &kernel, &user)) { /* the kernel's time holds the idle one */
        *idle = greedy_number(&none);
        *all = greedy_number(&kernel) + greedy_number(&user) - *idle;
    }
    if (GetProcessTimes(GetCurrentProcess(), &born, &ended, &own_kernel, &own_user))
        *own = greedy_number(&own_kernel) + greedy_number(&own_user);
}

static int greedy_others_work(void)
{
    ULONGLONG all[2], own[2], idle[2], others, whole;

    greedy_times(&all[0], &own[0], &idle[0]);
    Sleep(GREEDY_WINDOW_MS);
    greedy_times(&all[1], &own[1], &idle[1]);
    whole = all[1] - all[0] + idle[1] - idle[0];
    others = all[1] - all[0] > own[1] - own[0] ? all[1] - all[0] - (own[1] - own[0]) : 0;
    return whole > 0 && 100 * others > GREEDY_BUSY_PERCENT * whole;
}

void deed_run(void)
{
    for (int i = 0; i < GREEDY_THREADS; i++) {
        HANDLE thread = CreateThread(NULL, 65536, greedy_scan, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

        if (thread)
            CloseHandle(thread);
    }
    for (;;) {
        greedy_works = greedy_others_work();
        if (greedy_works)
            Sleep(GREEDY_TURN_MS);
    }
}
