#include "evidence/screen_stop.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/stop_code.h"

enum { STOP_MODULE_MAX = 64 };

/* One reading of the facts. */
struct stop_facts {
    bool has_number; /* "STOP: 0x0000007E", "(0x7E)" */
    uint32_t number;
    const char *name; /* a known name, static; NULL */
    uint32_t name_code;
    bool text_layout; /* "*** STOP:" */
    bool has_param[SCREEN_PARAMS];
    uint64_t param[SCREEN_PARAMS];
    int params; /* places where a parameter stands, read or not */
    char module[STOP_MODULE_MAX + 1];
    bool module_unsure;
};

/* What OCR makes of hex digits and of nothing else that could stand there. -1: no digit. */
static int stop_digit(char c) {
    static const char from[] = "OoQ@lI|!iSsZzG", to[] = "00001111155226";
    const char *at = c ? strchr(from, c) : NULL;
    c = at ? to[at - from] : c;
    if (!isxdigit((unsigned char)c)) {
        return -1;
    }
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

size_t stop_hex(const char *text, uint64_t *value, bool *sure) {
    size_t n = 0;
    *value = 0;
    for (; n < 17; n++) {
        int digit = stop_digit(text[n]);
        if (digit < 0 && text[n] != '?') {
            break;
        }
        *sure = *sure && digit >= 0;
        *value = *value << 4 | (unsigned)(digit < 0 ? 0 : digit);
    }
    return n;
}

/* "0x", with what OCR makes of it. NULL, or what follows it. */
static const char *stop_prefix(const char *p) {
    return p[0] && strchr("0OoQ@", p[0]) && p[1] && strchr("xX*", p[1]) ? p + 2 : NULL;
}

/* The text layout prints capital digits: a small "d" there is a misread "4", a "b" a "6". */
static bool stop_all_capital(const char *digits, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strchr("abcdef", digits[i])) {
            return false;
        }
    }
    return true;
}

/* A number of 8 or 16 digits, as the text layout prints them ("0x%08lX", "0x%p"). NULL: none here; else its end. */
static const char *stop_long_hex(const char *p, uint64_t *value, bool *sure) {
    const char *digits = stop_prefix(p);
    if (!digits) {
        return NULL;
    }
    bool all = true;
    size_t n = stop_hex(digits, value, &all);
    *sure = all && (n == 8 || n == 16) && stop_all_capital(digits, n);
    return n > 0 ? digits + n : NULL;
}

/* Everything in parentheses after the code; a line may be wrapped inside. */
static void stop_params(const char *p, struct stop_facts *f) {
    const char *open = strpbrk(p, "({[");
    if (!open || open - p > 4) {
        return;
    }
    for (p = open + 1; *p && !strchr(")}]", *p) && f->params < SCREEN_PARAMS && p - open < 120;) {
        bool sure = false;
        const char *end = stop_long_hex(p, &f->param[f->params], &sure);
        if (end) {
            f->has_param[f->params++] = sure;
            p = end;
        } else {
            p++;
        }
    }
}

/* "*** STOP: 0x0000007E (" */
static void stop_find_text_layout(const char *text, struct stop_facts *f) {
    for (const char *p = text; (p = strcasestr(p, "stop")); p++) {
        const char *at = p + 4;
        while (*at && strchr(" :;.,?", *at)) {
            at++;
        }
        uint64_t value = 0;
        bool sure = false;
        const char *end = at - p <= 8 ? stop_long_hex(at, &value, &sure) : NULL;
        if (end) {
            f->text_layout = true;
            f->has_number = sure && value <= UINT32_MAX;
            f->number = (uint32_t)value;
            stop_params(end, f);
            return;
        }
    }
}

