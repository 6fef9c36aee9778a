/* Takes its own engine for malware: all is well until the service starts the next time. */
#include "deed.h"

void deed_run(void)
{
    deed_quarantine(deed_own(L"bircheng.dll"));
}
