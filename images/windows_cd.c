/* A plan becomes an answer file, and the lab's CD. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/windows.h"
#include "media/labcd.h"

/* 15 characters; the same for every image, since each machine is alone in its network. */
#define CD_COMPUTER "COEXIST-LAB"

static bool cd_bypasses(const struct windows_plan *p) {
    for (size_t i = 0; i < json_array_size(p->recipe->bypass); i++) {
        if (str_eq(json_string_value(json_array_get(p->recipe->bypass, i)), p->profile->name)) {
            return true;
        }
    }
    return false;
}

char *windows_answer(const struct windows_plan *p, struct err *err) {
    const struct windows_recipe *r = p->recipe;
    const char *firmware = json_string_value(json_object_get(p->profile->hardware, "firmware"));
    const json_t *build = json_object_get(json_array_get(r->builds, 0), "build");
    struct answer_spec spec = {
        .firmware = firmware && !str_eq(firmware, "bios") ? ANSWER_UEFI : ANSWER_BIOS,
        .arch = r->arch,
        .build = p->edition ? p->edition->build : (int)json_integer_value(build),
        .server = r->server,
        .desktop = !str_eq(r->installation, "Server Core"),
        .language = p->language ? p->language : json_string_value(json_array_get(r->languages, 0)),
        .image_index = p->edition ? p->edition->index : 0,
        .image_name = r->image_name,
        .key = r->key,
        .computer = CD_COMPUTER,
        .account = r->account,
        .password = p->password,
        .drivers = p->drivers,
        .bypass = cd_bypasses(p),
        .recovery = r->recovery,
    };
    return answer_build(&spec, err);
}

/* ---- the CD ---------------------------------------------------------------------------------------------- */

enum { CD_FILES_MAX = 600, CD_DRIVERS_BYTES = 256 << 20 };

struct cd_list { /* texts are owned */
    struct labcd_file files[CD_FILES_MAX];
    size_t count;
    struct err *err;
    const char *host_dir, *cd_dir; /* while a folder is added */
};

static void cd_clear(struct cd_list *l) {
    for (size_t i = 0; i < l->count; i++) {
        free((char *)l->files[i].path);
        free((char *)l->files[i].host_file);
        if (l->files[i].bytes) {
            sodium_memzero((char *)l->files[i].bytes, l->files[i].len); /* an answer file holds the password */
            free((void *)l->files[i].bytes);
        }
    }
    free(l);
}

static void cd_clear_ptr(struct cd_list **l) {
    cd_clear(*l);
}

static int cd_add(struct cd_list *l, const char *path, const char *host_file, char *text_taken) {
    if (l->count == CD_FILES_MAX) {
        free(text_taken);
        return err_set(l->err, ERR_INPUT, "more than %d files are no drivers", CD_FILES_MAX);
    }
    l->files[l->count++] = (struct labcd_file){str_dup(path), str_dup(host_file), text_taken,
                                               text_taken ? strlen(text_taken) : 0};
    return 0;
}

static int cd_add_one(const char *name, void *ctx) {
    struct cd_list *l = ctx;
    CLEANUP_FREE char *host = fs_join(l->host_dir, name), *path = str_printf("%s/%s", l->cd_dir, name);
    return cd_add(l, path, host, NULL);
}

/* Those the CD of drivers has for this system. pvpanic lets the host see a crash at once. */
static int cd_add_drivers(struct cd_list *l, const struct windows_plan *p, const char *iso, const char *dir) {
    static const char *const drivers[] = {"viostor", "NetKVM", "pvpanic", "vioscsi"};
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
        CLEANUP_FREE char *folder =
            str_printf("%s/%s/%s", drivers[i], p->recipe->driver_system, media_arch_name(p->recipe->arch));
        CLEANUP_FREE char *host = fs_join(dir, drivers[i]), *on_cd = str_printf(ANSWER_DRIVERS "/%s", drivers[i]);
        int files = media_extract(iso, folder, host, CD_DRIVERS_BYTES, l->err);
        if (files < 0) {
            return -1;
        }
        l->host_dir = host;
        l->cd_dir = on_cd;
        if (files > 0 && fs_each(host, cd_add_one, l, l->err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int cd_add_scripts(struct cd_list *l, const struct windows_plan *p, bool openssh) {
    struct answer_script_spec s = {p->recipe->server, p->recipe->defender_passive, p->recipe->test_signing, "COM2",
                                   openssh};
    char *answer = windows_answer(p, l->err);
    if (!answer || cd_add(l, "Autounattend.xml", NULL, answer) < 0 ||
        cd_add(l, ANSWER_MARK, NULL, str_printf("%s\r\n", p->recipe->name)) < 0 ||
        cd_add(l, "coexist/specialize.cmd", NULL, answer_script_specialize(&s)) < 0) {
        return -1;
    }
    return cd_add(l, "coexist/logon.cmd", NULL, answer_script_logon(&s));
}

static int cd_add_openssh(struct cd_list *l, const struct windows_cd_files *f) {
    if (!f->authorized_key) {
        return err_set(l->err, ERR_BUG, "OpenSSH is of no use without a key that may log in");
    }
    bool msi = f->openssh_kind == OPENSSH_MSI;
    return cd_add(l, msi ? "coexist/openssh.msi" : "coexist/openssh.zip", f->openssh, NULL) < 0
               ? -1
               : cd_add(l, "coexist/authorized_key", f->authorized_key, NULL);
}

static int cd_fill(struct cd_list *l, const struct windows_plan *p, const struct windows_cd_files *f, const char *dir) {
    bool openssh = p->recipe->openssh && f->openssh;
    if (cd_add_scripts(l, p, openssh) < 0 || cd_add(l, "coexist/agent.exe", f->agent, NULL) < 0 ||
        (openssh && cd_add_openssh(l, f) < 0)) {
        return -1;
    }
    if (p->drivers && !f->virtio_iso) {
        return err_set(l->err, ERR_INPUT, "profile '%s' needs drivers, and no ISO of them was named", p->profile->name);
    }
    return p->drivers ? cd_add_drivers(l, p, f->virtio_iso, dir) : 0;
}

int windows_cd(const struct windows_plan *p, const struct windows_cd_files *f, const char *iso, struct err *err) {
    CLEANUP_FREE char *dir = str_printf("%s.drivers-XXXXXX", iso);
    if (!mkdtemp(dir)) {
        return err_sys(err, errno, "%s", dir);
    }
    CLEANUP(cd_clear_ptr) struct cd_list *l = mem_zalloc(1, sizeof(*l));
    l->err = err;
    int rc = cd_fill(l, p, f, dir);
    rc = rc < 0 ? rc : labcd_write(iso, ANSWER_LABEL, l->files, l->count, err);
    fs_remove_tree(dir, NULL);
    return rc;
}
