#include "common/wire.h"

#include <stdlib.h>

#include "common/plat.h"

struct wire {
    struct wire_sink sink;
    struct plat_mutex *mutex; /* guards the sink and the count */
    uint64_t dropped;
};

struct wire *wire_new(struct wire_sink sink)
{
    struct wire *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->sink = sink;
    w->mutex = plat_mutex_new();
    if (w->mutex == NULL) {
        free(w);
        return NULL;
    }
    return w;
}

void wire_free(struct wire *w)
{
    if (w == NULL)
        return;
    plat_mutex_free(w->mutex);
    free(w);
}

int wire_send(struct wire *w, const char *frame, size_t len, bool (*gate)(void *arg), void *arg)
{
    int rc = 1;

    plat_mutex_lock(w->mutex);
    if (gate == NULL || gate(arg)) {
        rc = w->sink.write(w->sink.ctx, frame, len) < 0 ? -1 : 0;
        if (rc < 0)
            w->dropped++;
    }
    plat_mutex_unlock(w->mutex);
    return rc;
}

uint64_t wire_dropped(struct wire *w)
{
    plat_mutex_lock(w->mutex);
    uint64_t n = w->dropped;
    plat_mutex_unlock(w->mutex);
    return n;
}
