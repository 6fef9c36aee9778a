#include "base/texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

void texts_add(struct texts *t, char *text) {
    t->items = mem_grow(t->items, t->count + 2, sizeof(*t->items));
    t->items[t->count++] = text;
    t->items[t->count] = NULL;
}

__attribute__((format(printf, 1, 0))) static char *texts_format(const char *fmt, va_list ap) {
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    return text;
}

void texts_addf(struct texts *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    texts_add(t, texts_format(fmt, ap));
    va_end(ap);
}

void texts_add_once(struct texts *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *text = texts_format(fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < t->count; i++) {
        if (str_eq(t->items[i], text)) {
            free(text);
            return;
        }
    }
    texts_add(t, text);
}

char **texts_take(struct texts *t) {
    if (!t->items) {
        t->items = mem_zalloc(1, sizeof(*t->items));
    }
    char **items = t->items;
    *t = (struct texts){NULL, 0};
    return items;
}

char **texts_new_array(void) {
    return mem_zalloc(1, sizeof(char *));
}

void texts_add_to_array(char ***items, char *taken) {
    size_t n = 0;
    while ((*items)[n]) {
        n++;
    }
    *items = mem_grow(*items, n + 2, sizeof(char *));
    (*items)[n] = taken;
    (*items)[n + 1] = NULL;
}

void texts_free_array(char **items) {
    for (size_t i = 0; items && items[i]; i++) {
        free(items[i]);
    }
    free(items);
}

void texts_free(struct texts *t) {
    texts_free_array(t->items);
    *t = (struct texts){NULL, 0};
}
