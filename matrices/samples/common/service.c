#include "service.h"

#include <stdio.h>

#include "log.h"
#include "vendor.h"

enum { SERVICE_WAIT_HINT_MS = 30000, SERVICE_EXIT_START = 1, SERVICE_EXIT_FAILED = 2 };

/* The SCM calls service_begin with no context of ours: this one constant pointer is it. */
struct service {
    const struct service_body *body;
    SERVICE_STATUS_HANDLE status;
    HANDLE stop;
};

static struct service *service_self(void)
{
    static struct service self;

    return &self;
}

static void service_report(struct service *service, DWORD state, DWORD specific)
{
    int pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwControlsAccepted = state == SERVICE_RUNNING
            ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
        .dwWin32ExitCode = specific ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR,
        .dwServiceSpecificExitCode = specific,
        .dwWaitHint = pending ? SERVICE_WAIT_HINT_MS : 0,
    };

    SetServiceStatus(service->status, &status);
}

static DWORD WINAPI service_control(DWORD control, DWORD type, void *data, void *context)
{
    struct service *service = context;

    (void)type;
    (void)data;
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        service_report(service, SERVICE_STOP_PENDING, 0);
        SetEvent(service->stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

/* Waits for stop or failure; returns the service-specific exit code. */
static DWORD service_wait(struct service *service, void *running)
{
    HANDLE handles[2] = { service->stop, NULL };
    DWORD count = 1;

    if (service->body->failed)
        handles[count++] = service->body->failed(running);
    if (WaitForMultipleObjects(count, handles, FALSE, INFINITE) == WAIT_OBJECT_0)
        return 0;
    log_write(L"the protection failed: the service stops");
    return SERVICE_EXIT_FAILED;
}

static void WINAPI service_begin(DWORD count, wchar_t **arguments)
{
    struct service *service = service_self();
    struct err err = { .os = 0 };
    DWORD specific = SERVICE_EXIT_START;
    void *running;

    (void)count;
    (void)arguments;
    service->status = RegisterServiceCtrlHandlerExW(vendor_self()->service, service_control,
                                                    service);
    if (!service->status)
        return;
    service_report(service, SERVICE_START_PENDING, 0);
    running = service->body->start(&err);
    if (running) {
        service_report(service, SERVICE_RUNNING, 0);
        specific = service_wait(service, running);
        service_report(service, SERVICE_STOP_PENDING, 0);
        service->body->stop(running);
    } else {
        log_write(L"cannot start: %hs (error %lu)", err.text, err.os);
    }
    service_report(service, SERVICE_STOPPED, specific);
}

int service_main_run(const struct service_body *body)
{
    wchar_t name[64];
    SERVICE_TABLE_ENTRYW table[] = { { name, service_begin }, { NULL, NULL } };
    struct service *service = service_self();
    int ok;

    lstrcpynW(name, vendor_self()->service, 64);
    service->body = body;
    service->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!service->stop)
        return 1;
    ok = StartServiceCtrlDispatcherW(table);
    if (!ok)
        fprintf(stderr, "%s is a service: it is started by the service manager\n",
                vendor_self()->id);
    CloseHandle(service->stop);
    return ok ? 0 : 1;
}
