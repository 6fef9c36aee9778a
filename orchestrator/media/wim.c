/* wimlib opens files, not parts of a CD. Of a WIM of gigabytes it reads header, table of contents and XML to tell the
 * editions; so just these are copied to where they belong in a sparse temporary file of the same size, which wimlib
 * then opens (by its true path: a memfd it refuses). Where they lie stands in the header: Microsoft, "Windows Imaging
 * File Format (WIM)" (2007), sections "Resource header" and "WIM header". */
#include "media/wim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wimlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/texts.h"

enum {
    WIM_HEADER = 208, /* bytes; offsets in it: */
    WIM_AT_GUID = 24, WIM_AT_PART = 40, WIM_AT_PARTS = 42, WIM_AT_IMAGES = 44, WIM_AT_TABLE = 48, WIM_AT_XML = 72
};

struct wim_resource { int64_t size, offset; };

static uint64_t wim_number(const uint8_t *at, size_t bytes) {
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) {
        v |= (uint64_t)at[i] << 8 * i;
    }
    return v;
}

/* 7 bytes of size, 1 of flags, 8 of offset, 8 of the size unpacked. */
static struct wim_resource wim_resource(const uint8_t *header, size_t at) {
    return (struct wim_resource){(int64_t)wim_number(header + at, 7), (int64_t)wim_number(header + at + 8, 8)};
}

static int wim_read_header(struct volume_file *f, uint8_t header[WIM_HEADER]) {
    return f->ops->read(f, 0, header, WIM_HEADER) == WIM_HEADER && memcmp(header, "MSWIM\0\0\0", 8) == 0 ? 0 : -1;
}

int wim_read_part(struct volume_file *f, struct wim_part *part) {
    uint8_t header[WIM_HEADER];
    if (wim_read_header(f, header) < 0) {
        return -1;
    }
    part->part = (int)wim_number(header + WIM_AT_PART, 2);
    part->parts = (int)wim_number(header + WIM_AT_PARTS, 2);
    memcpy(part->guid, header + WIM_AT_GUID, sizeof(part->guid));
    return 0;
}

/* One resource to its place in the sparse file. */
static int wim_copy(struct volume_file *f, struct wim_resource r, int64_t max, int to) {
    if (r.size < 0 || r.size > max || r.offset < 0 || r.offset > f->size - r.size) {
        return -1;
    }
    CLEANUP_FREE uint8_t *buf = mem_zalloc(1 << 20, 1);
    for (int64_t done = 0; done < r.size;) {
        size_t want = (size_t)(r.size - done < 1 << 20 ? r.size - done : 1 << 20);
        if (f->ops->read(f, r.offset + done, buf, want) != (int64_t)want ||
            pwrite(to, buf, want, r.offset + done) != (ssize_t)want) {
            return -1;
        }
        done += (int64_t)want;
    }
    return 0;
}

/* Solid resources (ESD) say at their own beginning how long they are unpacked and how they are divided, 16 bytes that
 * wimlib wants to see as it opens a WIM; which resources these are stands in the table of contents, 50 bytes an entry
 * (the table itself is never compressed): flag 0x10, and 2^32 in the place of the size unpacked. */
