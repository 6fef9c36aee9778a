/* Building an image: gather the inputs, run the builder in a folder of its own, describe what came out,
 * put it in place in one move. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "images/image.h"
#include "images/keys.h"
#include "images/publish.h"

#define BUILD_LIMIT_NS (INT64_C(45) * 60 * CLOCK_S)

struct build {
    const struct image_recipe *r;
    const struct image_build_opts *opts;
    char *keys;   /* lab/keys */
    char *out;    /* where the builder works */
    char *final;  /* where the image goes */
    char inputs[FS_SHA256_HEX];
};

static void build_clear(struct build *b) {
    free(b->keys);
    free(b->out);
    free(b->final);
}

static void build_say(const struct build *b, const char *what) {
    if (b->opts->progress) {
        b->opts->progress(b->opts->ctx, what);
    }
}

/* ---- inputs ------------------------------------------------------------------------------------ */

struct digest_walk {
    const char *dir;
    struct str *list; /* "digest  name\n" lines */
    struct err *err;
};

static int build_digest_tree(const char *dir, struct str *list, struct err *err);

static int build_digest_entry(const char *name, void *ctx) {
    struct digest_walk *w = ctx;
    CLEANUP_FREE char *path = fs_join(w->dir, name);
    struct stat st;
    if (stat(path, &st) < 0) {
        return err_sys(w->err, errno, "stat %s", path);
    }
    if (S_ISDIR(st.st_mode)) {
        str_addf(w->list, "%s/\n", name);
        return build_digest_tree(path, w->list, w->err);
    }
    char hex[FS_SHA256_HEX];
    if (str_ends_with(name, ".d") || str_ends_with(name, ".o")) {
        return 0; /* by-products of compiling */
    }
    if (fs_sha256_file(path, hex, w->err) < 0) {
        return -1;
    }
    str_addf(w->list, "%s  %s\n", hex, name);
    return 0;
}

static int build_digest_tree(const char *dir, struct str *list, struct err *err) {
    struct digest_walk w = {dir, list, err};
    return fs_each(dir, build_digest_entry, &w, err);
}

/* One digest over everything the image is made from but the packages, whose versions only the builder
 * learns. */
static int build_digest_inputs(struct build *b, struct err *err) {
    CLEANUP_STR struct str list = STR_INIT;
    CLEANUP_FREE char *recipe = json_dumps(b->r->json, JSON_SORT_KEYS | JSON_COMPACT);
    str_addf(&list, "%s\n", recipe);
    char hex[FS_SHA256_HEX];
    if (fs_sha256_file(b->opts->agent_exe, hex, err) < 0) {
        err_prefix(err, "the agent (build it with 'make agents')");
        return -1;
    }
    str_addf(&list, "%s  agent\n", hex);
    if (build_digest_tree(b->r->builder_dir, &list, err) < 0 ||
        build_digest_tree(b->opts->tools_dir, &list, err) < 0 ||
        build_digest_tree(b->keys, &list, err) < 0) {
        return -1;
    }
    fs_sha256_bytes(str_get(&list), list.len, b->inputs);
    return 0;
}

/* True when the image in place was made from the same inputs and is whole. */
static bool build_is_current(const struct build *b) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct image *image = image_open_dir(b->final, &err);
    bool same = image &&
                str_eq(json_string_value(json_object_get(image->manifest, "inputs")), b->inputs) &&
                image_verify(image, &err) == 0;
    image_free(image);
    return same;
}

/* ---- the builder ------------------------------------------------------------------------------- */

static void build_line(const char *line, void *ctx) {
    if (strncmp(line, "step: ", 6) == 0) {
        build_say(ctx, line + 6);
    }
}

static int build_run_script(struct build *b, struct err *err) {
    const json_t *packages = json_object_get(b->r->json, "packages");
    size_t n = json_array_size(packages);
    CLEANUP_FREE const char **argv = mem_zalloc(n + 8, sizeof(*argv));
    CLEANUP_FREE char *script = fs_join(b->r->builder_dir, "build.sh");
    CLEANUP_FREE char *disk = str_printf(
        "%lld", (long long)json_integer_value(json_object_get(b->r->json, "disk_mib")));
    const char *fixed[] = {script, b->out, b->keys, b->opts->tools_dir, b->opts->agent_exe,
                           json_string_value(json_object_get(b->r->json, "suite")), disk};
    memcpy(argv, fixed, sizeof(fixed));
    for (size_t i = 0; i < n; i++) {
        argv[ARRAY_LEN(fixed) + i] = json_string_value(json_array_get(packages, i));
    }
    struct proc_opts o = {.timeout_ns = BUILD_LIMIT_NS, .on_line = build_line, .ctx = b};
    return proc_check(argv, &o, err);
}

/* ---- the manifest ------------------------------------------------------------------------------ */

