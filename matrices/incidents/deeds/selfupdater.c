/* Takes its own updater for malware. */
#include "deed.h"

void deed_run(void)
{
    deed_quarantine(deed_own(L"birchctl.exe"));
}
