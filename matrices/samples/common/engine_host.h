/* The service's side of the engine: loads it, loads its content, tells what was loaded. */
#ifndef SAMPLES_ENGINE_HOST_H
#define SAMPLES_ENGINE_HOST_H

#include "engine.h"
#include "err.h"

struct engine_host;

/*
 * Loads the engine DLL beside the program (or takes the one linked in) and the content file,
 * then records both versions in the registry: what stands there is what really runs.
 */
struct engine_host *engine_host_open(struct err *err);
void engine_host_close(struct engine_host *host);

void engine_host_scan(struct engine_host *host, const wchar_t *path,
                      struct engine_verdict *verdict);
void engine_host_notice(struct engine_host *host, const wchar_t *path);

#endif
