#include "base/json_scan.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

struct scan {
    const char *path;
    const char *text;
    size_t len;
    size_t at;
    int depth;
    struct json_index *index;
    struct diags *diags;
};

static int json_scan_value(struct scan *s, uint32_t key, uint32_t *node);

struct diag_pos json_scan_position(const char *text, size_t len, size_t offset) {
    struct diag_pos pos = {1, 1};
    if (offset > len) {
        offset = len;
    }
    const char *line = text;
    const char *end = text + offset;
    for (const char *nl; line < end && (nl = memchr(line, '\n', (size_t)(end - line))) != NULL;) {
        pos.line++;
        line = nl + 1;
    }
    for (const char *p = line; p < end; p++) {
        pos.column += ((unsigned char)*p & 0xC0) != 0x80; /* continuation bytes are no columns */
    }
    return pos;
}

__attribute__((format(printf, 5, 6))) static int json_scan_fail(struct scan *s, size_t offset,
                                                                const char *code, const char *hint,
                                                                const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    CLEANUP_FREE char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    va_end(ap);
    diags_add(s->diags, s->path, json_scan_position(s->text, s->len, offset), code, hint, "%s",
              text);
    return -1;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, section 4), or 0. */
static size_t json_utf8_length(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (n == 0) {
        n = p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    }
    if (n == 0 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] > 0x9F;
    bool beyond = p[0] == 0xF4 && p[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : n;
}

static int json_scan_mark(struct scan *s) {
    const unsigned char *p = (const unsigned char *)s->text;
    if (s->len >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF))) {
        return json_scan_fail(s, 0, "encoding", "save the file as UTF-8 without a byte order mark",
                              "the file is UTF-16, not UTF-8");
    }
    if (s->len >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        return json_scan_fail(s, 0, "byte-order-mark",
                              "save the file as UTF-8 without a byte order mark",
                              "the file begins with a byte order mark");
    }
    return 0;
}

int json_scan_encoding(const char *path, const char *text, size_t len, struct diags *diags) {
    struct scan s = {.path = path, .text = text, .len = len, .diags = diags};
    if (json_scan_mark(&s) < 0) {
        return -1;
    }
    for (size_t i = 0; i < len;) {
        size_t n = json_utf8_length((const unsigned char *)text + i, len - i);
        if (n == 0) {
            return json_scan_fail(&s, i, "encoding", "save the file as UTF-8",
                                  "byte 0x%02x is not UTF-8 text", (unsigned char)text[i]);
        }
        if (text[i] == '\0') {
            return json_scan_fail(&s, i, "nul-byte", "is this really a text file?",
                                  "the file contains a NUL byte");
        }
        i += n;
    }
    return 0;
}

static void json_scan_space(struct scan *s) {
    while (s->at < s->len && strchr(" \t\r\n", s->text[s->at])) {
        s->at++;
    }
}

static bool json_scan_is(const struct scan *s, char c) {
    return s->at < s->len && s->text[s->at] == c;
}

/* What stands at the current place, for a message: "'x'", "the end of the file", "'word'". */
static const char *json_scan_found(const struct scan *s, char buf[32]) {
    if (s->at >= s->len) {
        return "the end of the file";
    }
    size_t n = 1;
    const char *p = s->text + s->at;
    if (isalnum((unsigned char)*p)) {
        while (n < 20 && s->at + n < s->len && (isalnum((unsigned char)p[n]) || p[n] == '_')) {
            n++;
        }
    } else {
        n = json_utf8_length((const unsigned char *)p, s->len - s->at);
    }
    snprintf(buf, 32, "'%.*s'", (int)n, p);
    return buf;
}

static const char *json_scan_value_hint(const struct scan *s) {
    static const struct {
        const char *begin, *hint;
    } table[] = {
        {"'", "strings are written in \"double quotes\""},
        {"//", "JSON has no comments; use an \"about\" member"},
        {"/*", "JSON has no comments; use an \"about\" member"},
        {"#", "JSON has no comments; use an \"about\" member"},
        {"True", "write true"},
        {"False", "write false"},
        {"None", "write null"},
        {"+", "numbers have no plus sign"},
        {".", "write a digit before the decimal point"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table) && s->at < s->len; i++) {
        size_t n = strlen(table[i].begin);
        if (s->len - s->at >= n && memcmp(s->text + s->at, table[i].begin, n) == 0) {
            return table[i].hint;
        }
    }
    return NULL;
}

