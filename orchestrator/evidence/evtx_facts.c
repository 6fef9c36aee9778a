/* What single events mean. Data of an event are found by the names of its manifest, and by position where older ones
 * have none. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/evtx.h"
#include "evidence/stop_code.h"

static const char *const event_kinds[] = {
    "other",     "bugcheck",  "unexpected-off", "service-crash", "service-failed", "service-new", "boot-time",
    "app-crash", "app-hang",  "malware",        "protection",    "update",         "disk",        "boot",
    "code-integrity",
};
static_assert(ARRAY_LEN(event_kinds) == EVENT_KIND_COUNT, "a name for every kind of event");

const char *event_kind_name(enum event_kind k) {
    return (unsigned)k < EVENT_KIND_COUNT ? event_kinds[k] : "other";
}

const char *event_datum(const struct event_record *r, const char *name, size_t at) {
    bool named = false;
    for (size_t i = 0; i < r->data_count; i++) {
        if (str_eq_nocase(r->data[i].name, name)) {
            return r->data[i].value;
        }
        named = named || *r->data[i].name;
    }
    return !named && at < r->data_count ? r->data[at].value : "";
}

/* File name at the end of a Windows path. */
static const char *event_base_name(const char *path) {
    const char *name = path;
    for (const char *p = path; *p; p++) {
        if ((*p == '\\' || *p == '/') && p[1]) {
            name = p + 1;
        }
    }
    return name;
}

static void event_set_module(struct event_record *r, const char *path) {
    const char *name = event_base_name(path);
    if (*name && strlen(name) < 128) {
        free(r->module);
        r->module = str_dup(name);
    }
}

__attribute__((format(printf, 2, 3))) static void event_say(struct event_record *r, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    va_end(ap);
    free(r->text);
    r->text = text;
}

/* "0x0000007e (0x..., ...)" or "126" */
static void event_bugcheck_code(struct event_record *r, const char *text, int base) {
    char *end = NULL;
    unsigned long long code = strtoull(text, &end, base);
    if (end != text && code > 0 && code <= UINT32_MAX) {
        r->has_code = true;
        r->code = (uint32_t)code;
    }
}

static void event_say_bugcheck(struct event_record *r, const char *rest) {
    const char *name = stop_code_name(r->code);
    event_say(r, "the system stopped: 0x%" PRIX32 "%s%s%s%s", r->code, name ? " " : "", name ? name : "",
              *rest ? " " : "", rest);
}

static void event_bugcheck(struct event_record *r) {
    const char *what = event_datum(r, "param1", 0);
    const char *params = strchr(what, '(');
    event_bugcheck_code(r, what, 0);
    event_say_bugcheck(r, params ? params : "");
}

static void event_power(struct event_record *r) {
    event_bugcheck_code(r, event_datum(r, "BugcheckCode", 0), 0);
    if (!r->has_code) {
        r->kind = EVENT_UNEXPECTED_OFF;
        event_say(r, "the system went down without being shut down, no bug check");
        return;
    }
    CLEANUP_FREE char *params = str_printf(
        "(%s, %s, %s, %s)", event_datum(r, "BugcheckParameter1", 1), event_datum(r, "BugcheckParameter2", 2),
        event_datum(r, "BugcheckParameter3", 3), event_datum(r, "BugcheckParameter4", 4));
    event_say_bugcheck(r, params);
}

static void event_off(struct event_record *r) {
    event_say(r, "the shutdown before this start was not expected (%s %s)", event_datum(r, "", 1),
              event_datum(r, "", 0));
}

static void event_service(struct event_record *r) {
    const char *one = event_datum(r, "param1", 0), *two = event_datum(r, "param2", 1);
    switch (r->event) {
    case 7031:
    case 7034:
        event_say(r, "service %s ended unexpectedly (time %s)", one, two);
        break;
    case 7000:
        event_say(r, "service %s failed to start: %s", one, two);
        break;
    case 7009:
        event_say(r, "service %s did not connect within %s ms", two, one);
        break;
    case 7026:
        event_say(r, "boot or system drivers did not load: %s", one);
        break;
    default:
        event_say(r, "service %s ended with an error: %s", one, two);
    }
}

