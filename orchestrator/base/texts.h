/* A growing list of texts, given away as a NULL-terminated array; and such arrays by themselves. */
#ifndef COEXIST_BASE_TEXTS_H
#define COEXIST_BASE_TEXTS_H

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

/* An array that is kept as such: never NULL, grows with each text, which it takes. For short lists: it is counted anew
 * each time. */
char **texts_new_array(void);
void texts_add_to_array(char ***items, char *taken);
void texts_free_array(char **items); /* NULL is fine */

#endif
