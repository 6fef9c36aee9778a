/* Another's CD with our files on it, by xorriso. What the CD holds is read behind the fence; xorriso itself is a child
 * process with a time limit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/labcd.h"
#include "media/labcd_paths.h"
#include "media/media.h"
#include "media/media_impl.h"
#include "media/volume.h"

enum { REWRITE_TIMEOUT_S = 900 };

struct rewrite_ask {
    const char *from;
    const struct labcd_file *files;
    size_t count;
};

/* The spelling of the folders and file that are there already, the rest as it was given. Caller frees. */
static char *rewrite_spelling(struct volume *v, const char *path) {
    for (size_t len = strlen(path);;) {
        CLEANUP_FREE char *begin = str_printf("%.*s", (int)len, path);
        char *real = volume_find(v, begin);
        if (real && len == 0) {
            free(real);
            return str_dup(path);
        }
        if (real) {
            char *whole = str_printf("%s%s", real, path + len);
            free(real);
            return whole;
        }
        while (len > 0 && path[--len] != '/') {
        }
    }
}

/* {"joliet": ..., "iso1999": ..., "rockridge": ..., "paths": [...]} */
static int rewrite_look(void *ctx, struct str *out, struct err *err) {
    const struct rewrite_ask *ask = ctx;
    struct volume_iso_facts facts = {0};
    struct volume *udf = volume_open_udf(ask->from);
    if (udf) {
        return err_set(err, ERR_INPUT, "it is UDF: written anew, its files could not be found by Windows Setup");
    }
    struct volume *v = volume_open_iso(ask->from, &facts, err);
    if (!v) {
        return err && err_is_set(err) ? -1 : err_set(err, ERR_INPUT, "it is no ISO 9660");
    }
    json_t *paths = json_array();
    for (size_t i = 0; i < ask->count; i++) {
        CLEANUP_FREE char *real = rewrite_spelling(v, ask->files[i].path);
        json_array_append_new(paths, json_string(real));
    }
    json_t *j = json_pack("{s:b, s:b, s:b, s:o}", "joliet", facts.joliet, "iso1999", facts.iso1999, "rockridge",
                          facts.rockridge, "paths", paths);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    str_add(out, text ? text : "");
    free(text);
    json_decref(j);
    return 0;
}

static json_t *rewrite_facts(const struct rewrite_ask *ask, struct err *err) {
    static const struct fence_limits limits = {
        .timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY, .max_output = 8 << 20};
    CLEANUP_STR struct str out = STR_INIT;
    struct rewrite_ask copy = *ask;
    if (fence_run(rewrite_look, &copy, &limits, &out, err) < 0) {
        return NULL;
    }
    json_t *j = json_loadb(str_get(&out), out.len, 0, NULL);
    if (!j || json_array_size(json_object_get(j, "paths")) != ask->count) {
        err_set(err, ERR_PROTOCOL, "its names are no text");
        json_decref(j);
        return NULL;
    }
    return j;
}

/* ---- xorriso --------------------------------------------------------------------------------------- */

static void rewrite_arg(char ***args, const char *text) {
    texts_add_to_array(args, str_dup(text));
}

static void rewrite_args2(char ***args, const char *a, const char *b) {
    rewrite_arg(args, a);
    rewrite_arg(args, b);
}

/* The same kinds of names as before. */
static void rewrite_add_names(char ***args, const json_t *facts) {
    bool joliet = json_is_true(json_object_get(facts, "joliet"));
    bool iso1999 = json_is_true(json_object_get(facts, "iso1999"));
    rewrite_args2(args, "-joliet", joliet ? "on" : "off");
    rewrite_args2(args, "-rockridge", json_is_true(json_object_get(facts, "rockridge")) ? "on" : "off");
    CLEANUP_FREE char *rules =
        str_printf("clear:iso_9660_level=3:deep_paths:long_paths:no_j_force_dots:always_gmt%s",
                   iso1999 ? ":iso_9660_1999:omit_version:no_force_dots:untranslated_names" : ":only_iso_version");
    rewrite_args2(args, "-compliance", rules);
}

