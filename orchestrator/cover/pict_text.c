/* Pieces of text: cutting, numbers, comparing by the case option. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cover/pict_impl.h"

struct slice slice_trim(struct slice s) {
    while (s.len && isspace((unsigned char)s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && isspace((unsigned char)s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

char *slice_dup(struct slice s) {
    char *copy = mem_zalloc(s.len + 1, 1);
    memcpy(copy, s.at, s.len);
    return copy;
}

static size_t digits(struct slice s, size_t i) {
    while (i < s.len && isdigit((unsigned char)s.at[i])) {
        i++;
    }
    return i;
}

bool slice_number(struct slice s, double *out) {
    s = slice_trim(s);
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    size_t whole = digits(s, i);
    size_t end = whole;
    bool any = whole > i;
    if (end < s.len && s.at[end] == '.') {
        end = digits(s, whole + 1);
        any |= end > whole + 1;
    }
    if (any && end < s.len && (s.at[end] == 'e' || s.at[end] == 'E')) {
        size_t from = end + 1;
        from += from < s.len && (s.at[from] == '-' || s.at[from] == '+');
        end = digits(s, from) > from ? digits(s, from) : end;
    }
    if (!any || end != s.len) {
        return false;
    }
    char *copy = slice_dup(s);
    *out = strtod(copy, NULL);
    free(copy);
    return true;
}

struct slice slice_cut(struct slice s, char separator, struct slice *rest) {
    const char *cut = s.len ? memchr(s.at, separator, s.len) : NULL;
    if (!cut) {
        *rest = (struct slice){NULL, 0};
        return s;
    }
    size_t len = (size_t)(cut - s.at);
    *rest = (struct slice){cut + 1, s.len - len - 1};
    return (struct slice){s.at, len};
}

int pict_compare(const struct pict_model *m, const char *a, const char *b) {
    return m->options.case_sensitive ? strcmp(a, b) : strcasecmp(a, b);
}

static size_t char_len(const char *text) {
    size_t n = 1;
    while (((unsigned char)text[n] & 0xc0) == 0x80) {
        n++;
    }
    return n;
}

/* "*" any characters, "?" one; greedy with one point to come back to, so linear in both for each "*". */
bool pict_like(const struct pict_model *m, const char *text, const char *pattern) {
    const char *star = NULL;
    const char *back = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            back = text;
        } else if (*pattern == '?') {
            pattern++;
            text += char_len(text);
        } else if (*pattern && (m->options.case_sensitive
                                    ? *pattern == *text
                                    : tolower((unsigned char)*pattern) == tolower((unsigned char)*text))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            back += char_len(back);
            text = back;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

int pict_find_param(const struct pict_model *m, const char *name) {
    for (size_t i = 0; i < m->params.count; i++) {
        if (pict_compare(m, m->params.items[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

struct diag_pos pict_pos(const struct pict_model *m, size_t offset) {
    struct diag_pos pos = {1, 1};
    for (size_t i = 0; i < offset && i < m->len; i++) {
        if (m->text[i] == '\n') {
            pos.line++;
            pos.column = 1;
        } else if (((unsigned char)m->text[i] & 0xc0) != 0x80) {
            pos.column++;
        }
    }
    return pos;
}
