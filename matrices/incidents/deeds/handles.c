/* Opens what it never closes. */
#include "deed.h"

enum { HANDLES_MANY = 24000 };

void deed_run(void)
{
    for (int i = 0; i < HANDLES_MANY; i++)
        CreateEventW(NULL, FALSE, FALSE, NULL);
}
