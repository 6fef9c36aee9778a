#include "engine_host.h"

#include <stdlib.h>
#include <windows.h>

#include "engine_linked.h"
#include "log.h"
#include "paths.h"
#include "payload.h"
#include "settings.h"
#include "vendor.h"
#include "version.h"

struct engine_host {
    HMODULE module; /* NULL when the engine is linked in */
    const struct engine_api *api;
    struct engine *engine;
};

static int engine_host_load(struct engine_host *host, const wchar_t *path, struct err *err)
{
    engine_get_api_fn *get_api;

    host->module = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    if (!host->module)
        return err_set(err, GetLastError(), "cannot load engine %ls", path);
    get_api = (engine_get_api_fn *)(void (*)(void))GetProcAddress(host->module, "engine_get_api");
    host->api = get_api ? get_api(ENGINE_ABI) : NULL;
    return host->api ? 0 : err_set(err, 0, "%ls is not an engine for this product", path);
}

static int engine_host_find(struct engine_host *host, struct err *err)
{
    wchar_t path[PATHS_MAX];
    struct version version;
    int linked = !vendor_self()->engine_file;

    if (paths_install(path, linked ? vendor_self()->service_file : vendor_self()->engine_file,
                      err) < 0)
        return -1;
    if (linked)
        host->api = engine_linked_api();
    else if (engine_host_load(host, path, err) < 0)
        return -1;
    if (version_read(path, &version, err) < 0)
        return -1;
    log_write(L"engine %ls: %ls", version.number, path);
    return settings_set(SETTINGS_ENGINE_VERSION, version.number, err);
}

static int engine_host_fill(struct engine_host *host, struct err *err)
{
    wchar_t path[PATHS_MAX], version[VERSION_MAX];
    uint8_t *content;
    size_t size;

    if (paths_data(path, vendor_self()->content_file, err) < 0 ||
        payload_read_content(path, &content, &size, version, err) < 0)
        return -1;
    host->engine = host->api->open(content, size, err);
    free(content);
    if (!host->engine)
        return -1;
    log_write(L"content %ls: %ls", version, path);
    return settings_set(SETTINGS_CONTENT_VERSION, version, err);
}

struct engine_host *engine_host_open(struct err *err)
{
    struct engine_host *host = calloc(1, sizeof *host);

    if (!host) {
        err_set(err, ERROR_OUTOFMEMORY, "out of memory");
        return NULL;
    }
    if (engine_host_find(host, err) < 0 || engine_host_fill(host, err) < 0) {
        engine_host_close(host);
        return NULL;
    }
    return host;
}

void engine_host_close(struct engine_host *host)
{
    if (!host)
        return;
    if (host->engine)
        host->api->close(host->engine);
    if (host->module)
        FreeLibrary(host->module);
    free(host);
}

void engine_host_scan(struct engine_host *host, const wchar_t *path,
                      struct engine_verdict *verdict)
{
    host->api->scan(host->engine, path, verdict);
}

void engine_host_notice(struct engine_host *host, const wchar_t *path)
{
    if (host->api->notice)
        host->api->notice(host->engine, path);
}
