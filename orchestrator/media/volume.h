/* Reading a CD's file system, UDF or ISO 9660, behind one interface. Private to media/, and used only behind the fence:
 * names and sizes are what the file says. Paths are '/'-separated, without a slash at the beginning; letter case does
 * not matter, as on Windows. */
#ifndef COEXIST_MEDIA_VOLUME_H
#define COEXIST_MEDIA_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    VOLUME_BLOCK = 2048,       /* bytes of a sector */
    VOLUME_ENTRIES_MAX = 20000 /* of one folder; more are not looked at */
};

struct volume;
struct volume_file;

/* fn is given each entry of a folder; stops at the first non-zero, which is returned. */
typedef int volume_entry_fn(const char *name, bool folder, void *ctx);

struct volume_ops { /* paths here have the spelling of the CD */
    int (*each)(struct volume *v, const char *folder, volume_entry_fn *fn, void *ctx); /* -1: no such folder */
    struct volume_file *(*open)(struct volume *v, const char *path); /* NULL: no such file */
    void (*close)(struct volume *v);
};

struct volume {
    const struct volume_ops *ops;
    char *label; /* owned; never NULL */
};

struct volume_file_ops {
    /* Bytes read, fewer only at the end of the file; -1 where the CD image is broken or ends early. */
    int64_t (*read)(struct volume_file *f, int64_t at, void *buf, size_t len);
    uint32_t (*lba)(struct volume_file *f); /* sector of its first byte; 0: not known */
    void (*close)(struct volume_file *f);
};

struct volume_file {
    const struct volume_file_ops *ops;
    int64_t size; /* bytes, never negative */
};

/* NULL when the file holds no such file system; with err only when it does and cannot be read. */
struct volume *volume_open_udf(const char *path);

struct volume_boot { int platform; bool emulation; uint32_t lba; char *path; /* owned; NULL: not in the tree */ };
struct volume_iso_facts {
    int64_t blocks; /* of the volume, as its descriptor says */
    bool joliet, iso1999, rockridge;
    struct volume_boot *boots; /* bootable El Torito entries */
    size_t boot_count;
};
struct volume *volume_open_iso(const char *path, struct volume_iso_facts *facts, struct err *err);
void volume_iso_facts_clear(struct volume_iso_facts *facts);

int volume_each(struct volume *v, const char *folder, volume_entry_fn *fn, void *ctx);
/* The CD's own spelling of a path; NULL when it is not there. Caller frees. */
char *volume_find(struct volume *v, const char *path);
bool volume_has(struct volume *v, const char *path);
struct volume_file *volume_open(struct volume *v, const char *path);
void volume_file_close(struct volume_file *f); /* NULL is fine */
void volume_close(struct volume *v);           /* NULL is fine */

#endif
