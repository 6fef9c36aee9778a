#include "vm/libvirt_volume.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <libxml/tree.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "vm/libvirt_qemu.h"

#define X(s) ((const xmlChar *)(s))
#define VOLUME_MARK ".whole"

/* ---- XML ------------------------------------------------------------------------------------- */

static void volume_free_doc(xmlDocPtr *doc) {
    xmlFreeDoc(*doc);
}

static xmlDocPtr volume_doc(const char *root, const char *name) {
    xmlDocPtr doc = xmlNewDoc(X("1.0"));
    xmlNodePtr node = xmlNewDocNode(doc, NULL, X(root), NULL);
    xmlDocSetRootElement(doc, node);
    xmlNewTextChild(node, NULL, X("name"), X(name));
    return doc;
}

static char *volume_text(xmlDocPtr doc) {
    xmlChar *text = NULL;
    int len = 0;
    xmlDocDumpMemory(doc, &text, &len);
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    return copy;
}

static void volume_set_format(xmlNodePtr where, const char *format) {
    xmlSetProp(xmlNewChild(where, NULL, X("format"), NULL), X("type"), X(format));
}

/* below NULL: a raw file. */
static char *volume_xml(const char *name, int64_t capacity, const char *below,
                        const char *below_format) {
    CLEANUP(volume_free_doc) xmlDocPtr doc = volume_doc("volume", name);
    xmlNodePtr root = xmlDocGetRootElement(doc);
    char bytes[32];
    snprintf(bytes, sizeof(bytes), "%lld", (long long)capacity);
    xmlNewTextChild(root, NULL, X("capacity"), X(bytes));
    xmlNewTextChild(root, NULL, X("allocation"), X("0"));
    volume_set_format(xmlNewChild(root, NULL, X("target"), NULL), below ? "qcow2" : "raw");
    if (below) {
        xmlNodePtr backing = xmlNewChild(root, NULL, X("backingStore"), NULL);
        xmlNewTextChild(backing, NULL, X("path"), X(below));
        volume_set_format(backing, below_format);
    }
    return volume_text(doc);
}

static char *volume_pool_xml(const char *name, const char *folder) {
    CLEANUP(volume_free_doc) xmlDocPtr doc = volume_doc("pool", name);
    xmlNodePtr root = xmlDocGetRootElement(doc);
    xmlSetProp(root, X("type"), X("dir"));
    xmlNewTextChild(xmlNewChild(root, NULL, X("target"), NULL), NULL, X("path"), X(folder));
    return volume_text(doc);
}

/* ---- pools ----------------------------------------------------------------------------------- */

virStoragePoolPtr libvirt_pool_open(virConnectPtr conn, const char *name, const char *folder,
                                    struct err *err) {
    CLEANUP_FREE char *xml = volume_pool_xml(name, folder);
    virStoragePoolPtr pool = virStoragePoolLookupByName(conn, name);
    if (!pool) {
        pool = virStoragePoolCreateXML(conn, xml, VIR_STORAGE_POOL_CREATE_WITH_BUILD);
    }
    if (!pool) { /* somebody else may have made it this moment */
        CLEANUP_ERR struct err why = ERR_INIT;
        libvirt_fail(&why, "use that folder of the host");
        pool = virStoragePoolLookupByName(conn, name);
        if (!pool) {
            err_move(err, &why);
        }
    }
    return pool;
}

bool libvirt_pool_sees(virConnectPtr conn, const char *pool_name, const char *folder) {
    char nonce[] = "seen-XXXXXXXXXXXXXXXX";
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 5; nonce[i]; i++) {
        nonce[i] = digits[randombytes_uniform(16)];
    }
    CLEANUP_FREE char *path = fs_join(folder, nonce);
    CLEANUP_FREE char *xml = volume_pool_xml(pool_name, folder);
    if (fs_write_atomic(path, nonce, sizeof(nonce), 0600, NULL) < 0) {
        return false;
    }
    virStoragePoolPtr pool = virStoragePoolCreateXML(conn, xml, 0);
    virStorageVolPtr vol = pool ? virStorageVolLookupByName(pool, nonce) : NULL;
    bool seen = vol != NULL;
    if (vol) {
        virStorageVolFree(vol);
    }
    if (pool) {
        virStoragePoolDestroy(pool);
        virStoragePoolFree(pool);
    }
    unlink(path);
    return seen;
}

