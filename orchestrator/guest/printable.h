/* Text of a guest, made fit for a message. */
#ifndef COEXIST_GUEST_PRINTABLE_H
#define COEXIST_GUEST_PRINTABLE_H

#include <stddef.h>

/* Control, non-ASCII and backslash bytes become \xNN (or \n), and no more than max bytes of text are
 * taken ("..." then follows). Caller frees. */
char *printable_text(const char *text, size_t len, size_t max);

#endif
