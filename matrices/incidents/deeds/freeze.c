/* Waits for itself while it holds what everybody needs: nothing in the guest goes on. */
#include "deed.h"

#include "deed_linux.h"

enum { FREEZE_STOP = 19 /* SIGSTOP */, FREEZE_MS = 3000 };

void deed_run(void)
{
    Sleep(FREEZE_MS);
    deed_linux(DEED_LINUX_KILL, -1, FREEZE_STOP, 0, 0);
}
