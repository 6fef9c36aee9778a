/* Ends its process again and again; whoever looks after it starts it anew. */
#include "deed.h"

enum { COMESANDGOES_MS = 11000 };

void deed_run(void)
{
    Sleep(COMESANDGOES_MS);
    ExitProcess(3);
}
