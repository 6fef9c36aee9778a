/* A growing list of texts, given away as a NULL-terminated array. */
#ifndef COEXIST_ANALYSIS_TEXTS_H
#define COEXIST_ANALYSIS_TEXTS_H

#include <stddef.h>

struct texts {
    char **items; /* NULL-terminated once something was added or taken */
    size_t count;
};

void texts_add(struct texts *t, char *text); /* takes text */
void texts_addf(struct texts *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Like texts_addf, unless the same text is there already. */
void texts_add_once(struct texts *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Never NULL; the list is empty afterwards. Free with texts_free_array. */
char **texts_take(struct texts *t);
void texts_free(struct texts *t);
void texts_free_array(char **items); /* NULL is fine */

#endif