static int json_scan_escape(struct scan *s) {
    size_t start = s->at++;
    char c = s->at < s->len ? s->text[s->at] : '\0';
    if (c == 'u') {
        for (int i = 1; i <= 4; i++) {
            if (s->at + (size_t)i >= s->len || !isxdigit((unsigned char)s->text[s->at + (size_t)i])) {
                return json_scan_fail(s, start, "syntax",
                                      "in JSON each backslash is written twice: \"C:\\\\users\"",
                                      "\\u must be followed by four hexadecimal digits");
            }
        }
        if (memcmp(s->text + s->at + 1, "0000", 4) == 0) {
            return json_scan_fail(s, start, "nul-byte", NULL, "a string cannot hold \\u0000");
        }
        s->at += 5;
        return 0;
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c)) {
        return json_scan_fail(s, start, "syntax",
                              "in JSON each backslash is written twice: \"C:\\\\Program Files\"",
                              "there is no escape \\%c", isprint((unsigned char)c) ? c : '?');
    }
    s->at++;
    return 0;
}

static int json_scan_string(struct scan *s) {
    size_t start = s->at++;
    while (s->at < s->len) {
        unsigned char c = (unsigned char)s->text[s->at];
        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c == '\n' || c == '\r') {
            break;
        }
        if (c < 0x20) {
            return json_scan_fail(s, s->at, "syntax", c == '\t' ? "write \\t for a tab" : NULL,
                                  "control character 0x%02x inside a string", c);
        }
        if (c != '\\') {
            s->at++;
        } else if (json_scan_escape(s) < 0) {
            return -1;
        }
    }
    return json_scan_fail(s, start, "syntax", "put a closing double quote",
                          "this string is not closed on its line");
}

static size_t json_scan_digits(struct scan *s) {
    size_t start = s->at;
    while (s->at < s->len && isdigit((unsigned char)s->text[s->at])) {
        s->at++;
    }
    return s->at - start;
}

static int json_scan_number(struct scan *s) {
    size_t start = s->at;
    s->at += json_scan_is(s, '-');
    size_t first = s->at;
    size_t whole = json_scan_digits(s);
    bool good = whole > 0;
    if (whole > 1 && s->text[first] == '0') {
        return json_scan_fail(s, start, "syntax", "leave out the leading zeros",
                              "a number must not begin with 0");
    }
    if (good && json_scan_is(s, '.')) {
        s->at++;
        good = json_scan_digits(s) > 0;
    }
    if (good && (json_scan_is(s, 'e') || json_scan_is(s, 'E'))) {
        s->at++;
        s->at += json_scan_is(s, '+') || json_scan_is(s, '-');
        good = json_scan_digits(s) > 0;
    }
    bool glued = s->at < s->len && (isalnum((unsigned char)s->text[s->at]) || s->text[s->at] == '.');
    if (!good || glued) {
        return json_scan_fail(s, start, "syntax", "numbers are decimal, such as 30 or 0.5",
                              "this is not a number");
    }
    return 0;
}

static int json_scan_word(struct scan *s) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0 &&
            (s->at + n == s->len || !isalnum((unsigned char)s->text[s->at + n]))) {
            s->at += n;
            return 0;
        }
    }
    char buf[32];
    return json_scan_fail(s, s->at, "syntax", json_scan_value_hint(s),
                          "a value is expected here, found %s", json_scan_found(s, buf));
}

static uint32_t json_scan_add(struct scan *s, uint32_t key) {
    struct json_index *x = s->index;
    if (x->count == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 64;
        x->nodes = mem_grow(x->nodes, x->cap, sizeof(*x->nodes));
    }
    x->nodes[x->count] = (struct json_node){.value = (uint32_t)s->at, .key = key};
    return (uint32_t)x->count++;
}

static int json_scan_key(struct scan *s) {
    if (json_scan_is(s, '"')) {
        return json_scan_string(s);
    }
    char buf[32];
    const char *hint = json_scan_value_hint(s);
    return json_scan_fail(s, s->at, "syntax", hint ? hint : "keys are written in \"double quotes\"",
                          "a key is expected here, found %s", json_scan_found(s, buf));
}

