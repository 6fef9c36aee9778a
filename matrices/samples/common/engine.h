/*
 * The contract between a sample product's service and its scan engine. The engine is a DLL that
 * exports engine_get_api, or, for a product with one executable, the same function linked in.
 */
#ifndef SAMPLES_ENGINE_H
#define SAMPLES_ENGINE_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "err.h"

enum { ENGINE_ABI = 1 };

enum engine_result {
    ENGINE_CLEAN,
    ENGINE_MATCH,  /* verdict.name says what it is */
    ENGINE_BUSY,   /* somebody keeps it from being read: try again later */
    ENGINE_GONE,   /* no longer there: nothing to do */
    ENGINE_SKIPPED /* a folder, empty, or not readable for good */
};

struct engine_verdict {
    enum engine_result result;
    char name[64];
};

struct engine;

struct engine_api {
    uint32_t abi;

    /* content: a whole content file, copied. NULL with err set when it is refused. */
    struct engine *(*open)(const void *content, size_t size, struct err *err);

    /* Waits for everything the engine started. */
    void (*close)(struct engine *engine);

    /* Reads one file and judges it. Called from one thread at a time. */
    void (*scan)(struct engine *engine, const wchar_t *path, struct engine_verdict *verdict);

    /*
     * May be NULL. Told of every change outside Program Files as it happens, from the watching
     * thread: must return at once.
     */
    void (*notice)(struct engine *engine, const wchar_t *path);
};

typedef const struct engine_api *engine_get_api_fn(uint32_t abi);

/* NULL when this engine does not speak that ABI. */
engine_get_api_fn engine_get_api;

#endif
