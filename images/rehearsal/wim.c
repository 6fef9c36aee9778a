/* As much of a WIM as the rehearsal's own needs: header, table of streams, XML (Microsoft's "Windows Imaging File
 * Format" white paper). The image is one uncompressed file, the only large stream, of sparse.h. */
#include <expat.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rehearsal.h"
#include "sparse.h"

enum {
    WIM_HEADER = 208, WIM_ENTRY = 50, WIM_TABLE_AT = 0x30, WIM_XML_AT = 0x48,
    WIM_TABLE_MAX = 1 << 20, WIM_XML_MAX = 1 << 20, WIM_CHUNK = 1 << 20,
    WIM_METADATA = 0x02, WIM_PACKED = 0x04 | 0x10, /* flags of a stream */
};

struct wim_place {
    uint64_t size, at, whole;
    unsigned flags;
};

static uint64_t le64(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) {
        v = v << 8 | p[i];
    }
    return v;
}

static struct wim_place wim_place(const uint8_t *p) {
    return (struct wim_place){le64(p) & 0xffffffffffffffULL, le64(p + 8), le64(p + 16), p[7]};
}

static uint8_t *wim_load(int fd, struct wim_place where, uint64_t max) {
    uint8_t *bytes = where.size > 0 && where.size <= max ? malloc(where.size) : NULL;
    if (bytes && pread(fd, bytes, where.size, (off_t)where.at) != (ssize_t)where.size) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* ---- the XML: is there such an image? --------------------------------------------------------- */

struct wim_names {
    const char *key, *value;
    char index[16], name[256];
    bool in_name, found;
    int depth;
};

static void wim_xml_start(void *ctx, const char *name, const char **attributes) {
    struct wim_names *n = ctx;
    n->depth++;
    if (n->depth == 2 && strcmp(name, "IMAGE") == 0) {
        n->name[0] = '\0';
        for (size_t i = 0; attributes[i]; i += 2) {
            if (strcmp(attributes[i], "INDEX") == 0) {
                strncpy(n->index, attributes[i + 1], sizeof(n->index) - 1);
            }
        }
    }
    n->in_name = n->depth == 3 && strcmp(name, "NAME") == 0;
}

static void wim_xml_end(void *ctx, const char *name) {
    struct wim_names *n = ctx;
    n->in_name = false;
    n->depth--;
    if (n->depth == 1 && strcmp(name, "IMAGE") == 0) {
        const char *said = strcmp(n->key, "/IMAGE/INDEX") == 0 ? n->index : n->name;
        n->found = n->found || strcmp(said, n->value) == 0;
    }
}

static void wim_xml_chars(void *ctx, const char *text, int len) {
    struct wim_names *n = ctx;
    size_t old = strlen(n->name);
    if (n->in_name && old + (size_t)len < sizeof(n->name)) {
        memcpy(n->name + old, text, (size_t)len);
        n->name[old + (size_t)len] = '\0';
    }
}

static bool wim_has_image(int fd, const uint8_t *header, const char *key, const char *value) {
    struct wim_place where = wim_place(header + WIM_XML_AT);
    uint8_t *xml = wim_load(fd, where, WIM_XML_MAX);
    struct wim_names names = {.key = key, .value = value};
    XML_Parser p = XML_ParserCreate("UTF-16");
    XML_SetUserData(p, &names);
    XML_SetElementHandler(p, wim_xml_start, wim_xml_end);
    XML_SetCharacterDataHandler(p, wim_xml_chars);
    bool well = xml && XML_Parse(p, (const char *)xml, (int)where.size, 1) == XML_STATUS_OK;
    XML_ParserFree(p);
    free(xml);
    return well && names.found;
}

/* ---- the image ------------------------------------------------------------------------------- */

static bool wim_find_system(int fd, const uint8_t *header, struct wim_place *system) {
    struct wim_place where = wim_place(header + WIM_TABLE_AT);
    uint8_t *table = where.flags & WIM_PACKED ? NULL : wim_load(fd, where, WIM_TABLE_MAX);
    *system = (struct wim_place){0};
    for (uint64_t at = 0; table && at + WIM_ENTRY <= where.size; at += WIM_ENTRY) {
        struct wim_place one = wim_place(table + at);
        if (!(one.flags & (WIM_METADATA | WIM_PACKED)) && one.size > system->size) {
            *system = one;
        }
    }
    free(table);
    return system->size > 24;
}

static bool wim_copy(int from, uint64_t at, int to, uint64_t offset, uint64_t length, char *buffer,
                     enum wim_fault *fault) {
    while (length > 0) {
        size_t want = length < WIM_CHUNK ? (size_t)length : WIM_CHUNK;
        if (pread(from, buffer, want, (off_t)at) != (ssize_t)want) {
            *fault = WIM_DAMAGED;
            return false;
        }
        if (pwrite(to, buffer, want, (off_t)offset) != (ssize_t)want) {
            *fault = WIM_NOT_WRITTEN;
            return false;
        }
        at += want;
        offset += want;
        length -= want;
    }
    return true;
}

static enum wim_fault wim_unpack(int from, struct wim_place system, int to, uint64_t limit,
                                 void (*step)(void *ctx, uint64_t done, uint64_t all), void *ctx) {
    uint8_t head[16];
    char *buffer = malloc(WIM_CHUNK);
    enum wim_fault fault = WIM_FINE;
    uint64_t at = system.at + 16;
    if (!buffer || pread(from, head, 16, (off_t)system.at) != 16 || memcmp(head, SPARSE_MAGIC, 8) != 0) {
        free(buffer);
        return WIM_DAMAGED;
    }
    if (le64(head + 8) > limit) {
        free(buffer);
        return WIM_TOO_LARGE;
    }
    for (;;) {
        step(ctx, at - system.at, system.size);
        if (pread(from, head, 16, (off_t)at) != 16 || at >= system.at + system.size) {
            fault = WIM_DAMAGED;
            break;
        }
        uint64_t offset = le64(head);
        uint64_t length = le64(head + 8);
        if (length == 0 || !wim_copy(from, at + 16, to, offset, length, buffer, &fault)) {
            break;
        }
        at += 16 + length;
    }
    free(buffer);
    return fault == WIM_FINE && fsync(to) < 0 ? WIM_NOT_WRITTEN : fault;
}

enum wim_fault wim_apply(const char *path, const char *key, const char *value, int to, uint64_t limit,
                         void (*step)(void *ctx, uint64_t done, uint64_t all), void *ctx) {
    uint8_t header[WIM_HEADER];
    struct wim_place system;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum wim_fault fault = WIM_DAMAGED;
    if (fd >= 0 && pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
        memcmp(header, "MSWIM\0\0\0", 8) == 0) {
        if (!wim_has_image(fd, header, key, value)) {
            fault = WIM_NO_IMAGE;
        } else if (wim_find_system(fd, header, &system)) {
            fault = wim_unpack(fd, system, to, limit, step, ctx);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return fault;
}
