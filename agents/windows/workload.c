#include "windows/workload.h"

#include <stdlib.h>
#include <string.h>

#include "windows/ops.h"

#define WORKLOAD_MAX_REPETITIONS 1000

static const struct workload *workload_find(const char *name)
{
    static const struct workload *const all[] = {
        &workload_copy_small, &workload_copy_large, &workload_archive, &workload_unarchive,
        &workload_launch,     &workload_registry,   &workload_idle,    &workload_load,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static int workload_timed(struct bench *b, const struct workload *w, uint64_t i,
                          struct op_error *err)
{
    double before = bench_reference(b);
    double start = bench_now_ms();
    int rc = w->run(b, i, err);
    double ms = bench_now_ms() - start;

    if (rc < 0)
        return -1;
    b->reference_ms = (before + bench_reference(b)) / 2;
    return w->report != NULL ? w->report(b, i, err) : bench_row(b, i, NULL, ms, "ms", err);
}

static int workload_repeat(struct bench *b, const struct workload *w, uint64_t i,
                           struct op_error *err)
{
    if (request_stopped(b->rq, err))
        return -1;
    int rc = w->prepare == NULL ? 0 : w->prepare(b, i, err);
    if (rc == 0)
        rc = workload_timed(b, w, i, err);
    if (w->clean != NULL)
        w->clean(b, i);
    return rc;
}

static int workload_run(struct request *rq, const struct workload *w, uint64_t repetitions,
                        struct jsonw *result, struct op_error *err)
{
    struct bench b;

    if (bench_open(&b, rq, w->name, err) < 0)
        return -1;
    int rc = w->open == NULL ? 0 : w->open(&b, err);
    for (uint64_t i = 0; i < repetitions && rc == 0; i++)
        rc = workload_repeat(&b, w, i, err);
    if (w->close != NULL)
        w->close(&b);
    bench_close(&b);
    jsonw_put_u64(result, "count", b.count);
    return rc;
}

int op_workload(struct request *rq, struct jsonw *result, struct op_error *err)
{
    uint64_t repetitions = 1;
    char *name;

    if (request_arg_string(rq, "name", &name, err) < 0)
        return -1;
    const struct workload *w = workload_find(name);
    free(name);
    if (w == NULL)
        return op_fail(err, PROTO_ERR_NOT_FOUND, "name: no workload of this agent");
    if (request_opt_u64(rq, "repetitions", &repetitions, err) < 0)
        return -1;
    if (repetitions < 1 || repetitions > WORKLOAD_MAX_REPETITIONS)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "repetitions: not from 1 to %d",
                       WORKLOAD_MAX_REPETITIONS);
    return workload_run(rq, w, repetitions, result, err);
}
