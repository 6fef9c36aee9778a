/* The agent as a Windows service. Each returns a process exit code and says why on stderr. */
#ifndef COEXIST_WINDOWS_SERVICE_H
#define COEXIST_WINDOWS_SERVICE_H

#include <wchar.h>

#define SERVICE_NAME L"coexist-agent"

/* Called by the service manager's start of the process; port comes again from the command line. */
int service_run(void);
/* Registers this very file, to start automatically; an older registration is replaced. */
int service_install(const wchar_t *port);
/* Stops and removes it. */
int service_uninstall(void);

#endif
