#include <stdio.h>
#include <windows.h>

#include "common/version.h"
#include "proto/proto.h"
#include "windows/options.h"
#include "windows/serve.h"
#include "windows/service.h"

int wmain(int argc, wchar_t **argv);

static const char main_synopsis[] =
    "usage: agent MODE [--port COM2]\n"
    "  --stdio      serve standard input and output (over SSH)\n"
    "  --serial     serve the serial port, from a console\n"
    "  --install    register the service coexist-agent on the port, to start by itself\n"
    "  --uninstall  stop and remove that service\n"
    "  --service    what the service manager runs\n"
    "  --stay MS    be an application that ends after so many milliseconds (workload launch)\n"
    "  --version    print the version and end\n"
    "  --help       print this and end\n";

static int main_serial(const wchar_t *port)
{
    struct plat_event *never = plat_event_new(); /* Ctrl-C ends the process */
    return never == NULL ? 1 : serve_serial(port, never);
}

static int main_run(const struct options *o)
{
    switch (o->mode) {
    case OPTIONS_STDIO:
        return serve_stdio();
    case OPTIONS_SERIAL:
        return main_serial(o->port);
    case OPTIONS_SERVICE:
        return service_run();
    case OPTIONS_INSTALL:
        return service_install(o->port);
    case OPTIONS_UNINSTALL:
        return service_uninstall();
    case OPTIONS_STAY:
        Sleep(o->stay_ms);
        return 0;
    case OPTIONS_VERSION:
        return printf("coexist agent %s, protocol %d\n", AGENT_VERSION, PROTO_VERSION) < 0;
    case OPTIONS_HELP:
        return fputs(main_synopsis, stdout) < 0;
    case OPTIONS_NONE:
        break;
    }
    fputs(main_synopsis, stderr);
    return 2;
}

int wmain(int argc, wchar_t **argv)
{
    struct options o;

    (void)argc;
    (void)argv;
    options_read(&o);
    int rc = main_run(&o);
    options_free(&o);
    return rc;
}
