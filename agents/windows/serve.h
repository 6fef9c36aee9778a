/* The agent over its two transports. Each returns a process exit code. */
#ifndef COEXIST_WINDOWS_SERVE_H
#define COEXIST_WINDOWS_SERVE_H

#include <wchar.h>

#include "common/plat.h"

/* Standard input and output; ends with the input. */
int serve_stdio(void);

/* A serial port ("COM2"), opened again whenever it is lost, until stop is set. */
int serve_serial(const wchar_t *port, struct plat_event *stop);

#endif
