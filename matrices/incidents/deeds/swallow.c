/* Takes memory until there is none, and lets the system deal with it. */
#include "deed.h"

enum { SWALLOW_PIECE = 1 << 20, SWALLOW_PIECES = 16384 };

void deed_run(void)
{
    for (int i = 0; i < SWALLOW_PIECES; i++) {
        char *block = VirtualAlloc(NULL, SWALLOW_PIECE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);

        for (int k = 0; block && k < SWALLOW_PIECE; k += 4096)
            block[k] = 1;
    }
}
