#include "base/log.h"

#include <stdio.h>

#include "base/str.h"

static void log_write_stderr(struct log *log, enum log_level level, const char *line) {
    (void)log;
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    fprintf(stderr, "coexist: %s%s\n", names[level], line);
}

struct log log_stderr(enum log_level level) {
    return (struct log){level, log_write_stderr};
}

void log_say(struct log *log, enum log_level level, const char *fmt, ...) {
    if (!log || level > log->level) {
        return;
    }
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++) {
        /* Text may quote a guest: it must not drive the reader's terminal. */
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = *p == '\t' || *p == '\n' ? ' ' : '?';
        }
    }
    log->write(log, level, text);
}
