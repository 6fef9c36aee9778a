/* Never finds the end of its list. */
#include "deed.h"

void deed_run(void)
{
    for (;;)
        deed_spin(1000);
}