/* packages.tsv: a line "name<TAB>version" for each package the guest's files came from. */
static json_t *build_packages(const struct build *b, struct err *err) {
    CLEANUP_FREE char *path = fs_join(b->out, "packages.tsv");
    CLEANUP_FREE char *text = fs_read(path, 1 << 20, NULL, err);
    if (!text) {
        return NULL;
    }
    json_t *list = json_array();
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *tab = strchr(line, '\t');
        if (tab) {
            *tab = '\0';
            json_array_append_new(list,
                                  json_pack("{s:s, s:s}", "name", line, "version", tab + 1));
        }
    }
    return list;
}

static json_t *build_ssh(const struct build *b, struct err *err) {
    CLEANUP_FREE char *path = fs_join(b->keys, IMAGE_HOST_KEY ".pub");
    CLEANUP_FREE char *text = fs_read(path, 4096, NULL, err);
    json_t *ssh = text ? image_keys_ssh("lab", text, err) : NULL;
    if (text && !ssh) {
        err_prefix(err, "%s", path);
    }
    return ssh;
}

static json_t *build_manifest(const struct build *b, struct err *err) {
    json_t *files = json_array();
    json_t *packages = NULL;
    json_t *ssh = NULL;
    char agent[FS_SHA256_HEX];
    if (image_add_file(files, b->out, "disk.qcow2", "disk", err) < 0 ||
        image_add_file(files, b->out, "vmlinuz", "kernel", err) < 0 ||
        image_add_file(files, b->out, "initrd", "initrd", err) < 0 ||
        !(packages = build_packages(b, err)) || !(ssh = build_ssh(b, err)) ||
        fs_sha256_file(b->opts->agent_exe, agent, err) < 0) {
        json_decref(files);
        json_decref(packages);
        json_decref(ssh);
        return NULL;
    }
    const json_t *r = b->r->json;
    return json_pack("{s:s, s:s, s:s?, s:s, s:o, s:O, s:O, s:O, s:O*, s:O, s:o, s:{s:s, s:s}, s:o}",
                     "format", IMAGE_MANIFEST_FORMAT, "name", b->r->name, "title",
                     json_string_value(json_object_get(r, "title")), "inputs", b->inputs, "files",
                     files, "cmdline", json_object_get(r, "cmdline"), "profile",
                     json_object_get(r, "profile"), "windows_root",
                     json_object_get(r, "windows_root"), "safe_mode", json_object_get(r, "safe_mode"), "limits",
                     json_object_get(r, "limits"), "ssh", ssh, "agent", "path", "C:\\coexist\\agent.exe", "sha256",
                     agent, "packages", packages);
}

static int build_finish(const struct build *b, struct err *err) {
    json_t *manifest = build_manifest(b, err);
    if (!manifest) {
        return -1;
    }
    CLEANUP_FREE char *packages = fs_join(b->out, "packages.tsv");
    unlink(packages); /* the manifest has it now */
    int rc = image_keys_put(b->keys, b->out, err) < 0 || image_write_manifest(b->out, manifest, err) < 0
                 ? -1
                 : image_publish(b->out, b->final, manifest, err);
    json_decref(manifest);
    return rc;
}

static int build_make(struct build *b, struct err *err) {
    if (geteuid() != 0) {
        return err_set(err, ERR_SYSTEM,
                       "building needs root (packages are unpacked with their owners): use sudo");
    }
    /* Whatever an interrupted build left here is of no use. */
    if (fs_remove_tree(b->out, err) < 0 || fs_mkdirs(b->out, err) < 0) {
        return -1;
    }
    if (build_run_script(b, err) < 0 || build_finish(b, err) < 0) {
        fs_remove_tree(b->out, NULL);
        return -1;
    }
    return 0;
}

static int build_locked(struct build *b, bool *built, struct err *err) {
    if (image_keys_make(b->keys, err) < 0 || build_digest_inputs(b, err) < 0) {
        return -1;
    }
    if (b->opts->if_changed && build_is_current(b)) {
        *built = false;
        return 0;
    }
    *built = true;
    return build_make(b, err);
}

int image_build(const struct image_recipe *r, const char *lab_dir,
                const struct image_build_opts *opts, bool *built, struct err *err) {
    CLEANUP_FREE char *lab = fs_absolute(lab_dir);
    CLEANUP_FREE char *images = fs_join(lab, "images");
    CLEANUP_FREE char *lock_path = image_lock_path(lab_dir, r->name);
    CLEANUP(build_clear) struct build b = {
        .r = r, .opts = opts, .keys = image_keys_dir(lab_dir),
        .out = str_printf("%s/.%s.building", images, r->name), .final = fs_join(images, r->name),
    };
    if (fs_mkdirs(images, err) < 0) {
        return -1;
    }
    CLEANUP_FD int lock = fs_lock(lock_path, err);
    if (lock == -2) {
        return err_set(err, ERR_SYSTEM, "image '%s' is being built by another process", r->name);
    }
    int rc = lock < 0 ? -1 : build_locked(&b, built, err);
    if (rc < 0) {
        err_prefix(err, "image '%s'", r->name);
    }
    return rc;
}
