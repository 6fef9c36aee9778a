#include "vm/disk.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "vm/disk_impl.h"

void disk_free_list(char ***list) {
    for (char **p = *list; p && *p; p++) {
        free(*p);
    }
    free(*list);
}

int disk_fail(struct vm_disk *d, struct err *err, const char *what) {
    const char *text = d->lib.last_error(d->g);
    return err_set(err, ERR_SYSTEM, "guest disk: %s: %s", what, text ? text : "no reason given");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int disk_newer_kernel(const char *name, void *ctx) {
    char **best = ctx;
    if (strncmp(name, "vmlinuz-", 8) == 0 && (!*best || strverscmp(name, *best) > 0)) {
        free(*best);
        *best = str_dup(name);
    }
    return 0;
}

/* supermin, which builds libguestfs' own small VM, looks for the running kernel's modules unless
 * told; in a container or a cloud VM these need not be there. */
static void disk_name_kernel(void) {
    CLEANUP_FREE char *newest = NULL;
    fs_each("/boot", disk_newer_kernel, &newest, NULL);
    if (!newest || getenv("SUPERMIN_KERNEL")) {
        return;
    }
    CLEANUP_FREE char *kernel = str_printf("/boot/%s", newest);
    CLEANUP_FREE char *modules = str_printf("/lib/modules/%s", newest + strlen("vmlinuz-"));
    if (fs_exists(modules)) {
        setenv("SUPERMIN_KERNEL", kernel, 1);
        setenv("SUPERMIN_MODULES", modules, 1);
    }
}

static int disk_configure(struct vm_disk *d, const char *disk, const char *format, bool kvm,
                          bool writable, struct err *err) {
    char tcg[] = "force_tcg";
    char *settings[] = {tcg, NULL};
    disk_name_kernel();
    d->lib.set_error_handler(d->g, NULL, NULL); /* nothing to standard error */
    d->lib.set_backend(d->g, "direct");
    if (!kvm) {
        d->lib.set_backend_settings(d->g, settings);
    }
    d->lib.set_network(d->g, 0);
    d->lib.set_smp(d->g, 1);
    if (d->lib.add_drive_opts(d->g, disk, GUESTFS_ADD_DRIVE_OPTS_READONLY, !writable,
                               GUESTFS_ADD_DRIVE_OPTS_FORMAT, format,
                               GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, "unsafe", -1) < 0) {
        return disk_fail(d, err, "add it");
    }
    return d->lib.launch(d->g) < 0 ? disk_fail(d, err, "start libguestfs") : 0;
}

/* The entry of a folder that Windows would mean by name: exact, else without regard to case. Caller
 * frees. */
static char *disk_find_entry(struct vm_disk *d, const char *dir, const char *name, size_t len) {
    CLEANUP(disk_free_list) char **names = d->lib.ls(d->g, dir);
    char *found = NULL;
    for (char **p = names; p && *p; p++) {
        if (strlen(*p) == len && strncasecmp(*p, name, len) == 0 &&
            (!found || strncmp(*p, name, len) == 0)) {
            free(found);
            found = str_dup(*p);
        }
    }
    return found;
}

char *disk_walk(struct vm_disk *d, const char *base, const char *path) {
    char *at = str_dup(*base ? base : "/");
    for (const char *p = path + strspn(path, "\\/"); *p;) {
        size_t len = strcspn(p, "\\/");
        CLEANUP_FREE char *dir = at;
        bool upwards = len == 2 && strncmp(p, "..", 2) == 0; /* no Windows path of ours climbs */
        CLEANUP_FREE char *name = upwards ? NULL : disk_find_entry(d, dir, p, len);
        if (!name) {
            return NULL;
        }
        at = strcmp(dir, "/") == 0 ? str_printf("/%s", name) : str_printf("%s/%s", dir, name);
        p += len;
        p += strspn(p, "\\/");
    }
    return at;
}

static bool disk_holds_windows(struct vm_disk *d, const char *windows_root) {
    CLEANUP_FREE char *root = disk_walk(d, "", windows_root);
    CLEANUP_FREE char *windows = root ? disk_walk(d, root, "Windows") : NULL;
    if (windows) {
        d->root = STEAL(root);
    }
    return windows != NULL;
}

/* Mounts the file system that has the drive C: we look for. */
static int disk_mount(struct vm_disk *d, const char *windows_root, bool writable,
                      struct err *err) {
    CLEANUP(disk_free_list) char **found = d->lib.list_filesystems(d->g);
    if (!found) {
        return disk_fail(d, err, "list its file systems");
    }
    for (char **p = found; p[0] && p[1]; p += 2) { /* device, type, device, type, ... */
        int rc = writable ? d->lib.mount(d->g, p[0], "/") : d->lib.mount_ro(d->g, p[0], "/");
        if (rc == 0 && disk_holds_windows(d, windows_root)) {
            d->device = str_dup(p[0]);
            return 0;
        }
        if (rc == 0) {
            d->lib.umount(d->g, "/");
        }
    }
    return err_set(err, ERR_SYSTEM, "guest disk: no file system on it has '%s\\Windows'",
                   windows_root);
}

struct vm_disk *vm_disk_open(const char *disk, const char *format, const char *windows_root,
                             bool kvm, bool writable, struct err *err) {
    struct vm_disk *d = mem_zalloc(1, sizeof(*d));
    int rc = disk_library_load(&d->lib, err);
    d->g = rc < 0 ? NULL : d->lib.create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
    if (rc == 0 && !d->g) {
        err_set(err, ERR_SYSTEM, "libguestfs cannot be set up");
    }
    if (!d->g) {
        err_prefix(err, "guest disk");
        free(d);
        return NULL;
    }
    if (disk_configure(d, disk, format, kvm, writable, err) < 0 ||
        disk_mount(d, windows_root, writable, err) < 0) {
        vm_disk_close(d);
        return NULL;
    }
    return d;
}

void vm_disk_close(struct vm_disk *d) {
    if (d) {
        d->lib.umount_all(d->g); /* writes back; harmless when nothing is mounted */
        d->lib.close(d->g);
        free(d->root);
        free(d->device);
        free(d);
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

/* "C:\\x\\y" to the path on its file system, in its own spelling; NULL when absent. Caller
 * frees. */
static char *disk_resolve(struct vm_disk *d, const char *guest_path) {
    bool drive = isalpha((unsigned char)guest_path[0]) && guest_path[1] == ':';
    return disk_walk(d, d->root, drive ? guest_path + 2 : guest_path);
}

/* A name the guest chose, made safe to use and to show: letters, digits, dot, dash, underscore. */
static char *disk_safe_name(const char *name) {
    char *safe = str_dup(name);
    for (char *p = safe; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) {
            *p = '_';
        }
    }
    if (safe[0] == '.') {
        safe[0] = '_';
    }
    if (strlen(safe) > 200) {
        memmove(safe, safe + strlen(safe) - 200, 201); /* the end tells more: it has the suffix */
    }
    return safe;
}

/* Two names may become one when made safe: the later gets a number. Caller frees. */
static char *disk_host_path(const char *host_dir, const char *name) {
    CLEANUP_FREE char *safe = disk_safe_name(name);
    char *path = fs_join(host_dir, safe);
    for (int i = 2; fs_exists(path) && i < 1000; i++) {
        free(path);
        path = str_printf("%s/%d-%s", host_dir, i, safe);
    }
    return path;
}

/* Regular files only: a link may point anywhere. 1 copied, 0 not wanted, negative with err. */
static int disk_copy_one(struct vm_disk *d, const char *path, const char *name,
                         const char *host_dir, int64_t max_bytes, struct err *err) {
    struct guestfs_statns *st = d->lib.lstatns(d->g, path);
    if (!st) {
        return disk_fail(d, err, name);
    }
    bool wanted = S_ISREG((mode_t)st->st_mode) && st->st_size <= max_bytes;
    d->lib.free_statns(st);
    if (!wanted) {
        return 0;
    }
    CLEANUP_FREE char *to = disk_host_path(host_dir, name);
    return d->lib.download(d->g, path, to) < 0 ? disk_fail(d, err, name) : 1;
}

int vm_disk_copy_out(struct vm_disk *d, const char *guest_dir, const char *pattern,
                     const char *host_dir, int max_files, int64_t max_bytes, struct err *err) {
    CLEANUP_FREE char *dir = disk_resolve(d, guest_dir);
    if (!dir) {
        return 0; /* no such folder: nothing to copy */
    }
    CLEANUP(disk_free_list) char **names = d->lib.ls(d->g, dir);
    int copied = 0;
    if (fs_mkdirs(host_dir, err) < 0 || !names) {
        return names ? -1 : disk_fail(d, err, guest_dir);
    }
    for (char **p = names; *p && copied < max_files; p++) {
        if (!str_matches_nocase(*p, pattern)) {
            continue;
        }
        CLEANUP_FREE char *path = str_printf("%s/%s", dir, *p);
        int rc = disk_copy_one(d, path, *p, host_dir, max_bytes, err);
        if (rc < 0) {
            return -1;
        }
        copied += rc;
    }
    return copied;
}

/* The folder of a path that ends in a name; NULL when it is not there. Caller frees. */
static char *disk_resolve_folder(struct vm_disk *d, const char *guest_path, const char **name) {
    size_t len = strlen(guest_path);
    while (len > 0 && !strchr("\\/", guest_path[len - 1])) {
        len--;
    }
    CLEANUP_FREE char *folder = str_printf("%.*s", (int)len, guest_path);
    *name = guest_path + len;
    return **name ? disk_resolve(d, folder) : NULL;
}

int vm_disk_remove(struct vm_disk *d, const char *guest_path, struct err *err) {
    const char *pattern = NULL;
    CLEANUP_FREE char *dir = disk_resolve_folder(d, guest_path, &pattern);
    if (!dir) {
        return 0;
    }
    CLEANUP(disk_free_list) char **names = d->lib.ls(d->g, dir);
    if (!names) {
        return disk_fail(d, err, guest_path);
    }
    int removed = 0;
    for (char **p = names; *p; p++) {
        CLEANUP_FREE char *path = str_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, *p);
        if (!str_matches_nocase(*p, pattern) || d->lib.is_dir(d->g, path) == 1) {
            continue;
        }
        if (d->lib.rm(d->g, path) < 0) {
            return disk_fail(d, err, guest_path);
        }
        removed++;
    }
    return removed;
}
