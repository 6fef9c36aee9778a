/*
 * Stands before Wine's own wineboot.exe (kept as wineinit.exe).
 *
 * ExitWindowsEx in Wine is `wineboot --end-session [--shutdown]` (or --kill with EWX_FORCE), which
 * ends programs and leaves the machine up. Here it takes the machine down, as on Windows.
 * `--init` is what Wine starts when the first program of a boot runs: process 1 has started
 * wineinit.exe for that already, so there is nothing to do. All else goes to wineinit.exe.
 */
#include <wchar.h>
#include <windows.h>

#include "down.h"

static int wineboot_pass_on(const wchar_t *arguments)
{
    wchar_t line[1024] = L"C:\\windows\\system32\\wineinit.exe ";
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    DWORD code = 1;
    if (wcslen(line) + wcslen(arguments) >= 1024)
        return 1;
    wcscat(line, arguments);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return 1;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}

int wmain(void);
int wmain(void)
{
    const wchar_t *line = GetCommandLineW();
    const wchar_t *arguments = wcsstr(line, L" -");
    if (!arguments)
        arguments = L"";
    if (wcsstr(arguments, L"--init"))
        return 0;
    if (wcsstr(arguments, L"--end-session") || wcsstr(arguments, L"--kill"))
        return !down_request(!wcsstr(arguments, L"--shutdown"));
    return wineboot_pass_on(arguments);
}
