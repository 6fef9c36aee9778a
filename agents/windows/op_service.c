/* services, drivers, service: what the service control manager knows. */
#include <stdlib.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/text.h"

/* QueryServiceConfig's documented maximum (its remarks): 8 KiB. */
#define SERVICE_CONFIG_BYTES 8192
/* EnumServicesStatusEx returns at most 256 KiB per call; the rest comes with further calls. */
#define SERVICE_ENUM_BYTES (256 * 1024)

static const char *service_state_name(DWORD state)
{
    static const char *const names[] = {"unknown",      "stopped", "start-pending",
                                        "stop-pending", "running", "continue-pending",
                                        "pause-pending", "paused"};
    return state < sizeof names / sizeof names[0] ? names[state] : names[0];
}

static const char *service_start_name(DWORD start)
{
    static const char *const names[] = {"boot", "system", "auto", "demand", "disabled"};
    return start < sizeof names / sizeof names[0] ? names[start] : "unknown";
}

static const char *service_type_name(DWORD type)
{
    if (type & SERVICE_FILE_SYSTEM_DRIVER)
        return "filesystem";
    if (type & SERVICE_KERNEL_DRIVER)
        return "kernel";
    if (type & SERVICE_RECOGNIZER_DRIVER)
        return "recognizer";
    if (type & SERVICE_ADAPTER)
        return "adapter";
    return type & SERVICE_WIN32_SHARE_PROCESS ? "share"
           : type & SERVICE_WIN32_OWN_PROCESS ? "own"
                                              : "unknown";
}

static void service_write_config(struct jsonw *w, SC_HANDLE service)
{
    QUERY_SERVICE_CONFIGW *config = malloc(SERVICE_CONFIG_BYTES);
    DWORD need;

    if (config != NULL && QueryServiceConfigW(service, config, SERVICE_CONFIG_BYTES, &need)) {
        jsonw_put_string(w, "start", service_start_name(config->dwStartType));
        guest_put_wide(w, "display", config->lpDisplayName);
        guest_put_wide(w, "path", config->lpBinaryPathName);
    }
    free(config);
}

static void service_write(struct jsonw *w, SC_HANDLE service, const wchar_t *name,
                          const SERVICE_STATUS_PROCESS *st)
{
    bool specific = st->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR;

    guest_put_wide(w, "name", name);
    jsonw_put_string(w, "state", service_state_name(st->dwCurrentState));
    jsonw_put_string(w, "type", service_type_name(st->dwServiceType));
    jsonw_put_u64(w, "pid", st->dwProcessId);
    jsonw_put_u64(w, "exit_code", specific ? st->dwServiceSpecificExitCode : st->dwWin32ExitCode);
    if (service != NULL)
        service_write_config(w, service);
}

static int service_row(struct request *rq, SC_HANDLE manager,
                       const ENUM_SERVICE_STATUS_PROCESSW *row, struct op_error *err)
{
    if (request_stopped(rq, err))
        return -1;
    SC_HANDLE service = OpenServiceW(manager, row->lpServiceName, SERVICE_QUERY_CONFIG);
    struct jsonw *w = request_item_begin(rq);
    service_write(w, service, row->lpServiceName, &row->ServiceStatusProcess);
    if (service != NULL)
        CloseServiceHandle(service);
    return request_item_end(rq, err);
}

static int service_enumerate(struct request *rq, SC_HANDLE manager, DWORD type, uint64_t *count,
                             struct op_error *err)
{
    ENUM_SERVICE_STATUS_PROCESSW *rows = malloc(SERVICE_ENUM_BYTES);
    DWORD need = 0, n = 0, resume = 0;
    BOOL done;
    int rc = 0;

    if (rows == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    do {
        done = EnumServicesStatusExW(manager, SC_ENUM_PROCESS_INFO, type, SERVICE_STATE_ALL,
                                     (BYTE *)rows, SERVICE_ENUM_BYTES, &need, &n, &resume, NULL);
        if (!done && GetLastError() != ERROR_MORE_DATA)
            rc = guest_fail(err, "service list");
        for (DWORD i = 0; i < n && rc == 0; i++, ++*count)
            rc = service_row(rq, manager, &rows[i], err);
    } while (!done && rc == 0 && n > 0);
    free(rows);
    return rc;
}

static int service_list(struct request *rq, DWORD type, struct jsonw *result, struct op_error *err)
{
    uint64_t count = 0;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL,
                                       SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE);
    if (manager == NULL)
        return guest_fail(err, "service manager");
    int rc = service_enumerate(rq, manager, type, &count, err);
    CloseServiceHandle(manager);
    jsonw_put_u64(result, "count", count);
    return rc;
}

int op_services(struct request *rq, struct jsonw *result, struct op_error *err)
{
    return service_list(rq, SERVICE_WIN32 | SERVICE_DRIVER, result, err);
}

int op_drivers(struct request *rq, struct jsonw *result, struct op_error *err)
{
    return service_list(rq, SERVICE_DRIVER, result, err);
}

static int service_write_one(const wchar_t *name, SC_HANDLE manager, struct jsonw *result,
                             struct op_error *err)
{
    SERVICE_STATUS_PROCESS st;
    DWORD need;
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS);

    if (service == NULL)
        return guest_fail(err, "service");
    int rc = 0;
    if (QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&st, sizeof st, &need))
        service_write(result, service, name, &st);
    else
        rc = guest_fail(err, "service status");
    CloseServiceHandle(service);
    return rc;
}

int op_service(struct request *rq, struct jsonw *result, struct op_error *err)
{
    char *name;
    int rc;

    if (request_arg_string(rq, "name", &name, err) < 0)
        return -1;
    wchar_t *wide = text_to_wide(name);
    free(name);
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (wide == NULL)
        rc = op_fail(err, PROTO_ERR_BUSY, "out of memory");
    else if (manager == NULL)
        rc = guest_fail(err, "service manager");
    else
        rc = service_write_one(wide, manager, result, err);
    if (manager != NULL)
        CloseServiceHandle(manager);
    free(wide);
    return rc;
}