int libvirt_pool_look_again(virStoragePoolPtr pool, struct err *err) {
    return virStoragePoolRefresh(pool, 0) < 0 ? libvirt_fail(err, "look at the host's folder again") : 0;
}

/* ---- volumes --------------------------------------------------------------------------------- */

static void volume_release(virStorageVolPtr *vol) {
    if (*vol) {
        virStorageVolFree(*vol);
    }
}
#define CLEANUP_VOLUME CLEANUP(volume_release)

static virStorageVolPtr volume_find(virStoragePoolPtr pool, const char *name, struct err *err) {
    virStorageVolPtr vol = virStorageVolLookupByName(pool, name);
    if (!vol) {
        libvirt_fail(err, name);
    }
    return vol;
}

int libvirt_volume_delete(virStoragePoolPtr pool, const char *name, struct err *err) {
    CLEANUP_VOLUME virStorageVolPtr vol = virStorageVolLookupByName(pool, name);
    if (vol) {
        return virStorageVolDelete(vol, 0) < 0 ? libvirt_fail(err, "delete a file of the host") : 0;
    }
    virErrorPtr e = virGetLastError();
    return e && e->code == VIR_ERR_NO_STORAGE_VOL ? 0 : libvirt_fail(err, name);
}

static virStorageVolPtr volume_make(virStoragePoolPtr pool, const char *xml, struct err *err) {
    virStorageVolPtr vol = virStorageVolCreateXML(pool, xml, 0);
    if (!vol) {
        libvirt_fail(err, "make a file on the host");
    }
    return vol;
}

int libvirt_volume_overlay(virStoragePoolPtr pool, const char *name, const char *below,
                           const char *below_format, int64_t capacity, struct err *err) {
    CLEANUP_FREE char *xml = volume_xml(name, capacity, below, below_format);
    CLEANUP_VOLUME virStorageVolPtr vol = volume_make(pool, xml, err);
    return vol ? 0 : -1;
}

int libvirt_volume_empty(virStoragePoolPtr pool, const char *name, struct err *err) {
    CLEANUP_FREE char *xml = volume_xml(name, 1, NULL, NULL);
    CLEANUP_VOLUME virStorageVolPtr vol = volume_make(pool, xml, err);
    return vol ? 0 : -1;
}

char *libvirt_volume_path(virStoragePoolPtr pool, const char *name, struct err *err) {
    CLEANUP_VOLUME virStorageVolPtr vol = volume_find(pool, name, err);
    char *path = vol ? virStorageVolGetPath(vol) : NULL;
    if (vol && !path) {
        libvirt_fail(err, name);
    }
    return path;
}

/* ---- streams --------------------------------------------------------------------------------- */

struct volume_flow {
    int fd; /* -1: only hashed */
    int64_t bytes, max;
    int error; /* errno of the local side */
    crypto_hash_sha256_state hash;
    void (*progress)(void *ctx, int64_t bytes);
    void *ctx;
};

static int volume_source(virStreamPtr st, char *buf, size_t len, void *opaque) {
    struct volume_flow *f = opaque;
    (void)st;
    ssize_t n = read(f->fd, buf, len);
    if (n < 0) {
        f->error = errno;
        return -1;
    }
    f->bytes += n;
    if (f->progress) {
        f->progress(f->ctx, f->bytes);
    }
    return (int)n;
}

static int volume_sink(virStreamPtr st, const char *data, size_t len, void *opaque) {
    struct volume_flow *f = opaque;
    (void)st;
    if (f->bytes + (int64_t)len > f->max) {
        f->error = EFBIG;
        return -1;
    }
    crypto_hash_sha256_update(&f->hash, (const unsigned char *)data, len);
    ssize_t n = f->fd < 0 ? (ssize_t)len : write(f->fd, data, len);
    if (n < 0) {
        f->error = errno;
        return -1;
    }
    f->bytes += n;
    return (int)n;
}

/* After the flow ended with rc: ends the stream, too. */
static int volume_finish(virStreamPtr st, int rc, const struct volume_flow *f, const char *what,
                         struct err *err) {
    if (rc < 0 && f->error) {
        virStreamAbort(st);
        return err_sys(err, f->error, "%s", what);
    }
    if (rc < 0 || virStreamFinish(st) < 0) {
        libvirt_fail(err, what);
        virStreamAbort(st);
        return -1;
    }
    return 0;
}

