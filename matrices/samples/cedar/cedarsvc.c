/* CedarSvc scans nothing itself: it keeps cedarscan.exe alive. */
#include "service.h"
#include "worker.h"

static void *cedarsvc_start(struct err *err)
{
    return worker_open(err);
}

static void cedarsvc_stop(void *running)
{
    worker_close(running);
}

static HANDLE cedarsvc_failed(void *running)
{
    return worker_failed(running);
}

int main(void)
{
    static const struct service_body body = {
        .start = cedarsvc_start,
        .stop = cedarsvc_stop,
        .failed = cedarsvc_failed,
    };

    return service_main_run(&body);
}
