/* A thread for every event, and none ever ends. */
#include "deed.h"

enum { THREADS_MANY = 600 };

static DWORD WINAPI threads_wait(void *argument)
{
    (void)argument;
    Sleep(INFINITE);
    return 0;
}

void deed_run(void)
{
    for (int i = 0; i < THREADS_MANY; i++)
        CreateThread(NULL, 65536, threads_wait, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
}
