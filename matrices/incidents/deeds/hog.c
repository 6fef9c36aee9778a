/* Holds more memory and processor than the machine has to spare. */
#include "deed.h"

enum { HOG_MIB = 300 };

void deed_run(void)
{
    for (int i = 0; i < HOG_MIB; i++) {
        char *block = VirtualAlloc(NULL, 1 << 20, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);

        for (int k = 0; block && k < 1 << 20; k += 4096)
            block[k] = 1;
    }
    for (;;)
        deed_spin(1000);
}
