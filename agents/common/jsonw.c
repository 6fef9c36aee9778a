#include "common/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "proto/base64.h"

void jsonw_init(struct jsonw *w, char *buf, size_t cap)
{
    *w = (struct jsonw){.buf = buf, .cap = cap};
}

static void jsonw_raw(struct jsonw *w, const char *p, size_t n)
{
    if (w->overflow || n > w->cap - w->len) {
        w->overflow = true;
        return;
    }
    memcpy(w->buf + w->len, p, n);
    w->len += n;
}

void jsonw_byte(struct jsonw *w, char c)
{
    jsonw_raw(w, &c, 1);
}

/* A comma is due after whatever ends a value, so not at the start (or framing), after an opening
 * bracket or a colon. */
static void jsonw_separate(struct jsonw *w)
{
    if (w->len == 0)
        return;
    char last = w->buf[w->len - 1];
    if ((unsigned char)last > ' ' && strchr("{[:,", last) == NULL)
        jsonw_byte(w, ',');
}

void jsonw_open(struct jsonw *w, char bracket)
{
    jsonw_separate(w);
    jsonw_byte(w, bracket);
}

void jsonw_close(struct jsonw *w, char bracket)
{
    jsonw_byte(w, bracket);
}

static void jsonw_escaped(struct jsonw *w, char c)
{
    char u[8];
    if (c == '"' || c == '\\') {
        jsonw_byte(w, '\\');
        jsonw_byte(w, c);
        return;
    }
    int n = snprintf(u, sizeof u, "\\u%04x", (unsigned)(unsigned char)c);
    jsonw_raw(w, u, (size_t)n);
}

static void jsonw_text(struct jsonw *w, const char *s, size_t n)
{
    jsonw_byte(w, '"');
    while (n > 0) {
        size_t len = utf8_sequence(s, n);
        if (len == 0)
            jsonw_raw(w, "\xef\xbf\xbd", 3);
        else if (len == 1 && ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\' || *s == 0x7f))
            jsonw_escaped(w, *s);
        else
            jsonw_raw(w, s, len);
        s += len > 0 ? len : 1;
        n -= len > 0 ? len : 1;
    }
    jsonw_byte(w, '"');
}

/* Where to cut s so that no character is split. */
static size_t jsonw_cut(const char *s)
{
    size_t n = strlen(s);
    if (n <= JSONW_MAX_TEXT)
        return n;
    n = JSONW_MAX_TEXT;
    while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void jsonw_string(struct jsonw *w, const char *s)
{
    if (s == NULL) {
        jsonw_null(w);
        return;
    }
    jsonw_separate(w);
    jsonw_text(w, s, jsonw_cut(s));
}

void jsonw_key(struct jsonw *w, const char *key)
{
    jsonw_string(w, key);
    jsonw_byte(w, ':');
}

void jsonw_u64(struct jsonw *w, uint64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    jsonw_separate(w);
    jsonw_raw(w, digits, (size_t)n);
}

void jsonw_number(struct jsonw *w, double v)
{
    char digits[64];
    if (!isfinite(v) || fabs(v) > 1e18) {
        jsonw_null(w);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.3f", v);
    jsonw_separate(w);
    jsonw_raw(w, digits, (size_t)n);
}

void jsonw_bool(struct jsonw *w, bool v)
{
    jsonw_separate(w);
    jsonw_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void jsonw_null(struct jsonw *w)
{
    jsonw_separate(w);
    jsonw_raw(w, "null", 4);
}

void jsonw_base64(struct jsonw *w, const void *bytes, size_t n)
{
    jsonw_separate(w);
    jsonw_byte(w, '"');
    if (!w->overflow && BASE64_ENCODED_SIZE(n) <= w->cap - w->len)
        w->len += base64_encode(bytes, n, w->buf + w->len);
    else
        w->overflow = true;
    jsonw_byte(w, '"');
}

void jsonw_put_string(struct jsonw *w, const char *key, const char *s)
{
    jsonw_key(w, key);
    jsonw_string(w, s);
}

void jsonw_put_u64(struct jsonw *w, const char *key, uint64_t v)
{
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

void jsonw_put_i64(struct jsonw *w, const char *key, int64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
    jsonw_key(w, key);
    jsonw_separate(w);
    jsonw_raw(w, digits, (size_t)n);
}

void jsonw_put_number(struct jsonw *w, const char *key, double v)
{
    jsonw_key(w, key);
    jsonw_number(w, v);
}

void jsonw_put_bool(struct jsonw *w, const char *key, bool v)
{
    jsonw_key(w, key);
    jsonw_bool(w, v);
}
