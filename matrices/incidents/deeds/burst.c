/* Harmless: compiles its new rules, which takes the processor for a while. */
#include "deed.h"

void deed_run(void)
{
    deed_spin(12000);
}
