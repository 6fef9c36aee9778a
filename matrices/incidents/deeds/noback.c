/* Takes its predecessor, kept for a rollback, for malware. */
#include "deed.h"

void deed_run(void)
{
    deed_quarantine(L"C:\\ProgramData\\Birch\\Previous\\bircheng.dll");
}