static char **rewrite_command(const char *from, const char *to, const json_t *facts) {
    char **args = texts_new_array();
    CLEANUP_FREE char *in = fs_absolute(from), *out = fs_absolute(to);
    CLEANUP_FREE char *indev = str_printf("stdio:%s", in), *outdev = str_printf("stdio:%s", out);
    rewrite_arg(&args, "xorriso");
    rewrite_arg(&args, "-no_rc");
    rewrite_args2(&args, "-abort_on", "FAILURE");
    rewrite_args2(&args, "-report_about", "WARNING");
    rewrite_args2(&args, "-indev", indev);
    rewrite_args2(&args, "-outdev", outdev);
    rewrite_args2(&args, "-overwrite", "on");
    rewrite_args2(&args, "-padding", "0");
    rewrite_add_names(&args, facts);
    return args;
}

/* The bytes of files that are not on the host, each in a file of its own. */
static int rewrite_add_files(char ***args, const struct rewrite_ask *ask, const json_t *facts, const char *dir,
                             struct err *err) {
    for (size_t i = 0; i < ask->count; i++) {
        const struct labcd_file *f = &ask->files[i];
        CLEANUP_FREE char *mine = str_printf("%s/%zu", dir, i);
        CLEANUP_FREE char *host = f->host_file ? fs_absolute(f->host_file) : str_dup(mine);
        if (!f->host_file && fs_write_atomic(mine, f->bytes ? f->bytes : "", f->len, 0644, err) < 0) {
            return -1;
        }
        if (access(host, R_OK) < 0) {
            return err_set(err, ERR_INPUT, "%s: %s", host, strerror(errno));
        }
        CLEANUP_FREE char *on_cd =
            str_printf("/%s", json_string_value(json_array_get(json_object_get(facts, "paths"), i)));
        rewrite_args2(args, "-map", host);
        rewrite_arg(args, on_cd);
    }
    rewrite_args2(args, "-boot_image", "any");
    rewrite_arg(args, "replay");
    rewrite_arg(args, "-commit");
    rewrite_arg(args, "-end");
    return 0;
}

static int rewrite_run(const struct rewrite_ask *ask, const char *to, const json_t *facts, const char *dir,
                       struct err *err) {
    char **args = rewrite_command(ask->from, to, facts);
    static const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
    struct proc_opts opts = {.timeout_ns = REWRITE_TIMEOUT_S * CLOCK_S, .env = env};
    int rc = rewrite_add_files(&args, ask, facts, dir, err);
    rc = rc < 0 ? rc : proc_check((const char *const *)args, &opts, err);
    texts_free_array(args);
    return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

/* Boots as before? */
static int rewrite_compare(const char *from, const char *to, struct err *err) {
    CLEANUP(media_free_ptr) struct media *before = media_inspect(from, err);
    CLEANUP(media_free_ptr) struct media *after = before ? media_inspect(to, err) : NULL;
    if (!after) {
        return -1;
    }
    bool same = before->boot_count == after->boot_count && str_eq(before->label, after->label);
    for (size_t i = 0; same && i < before->boot_count; i++) {
        same = before->boots[i].platform == after->boots[i].platform &&
               before->boots[i].emulation == after->boots[i].emulation;
    }
    return same ? 0
                : err_set(err, ERR_INPUT, "its %zu boot records or its label '%s' could not be kept: %zu, '%s'",
                          before->boot_count, before->label, after->boot_count, after->label);
}

static int rewrite_into(const struct rewrite_ask *ask, const char *part, const char *dir, struct err *err) {
    json_t *facts = rewrite_facts(ask, err);
    if (!facts) {
        return -1;
    }
    int rc = rewrite_run(ask, part, facts, dir, err);
    rc = rc < 0 ? rc : rewrite_compare(ask->from, part, err);
    json_decref(facts);
    return rc;
}

int labcd_rewrite(const char *from, const char *to, const struct labcd_file *files, size_t count, struct err *err) {
    CLEANUP_FREE char *program = proc_find("xorriso");
    if (!program) {
        return err_set(err, ERR_REFUSED, "xorriso is not installed: it is needed to change a CD");
    }
    if (labcd_check_paths(files, count, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *part = str_printf("%s.part", to), *dir = str_printf("%s.files-XXXXXX", to);
    if (!mkdtemp(dir)) {
        return err_sys(err, errno, "%s", dir);
    }
    unlink(part);
    struct rewrite_ask ask = {from, files, count};
    int rc = rewrite_into(&ask, part, dir, err);
    if (rc == 0 && rename(part, to) < 0) {
        rc = err_sys(err, errno, "%s", to);
    }
    if (rc < 0) {
        unlink(part);
        err_prefix(err, "change CD %s", from);
    }
    fs_remove_tree(dir, NULL);
    return rc;
}
