/* A growing string. Zero-initialise with STR_INIT; always NUL-terminated once something was added. */
#ifndef COEXIST_BASE_STR_H
#define COEXIST_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
    char *data; /* owned; NULL while empty */
    size_t len; /* bytes without the NUL */
    size_t cap;
};

#define STR_INIT {NULL, 0, 0}
#define CLEANUP_STR __attribute__((cleanup(str_free)))

/* All adders abort the process when memory runs out: a lab that cannot allocate a line of text
 * can promise nothing, and the journal survives an abort. */
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *data, size_t len);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_reset(struct str *s); /* empties, keeps the memory */
void str_free(struct str *s);
/* Gives the text away (never NULL); the str is empty afterwards. Caller frees. */
char *str_take(struct str *s);
const char *str_get(const struct str *s); /* borrowed, never NULL */

/* asprintf that aborts when memory runs out. Caller frees. */
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *str_dup(const char *text); /* NULL in, NULL out */
bool str_eq(const char *a, const char *b);      /* NULL equals only NULL */
bool str_eq_nocase(const char *a, const char *b); /* ASCII only, for Windows names */
bool str_ends_with(const char *text, const char *tail);
/* '*' and '?' in pattern as in Windows' file names, every other character itself, any letter case. */
bool str_matches_nocase(const char *text, const char *pattern);

/* calloc/realloc that abort when memory runs out. */
void *mem_zalloc(size_t count, size_t size);
void *mem_grow(void *old, size_t count, size_t size);

#endif