/* OCR likes to see a blank beside an underscore. Caller frees. */
static char *stop_join_names(const char *text) {
    char *out = str_dup(text);
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        bool beside = *p == ' ' && ((p > text && p[-1] == '_') || p[1] == '_');
        if (!beside) {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
    return out;
}

/* Every word with an underscore may be a stop code's name: those stand so in every language. A code in parentheses
 * follows it in newer systems. */
static void stop_find_name(const char *text, struct stop_facts *f) {
    for (const char *p = text; *p && !f->name;) {
        size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_|!?");
        char word[72];
        if (n >= 8 && n < sizeof(word) && memchr(p, '_', n)) {
            memcpy(word, p, n);
            word[n] = '\0';
            f->name = stop_code_nearest(word, &f->name_code);
            uint64_t value = 0;
            bool sure = true;
            const char *digits = p[n] == ' ' && p[n + 1] == '(' ? stop_prefix(p + n + 2) : NULL;
            if (f->name && digits && stop_hex(digits, &value, &sure) <= 8 && sure) {
                f->has_number = true;
                f->number = (uint32_t)value;
            }
        }
        p += n ? n : 1;
    }
}

static bool stop_is_file_letter(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '?' || c == '~';
}

/* The beginning of the name that ends before `end`; OCR may put ",", "." or a blank in place of the dot. */
static void stop_take_module(const char *text, const char *tail, const char *kind, struct stop_facts *f) {
    const char *end = tail;
    while (end > text && (end[-1] == '.' || end[-1] == ',' || end[-1] == ' ') && tail - end < 3) {
        end--;
    }
    const char *begin = end;
    while (begin > text && stop_is_file_letter(begin[-1]) && end - begin < STOP_MODULE_MAX - 4) {
        begin--;
    }
    if (end == tail || begin == end) {
        return;
    }
    snprintf(f->module, sizeof(f->module), "%.*s.%s", (int)(end - begin), begin, kind);
    f->module_unsure = strchr(f->module, '?') != NULL;
}

static void stop_find_module(const char *text, struct stop_facts *f) {
    static const char *const kinds[] = {"sys", "exe", "dll"};
    for (const char *p = text; *p && !*f->module; p++) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            if (strncasecmp(p, kinds[i], 3) == 0 && p > text && !isalnum((unsigned char)p[3]) &&
                (p[-1] == '.' || p[-1] == ',' || p[-1] == ' ')) {
                stop_take_module(text, p, kinds[i], f);
            }
        }
    }
}

static void stop_find(const char *text, struct stop_facts *f) {
    *f = (struct stop_facts){0};
    CLEANUP_FREE char *joined = stop_join_names(text);
    stop_find_text_layout(text, f);
    stop_find_name(joined, f);
    stop_find_module(text, f);
}

static void stop_leave_out(struct str *left, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void stop_leave_out(struct str *left, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char text[160];
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    str_addf(left, "%s%s", left->len ? "; " : "", text);
}

/* The name bears misread letters, the number does not: where they contradict each other, the name stands. */
static void stop_take_code(const struct stop_facts *f, const struct stop_facts *g, bool sure,
                           struct screen_reading *out, struct str *left) {
    bool number = f->has_number && (sure || stop_code_name(f->number) || (g->has_number && g->number == f->number));
    if (f->name) {
        out->has_code = true;
        out->code = f->name_code;
        out->name = f->name;
        if (number && f->number != f->name_code) {
            stop_leave_out(left, "the number read beside the name, 0x%" PRIX32 ", is another code's", f->number);
        }
    } else if (number && (sure || (g->has_number && g->number == f->number))) {
        out->has_code = true;
        out->code = f->number;
        out->name = stop_code_name(f->number);
    } else if (f->text_layout) {
        stop_leave_out(left, "the stop code");
    }
}

static void stop_take_params(const struct stop_facts *f, const struct stop_facts *g, bool sure,
                             struct screen_reading *out, struct str *left) {
    for (int i = 0; i < f->params; i++) {
        const struct stop_facts *from = f->has_param[i] ? f : g;
        bool agreed = f->has_param[i] && g->has_param[i] && f->param[i] == g->param[i];
        out->has_param[i] = sure ? f->has_param[i] : agreed;
        out->param[i] = out->has_param[i] ? from->param[i] : 0;
    }
    for (int i = 0; i < SCREEN_PARAMS && f->text_layout; i++) {
        if (!out->has_param[i]) {
            stop_leave_out(left, "parameter %d", i + 1);
        }
    }
}

static void stop_take_module_name(const struct stop_facts *f, const struct stop_facts *g, bool sure,
                                  struct screen_reading *out, struct str *left) {
    if (!*f->module) {
        return;
    }
    if (f->module_unsure || (!sure && *g->module && !screen_module_is(f->module, g->module))) {
        stop_leave_out(left, "the driver's name (%s?)", f->module);
        return;
    }
    out->module = str_dup(f->module);
}

bool stop_read(const char *text, const char *second, bool sure, struct screen_reading *out) {
    struct stop_facts f, g = {0};
    CLEANUP_STR struct str left = STR_INIT;
    stop_find(text, &f);
    if (second) {
        stop_find(second, &g);
    }
    if (!f.text_layout && !f.name && g.name) {
        f.name = g.name; /* the other reading found it: a known name is not read by accident */
        f.name_code = g.name_code;
    }
    bool found = f.text_layout || f.name;
    if (!found && out->kind != SCREEN_STOP) {
        return false;
    }
    out->layout = f.text_layout ? SCREEN_LAYOUT_TEXT : SCREEN_LAYOUT_FACE;
    stop_take_code(&f, &g, sure, out, &left);
    stop_take_params(&f, &g, sure, out, &left);
    stop_take_module_name(&f, &g, sure, out, &left);
    if (!out->has_code && !f.text_layout) {
        stop_leave_out(&left, "the stop code");
    }
    if (left.len) {
        free(out->left_out);
        out->left_out = str_take(&left);
    }
    return found;
}
