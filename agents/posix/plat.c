#include "common/plat.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/op_error.h"

struct plat_mutex {
    pthread_mutex_t m;
};

struct plat_event {
    int fd; /* an eventfd: readable while set */
};

uint64_t plat_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct plat_mutex *plat_mutex_new(void)
{
    struct plat_mutex *m = malloc(sizeof *m);
    if (m != NULL)
        pthread_mutex_init(&m->m, NULL);
    return m;
}

void plat_mutex_free(struct plat_mutex *m)
{
    if (m == NULL)
        return;
    pthread_mutex_destroy(&m->m);
    free(m);
}

void plat_mutex_lock(struct plat_mutex *m)
{
    pthread_mutex_lock(&m->m);
}

void plat_mutex_unlock(struct plat_mutex *m)
{
    pthread_mutex_unlock(&m->m);
}

struct plat_event *plat_event_new(void)
{
    struct plat_event *e = malloc(sizeof *e);
    if (e == NULL)
        return NULL;
    e->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (e->fd < 0) {
        free(e);
        return NULL;
    }
    return e;
}

void plat_event_free(struct plat_event *e)
{
    if (e == NULL)
        return;
    close(e->fd);
    free(e);
}

void plat_event_set(struct plat_event *e)
{
    /* Fails only when the counter is near 2^64: then it is set. */
    (void)!eventfd_write(e->fd, 1);
}

void plat_event_reset(struct plat_event *e)
{
    eventfd_t value;
    (void)!eventfd_read(e->fd, &value);
}

bool plat_event_wait(struct plat_event *e, uint64_t timeout_ms)
{
    uint64_t start = plat_now_ms();

    for (;;) {
        struct pollfd p = {.fd = e->fd, .events = POLLIN};
        uint64_t gone = plat_now_ms() - start;
        uint64_t left = timeout_ms == PLAT_FOREVER ? PLAT_FOREVER
                        : gone < timeout_ms        ? timeout_ms - gone
                                                   : 0;
        int n = poll(&p, 1, left > 3600000 ? 3600000 : (int)left);
        if (n > 0)
            return true;
        if (left == 0 && (n == 0 || errno == EINTR))
            return false;
    }
}

intptr_t plat_event_native(const struct plat_event *e)
{
    return e->fd;
}

struct plat_start {
    void (*fn)(void *);
    void *arg;
};

static void *plat_thread_body(void *arg)
{
    struct plat_start start = *(struct plat_start *)arg;
    free(arg);
    start.fn(start.arg);
    return NULL;
}

int plat_thread_start(void (*fn)(void *arg), void *arg)
{
    pthread_t thread;
    struct plat_start *start = malloc(sizeof *start);

    if (start == NULL)
        return -1;
    *start = (struct plat_start){fn, arg};
    if (pthread_create(&thread, NULL, plat_thread_body, start) != 0) {
        free(start);
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

enum proto_error plat_error_class(uint32_t os)
{
    switch (os) {
    case ENOENT:
    case ENOTDIR:
        return PROTO_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return PROTO_ERR_DENIED;
    default:
        return PROTO_ERR_OS;
    }
}
