/* Safe mode, asked for on the disk of a guest that is off. The hives are the guest's and not trusted: they are read by
 * hivex inside libguestfs' own VM. */
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "vm/disk_impl.h"

/* learn.microsoft.com, BCD reference. */
#define BCD_BOOT_MANAGER "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
#define BCD_DEFAULT_OBJECT "23000003" /* BcdBootMgrObject_DefaultObject */
#define BCD_SAFE_BOOT "25000080"      /* BcdOSLoaderInteger_SafeBoot */
#define BCD_VALUE "Element"
/* A store is some tens of KiB. */
#define BCD_MAX (INT64_C(16) << 20)

enum { BCD_ID_LEN = 38, BCD_REG_BINARY = 3, BCD_INTEGER_LEN = 8 };
static const char bcd_minimal[BCD_INTEGER_LEN]; /* SafeBootMinimal: 0 */

/* ---- the hive -------------------------------------------------------------------------------- */

/* The key at the end of a NULL-terminated list of names, below `node`; 0 when there is none, negative with err. */
static int64_t safe_find(struct vm_disk *d, int64_t node, const char *const *names, struct err *err) {
    for (; *names && node > 0; names++) {
        node = d->lib.hivex_node_get_child(d->g, node, *names);
    }
    return node < 0 ? disk_fail(d, err, "boot configuration data") : node;
}

/* "{8-4-4-4-12}" in hexadecimal digits. */
static bool safe_is_id(const char *text) {
    if (strlen(text) != BCD_ID_LEN || text[0] != '{' || text[BCD_ID_LEN - 1] != '}') {
        return false;
    }
    for (int i = 1; i < BCD_ID_LEN - 1; i++) {
        bool dash = i == 9 || i == 14 || i == 19 || i == 24;
        if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i])) {
            return false;
        }
    }
    return true;
}

/* The id of the boot manager's default object; NULL with err. Caller frees. */
static char *safe_default_object(struct vm_disk *d, int64_t root, struct err *err) {
    static const char *const path[] = {"Objects", BCD_BOOT_MANAGER, "Elements", BCD_DEFAULT_OBJECT, NULL};
    int64_t node = safe_find(d, root, path, err);
    int64_t value = node > 0 ? d->lib.hivex_node_get_value(d->g, node, BCD_VALUE) : node;
    char *id = value > 0 ? d->lib.hivex_value_string(d->g, value) : NULL;
    if (!id || !safe_is_id(id)) {
        free(id);
        err_clear(err);
        err_set(err, ERR_INPUT, "guest disk: its boot manager has no default object");
        return NULL;
    }
    return id;
}

/* 1: it is set to minimal, 0: to something else, or broken. */
static int safe_is_minimal(struct vm_disk *d, int64_t element) {
    int64_t value = d->lib.hivex_node_get_value(d->g, element, BCD_VALUE);
    size_t len = 0;
    CLEANUP_FREE char *bytes = value > 0 ? d->lib.hivex_value_value(d->g, value, &len) : NULL;
    return bytes && len == BCD_INTEGER_LEN && memcmp(bytes, bcd_minimal, len) == 0 &&
           d->lib.hivex_value_type(d->g, value) == BCD_REG_BINARY;
}

/* 1: changed, 0: it was so. */
static int safe_set_element(struct vm_disk *d, int64_t elements, bool on, struct err *err) {
    static const char *const name[] = {BCD_SAFE_BOOT, NULL};
    int64_t element = safe_find(d, elements, name, err);
    if (element < 0 || (on && element > 0 && safe_is_minimal(d, element)) || (!on && element == 0)) {
        return element < 0 ? -1 : 0;
    }
    if (!on) {
        return d->lib.hivex_node_delete_child(d->g, element) < 0 ? disk_fail(d, err, "boot configuration data") : 1;
    }
    element = element > 0 ? element : d->lib.hivex_node_add_child(d->g, elements, BCD_SAFE_BOOT);
    return element <= 0 || d->lib.hivex_node_set_value(d->g, element, BCD_VALUE, BCD_REG_BINARY, bcd_minimal,
                                                       sizeof(bcd_minimal)) < 0
               ? disk_fail(d, err, "boot configuration data")
               : 1;
}

