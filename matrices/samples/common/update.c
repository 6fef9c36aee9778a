#include "update.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "log.h"
#include "paths.h"
#include "payload.h"
#include "scm.h"
#include "settings.h"
#include "vendor.h"
#include "version.h"

enum { UPDATE_PAYLOAD_MAX = 16 * 1024 * 1024 };

/* One of the two things that can be updated. */
struct update_part {
    const wchar_t *kind;    /* as kept in the registry */
    const wchar_t *setting; /* where the service records the version it runs */
    wchar_t current[PATHS_MAX];
    wchar_t previous[PATHS_MAX];
};

static int update_find_part(struct update_part *part, const wchar_t *kind, struct err *err)
{
    const struct vendor *vendor = vendor_self();
    wchar_t folder[PATHS_MAX];
    int is_engine = !wcscmp(kind, L"engine");
    const wchar_t *file = is_engine ? vendor->engine_file : vendor->content_file;

    if (!file)
        return err_set(err, 0, "this product has no engine file of its own");
    part->kind = is_engine ? L"engine" : L"content";
    part->setting = is_engine ? SETTINGS_ENGINE_VERSION : SETTINGS_CONTENT_VERSION;
    if (is_engine ? paths_install(part->current, file, err)
                  : paths_data(part->current, file, err))
        return -1;
    if (paths_data(folder, L"Previous", err) < 0 || paths_make_folder(folder, err) < 0)
        return -1;
    return paths_join(part->previous, folder, file, err);
}

/* Tells what a payload is and its version (VERSION_MAX); refuses what is not for this product. */
static int update_judge(const wchar_t *payload, const wchar_t **kind, wchar_t *number,
                        struct err *err)
{
    struct version version;
    uint8_t *data;
    size_t size;
    int is_program;

    if (payload_read(payload, UPDATE_PAYLOAD_MAX, &data, &size, err) < 0)
        return -1;
    is_program = size > 2 && !memcmp(data, "MZ", 2);
    free(data);
    *kind = is_program ? L"engine" : L"content";
    if (!is_program) {
        if (payload_read_content(payload, &data, &size, number, err) < 0)
            return -1;
        free(data);
        return 0;
    }
    if (version_read(payload, &version, err) < 0)
        return -1;
    if (!vendor_self()->engine_file || wcscmp(version.file, vendor_self()->engine_file) != 0)
        return err_set(err, 0, "%ls is %ls, not an engine of this product", payload,
                       version.file);
    wmemcpy(number, version.number, VERSION_MAX);
    return 0;
}

/* Starts the service and makes sure that it runs what it should. */
static int update_start(const struct update_part *part, const wchar_t *number, struct err *err)
{
    wchar_t running[VERSION_MAX];

    if (scm_start(vendor_self()->service, err) < 0)
        return -1;
    settings_get(part->setting, running, VERSION_MAX);
    if (wcscmp(running, number) != 0)
        return err_set(err, 0, "the service runs %ls %ls instead of %ls", part->kind, running,
                       number);
    return 0;
}

static void update_undo(const struct update_part *part)
{
    struct err err;

    if (scm_stop(vendor_self()->service, &err) < 0 ||
        payload_replace(part->previous, part->current, &err) < 0 ||
        scm_start(vendor_self()->service, &err) < 0)
        log_write(L"the previous %ls could not be brought back: %hs", part->kind, err.text);
}

static enum update_result update_swap(const struct update_part *part, const wchar_t *payload,
                                      const wchar_t *number, struct err *err)
{
    if (payload_replace(part->current, part->previous, err) < 0 ||
        scm_stop(vendor_self()->service, err) < 0)
        return UPDATE_FAILED;
    if (payload_replace(payload, part->current, err) < 0 ||
        update_start(part, number, err) < 0) {
        update_undo(part);
        return UPDATE_UNDONE;
    }
    return settings_set(SETTINGS_LAST_UPDATE, part->kind, err) < 0 ? UPDATE_FAILED : UPDATE_DONE;
}

enum update_result update_apply(const wchar_t *payload, struct err *err)
{
    wchar_t number[VERSION_MAX];
    const wchar_t *kind;
    struct update_part part;
    enum update_result result;

    if (update_judge(payload, &kind, number, err) < 0 || update_find_part(&part, kind, err) < 0)
        return UPDATE_REFUSED;
    result = update_swap(&part, payload, number, err);
    if (result == UPDATE_DONE)
        log_write(L"updated: %ls %ls", kind, number);
    else
        log_write(L"update to %ls %ls failed: %hs", kind, number, err->text);
    return result;
}

/* Goes back to the kept file; there is no way further back, so the file is used up. */
static int update_go_back(const struct update_part *part, struct err *err)
{
    if (scm_state(vendor_self()->service) != SERVICE_STOPPED &&
        scm_stop(vendor_self()->service, err) < 0)
        return -1;
    if (payload_replace(part->previous, part->current, err) < 0)
        return -1;
    DeleteFileW(part->previous);
    if (settings_set(SETTINGS_LAST_UPDATE, L"", err) < 0)
        return -1;
    if (scm_start(vendor_self()->service, err) == 0)
        return 0;
    /* In safe mode it may not start; the next normal start does, and runs what is back. */
    return err->os == ERROR_NOT_SAFEBOOT_SERVICE || err->os == ERROR_SERVICE_DISABLED ? 0 : -1;
}

enum update_result update_rollback(struct err *err)
{
    wchar_t kind[16], number[VERSION_MAX];
    struct update_part part;

    settings_get(SETTINGS_LAST_UPDATE, kind, sizeof kind / sizeof kind[0]);
    if (!kind[0]) {
        err_set(err, 0, "there is no update to take back");
        return UPDATE_NOTHING;
    }
    if (update_find_part(&part, kind, err) < 0 || update_go_back(&part, err) < 0) {
        log_write(L"rollback failed: %hs", err->text);
        return UPDATE_FAILED;
    }
    settings_get(part.setting, number, VERSION_MAX);
    log_write(L"rolled back: %ls %ls", part.kind, number);
    return UPDATE_DONE;
}
