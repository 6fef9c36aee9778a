/* Files on a host by libvirt's storage API alone (https://libvirt.org/formatstorage.html): a folder there as a
 * storage pool, files in it as volumes. Nothing but libvirt (and the qemu-img it uses) has to be on the
 * host. */
#ifndef COEXIST_VM_LIBVIRT_VOLUME_H
#define COEXIST_VM_LIBVIRT_VOLUME_H

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The pool of that name upon that folder (absolute), made when it is not there. It lives as long as the
 * daemon; the files stay. Caller frees with virStoragePoolFree. NULL with err. */
virStoragePoolPtr libvirt_pool_open(virConnectPtr conn, const char *name, const char *folder,
                                    struct err *err);
/* Whether a daemon sees, in a folder of this machine, what lies there: then files need not be copied. */
bool libvirt_pool_sees(virConnectPtr conn, const char *pool_name, const char *folder);

/* A copy of a local file, unless there is a whole one already. sha256: its digest; after an upload the copy is
 * read back and must have it, and is marked as whole by an empty volume NAME.whole. progress may be NULL: bytes
 * sent so far. */
int libvirt_volume_put(virStoragePoolPtr pool, const char *name, const char *path,
                       const char *sha256, void (*progress)(void *ctx, int64_t bytes), void *ctx,
                       struct err *err);
/* Whether libvirt_volume_put would have nothing to do. */
bool libvirt_volume_is_whole(virStoragePoolPtr pool, const char *name);

/* A qcow2 on top of the file `below` (a path there) of the given format. */
int libvirt_volume_overlay(virStoragePoolPtr pool, const char *name, const char *below,
                           const char *below_format, int64_t capacity, struct err *err);
/* A copy of a local file, in the place of what has that name; read back and compared. Not marked as whole: it belongs
 * to one machine, which changes it. */
int libvirt_volume_copy(virStoragePoolPtr pool, const char *name, const char *path, struct err *err);
/* Looks at the folder again: others than the storage API (QEMU, libvirt's own UEFI variables) make files there, too. */
int libvirt_pool_look_again(virStoragePoolPtr pool, struct err *err);
/* A raw file without contents, for others to write to. */
int libvirt_volume_empty(virStoragePoolPtr pool, const char *name, struct err *err);
char *libvirt_volume_path(virStoragePoolPtr pool, const char *name, struct err *err); /* caller frees */
/* To a local file, replaced; at most max bytes. */
int libvirt_volume_get(virStoragePoolPtr pool, const char *name, const char *path, int64_t max,
                       struct err *err);
/* Absent is success. */
int libvirt_volume_delete(virStoragePoolPtr pool, const char *name, struct err *err);

#endif
