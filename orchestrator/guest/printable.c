#include "guest/printable.h"

#include "base/str.h"

char *printable_text(const char *text, size_t len, size_t max) {
    struct str s = STR_INIT;
    for (size_t i = 0; i < len && i < max; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n') {
            str_add(&s, "\\n");
        } else if (c < 0x20 || c > 0x7e || c == '\\') {
            str_addf(&s, "\\x%02x", c);
        } else {
            str_addf(&s, "%c", c);
        }
    }
    str_add(&s, len > max ? "..." : "");
    return str_take(&s);
}
