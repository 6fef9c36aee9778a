/* "Did you mean ...?": the known name nearest to one that is not known. */
#ifndef COEXIST_BASE_NEAREST_H
#define COEXIST_BASE_NEAREST_H

#include <stddef.h>

/* The nearest of names by edit distance (insert, delete, replace, swap of neighbours; letter case
 * costs nothing), or NULL when none is near enough to be meant. Borrowed from names. */
const char *nearest_name(const char *name, const char *const *names, size_t count);

/* A hint for people: "did you mean 'X'?", or "known are: A, B, C", or NULL when there are no names
 * (shortened when there are many). Caller frees. */
char *nearest_hint(const char *name, const char *const *names, size_t count);

/* Edit distance as above; SIZE_MAX when a text is longer than 64 bytes. */
size_t nearest_edits(const char *a, const char *b);

#endif
