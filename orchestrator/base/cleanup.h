/* Scope-bound cleanup. A visible STEAL marks where ownership leaves a scope. */
#ifndef COEXIST_BASE_CLEANUP_H
#define COEXIST_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_ptr(void *p) {
    free(*(void **)p);
}

static inline void cleanup_close_fd(const int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

static inline void cleanup_close_file(FILE **f) {
    if (*f) {
        fclose(*f);
    }
}

#define CLEANUP_FREE __attribute__((cleanup(cleanup_free_ptr)))
#define CLEANUP_FD __attribute__((cleanup(cleanup_close_fd)))
#define CLEANUP_FILE __attribute__((cleanup(cleanup_close_file)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Takes the pointer out of a cleanup variable: the scope no longer owns it. */
#define STEAL(ptr)                         \
    __extension__({                        \
        __typeof__(ptr) stolen_ = (ptr);   \
        (ptr) = NULL;                      \
        stolen_;                           \
    })

#define STEAL_FD(fd)           \
    __extension__({            \
        int stolen_ = (fd);    \
        (fd) = -1;             \
        stolen_;               \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
