/* libguestfs, loaded by the one process in many that has to look into a dead guest's disk. Linked in, it and what it
 * brings would cost every process 4 MB of resident memory. */
#ifndef COEXIST_VM_DISK_LIBRARY_H
#define COEXIST_VM_DISK_LIBRARY_H

#include <guestfs.h>

#include "base/err.h"

/* What is used of it: X(member), with the type of guestfs_<member>. */
#define DISK_LIBRARY_FUNCTIONS(X)                                                                  \
    X(create_flags) X(close) X(last_error) X(set_error_handler) X(set_backend)                     \
    X(set_backend_settings) X(set_network) X(set_smp) X(add_drive_opts) X(launch) X(ls)            \
    X(list_filesystems) X(mount) X(mount_ro) X(umount) X(umount_all) X(lstatns) X(free_statns)     \
    X(download) X(is_dir) X(rm) X(touch) X(exists) X(hivex_open) X(hivex_close) X(hivex_commit)    \
    X(hivex_root) X(hivex_node_get_child) X(hivex_node_get_value) X(hivex_node_add_child)          \
    X(hivex_node_delete_child) X(hivex_node_set_value) X(hivex_value_type) X(hivex_value_value)    \
    X(hivex_value_string)

#define DISK_LIBRARY_MEMBER(name) __typeof__(guestfs_##name) *name;
struct disk_library {
    DISK_LIBRARY_FUNCTIONS(DISK_LIBRARY_MEMBER)
};
#undef DISK_LIBRARY_MEMBER

/* Fills it in; the library stays loaded until the process ends. ERR_SYSTEM when it is not there. */
int disk_library_load(struct disk_library *lib, struct err *err);

#endif