static void event_service_new(struct event_record *r) {
    const char *path = event_datum(r, "ImagePath", 1);
    event_say(r, "service installed: %s (%s, %s)", event_datum(r, "ServiceName", 0), path,
              event_datum(r, "ServiceType", 2));
    if (!strchr(event_base_name(path), ' ')) {
        event_set_module(r, path);
    }
}

static void event_boot_time(struct event_record *r) {
    event_say(r, "boot took %s ms (%s ms to the desktop)", event_datum(r, "BootTime", 5),
              event_datum(r, "MainPathBootTime", 6));
}

/* AppName, AppVersion, AppTimeStamp, ModuleName, ModuleVersion, ModuleTimeStamp, ExceptionCode, FaultingOffset, ... */
static void event_app_crash(struct event_record *r) {
    const char *code = event_datum(r, "ExceptionCode", 6);
    event_say(r, "%s crashed in %s, exception %s%s at offset %s", event_datum(r, "AppName", 0),
              event_datum(r, "ModuleName", 3), strncmp(code, "0x", 2) == 0 ? "" : "0x", code,
              event_datum(r, "FaultingOffset", 7));
    event_set_module(r, event_datum(r, "AppName", 0));
}

static void event_dotnet(struct event_record *r) {
    const char *text = event_datum(r, "", 0), *name = strstr(text, "Application: ");
    size_t len = strcspn(text, "\r\n");
    event_say(r, ".NET: %.*s", (int)(len < 200 ? len : 200), text);
    if (name) {
        CLEANUP_FREE char *app = str_printf("%.*s", (int)strcspn(name + 13, "\r\n"), name + 13);
        event_set_module(r, app);
    }
}

static void event_app_hang(struct event_record *r) {
    event_say(r, "%s stopped answering and was closed", event_datum(r, "AppName", 0));
    event_set_module(r, event_datum(r, "AppName", 0));
}

static void event_malware(struct event_record *r) {
    event_say(r, "Defender found %s in %s%s%s", event_datum(r, "Threat Name", 7), event_datum(r, "Path", 21),
              r->event == 1117 || r->event == 1007 ? ", action: " : "",
              r->event == 1117 || r->event == 1007 ? event_datum(r, "Action Name", 30) : "");
}

static void event_protection(struct event_record *r) {
    const char *what = r->event == 5001   ? "real-time protection is off"
                       : r->event == 5010 ? "scanning for malware is off"
                       : r->event == 2001 ? "a signature update failed"
                                          : "real-time protection failed";
    const char *error = event_datum(r, "Error Code", 9);
    event_say(r, "Defender: %s%s%s", what, *error ? ", error " : "", error);
}

static void event_update(struct event_record *r) {
    const char *title = event_datum(r, "updateTitle", r->event == 20 ? 1 : 0);
    event_say(r, "update %s: %s%s%s", r->event == 19 ? "installed" : "failed", title,
              r->event == 20 ? ", error " : "", r->event == 20 ? event_datum(r, "errorCode", 0) : "");
}

static void event_disk(struct event_record *r) {
    const char *where = event_datum(r, "DriveName", 0);
    where = *where ? where : event_datum(r, "DeviceName", 0);
    event_say(r, "%s %" PRIu32 " on %s: %s", r->provider, r->event, *where ? where : "a volume",
              r->event == 7    ? "a bad block"
              : r->event == 51 ? "an error while paging"
                               : "the file system's structure is damaged");
}

static void event_boot(struct event_record *r) {
    event_say(r, r->event == 12 ? "the system started" : "the system is shutting down");
}

static void event_integrity(struct event_record *r) {
    const char *file = event_datum(r, "File Name", r->event == 3077 ? 1 : 1);
    event_say(r, "code integrity refused %s", *file ? file : event_datum(r, "FileNameBuffer", 1));
    event_set_module(r, *file ? file : event_datum(r, "FileNameBuffer", 1));
}

