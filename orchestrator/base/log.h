/* The lab's own log: for people, on standard error, one line an entry. What is measured goes to the
 * journal instead. The logger is a value handed down, so tests can catch what is said. */
#ifndef COEXIST_BASE_LOG_H
#define COEXIST_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
    enum log_level level; /* entries above it are dropped */
    void (*write)(struct log *log, enum log_level level, const char *line); /* one line, no \n */
};

/* Writes "coexist: LINE" to standard error. Static storage per process start: call once in main. */
struct log log_stderr(enum log_level level);

/* log may be NULL: nothing is said then. Control characters in the text are made visible. */
void log_say(struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define log_error(l, ...) log_say((l), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(l, ...) log_say((l), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(l, ...) log_say((l), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(l, ...) log_say((l), LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