static int volume_receive(virStorageVolPtr vol, struct volume_flow *f, struct err *err) {
    virStreamPtr st = virStreamNew(virStorageVolGetConnect(vol), 0);
    if (!st) {
        return libvirt_fail(err, "a stream");
    }
    crypto_hash_sha256_init(&f->hash);
    int rc = virStorageVolDownload(vol, st, 0, 0, 0) < 0
                 ? libvirt_fail(err, "read a file of the host")
                 : volume_finish(st, virStreamRecvAll(st, volume_sink, f), f,
                                 "read a file of the host", err);
    virStreamFree(st);
    return rc;
}

int libvirt_volume_get(virStoragePoolPtr pool, const char *name, const char *path, int64_t max,
                       struct err *err) {
    CLEANUP_VOLUME virStorageVolPtr vol = volume_find(pool, name, err);
    if (!vol) {
        return -1;
    }
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_sys(err, errno, "%s", path);
    }
    struct volume_flow f = {.fd = fd, .max = max};
    if (volume_receive(vol, &f, err) < 0) {
        unlink(path);
        return -1;
    }
    return 0;
}

static int volume_send(virStorageVolPtr vol, struct volume_flow *f, int64_t size, struct err *err) {
    virStreamPtr st = virStreamNew(virStorageVolGetConnect(vol), 0);
    if (!st) {
        return libvirt_fail(err, "a stream");
    }
    int rc = virStorageVolUpload(vol, st, 0, (unsigned long long)size, 0) < 0
                 ? libvirt_fail(err, "send a file to the host")
                 : volume_finish(st, virStreamSendAll(st, volume_source, f), f,
                                 "send a file to the host", err);
    virStreamFree(st);
    return rc;
}

static int volume_check(virStorageVolPtr vol, int64_t size, const char *sha256, struct err *err) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    struct volume_flow f = {.fd = -1, .max = size};
    if (volume_receive(vol, &f, err) < 0) {
        return -1;
    }
    crypto_hash_sha256_final(&f.hash, hash);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    return str_eq(hex, sha256) ? 0
                               : err_set(err, ERR_SYSTEM, "the host's copy has the digest %s, not %s",
                                         hex, sha256);
}

/* ---- images ---------------------------------------------------------------------------------- */

bool libvirt_volume_is_whole(virStoragePoolPtr pool, const char *name) {
    CLEANUP_FREE char *mark = str_printf("%s" VOLUME_MARK, name);
    CLEANUP_VOLUME virStorageVolPtr a = virStorageVolLookupByName(pool, mark);
    CLEANUP_VOLUME virStorageVolPtr b = a ? virStorageVolLookupByName(pool, name) : NULL;
    return a && b;
}

static int volume_put_new(virStoragePoolPtr pool, const char *name, struct volume_flow *f,
                          int64_t size, const char *sha256, struct err *err) {
    CLEANUP_FREE char *xml = volume_xml(name, size, NULL, NULL);
    CLEANUP_VOLUME virStorageVolPtr vol = volume_make(pool, xml, err);
    return !vol || volume_send(vol, f, size, err) < 0 || volume_check(vol, size, sha256, err) < 0
               ? -1
               : 0;
}

int libvirt_volume_put(virStoragePoolPtr pool, const char *name, const char *path,
                       const char *sha256, void (*progress)(void *ctx, int64_t bytes), void *ctx,
                       struct err *err) {
    CLEANUP_FREE char *mark = str_printf("%s" VOLUME_MARK, name);
    struct stat st;
    if (libvirt_volume_is_whole(pool, name)) {
        return 0;
    }
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "%s", path);
    }
    struct volume_flow f = {.fd = fd, .progress = progress, .ctx = ctx};
    if (libvirt_volume_delete(pool, mark, err) < 0 || libvirt_volume_delete(pool, name, err) < 0 ||
        volume_put_new(pool, name, &f, st.st_size, sha256, err) < 0 ||
        libvirt_volume_empty(pool, mark, err) < 0) {
        err_prefix(err, "copy %s to the host", path);
        return -1;
    }
    return 0;
}

int libvirt_volume_copy(virStoragePoolPtr pool, const char *name, const char *path, struct err *err) {
    char hex[FS_SHA256_HEX];
    struct stat st;
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "%s", path);
    }
    struct volume_flow f = {.fd = fd};
    if (fs_sha256_file(path, hex, err) < 0 || libvirt_volume_delete(pool, name, err) < 0 ||
        volume_put_new(pool, name, &f, st.st_size, hex, err) < 0) {
        err_prefix(err, "copy %s to the host", path);
        return -1;
    }
    return 0;
}
