#include "run/rounds.h"

#include "base/texts.h"
#include "plan/minimize.h"
#include "run/past.h"

static void rounds_add(struct sched_result *total, const struct sched_result *one) {
    total->done += one->done;
    total->failed += one->failed;
    total->confirms += one->done + one->failed;
    total->minimized += one->done + one->failed;
    total->interrupted |= one->interrupted;
}

/* States that an earlier part of the run left are of no use here: they were the plan's. */
static int rounds_one(const struct rounds *r, const struct plan *plan, struct sched_result *total, struct err *err) {
    struct past_spec spec = {.journal = r->journal, .plan = plan, .attempts_max = r->attempts_max};
    struct past past = {0};
    struct sched_result one = {0};
    if (past_read(&spec, &past, err) < 0) {
        return -1;
    }
    int rc = past.done == plan->cell_count
                 ? err_set(err, ERR_BUG, "cell %s is wanted again, and was run", plan->cells[0].id)
                 : r->schedule(r->ctx, plan, past.cells, total, &one, err);
    past_clear(&past);
    rounds_add(total, &one);
    return rc;
}

int rounds_run(const struct rounds *r, struct sched_result *total, struct err *err) {
    while (!total->interrupted) {
        char **ids = r->wanted(r->ctx, err);
        if (!ids) {
            return -1;
        }
        struct plan *plan = minimize_plan(r->model, ids);
        texts_free_array(ids);
        int rc = plan->cell_count > 0 ? rounds_one(r, plan, total, err) : 1;
        plan_free(plan);
        if (rc != 0) {
            return rc < 0 ? -1 : 0;
        }
    }
    return 0;
}
