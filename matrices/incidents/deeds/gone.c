/* Ends the service: it is not started again. */
#include "deed.h"

enum { GONE_MS = 4000 };

void deed_run(void)
{
    Sleep(GONE_MS);
    ExitProcess(3);
}
