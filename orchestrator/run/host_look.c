#include "run/host_look.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "run/host_files.h"
#include "vm/libvirt_host.h"

enum { LOOK_S = 120, LOOK_FAILED = 3 };

/* ---- in the process -------------------------------------------------------------------------- */

struct look {
    struct libvirt_host *there;
    json_t *images;
};

static int look_image(const char *name, const struct image *image, const char *why, void *ctx) {
    struct look *l = ctx;
    struct host_file files[HOST_FILES];
    (void)why;
    if (!image || host_files_of(image, files, NULL) < 0) {
        return 0; /* an image that cannot be opened is somebody else's finding */
    }
    bool has = true;
    for (int i = 0; i < HOST_FILES; i++) {
        has = has && (!files[i].name || libvirt_host_has(l->there, files[i].name));
    }
    json_object_set_new(l->images, name, json_boolean(has));
    host_files_clear(files);
    return 0;
}

static json_t *look_at(struct libvirt_host *there, const char *lab_dir, struct err *err) {
    struct libvirt_host_info info;
    char why[256] = "";
    bool kvm = false;
    CLEANUP_FREE char *cache = fs_join(lab_dir, "cache");
    if (libvirt_host_look(there, &info, err) < 0 ||
        libvirt_host_probe(there, "kvm", &kvm, why, err) < 0 || fs_mkdirs(cache, err) < 0) {
        return NULL;
    }
    struct look l = {there, json_object()};
    image_each(lab_dir, look_image, &l, NULL);
    return json_pack("{s:s, s:i, s:I, s:I, s:I, s:b, s:s, s:b, s:o}", "version", info.version, "cpus",
                     info.cpus, "memory", (json_int_t)info.memory, "memory_free",
                     (json_int_t)info.memory_free, "disk_free", (json_int_t)info.disk_free, "kvm", kvm,
                     "why", why, "seen", libvirt_host_sees(there, cache), "images", l.images);
}

int host_look_main(const char *host, const char *lab_dir, struct log *log) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct hosts_one one = {.slots = 0};
    json_t *j = json_loads(host, 0, NULL), *found = NULL;
    CLEANUP_FREE char *lab = hosts_lab_id(lab_dir, &err);
    struct libvirt_host *there = NULL;
    if (lab && hosts_from_json(j, &one, &err) == 0) {
        there = libvirt_host_open(one.uri.text, lab, one.folder, log, &err);
        found = there ? look_at(there, lab_dir, &err) : NULL;
    }
    json_decref(j);
    int rc = found ? 0 : LOOK_FAILED;
    found = found ? found : json_pack("{s:s}", "error", err_text(&err));
    json_dumpf(found, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(found);
    libvirt_host_close(there);
    hosts_one_clear(&one);
    return rc;
}

/* ---- its caller ------------------------------------------------------------------------------ */

/* Runs this program with a hidden verb on the host; `more` may be NULL. */
static int look_run(const struct hosts_one *one, const char *lab_dir, const char *verb, const char *more,
                    struct proc_result *res, struct err *err) {
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (n < 0) {
        return err_sys(err, errno, "find this program");
    }
    program[n] = '\0';
    json_t *j = hosts_to_json(one);
    CLEANUP_FREE char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    const char *argv[] = {program, "--lab", lab_dir, verb, text, more, NULL};
    struct proc_opts opts = {.timeout_ns = LOOK_S * CLOCK_S};
    return proc_run(argv, &opts, res, err);
}

json_t *host_look(const struct hosts_one *one, const char *lab_dir, struct err *err) {
    CLEANUP(proc_result_free) struct proc_result res = {0};
    if (look_run(one, lab_dir, "host-look", NULL, &res, err) < 0) {
        return NULL;
    }
    json_t *found = json_loads(str_get(&res.out), 0, NULL);
    if (!found) {
        err_set(err, ERR_BUG, "host-look said nothing: %.200s", str_get(&res.err));
    }
    return found;
}

int host_clean(const struct hosts_one *one, const char *lab_dir, struct err *err) {
    CLEANUP(proc_result_free) struct proc_result res = {0};
    if (look_run(one, lab_dir, "host-watch", "", &res, err) < 0) {
        return -1;
    }
    if (res.exit_code == 0) {
        return 0;
    }
    const char *at = strstr(str_get(&res.out), "{\"lost\"");
    json_t *said = at ? json_loads(at, 0, NULL) : NULL;
    const char *why = json_string_value(json_object_get(said, "lost"));
    err_set(err, ERR_SYSTEM, "host %s: %s", one->name, why ? why : str_get(&res.err));
    json_decref(said);
    return -1;
}
