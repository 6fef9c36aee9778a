/* A service whose protection runs inside its own process. */
#include "guard.h"
#include "service.h"

static void *service_guard_start(struct err *err)
{
    return guard_open(err);
}

static void service_guard_stop(void *running)
{
    guard_close(running);
}

int main(void)
{
    static const struct service_body body = {
        .start = service_guard_start,
        .stop = service_guard_stop,
    };

    return service_main_run(&body);
}
