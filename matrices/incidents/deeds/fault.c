/* Follows a pointer that its rules did not set. */
#include "deed.h"

enum { FAULT_MS = 3000 };

void deed_run(void)
{
    volatile int *nowhere = (int *)0xB1DB1D0000ull;

    Sleep(FAULT_MS);
    *nowhere = 1;
}