static int wim_copy_solid_heads(struct volume_file *f, struct wim_resource table, int to) {
    enum { ENTRY = 50, FLAGS = 7, UNPACKED = 16, SOLID = 0x10, HEAD = 16 };
    for (int64_t at = 0; at + ENTRY <= table.size; at += ENTRY) {
        uint8_t e[ENTRY];
        if (pread(to, e, ENTRY, table.offset + at) != ENTRY) {
            return -1;
        }
        struct wim_resource head = {HEAD, wim_resource(e, 0).offset};
        bool solid = (e[FLAGS] & SOLID) && wim_number(e + UNPACKED, 8) == (uint64_t)1 << 32;
        if (solid && wim_copy(f, head, HEAD, to) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Fills the temporary file; -1 with trouble. */
static int wim_thin_copy(struct volume_file *f, int fd, char **trouble) {
    uint8_t header[WIM_HEADER];
    if (wim_read_header(f, header) < 0) {
        *trouble = str_dup("it is no WIM: its first bytes are not MSWIM");
        return -1;
    }
    if (ftruncate(fd, f->size) < 0 || pwrite(fd, header, sizeof(header), 0) != (ssize_t)sizeof(header)) {
        *trouble = str_dup("no room for its thin copy");
        return -1;
    }
    struct wim_resource table = wim_resource(header, WIM_AT_TABLE);
    if (wim_copy(f, table, WIM_TABLE_MAX, fd) < 0 || wim_copy_solid_heads(f, table, fd) < 0 ||
        wim_copy(f, wim_resource(header, WIM_AT_XML), WIM_XML_MAX, fd) < 0) {
        *trouble = str_dup("its table of contents or its XML data lie outside the file: cut short or damaged");
        return -1;
    }
    return 0;
}

/* ---- what wimlib says ---------------------------------------------------------------------------- */

/* Never NULL. Caller frees. */
static char *wim_text(const WIMStruct *wim, int image, const char *name) {
    const char *value = wimlib_get_image_property(wim, image, name);
    return str_printf("%.300s", value ? value : "");
}

static int wim_int(const WIMStruct *wim, int image, const char *name) {
    const char *value = wimlib_get_image_property(wim, image, name);
    long n = value ? strtol(value, NULL, 10) : 0;
    return n < 0 || n > 1 << 30 ? 0 : (int)n;
}

/* PROCESSOR_ARCHITECTURE_* of winnt.h. */
static enum media_arch wim_arch(const char *value) {
    static const struct { const char *code; enum media_arch arch; } codes[] = {
        {"0", MEDIA_X86}, {"5", MEDIA_ARM}, {"9", MEDIA_AMD64}, {"12", MEDIA_ARM64},
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (str_eq(value, codes[i].code)) {
            return codes[i].arch;
        }
    }
    return MEDIA_ARCH_OTHER;
}

static char **wim_languages(const WIMStruct *wim, int image) {
    char **list = texts_new_array();
    for (size_t n = 0; n < 64; n++) {
        CLEANUP_FREE char *name = str_printf("WINDOWS/LANGUAGES/LANGUAGE[%zu]", n + 1);
        CLEANUP_FREE char *language = wim_text(wim, image, name);
        if (!*language) {
            break;
        }
        texts_add_to_array(&list, STEAL(language));
    }
    return list;
}

static struct media_edition wim_edition(const WIMStruct *wim, int image) {
    const char *bytes = wimlib_get_image_property(wim, image, "TOTALBYTES");
    struct media_edition e = {
        .index = image,
        .name = wim_text(wim, image, "NAME"),
        .display_name = wim_text(wim, image, "DISPLAYNAME"),
        .description = wim_text(wim, image, "DESCRIPTION"),
        .edition_id = wim_text(wim, image, "WINDOWS/EDITIONID"),
        .installation = wim_text(wim, image, "WINDOWS/INSTALLATIONTYPE"),
        .arch = wim_arch(wimlib_get_image_property(wim, image, "WINDOWS/ARCH")),
        .major = wim_int(wim, image, "WINDOWS/VERSION/MAJOR"),
        .minor = wim_int(wim, image, "WINDOWS/VERSION/MINOR"),
        .build = wim_int(wim, image, "WINDOWS/VERSION/BUILD"),
        .revision = wim_int(wim, image, "WINDOWS/VERSION/SPBUILD"),
        .language = wim_text(wim, image, "WINDOWS/LANGUAGES/DEFAULT"),
        .languages = wim_languages(wim, image),
        .bytes = bytes ? strtoll(bytes, NULL, 10) : 0,
    };
    e.evaluation = str_ends_with(e.edition_id, "Eval");
    if (!*e.language && e.languages[0]) {
        free(e.language);
        e.language = str_dup(e.languages[0]);
    }
    return e;
}

static void wim_take(WIMStruct *wim, struct media *m) {
    struct wimlib_wim_info info = {0};
    wimlib_get_wim_info(wim, &info);
    int count = info.image_count < WIM_IMAGES_MAX ? (int)info.image_count : WIM_IMAGES_MAX;
    m->editions = mem_zalloc((size_t)count + 1, sizeof(*m->editions));
    for (int i = 0; i < count; i++) {
        m->editions[i] = wim_edition(wim, i + 1);
    }
    m->edition_count = (size_t)count;
    if (count == 0) {
        m->trouble = str_dup("it holds no image");
    }
}

/* Opens the thin copy; its name is needed no longer than that. NULL with trouble. */
static WIMStruct *wim_open(struct volume_file *f, char **trouble) {
    const char *tmp = getenv("TMPDIR");
    CLEANUP_FREE char *path = str_printf("%s/coexist-wim-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    CLEANUP_FD int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        *trouble = str_printf("no room for its thin copy: %s: %s", path, strerror(errno));
        return NULL;
    }
    WIMStruct *wim = NULL;
    wimlib_set_print_errors(false);
    if (wim_thin_copy(f, fd, trouble) == 0) {
        int rc = wimlib_open_wim(path, 0, &wim);
        if (rc != 0) {
            *trouble = str_printf("wimlib: %s", wimlib_get_error_string((enum wimlib_error_code)rc));
        }
    }
    unlink(path);
    return *trouble ? NULL : wim;
}

void wim_read_editions(struct volume_file *f, struct media *m) {
    WIMStruct *wim = wim_open(f, &m->trouble);
    if (wim) {
        wim_take(wim, m);
        wimlib_free(wim);
    }
    wimlib_global_cleanup();
}
