/* Installation media: any bytes as a CD, over a true CD, or as the WIM on one, must give an answer or a reason. What
 * the libraries do to their own process stays behind the fence; what is looked for is what gets through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/labcd.h"
#include "media/media.h"
#include "media/media_impl.h"
#include "media/wim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory_file { struct volume_file file; const uint8_t *data; };

static int64_t memory_read(struct volume_file *f, int64_t at, void *buf, size_t len) {
    const struct memory_file *m = (const struct memory_file *)f;
    if (at < 0 || at > f->size) {
        return -1;
    }
    size_t n = (size_t)(f->size - at) < len ? (size_t)(f->size - at) : len;
    memcpy(buf, m->data + at, n);
    return (int64_t)n;
}

static uint32_t memory_lba(struct volume_file *f) {
    (void)f;
    return 0;
}

static void memory_close(struct volume_file *f) {
    (void)f;
}

static int fenced_wim(void *ctx, struct str *out, struct err *err) {
    struct media m = {.drivers = texts_new_array()};
    (void)err;
    wim_read_editions(ctx, &m);
    str_addf(out, "%zu", m.edition_count);
    media_clear(&m);
    return 0;
}

static void as_wim(const uint8_t *data, size_t size) {
    static const struct volume_file_ops ops = {memory_read, memory_lba, memory_close};
    static const struct fence_limits limits = {
        .timeout_ns = 10 * CLOCK_S, .memory_bytes = (size_t)1 << 30, .max_output = 64};
    struct memory_file f = {{&ops, (int64_t)size}, data};
    struct wim_part part;
    struct str out = STR_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    wim_read_part(&f.file, &part);
    if (fence_run(fenced_wim, &f, &limits, &out, &err) == 0 && out.len == 0) {
        abort();
    }
    str_free(&out);
}

static void as_cd(const uint8_t *data, size_t size) {
    CLEANUP_FD int fd = memfd_create("cd", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        return;
    }
    CLEANUP_FREE char *path = str_printf("/proc/self/fd/%d", fd);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct media *m = media_inspect(path, &err);
    if ((m == NULL) != err_is_set(&err)) {
        abort();
    }
    json_t *j = m ? media_to_json(m) : NULL;
    if (m && !j) {
        abort();
    }
    json_decref(j);
    media_free(m);
}

/* A true CD with the bytes somewhere over it; offsets of 16 bytes reach all of its structures. */
static void as_changed_cd(const uint8_t *data, size_t size) {
    static unsigned char *cd;
    static size_t len;
    if (!cd) {
        char path[] = "/tmp/coexist-fuzz-XXXXXX";
        struct labcd_file files[] = {{"sources/install.wim", NULL, "MSWIM\0\0\0", 8},
                                     {"sources/boot.wim", NULL, "x", 1},
                                     {"efi/microsoft/boot/efisys.bin", NULL, "x", 1}};
        close(mkstemp(path));
        labcd_write(path, "FUZZ", files, 3, NULL);
        cd = (unsigned char *)fs_read(path, 1 << 20, &len, NULL);
        unlink(path);
    }
    if (!cd || size < 3) {
        return;
    }
    CLEANUP_FREE unsigned char *copy = mem_zalloc(len, 1);
    memcpy(copy, cd, len);
    size_t at = (((size_t)data[0] << 8 | data[1]) * 16) % len;
    memcpy(copy + at, data + 2, size - 2 < len - at ? size - 2 : len - at);
    as_cd(copy, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    unsigned char head[512];
    size_t len = size - 1 < sizeof(head) ? size - 1 : sizeof(head);
    memcpy(head, data + 1, len);
    if (!*media_guess(head, len)) {
        abort();
    }
    if (data[0] & 1) {
        as_wim(data + 1, size - 1);
    } else if (data[0] & 2) {
        as_changed_cd(data + 1, size - 1);
    } else {
        as_cd(data + 1, size - 1);
    }
    return 0;
}
