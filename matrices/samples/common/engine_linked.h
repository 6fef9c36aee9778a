/* The engine inside the program itself, for a product that has no engine DLL. */
#ifndef SAMPLES_ENGINE_LINKED_H
#define SAMPLES_ENGINE_LINKED_H

#include "engine.h"

/* NULL in programs that load their engine from a DLL. */
const struct engine_api *engine_linked_api(void);

#endif
