/* Harmless: a pool of threads and what they wait for. */
#include "deed.h"

enum { POOL_THREADS = 40, POOL_EVENTS = 800 };

static DWORD WINAPI pool_wait(void *argument)
{
    WaitForSingleObject(argument, INFINITE);
    return 0;
}

void deed_run(void)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);

    for (int i = 0; i < POOL_THREADS; i++)
        CreateThread(NULL, 65536, pool_wait, event, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    for (int i = 0; i < POOL_EVENTS; i++)
        CreateEventW(NULL, FALSE, FALSE, NULL);
}
