/* What an engine knows beside its content file. Each engine links one implementation. */
#ifndef SAMPLES_HEURISTIC_H
#define SAMPLES_HEURISTIC_H

#include <stddef.h>
#include <stdint.h>

/* Name of what the bytes look like (static storage), NULL when they look like nothing bad. */
const char *heuristic_judge(const uint8_t *data, size_t size);

#endif
