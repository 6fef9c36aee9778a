/*
 * linerun.exe: runs the command line in the environment variable COEXIST_LINE, untouched.
 *
 * Wine turns Unix arguments into a Windows command line by quoting them anew, and some programs
 * (NSIS with /D=, cmd /c) read the line itself. winshell starts this instead; standard handles
 * and the exit code are passed through. 9009 is what cmd.exe says to an unknown command.
 */
#include <windows.h>

enum { LINERUN_MAX = 32768, LINERUN_NOT_FOUND = 9009 };

int wmain(void);
int wmain(void)
{
    static wchar_t line[LINERUN_MAX];
    DWORD length = GetEnvironmentVariableW(L"COEXIST_LINE", line, LINERUN_MAX);
    if (length == 0 || length >= LINERUN_MAX)
        return LINERUN_NOT_FOUND;
    SetEnvironmentVariableW(L"COEXIST_LINE", NULL);
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    PROCESS_INFORMATION process;
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return LINERUN_NOT_FOUND;
    DWORD code = LINERUN_NOT_FOUND;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    ExitProcess(code);
}
