/* Errors as values: a class a program can act on, and a text a person can read.
 *
 * A fallible function takes a last `struct err *` (may be NULL when the caller does not care),
 * returns 0 or a negative number (or NULL), and leaves the err untouched on success. Callers add
 * their intention while unwinding: err_prefix(err, "plan: product '%s'", id) gives
 * "plan: product 'x': installer: open /path: No such file".
 */
#ifndef COEXIST_BASE_ERR_H
#define COEXIST_BASE_ERR_H

#include <stdarg.h>

/* The class decides the exit code and whether something is worth another try. */
enum err_class {
    ERR_NONE = 0,
    ERR_INPUT,     /* the user's files or arguments: exit code 2 */
    ERR_SYSTEM,    /* a system call or the host failed */
    ERR_TIMEOUT,   /* a deadline passed; the text says what was waited for */
    ERR_CLOSED,    /* the other end went away */
    ERR_PROTOCOL,  /* the other end spoke nonsense */
    ERR_REFUSED,   /* the other end understood and said no */
    ERR_INTERRUPT, /* something more urgent happened (a VM event, SIGINT) */
    ERR_NOSPACE,   /* a disk is full */
    ERR_BUG,       /* the lab itself is wrong */
    ERR_CLASS_COUNT
};

struct err {
    enum err_class cls;
    int sys; /* errno, or 0 */
    char *msg; /* owned; NULL when cls is ERR_NONE */
};

#define ERR_INIT {ERR_NONE, 0, NULL}

/* Name of a class, static storage: "input", "timeout", ... */
const char *err_class_name(enum err_class cls);

/* Sets err (replacing what it held) and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_class cls, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like err_set with class ERR_SYSTEM (ERR_NOSPACE for ENOSPC/EDQUOT) and ": strerror(errnum)". */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "TEXT: " before the message. No effect on a clear err. */
void err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Moves src into dst (dst's old content is freed, src becomes clear). */
void err_move(struct err *dst, struct err *src);

void err_clear(struct err *err);
static inline int err_is_set(const struct err *err) {
    return err && err->cls != ERR_NONE;
}
const char *err_text(const struct err *err); /* never NULL; borrowed */

#define CLEANUP_ERR __attribute__((cleanup(err_clear)))

#endif
