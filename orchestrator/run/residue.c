/* What an uninstalled product left behind: of what its health names, what runs or could run. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

static void round_free(struct check_round **r) {
    check_round_free(*r);
}

/* Settings and data may stay: to be found again by the next installation, or because they are the user's. */
static bool residue_matters(const struct model_check *k) {
    static const char *const programs[] = {".exe", ".dll", ".sys"};
    if (k->kind == CHECK_SERVICE || k->kind == CHECK_DRIVER || k->kind == CHECK_PROCESS) {
        return true;
    }
    size_t n = strlen(k->name);
    for (size_t i = 0; k->kind == CHECK_FILE && n > 4 && i < ARRAY_LEN(programs); i++) {
        if (str_eq_nocase(k->name + n - 4, programs[i])) {
            return true;
        }
    }
    return false;
}

/* A driver that is still registered but stopped is one that will be back. Existence is what is asked for. */
static struct model_check residue_question(const struct model_check *k) {
    struct model_check q = *k;
    q.expect = NULL;
    q.sha256 = NULL;
    return q;
}

/* How many are still there; tells of them when it is the last look. Negative with err. */
static int residue_look(struct cell *c, const struct model_product *p, bool tell, struct err *err) {
    CLEANUP(round_free) struct check_round *round = check_round_new();
    const struct model_checks *with = cell_update_health(c, p);
    int left = 0;
    for (size_t i = 0; i < p->health.count + with->count; i++) {
        bool own = i < p->health.count;
        const struct model_check *k = own ? &p->health.items[i] : &with->items[i - p->health.count];
        struct model_check q = residue_question(k);
        if (!own && model_check_find(&p->health, k)) {
            continue;
        }
        struct check_result r;
        char name[300];
        if (!residue_matters(&q)) {
            continue;
        }
        if (check_look(c, round, &q, &r, err) < 0) {
            return -1;
        }
        if (strcmp(r.found, "absent") == 0) {
            continue;
        }
        left++;
        if (tell) {
            check_display_name(&q, name);
            cell_check(c, "residue", name, p->id, false, "absent", r.found);
            cell_fail(c, FAILURE_RESIDUE, p->id, "%s %s is still there after %s was uninstalled: %s",
                      check_kind_name(q.kind), name, p->id, r.found);
        }
    }
    return left;
}

int cell_look_for_residue(struct cell *c, const struct model_product *p, struct err *err) {
    int64_t deadline = cell_healthy_by(c);
    for (;;) {
        bool last = clock_now(c->env->clock) >= deadline;
        int left = residue_look(c, p, last, err);
        if (left == 0) {
            cell_check(c, "residue", p->id, p->id, true, "nothing", "nothing");
        }
        if (left <= 0 || last) {
            return left < 0 ? -1 : 0;
        }
        if (cell_stop_now(c)) {
            return err_set(err, ERR_INTERRUPT, "told to stop at once");
        }
        if (cell_watch(c, cell_in(c, c->env->limits.poll), err) != 0) {
            c->side = CELL_SIDE_GUEST;
            return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
        }
    }
}