static int safe_change_store(struct vm_disk *d, bool on, struct err *err) {
    int64_t root = d->lib.hivex_root(d->g);
    if (root < 0) {
        return disk_fail(d, err, "boot configuration data");
    }
    CLEANUP_FREE char *id = safe_default_object(d, root, err);
    const char *const path[] = {"Objects", id, "Elements", NULL};
    int64_t elements = id ? safe_find(d, root, path, err) : -1;
    if (elements == 0) {
        return err_set(err, ERR_INPUT, "guest disk: the default object of its boot manager, %s, is not there", id);
    }
    int rc = elements < 0 ? -1 : safe_set_element(d, elements, on, err);
    return rc > 0 && d->lib.hivex_commit(d->g, NULL) < 0 ? disk_fail(d, err, "write boot configuration data") : rc;
}

int disk_change_bcd(struct vm_disk *d, const char *path, bool on, struct err *err) {
    struct guestfs_statns *st = d->lib.lstatns(d->g, path);
    bool sound = st && S_ISREG((mode_t)st->st_mode) && st->st_size > 0 && st->st_size <= BCD_MAX;
    if (st) {
        d->lib.free_statns(st);
    }
    if (!sound || d->lib.hivex_open(d->g, path, GUESTFS_HIVEX_OPEN_WRITE, 1, -1) < 0) {
        return sound ? disk_fail(d, err, "open boot configuration data")
                     : err_set(err, ERR_INPUT, "guest disk: %s is no boot configuration data", path);
    }
    int rc = safe_change_store(d, on, err);
    d->lib.hivex_close(d->g);
    return rc;
}

/* ---- where it lies --------------------------------------------------------------------------- */

/* In the mounted file system, else in each other one; 1 with the path: mounted and there, 0: nowhere. */
static int safe_find_store(struct vm_disk *d, const char *name, char **path) {
    CLEANUP(disk_free_list) char **found = d->lib.list_filesystems(d->g);
    for (char **p = found; p && p[0] && p[1]; p += 2) { /* device, type, device, type, ... */
        if (d->lib.mount(d->g, p[0], "/") < 0) {
            continue;
        }
        *path = disk_walk(d, "", name);
        if (*path) {
            return 1;
        }
        d->lib.umount(d->g, "/");
    }
    return 0;
}

static int safe_change_bcd(struct vm_disk *d, bool on, struct err *err) {
    CLEANUP_FREE char *path = NULL;
    if (!safe_find_store(d, "\\EFI\\Microsoft\\Boot\\BCD", &path) && !safe_find_store(d, "\\Boot\\BCD", &path)) {
        return err_set(err, ERR_INPUT, "guest disk: no boot configuration data is on it (\\EFI\\Microsoft\\Boot\\BCD, "
                                       "\\Boot\\BCD)");
    }
    int rc = disk_change_bcd(d, path, on, err);
    if (d->lib.umount(d->g, "/") < 0 && rc >= 0) {
        return disk_fail(d, err, "write boot configuration data");
    }
    return rc;
}

static int safe_by_bcd(struct vm_disk *d, bool on, struct err *err) {
    if (d->lib.umount(d->g, "/") < 0) {
        return disk_fail(d, err, "look at its other file systems");
    }
    int rc = safe_change_bcd(d, on, err);
    if (d->lib.mount(d->g, d->device, "/") < 0 && rc >= 0) {
        return disk_fail(d, err, d->device);
    }
    return rc;
}

static int safe_by_file(struct vm_disk *d, const char *path, bool on, struct err *err) {
    int is = d->lib.exists(d->g, path);
    if (is < 0 || (on ? d->lib.touch(d->g, path) : is ? d->lib.rm(d->g, path) : 0) < 0) {
        return disk_fail(d, err, path);
    }
    return on != (is == 1);
}

int vm_disk_safe_mode(struct vm_disk *d, const char *how, bool on, struct err *err) {
    return strcmp(how, VM_DISK_SAFE_BCD) == 0 ? safe_by_bcd(d, on, err) : safe_by_file(d, how, on, err);
}
