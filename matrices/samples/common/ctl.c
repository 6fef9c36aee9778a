/* The product's control tool: <vendor>ctl VERB [FILE]. Exit codes stand in enum ctl_exit. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "paths.h"
#include "scm.h"
#include "settings.h"
#include "update.h"
#include "vendor.h"
#include "version.h"

enum ctl_exit {
    CTL_EXIT_OK = 0,
    CTL_EXIT_USAGE = 1,
    CTL_EXIT_REFUSED = 2,   /* the payload is not for this product */
    CTL_EXIT_UNHEALTHY = 3, /* not running; or not with the update, which was taken back */
    CTL_EXIT_NOTHING = 4,   /* nothing to roll back */
    CTL_EXIT_SYSTEM = 5     /* Windows said no */
};

struct ctl_verb {
    const wchar_t *name;
    const char *argument; /* NULL: takes none */
    const char *about;
    enum ctl_exit (*run)(const wchar_t *argument);
};

static enum ctl_exit ctl_fail(enum ctl_exit code, const struct err *err)
{
    fprintf(stderr, "%sctl: %s (error %lu)\n", vendor_self()->id, err->text, err->os);
    return code;
}

static enum ctl_exit ctl_finish_update(enum update_result result, const struct err *err)
{
    static const enum ctl_exit codes[] = {
        [UPDATE_DONE] = CTL_EXIT_OK,
        [UPDATE_REFUSED] = CTL_EXIT_REFUSED,
        [UPDATE_UNDONE] = CTL_EXIT_UNHEALTHY,
        [UPDATE_NOTHING] = CTL_EXIT_NOTHING,
        [UPDATE_FAILED] = CTL_EXIT_SYSTEM,
    };

    return result == UPDATE_DONE ? CTL_EXIT_OK : ctl_fail(codes[result], err);
}

static enum ctl_exit ctl_update(const wchar_t *argument)
{
    wchar_t path[PATHS_MAX];
    struct err err = { .os = 0 };
    DWORD size = GetFullPathNameW(argument, PATHS_MAX, path, NULL);

    if (size == 0 || size >= PATHS_MAX) {
        err_set(&err, GetLastError(), "bad path");
        return ctl_fail(CTL_EXIT_REFUSED, &err);
    }
    return ctl_finish_update(update_apply(path, &err), &err);
}

static enum ctl_exit ctl_rollback(const wchar_t *argument)
{
    struct err err = { .os = 0 };

    (void)argument;
    return ctl_finish_update(update_rollback(&err), &err);
}

static const char *ctl_state_name(unsigned long state)
{
    switch (state) {
    case 0: return "missing";
    case SERVICE_RUNNING: return "running";
    case SERVICE_STOPPED: return "stopped";
    case SERVICE_START_PENDING: return "start-pending";
    case SERVICE_STOP_PENDING: return "stop-pending";
    default: return "unknown";
    }
}

static enum ctl_exit ctl_version(const wchar_t *argument)
{
    wchar_t engine[VERSION_MAX], content[VERSION_MAX];

    (void)argument;
    settings_get(SETTINGS_ENGINE_VERSION, engine, VERSION_MAX);
    settings_get(SETTINGS_CONTENT_VERSION, content, VERSION_MAX);
    printf("engine %ls\ncontent %ls\n", engine[0] ? engine : L"-", content[0] ? content : L"-");
    return CTL_EXIT_OK;
}

static enum ctl_exit ctl_status(const wchar_t *argument)
{
    const struct vendor *vendor = vendor_self();
    unsigned long state = scm_state(vendor->service);
    int healthy = state == SERVICE_RUNNING;

    printf("%ls %s\n", vendor->service, ctl_state_name(state));
    if (vendor->driver) {
        state = scm_state(vendor->driver);
        healthy = healthy && state == SERVICE_RUNNING;
        printf("%ls %s\n", vendor->driver, ctl_state_name(state));
    }
    ctl_version(argument);
    return healthy ? CTL_EXIT_OK : CTL_EXIT_UNHEALTHY;
}

static enum ctl_exit ctl_register(const wchar_t *argument)
{
    struct err err = { .os = 0 };

    (void)argument;
    if (scm_register(&err) < 0 || scm_start(vendor_self()->service, &err) < 0)
        return ctl_fail(CTL_EXIT_SYSTEM, &err);
    return CTL_EXIT_OK;
}

static enum ctl_exit ctl_unregister(const wchar_t *argument)
{
    struct err err = { .os = 0 };

    (void)argument;
    return scm_unregister(&err) < 0 ? ctl_fail(CTL_EXIT_SYSTEM, &err) : CTL_EXIT_OK;
}

static enum ctl_exit ctl_purge(const wchar_t *argument)
{
    struct err err = { .os = 0 };
    wchar_t folder[PATHS_MAX];

    (void)argument;
    settings_purge();
    if (paths_data(folder, NULL, &err) < 0 || paths_remove_tree(folder, &err) < 0)
        return ctl_fail(CTL_EXIT_SYSTEM, &err);
    return CTL_EXIT_OK;
}

static const struct ctl_verb ctl_verbs[] = {
    { L"update", "FILE", "take a content file or an engine, restart with it", ctl_update },
    { L"rollback", NULL, "go back to what was there before the last update", ctl_rollback },
    { L"status", NULL, "say what runs; exit code 0 when all of it does", ctl_status },
    { L"version", NULL, "say what the service has loaded", ctl_version },
    { L"register", NULL, "make and start the service (for the installer)", ctl_register },
    { L"unregister", NULL, "stop and remove the service (for the uninstaller)", ctl_unregister },
    { L"purge", NULL, "remove settings, content, quarantine and log", ctl_purge },
};

static enum ctl_exit ctl_usage(void)
{
    fprintf(stderr, "usage: %sctl VERB\n", vendor_self()->id);
    for (size_t i = 0; i < sizeof ctl_verbs / sizeof ctl_verbs[0]; i++)
        fprintf(stderr, "  %ls %-6s %s\n", ctl_verbs[i].name,
                ctl_verbs[i].argument ? ctl_verbs[i].argument : "", ctl_verbs[i].about);
    return CTL_EXIT_USAGE;
}

int wmain(int count, wchar_t **arguments); /* the C runtime's header does not declare it */

int wmain(int count, wchar_t **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof ctl_verbs / sizeof ctl_verbs[0]; i++) {
        const struct ctl_verb *verb = &ctl_verbs[i];

        if (wcscmp(arguments[1], verb->name) != 0)
            continue;
        if (count != (verb->argument ? 3 : 2))
            return ctl_usage();
        return verb->run(verb->argument ? arguments[2] : NULL);
    }
    return ctl_usage();
}
