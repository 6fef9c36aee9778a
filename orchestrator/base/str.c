#include "base/str.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void *mem_zalloc(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p) {
        abort();
    }
    return p;
}

void *mem_grow(void *old, size_t count, size_t size) {
    void *p = reallocarray(old, count ? count : 1, size);
    if (!p) {
        abort();
    }
    return p;
}

static void str_reserve(struct str *s, size_t more) {
    if (more > SIZE_MAX / 2 - s->len) {
        abort();
    }
    size_t need = s->len + more + 1;
    if (need <= s->cap) {
        return;
    }
    size_t cap = s->cap ? s->cap : 64;
    while (cap < need) {
        cap *= 2;
    }
    s->data = mem_grow(s->data, cap, 1);
    s->cap = cap;
}

void str_add_bytes(struct str *s, const void *data, size_t len) {
    str_reserve(s, len);
    if (len) {
        memcpy(s->data + s->len, data, len);
    }
    s->len += len;
    s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text) {
    str_add_bytes(s, text, strlen(text));
}

__attribute__((format(printf, 2, 0))) static void str_addv(struct str *s, const char *fmt,
                                                           va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0) {
        abort();
    }
    str_reserve(s, (size_t)n);
    vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
    s->len += (size_t)n;
    va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    str_addv(s, fmt, ap);
    va_end(ap);
}

void str_reset(struct str *s) {
    s->len = 0;
    if (s->data) {
        s->data[0] = '\0';
    }
}

void str_free(struct str *s) {
    free(s->data);
    *s = (struct str)STR_INIT;
}

char *str_take(struct str *s) {
    str_reserve(s, 0);
    s->data[s->len] = '\0';
    char *data = s->data;
    *s = (struct str)STR_INIT;
    return data;
}

const char *str_get(const struct str *s) {
    return s->data ? s->data : "";
}

char *str_printf(const char *fmt, ...) {
    struct str s = STR_INIT;
    va_list ap;
    va_start(ap, fmt);
    str_addv(&s, fmt, ap);
    va_end(ap);
    return str_take(&s);
}

char *str_dup(const char *text) {
    if (!text) {
        return NULL;
    }
    char *copy = strdup(text);
    if (!copy) {
        abort();
    }
    return copy;
}

bool str_eq(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_eq_nocase(const char *a, const char *b) {
    return a == b || (a && b && strcasecmp(a, b) == 0);
}

bool str_matches_nocase(const char *text, const char *pattern) {
    CLEANUP_STR struct str glob = STR_INIT;
    for (const char *p = pattern; *p; p++) {
        str_addf(&glob, *p == '[' ? "[%c]" : "%c", *p); /* fnmatch(3) knows sets, too */
    }
    return fnmatch(str_get(&glob), text, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

bool str_ends_with(const char *text, const char *tail) {
    size_t n = strlen(text);
    size_t m = strlen(tail);
    return n >= m && memcmp(text + n - m, tail, m) == 0;
}
