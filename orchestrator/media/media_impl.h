/* Inside media/ only. */
#ifndef COEXIST_MEDIA_MEDIA_IMPL_H
#define COEXIST_MEDIA_MEDIA_IMPL_H

#include "base/clock.h"
#include "media/media.h"

/* Looks, in this process: only behind the fence, or on files the tests made. m is empty; what is found is filled in. */
int media_look(const char *path, struct media *m, struct err *err);
/* What a file is that is no CD, by its first bytes: "a saved web page (HTML)", ... Static storage. */
const char *media_guess(const unsigned char *head, size_t len);
/* The same, NULL when it is none of the files known by their first bytes. */
const char *media_known(const unsigned char *head, size_t len);

void media_clear(struct media *m); /* all that it holds */

/* For a library that reads a CD behind the fence. */
#define MEDIA_TIME (60 * CLOCK_S)
#define MEDIA_MEMORY ((size_t)1 << 30)

#endif