/* KEY : before an object's member; *key is where the key stands. */
static int json_scan_member_key(struct scan *s, uint32_t *key) {
    *key = (uint32_t)s->at;
    if (json_scan_key(s) < 0) {
        return -1;
    }
    json_scan_space(s);
    if (!json_scan_is(s, ':')) {
        char buf[32];
        return json_scan_fail(s, s->at, "syntax", NULL, "':' is expected after the key, found %s",
                              json_scan_found(s, buf));
    }
    s->at++;
    json_scan_space(s);
    return 0;
}

/* After a member or element: 1 when another follows, 0 at the end, -1 on error. */
static int json_scan_separator(struct scan *s, size_t opened, char close) {
    json_scan_space(s);
    if (json_scan_is(s, close)) {
        s->at++;
        return 0;
    }
    char buf[32];
    if (s->at >= s->len) {
        struct diag_pos pos = json_scan_position(s->text, s->len, opened);
        CLEANUP_FREE char *hint = str_printf("it was opened at line %d, column %d", pos.line,
                                             pos.column);
        return json_scan_fail(s, s->at, "syntax", hint, "the file ends before the closing '%c'",
                              close);
    }
    if (!json_scan_is(s, ',')) {
        const char *hint = json_scan_value_hint(s);
        return json_scan_fail(s, s->at, "syntax", hint ? hint : "is a comma missing before this?",
                              "',' or '%c' is expected here, found %s", close,
                              json_scan_found(s, buf));
    }
    size_t comma = s->at++;
    json_scan_space(s);
    if (json_scan_is(s, close)) {
        return json_scan_fail(s, comma, "syntax", "remove this comma",
                              "no comma may stand before the closing '%c'", close);
    }
    return 1;
}

static int json_scan_container(struct scan *s, uint32_t parent, char close) {
    size_t opened = s->at++;
    uint32_t last = 0;
    json_scan_space(s);
    if (json_scan_is(s, close)) {
        s->at++;
        return 0;
    }
    for (int more = 1; more > 0;) {
        uint32_t key = JSON_NO_KEY;
        uint32_t node = 0;
        if (s->at >= s->len) {
            return json_scan_separator(s, opened, close);
        }
        if ((close == '}' && json_scan_member_key(s, &key) < 0) ||
            json_scan_value(s, key, &node) < 0) {
            return -1;
        }
        *(last ? &s->index->nodes[last].next : &s->index->nodes[parent].child) = node;
        last = node;
        more = json_scan_separator(s, opened, close);
        if (more < 0) {
            return -1;
        }
    }
    return 0;
}

static int json_scan_nested(struct scan *s, uint32_t node) {
    if (s->depth == JSON_DEPTH_MAX) {
        return json_scan_fail(s, s->at, "too-deep", NULL,
                              "nested deeper than %d levels", JSON_DEPTH_MAX);
    }
    s->depth++;
    int rc = json_scan_container(s, node, s->text[s->at] == '{' ? '}' : ']');
    s->depth--;
    return rc;
}

static int json_scan_value(struct scan *s, uint32_t key, uint32_t *node) {
    uint32_t mine = json_scan_add(s, key);
    if (node) {
        *node = mine;
    }
    if (json_scan_is(s, '{') || json_scan_is(s, '[')) {
        return json_scan_nested(s, mine);
    }
    if (json_scan_is(s, '"')) {
        return json_scan_string(s);
    }
    if (s->at < s->len && (s->text[s->at] == '-' || isdigit((unsigned char)s->text[s->at]))) {
        return json_scan_number(s);
    }
    return json_scan_word(s);
}

int json_scan(const char *path, const char *text, size_t len, struct json_index *index,
              struct diags *diags) {
    struct scan s = {
        .path = path, .text = text, .len = len, .index = index, .diags = diags,
    };
    json_scan_space(&s);
    if (s.at == s.len) {
        return json_scan_fail(&s, 0, "empty-file", NULL, "the file is empty");
    }
    if (json_scan_value(&s, JSON_NO_KEY, NULL) < 0) {
        return -1;
    }
    json_scan_space(&s);
    if (s.at < s.len) {
        char buf[32];
        return json_scan_fail(&s, s.at, "syntax", "one file holds one JSON value",
                              "nothing may follow the end of the document, found %s",
                              json_scan_found(&s, buf));
    }
    return 0;
}