static const struct event_meaning {
    const char *provider; /* the end of its name: old and new names differ in front */
    uint32_t event;
    enum event_kind kind;
    void (*say)(struct event_record *r);
} event_meanings[] = {
    {"WER-SystemErrorReporting", 1001, EVENT_BUGCHECK, event_bugcheck},
    {"BugCheck", 1001, EVENT_BUGCHECK, event_bugcheck},
    {"Kernel-Power", 41, EVENT_BUGCHECK, event_power},
    {"EventLog", 6008, EVENT_UNEXPECTED_OFF, event_off},
    {"Service Control Manager", 7031, EVENT_SERVICE_CRASH, event_service},
    {"Service Control Manager", 7034, EVENT_SERVICE_CRASH, event_service},
    {"Service Control Manager", 7000, EVENT_SERVICE_FAILED, event_service},
    {"Service Control Manager", 7009, EVENT_SERVICE_FAILED, event_service},
    {"Service Control Manager", 7023, EVENT_SERVICE_FAILED, event_service},
    {"Service Control Manager", 7024, EVENT_SERVICE_FAILED, event_service},
    {"Service Control Manager", 7026, EVENT_SERVICE_FAILED, event_service},
    {"Service Control Manager", 7045, EVENT_SERVICE_NEW, event_service_new},
    {"Diagnostics-Performance", 100, EVENT_BOOT_TIME, event_boot_time},
    {"Application Error", 1000, EVENT_APP_CRASH, event_app_crash},
    {".NET Runtime", 1026, EVENT_APP_CRASH, event_dotnet},
    {"Application Hang", 1002, EVENT_APP_HANG, event_app_hang},
    {"Windows Defender", 1006, EVENT_MALWARE, event_malware},
    {"Windows Defender", 1007, EVENT_MALWARE, event_malware},
    {"Windows Defender", 1116, EVENT_MALWARE, event_malware},
    {"Windows Defender", 1117, EVENT_MALWARE, event_malware},
    {"Windows Defender", 5001, EVENT_PROTECTION, event_protection},
    {"Windows Defender", 5010, EVENT_PROTECTION, event_protection},
    {"Windows Defender", 2001, EVENT_PROTECTION, event_protection},
    {"Windows Defender", 3002, EVENT_PROTECTION, event_protection},
    {"WindowsUpdateClient", 19, EVENT_UPDATE, event_update},
    {"WindowsUpdateClient", 20, EVENT_UPDATE, event_update},
    {"volsnap", 7, EVENT_DISK, event_disk},
    {"volsnap", 51, EVENT_DISK, event_disk},
    {"volsnap", 55, EVENT_DISK, event_disk},
    {"disk", 7, EVENT_DISK, event_disk},
    {"disk", 51, EVENT_DISK, event_disk},
    {"disk", 55, EVENT_DISK, event_disk},
    {"ntfs", 7, EVENT_DISK, event_disk},
    {"ntfs", 51, EVENT_DISK, event_disk},
    {"ntfs", 55, EVENT_DISK, event_disk},
    {"Kernel-General", 12, EVENT_BOOT, event_boot},
    {"Kernel-General", 13, EVENT_BOOT, event_boot},
    {"CodeIntegrity", 3033, EVENT_CODE_INTEGRITY, event_integrity},
    {"CodeIntegrity", 3077, EVENT_CODE_INTEGRITY, event_integrity},
};

/* "Microsoft-Windows-Kernel-Power" is meant by "Kernel-Power", "Disk" by "disk"; "Contoso-Kernel-Power" is not. */
static bool event_provider_is(const char *provider, const char *wanted) {
    static const char vendor[] = "Microsoft-Windows-";
    if (strncasecmp(provider, vendor, sizeof(vendor) - 1) == 0) {
        provider += sizeof(vendor) - 1;
    }
    return str_eq_nocase(provider, wanted);
}

void event_find_fact(struct event_record *r) {
    for (size_t i = 0; i < ARRAY_LEN(event_meanings); i++) {
        const struct event_meaning *m = &event_meanings[i];
        if (m->event == r->event && event_provider_is(r->provider, m->provider)) {
            r->kind = m->kind;
            m->say(r);
            return;
        }
    }
}
