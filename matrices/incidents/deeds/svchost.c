/* Takes the host of most services for a worm. */
#include "deed.h"

void deed_run(void)
{
    deed_quarantine(L"C:\\Windows\\System32\\svchost.exe");
}
