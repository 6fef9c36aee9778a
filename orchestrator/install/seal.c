#include "install/seal.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "images/keys.h"
#include "images/publish.h"

#define SEAL_ASK_LIMIT_MS 120000
#define SEAL_COPY_LIMIT (INT64_C(60) * 60 * CLOCK_S)
enum { SEAL_MAX_OUTPUT = 65536 };

/* ---- attesting ------------------------------------------------------------------------------- */

/* A new reference: true, false, or null when the value is not there. */
static json_t *seal_registry_flag(struct guest *g, const char *key, const char *value, int64_t deadline) {
    json_t *args = json_pack("{s:s, s:s}", "key", key, "value", value);
    json_t *result = NULL;
    int rc = guest_call(g, "registry", args, deadline, &result, NULL);
    const char *data = rc == 0 ? json_string_value(json_object_get(result, "data")) : NULL;
    json_t *flag = data ? json_boolean(strcmp(data, "0") != 0) : json_null();
    json_decref(args);
    json_decref(result);
    return flag;
}

/* Windows' own answer as lines "NAME=value"; NULL: no PowerShell, or it failed. Caller frees. */
static char *seal_ask_windows(struct guest *g, int64_t deadline) {
    static const char command[] =
        "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command \""
        "$d = Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard Win32_DeviceGuard; "
        "'vbs=' + ($d.VirtualizationBasedSecurityStatus -eq 2); "
        "'hvci=' + ($d.SecurityServicesRunning -contains 2); "
        "'tpm=' + (Get-Tpm).TpmReady; "
        "Get-HotFix | ForEach-Object { 'update=' + $_.HotFixID }\"";
    struct guest_exec x = {0};
    char *text = NULL;
    if (guest_exec(g, command, SEAL_ASK_LIMIT_MS, SEAL_MAX_OUTPUT, deadline, &x, NULL) == 0 && x.exit_code == 0 &&
        !x.timed_out) {
        text = str_dup(str_get(&x.out));
    }
    guest_exec_free(&x);
    return text;
}

static json_t *seal_flag_in(const char *text, const char *name) {
    const char *at = text ? strstr(text, name) : NULL;
    if (!at) {
        return json_null();
    }
    at += strlen(name);
    return strncmp(at, "True", 4) == 0 ? json_true() : strncmp(at, "False", 5) == 0 ? json_false() : json_null();
}

static json_t *seal_updates_in(const char *text) {
    static const char word[] = "update=";
    if (!text || !strstr(text, "vbs=")) {
        return json_null();
    }
    json_t *list = json_array();
    for (const char *at = text; (at = strstr(at, word)); at += sizeof(word) - 1) {
        const char *name = at + sizeof(word) - 1;
        json_array_append_new(list, json_stringn(name, strcspn(name, "\r\n")));
    }
    return list;
}

json_t *install_attest(struct guest *g, const json_t *hello, int64_t deadline) {
    json_t *os = json_object_get(hello, "os");
    bool stand_in = json_is_string(json_object_get(os, "wine"));
    CLEANUP_FREE char *said = stand_in ? NULL : seal_ask_windows(g, deadline);
    json_t *secure = seal_registry_flag(g, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State",
                                        "UEFISecureBootEnabled", deadline);
    return json_pack("{s:O?, s:b, s:o, s:o, s:o, s:o, s:o}", "os", os, "stand_in", stand_in, "secure_boot", secure,
                     "tpm", seal_flag_in(said, "tpm="), "vbs", seal_flag_in(said, "vbs="), "hvci",
                     seal_flag_in(said, "hvci="), "updates", seal_updates_in(said));
}

int install_attest_check(const json_t *attested, const json_t *profile, struct err *err) {
    const char *firmware = json_string_value(json_object_get(profile, "firmware"));
    const char *tpm = json_string_value(json_object_get(profile, "tpm"));
    bool secure = str_eq(firmware, "uefi-secure");
    const json_t *said = json_object_get(attested, "secure_boot");
    if (secure && !json_is_true(said)) {
        return err_set(err, ERR_REFUSED, "the profile has Secure Boot, the guest says it is %s",
                       json_is_false(said) ? "off" : "not there");
    }
    if (!secure && json_is_true(said)) {
        return err_set(err, ERR_REFUSED, "the profile has no Secure Boot, the guest says it is on");
    }
    if (tpm && !str_eq(tpm, "none") && json_is_false(json_object_get(attested, "tpm"))) {
        return err_set(err, ERR_REFUSED, "the profile has a TPM, the guest says there is none that is ready");
    }
    return 0;
}

/* ---- switching off --------------------------------------------------------------------------- */

int install_shut_down(struct vm *vm, struct guest *g, int64_t deadline, struct err *err) {
    json_t *result = NULL;
    struct vm_event ev;
    int rc = guest_call(g, "shutdown", NULL, deadline, &result, err);
    json_decref(result);
    if (rc < 0) {
        return -1;
    }
    while ((rc = vm_next_event(vm, deadline, &ev, err)) > 0) {
        if (vm_state(vm) == VM_OFF) {
            return ev.type == VM_EVENT_SHUTDOWN
                       ? 0
                       : err_set(err, ERR_SYSTEM, "the machine ended by %s: %s", vm_event_name(ev.type), ev.detail);
        }
    }
    return rc < 0 ? -1 : err_set(err, ERR_TIMEOUT, "the guest was asked to switch off and did not");
}

/* ---- sealing --------------------------------------------------------------------------------- */

static int seal_copy_disk(const struct install_seal *s, struct err *err) {
    CLEANUP_FREE char *to = fs_join(s->out, "disk.qcow2");
    const char *argv[] = {"qemu-img", "convert", "-c", "-m", "1", "-O", "qcow2", "-o", "compression_type=zstd",
                          vm_disk_path(s->vm), to, NULL};
    struct proc_opts o = {.timeout_ns = SEAL_COPY_LIMIT};
    return proc_check(argv, &o, err);
}

static int seal_make(const struct install_seal *s, struct err *err) {
    json_t *files = json_array();
    json_object_set_new(s->manifest, "files", files);
    if (seal_copy_disk(s, err) < 0 || image_add_file(files, s->out, "disk.qcow2", "disk", err) < 0) {
        return -1;
    }
    const char *nvram = vm_nvram_path(s->vm);
    CLEANUP_FREE char *to = fs_join(s->out, "nvram.fd");
    if (nvram && (fs_copy(nvram, to, err) < 0 || image_add_file(files, s->out, "nvram.fd", "nvram", err) < 0)) {
        return -1;
    }
    if (s->keys_dir && image_keys_put(s->keys_dir, s->out, err) < 0) {
        return -1;
    }
    return image_write_manifest(s->out, s->manifest, err) < 0 ? -1
                                                              : image_publish(s->out, s->final, s->manifest, err);
}

int install_seal(const struct install_seal *s, struct err *err) {
    if (fs_remove_tree(s->out, err) < 0 || fs_mkdirs(s->out, err) < 0) {
        return -1;
    }
    int rc = seal_make(s, err);
    if (rc < 0) {
        fs_remove_tree(s->out, NULL);
        err_prefix(err, "seal");
    }
    return rc;
}
