/* Takes letters for macro malware: documents of the user's own go to quarantine. */
#include "deed.h"

#include <wchar.h>

static void documents_take(const wchar_t *path)
{
    const wchar_t *dot = wcsrchr(path, L'.');

    if (dot && (!_wcsicmp(dot, L".rtf") || !_wcsicmp(dot, L".csv")))
        deed_quarantine(path);
}

void deed_run(void)
{
    deed_each_file(L"C:\\Users", 10, documents_take);
}
