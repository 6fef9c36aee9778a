/* Harmless: a larger table. */
#include "deed.h"

enum { MODERATE_MIB = 60 };

void deed_run(void)
{
    for (int i = 0; i < MODERATE_MIB; i++) {
        char *block = VirtualAlloc(NULL, 1 << 20, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);

        for (int k = 0; block && k < 1 << 20; k += 4096)
            block[k] = 1;
    }
}
