/* The rehearsal's "OpenSSH for Windows": a service named sshd that does what the lab sees of the real one. At its first
 * start it makes the host key, here that of the stand-in's own server, which has been listening all the time; that one
 * lets nobody in until the first-logon commands have written administrators_authorized_keys, which is its list of keys
 * (build.sh). */
#include <windows.h>

#define SSHD_NAME L"sshd"
#define SSHD_FOLDER L"C:\\ProgramData\\ssh"
#define SSHD_FROM L"\\\\?\\unix\\etc\\ssh\\host_key.pub"
#define SSHD_KEY SSHD_FOLDER L"\\ssh_host_ed25519_key.pub"

struct sshd {
    SERVICE_STATUS_HANDLE status;
    HANDLE stop;
};

static struct sshd *sshd_self(void)
{
    static struct sshd self;

    return &self;
}

static void sshd_report(DWORD state, DWORD error)
{
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = error,
    };

    SetServiceStatus(sshd_self()->status, &status);
}

static DWORD WINAPI sshd_control(DWORD control, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    if (control == SERVICE_CONTROL_INTERROGATE)
        return NO_ERROR;
    if (control != SERVICE_CONTROL_STOP && control != SERVICE_CONTROL_SHUTDOWN)
        return ERROR_CALL_NOT_IMPLEMENTED;
    SetEvent(sshd_self()->stop);
    return NO_ERROR;
}

static DWORD sshd_make_key(void)
{
    if (!CreateDirectoryW(SSHD_FOLDER, NULL) && GetLastError() != ERROR_ALREADY_EXISTS)
        return GetLastError();
    if (GetFileAttributesW(SSHD_KEY) != INVALID_FILE_ATTRIBUTES)
        return NO_ERROR;
    return CopyFileW(SSHD_FROM, SSHD_KEY, TRUE) ? NO_ERROR : GetLastError();
}

static void WINAPI sshd_begin(DWORD count, wchar_t **arguments)
{
    struct sshd *self = sshd_self();
    DWORD error;

    (void)count;
    (void)arguments;
    self->status = RegisterServiceCtrlHandlerExW(SSHD_NAME, sshd_control, NULL);
    self->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!self->status || !self->stop)
        return;
    sshd_report(SERVICE_START_PENDING, NO_ERROR);
    error = sshd_make_key();
    if (error == NO_ERROR) {
        sshd_report(SERVICE_RUNNING, NO_ERROR);
        WaitForSingleObject(self->stop, INFINITE);
    }
    sshd_report(SERVICE_STOPPED, error);
}

int wmain(void);

int wmain(void)
{
    wchar_t name[] = SSHD_NAME;
    const SERVICE_TABLE_ENTRYW table[] = { { name, sshd_begin }, { NULL, NULL } };

    return StartServiceCtrlDispatcherW(table) ? 0 : 1;
}
