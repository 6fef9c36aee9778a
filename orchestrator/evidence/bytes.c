#include "evidence/bytes.h"

#include <inttypes.h>

#include "base/str.h"

#define BYTES_BAD 0xfffdu /* U+FFFD REPLACEMENT CHARACTER */

int bytes_slice(struct bytes file, uint64_t at, uint64_t size, const char *what, struct bytes *out,
                struct err *err) {
    if (!bytes_has(file, at, size)) {
        return err_set(err, ERR_PROTOCOL,
                       "%s at %" PRIu64 " with %" PRIu64 " bytes reaches beyond the file's %zu bytes",
                       what, at, size, file.size);
    }
    *out = (struct bytes){file.data + at, (size_t)size};
    return 0;
}

static void bytes_add_utf8(struct str *s, uint32_t c) {
    if (c < 0x80) {
        char byte = (char)c;
        str_add_bytes(s, &byte, 1);
    } else if (c < 0x800) {
        str_addf(s, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        str_addf(s, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                 (int)(0x80 | (c & 0x3f)));
    } else {
        str_addf(s, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
                 (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
    }
}

static bool bytes_is_control(uint32_t c) {
    return c < 0x20 || c == 0x7f;
}

char *bytes_utf16(const uint8_t *p, size_t size) {
    struct str s = STR_INIT;
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = bytes_u16(p + i);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < size) {
            uint32_t low = bytes_u16(p + i + 2);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        if (c == 0) {
            break;
        }
        bool bad = (c >= 0xd800 && c < 0xe000) || bytes_is_control(c);
        bytes_add_utf8(&s, bad ? BYTES_BAD : c);
    }
    return str_take(&s);
}

char *bytes_ascii(const uint8_t *p, size_t size) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < size && p[i]; i++) {
        bytes_add_utf8(&s, bytes_is_control(p[i]) || p[i] > 0x7e ? BYTES_BAD : p[i]);
    }
    return str_take(&s);
}

const char *bytes_basename(const char *path) {
    const char *name = path;
    for (const char *p = path; *p; p++) {
        if ((*p == '\\' || *p == '/') && p[1]) {
            name = p + 1;
        }
    }
    return name;
}
