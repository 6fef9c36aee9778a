/* Tidies its own settings away. */
#include "deed.h"

void deed_run(void)
{
    Sleep(3000);
    RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, L"Software\\Birch", L"ContentVersion");
}
