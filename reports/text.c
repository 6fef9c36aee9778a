#include "reports/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

/* Length and code point of the UTF-8 sequence at p (RFC 3629); 0 when it is not one. */
static size_t text_decode(const unsigned char *p, uint32_t *c) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3
               : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n < 2) {
        *c = p[0];
        return n;
    }
    *c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        *c = *c << 6 | (p[i] & 0x3f);
    }
    bool bad = *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000);
    return bad ? 0 : n;
}

/* Control characters, direction overrides and isolates, line separators, the byte order mark. */
static bool text_is_unsafe(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           (c >= 0xfff0 && c < 0xfffd) || (c & 0xfffe) == 0xfffe;
}

void text_add_clean(struct str *out, const char *text, size_t max) {
    size_t begun = out->len;
    size_t all = strlen(text);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        uint32_t c = 0;
        size_t n = text_decode(p, &c);
        if (out->len - begun + 4 > max) {
            str_addf(out, "... [cut, %zu bytes in all]", all);
            return;
        }
        if (n == 1 && (c == '\n' || c == '\t' || c == '\r')) {
            str_add(out, " ");
        } else if (n == 0 || text_is_unsafe(c)) {
            str_add(out, "\xef\xbf\xbd");
        } else {
            str_add_bytes(out, p, n);
        }
        p += n ? n : 1;
    }
}

json_t *text_json(const char *text) {
    if (!text) {
        return json_null();
    }
    CLEANUP_STR struct str clean = STR_INIT;
    text_add_clean(&clean, text, TEXT_MAX);
    return json_stringn(str_get(&clean), clean.len);
}

/* Three digits that matter, no exponent, no needless zeros. */
static void text_add_number(struct str *out, double v) {
    double a = fabs(v);
    int digits = a == 0 || a >= 100 ? 0 : a >= 10 ? 1 : 2;
    char buf[64];
    snprintf(buf, sizeof(buf), "%.*f", digits, v);
    char *end = strchr(buf, '.') ? buf + strlen(buf) : NULL;
    while (end && end[-1] == '0') {
        *--end = '\0';
    }
    if (end && end[-1] == '.') {
        end[-1] = '\0';
    }
    str_add(out, buf);
}

void text_add_value(struct str *out, double value, const char *unit) {
    static const struct {
        const char *unit;
        double above, divide;
        const char *shown;
    } scales[] = {
        {"ms", 10000, 1000, " s"},    {"ms", 0, 1, " ms"},    {"bytes", 1e9, 1e9, " GB"},
        {"bytes", 1e6, 1e6, " MB"},   {"bytes", 1e3, 1e3, " kB"}, {"bytes", 0, 1, " B"},
        {"percent", 0, 1, " %"},
    };
    if (!isfinite(value)) {
        str_add(out, "-");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        if (str_eq(unit, scales[i].unit) && value >= scales[i].above) {
            text_add_number(out, value / scales[i].divide);
            str_add(out, scales[i].shown);
            return;
        }
    }
    text_add_number(out, value);
}

void text_add_percent(struct str *out, double percent) {
    if (!isfinite(percent)) {
        str_add(out, "-");
        return;
    }
    str_addf(out, fabs(percent) < 10 ? "%+.1f %%" : "%+.0f %%", percent);
}

void text_add_duration(struct str *out, double ms) {
    long long s = (long long)(ms / 1000 + 0.5);
    if (ms < 10000) {
        text_add_number(out, ms / 1000);
        str_add(out, " s");
    } else if (s < 60) {
        str_addf(out, "%lld s", s);
    } else if (s < 3600) {
        str_addf(out, "%lld min %lld s", s / 60, s % 60);
    } else {
        str_addf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    }
}

const char *text_drill_name(const char *what) {
    static const struct {
        const char *what, *name;
    } names[] = {
        {"repair", "files removed from outside"},
        {"rollback", "rollback after that"},
        {"safe-mode", "boot into safe mode"},
        {"safe-mode-rollback", "rollback in safe mode, then a normal boot"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(what, names[i].what)) {
            return names[i].name;
        }
    }
    return what;
}
