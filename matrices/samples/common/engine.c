#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "content.h"
#include "heuristic.h"
#include "mask.h"
#include "match.h"
#include "notice.h"

enum {
    ENGINE_CHUNK = 256 * 1024,
    ENGINE_FILE_HEAD = 8 * 1024 * 1024 /* what lies behind this much of a file is not read */
};

struct engine {
    struct match *match;
    struct notice *notice;
    uint8_t *buffer; /* ENGINE_CHUNK bytes */
};

static const uint8_t engine_mask[CONTENT_MASK_SIZE] = MASK_TABLE;

static void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    notice_close(engine->notice);
    match_close(engine->match);
    free(engine->buffer);
    free(engine);
}

static struct engine *engine_open(const void *content, size_t size, struct err *err)
{
    struct engine *engine = calloc(1, sizeof *engine);
    const char *fault = "out of memory";

    if (engine) {
        engine->buffer = malloc(ENGINE_CHUNK);
        if (engine->buffer)
            engine->match = match_open(content, size, engine_mask, &fault);
    }
    if (!engine || !engine->match) {
        err_set(err, 0, "engine: %s", fault);
        engine_close(engine);
        return NULL;
    }
    if (notice_open(&engine->notice, err) < 0) {
        engine_close(engine);
        return NULL;
    }
    return engine;
}

static enum engine_result engine_result_of_error(DWORD os)
{
    switch (os) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
        return ENGINE_GONE;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_ACCESS_DENIED: /* also what an open of a file being deleted says */
    case ERROR_USER_MAPPED_FILE:
        return ENGINE_BUSY;
    default:
        return ENGINE_SKIPPED;
    }
}

static const char *engine_judge(struct engine *engine, size_t size)
{
    const char *name = match_find(engine->match, engine->buffer, size);

    return name ? name : heuristic_judge(engine->buffer, size);
}

/* Chunks overlap by one byte less than the longest pattern, so none is cut in two unseen. */
static enum engine_result engine_scan_handle(struct engine *engine, HANDLE file,
                                             struct engine_verdict *verdict)
{
    size_t overlap = match_longest(engine->match);
    size_t kept = 0, seen = 0;
    DWORD got = 0;

    while (seen < ENGINE_FILE_HEAD) {
        const char *name;

        if (!ReadFile(file, engine->buffer + kept, (DWORD)(ENGINE_CHUNK - kept), &got, NULL))
            return engine_result_of_error(GetLastError());
        if (!got)
            break;
        seen += got;
        name = engine_judge(engine, kept + got);
        if (name) {
            lstrcpynA(verdict->name, name, (int)sizeof verdict->name);
            return ENGINE_MATCH;
        }
        if (kept + got < overlap) {
            kept += got;
            continue;
        }
        memmove(engine->buffer, engine->buffer + kept + got - overlap, overlap);
        kept = overlap;
    }
    return seen ? ENGINE_CLEAN : ENGINE_SKIPPED;
}

static void engine_scan(struct engine *engine, const wchar_t *path, struct engine_verdict *verdict)
{
    HANDLE file = CreateFileW(path, GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);

    verdict->name[0] = 0;
    if (file == INVALID_HANDLE_VALUE) {
        verdict->result = engine_result_of_error(GetLastError());
        return;
    }
    verdict->result = engine_scan_handle(engine, file, verdict);
    CloseHandle(file);
}

static void engine_notice(struct engine *engine, const wchar_t *path)
{
    if (engine->notice)
        notice_change(engine->notice, path);
}

const struct engine_api *engine_get_api(uint32_t abi)
{
    static const struct engine_api api = {
        .abi = ENGINE_ABI,
        .open = engine_open,
        .close = engine_close,
        .scan = engine_scan,
        .notice = engine_notice,
    };

    return abi == ENGINE_ABI ? &api : NULL;
}
