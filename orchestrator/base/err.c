#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[] = {
    "none",    "input",    "system",  "timeout",   "closed",
    "protocol", "refused", "interrupt", "nospace", "bug",
};
static_assert(sizeof(class_names) / sizeof(class_names[0]) == ERR_CLASS_COUNT,
              "a name for every error class");

const char *err_class_name(enum err_class cls) {
    return (unsigned)cls < ERR_CLASS_COUNT ? class_names[cls] : "unknown";
}

static void err_replace(struct err *err, enum err_class cls, int sys, char *msg) {
    free(err->msg);
    err->cls = cls;
    err->sys = sys;
    err->msg = msg;
}

int err_set(struct err *err, enum err_class cls, const char *fmt, ...) {
    if (!err) {
        return -1;
    }
    char *msg = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&msg, fmt, ap) < 0) {
        msg = NULL;
    }
    va_end(ap);
    err_replace(err, cls, 0, msg);
    return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...) {
    if (!err) {
        return -1;
    }
    char *what = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&what, fmt, ap) < 0) {
        what = NULL;
    }
    va_end(ap);
    char buf[128];
    char *msg = NULL;
    if (asprintf(&msg, "%s: %s", what ? what : "out of memory",
                 strerror_r(errnum, buf, sizeof(buf))) < 0) {
        msg = NULL;
    }
    free(what);
    enum err_class cls = errnum == ENOSPC || errnum == EDQUOT ? ERR_NOSPACE : ERR_SYSTEM;
    err_replace(err, cls, errnum, msg);
    return -1;
}

void err_prefix(struct err *err, const char *fmt, ...) {
    if (!err_is_set(err)) {
        return;
    }
    char *what = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&what, fmt, ap) < 0) {
        what = NULL;
    }
    va_end(ap);
    char *msg = NULL;
    if (what && asprintf(&msg, "%s: %s", what, err_text(err)) >= 0) {
        free(err->msg);
        err->msg = msg;
    }
    free(what);
}

void err_move(struct err *dst, struct err *src) {
    if (dst == src) {
        return;
    }
    if (dst) {
        err_replace(dst, src->cls, src->sys, src->msg);
    } else {
        free(src->msg);
    }
    src->cls = ERR_NONE;
    src->sys = 0;
    src->msg = NULL;
}

void err_clear(struct err *err) {
    if (err) {
        err_replace(err, ERR_NONE, 0, NULL);
    }
}

const char *err_text(const struct err *err) {
    if (!err_is_set(err)) {
        return "no error";
    }
    return err->msg ? err->msg : "out of memory while describing an error";
}
