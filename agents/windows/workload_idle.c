/*
 * idle: what the system and each process use over a window in which the agent itself only waits.
 * load: the same while a second thread copies small files as copy-small does.
 *
 * CPU figures are percent of all processors together; a process that came or went during the
 * window is in the system's figure only.
 */
#include <stdlib.h>

#include "windows/guest.h"
#include "windows/process_list.h"
#include "windows/system_times.h"
#include "windows/workload.h"
#include "windows/workload_copy.h"

#define IDLE_WINDOW_MS 3000
#define IDLE_LOAD_FILES 16

struct idle {
    uint64_t window_ms;
    struct process_list before, after;
    struct system_times from, to;
    struct bench *bench; /* for the load thread; borrowed */
    struct plat_event *enough, *ended;
    uint64_t rounds; /* of the load thread, read after ended */
};

static int idle_open(struct bench *b, struct op_error *err)
{
    struct idle *s = calloc(1, sizeof *s);

    b->state = s;
    if (s == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    s->bench = b;
    s->window_ms = IDLE_WINDOW_MS;
    s->enough = plat_event_new();
    s->ended = plat_event_new();
    if (s->enough == NULL || s->ended == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    return request_param_u64(b->rq, "window_ms", 100, 600000, &s->window_ms, err);
}

static void idle_close(struct bench *b)
{
    struct idle *s = b->state;
    if (s == NULL)
        return;
    plat_event_free(s->enough);
    plat_event_free(s->ended);
    free(s);
}

static int idle_run(struct bench *b, uint64_t i, struct op_error *err)
{
    struct idle *s = b->state;

    (void)i;
    if (system_times_take(&s->from) < 0)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "this system tells no CPU times");
    if (process_list_take(&s->before, err) < 0)
        return -1;
    plat_event_wait(request_wake(b->rq), s->window_ms);
    if (request_stopped(b->rq, err))
        return -1;
    system_times_take(&s->to);
    return process_list_take(&s->after, err);
}

static void idle_clean(struct bench *b, uint64_t i)
{
    struct idle *s = b->state;
    (void)i;
    process_list_free(&s->before);
    process_list_free(&s->after);
}

static const struct process_info *idle_find(const struct process_list *l,
                                            const struct process_info *p)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->row[i].pid == p->pid && l->row[i].born_100ns == p->born_100ns)
            return &l->row[i];
    return NULL;
}

static int idle_report_process(struct bench *b, uint64_t i, const struct process_info *p,
                               uint64_t whole, struct op_error *err)
{
    const struct idle *s = b->state;
    const struct process_info *old = idle_find(&s->before, p);

    if (request_stopped(b->rq, err))
        return -1;
    if (old != NULL && bench_process_row(b, i, "process.cpu",
                                         100.0 * (double)(p->cpu_100ns - old->cpu_100ns) /
                                             (double)whole,
                                         "percent", p->pid, p->name, err) < 0)
        return -1;
    if (bench_process_row(b, i, "process.working_set", (double)p->working_set, "bytes", p->pid,
                          p->name, err) < 0)
        return -1;
    return bench_process_row(b, i, "process.handles", p->handles, "count", p->pid, p->name, err);
}

static int idle_report_system(struct bench *b, uint64_t i, uint64_t busy, uint64_t whole,
                              struct op_error *err)
{
    const struct idle *s = b->state;
    MEMORYSTATUSEX m = {.dwLength = sizeof m};
    uint64_t handles = 0;

    for (size_t p = 0; p < s->after.count; p++)
        handles += s->after.row[p].handles;
    if (!GlobalMemoryStatusEx(&m))
        return guest_fail(err, "memory");
    if (bench_row(b, i, "cpu", 100.0 * (double)busy / (double)whole, "percent", err) < 0 ||
        bench_row(b, i, "memory_used", (double)(m.ullTotalPhys - m.ullAvailPhys), "bytes", err) < 0)
        return -1;
    return bench_row(b, i, "handles", (double)handles, "count", err);
}

static int idle_report(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct idle *s = b->state;
    uint64_t busy = s->to.kernel + s->to.user - s->from.kernel - s->from.user;
    uint64_t whole = busy + s->to.idle - s->from.idle;

    if (whole == 0)
        return op_fail(err, PROTO_ERR_OS, "the system's CPU times stand still");
    if (idle_report_system(b, i, busy, whole, err) < 0)
        return -1;
    for (size_t p = 0; p < s->after.count; p++)
        if (idle_report_process(b, i, &s->after.row[p], whole, err) < 0)
            return -1;
    return 0;
}

/* The thread beside the window of load; its files are its own, in the same folder. */
static void load_thread(void *state)
{
    struct idle *s = state;
    struct op_error ignored = {.os = 0}; /* a scanner may take a file away: the load goes on */

    for (s->rounds = 0; !plat_event_wait(s->enough, 0); s->rounds++) {
        for (uint64_t i = 0; i < IDLE_LOAD_FILES && !plat_event_wait(s->enough, 0); i++)
            copy_one_file(s->bench, s->rounds, i, &ignored);
        for (uint64_t i = 0; i < IDLE_LOAD_FILES; i++)
            copy_remove_file(s->bench, s->rounds, i);
    }
    plat_event_set(s->ended);
}

static int load_run(struct bench *b, uint64_t i, struct op_error *err)
{
    struct idle *s = b->state;

    plat_event_reset(s->enough);
    plat_event_reset(s->ended);
    if (plat_thread_start(load_thread, s) < 0)
        return op_fail(err, PROTO_ERR_BUSY, "no thread to be had");
    int rc = idle_run(b, i, err);
    plat_event_set(s->enough);
    /* Without end: the thread holds this very state. A stuck file call is answered by the timer. */
    plat_event_wait(s->ended, PLAT_FOREVER);
    return rc;
}

static int load_report(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct idle *s = b->state;
    if (bench_row(b, i, "rounds", (double)s->rounds, "count", err) < 0)
        return -1;
    return idle_report(b, i, err);
}

const struct workload workload_idle = {
    .name = "idle",
    .open = idle_open,
    .run = idle_run,
    .report = idle_report,
    .clean = idle_clean,
    .close = idle_close,
};

const struct workload workload_load = {
    .name = "load",
    .open = idle_open,
    .run = load_run,
    .report = load_report,
    .clean = idle_clean,
    .close = idle_close,
};
