/* Is everything as it should be? Asked again until it is or the time for becoming healthy is over:
 * after a boot, services need some seconds. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"
#include "run/vitals.h"

struct verify_item {
    const struct model_check *check;
    const char *product; /* id or NULL */
    const struct model_check *old; /* what was asked for before the update, where that is another thing; or NULL */
    bool done;
    struct check_result last;
};

struct verify_list {
    struct verify_item *items;
    size_t count;
};

static struct verify_item *verify_add_one(struct verify_list *l, const struct model_check *check,
                                          const char *product) {
    l->items = mem_grow(l->items, l->count + 1, sizeof(*l->items));
    l->items[l->count] = (struct verify_item){.check = check, .product = product};
    return &l->items[l->count++];
}

static void verify_add(struct verify_list *l, const struct model_checks *checks,
                       const char *product) {
    for (size_t i = 0; i < checks->count; i++) {
        verify_add_one(l, &checks->items[i], product);
    }
}

const struct model_checks *cell_update_health(const struct cell *c, const struct model_product *p) {
    static const struct model_checks none = {NULL, 0};
    const struct model_update *u = c->env->cell->update;
    return u && u->product && str_eq(u->product->id, p->id) ? &u->health : &none;
}

static bool verify_expects_the_same(const struct model_check *a, const struct model_check *b) {
    return b && str_eq(a->expect ? a->expect : "", b->expect ? b->expect : "") &&
           str_eq(a->sha256 ? a->sha256 : "", b->sha256 ? b->sha256 : "");
}

/* An update may change what a healthy install looks like. While it is half there, only that is asked for which is so
 * with it and without it. */
static void verify_add_health(struct verify_list *l, const struct cell *c, const struct model_product *p) {
    const struct model_checks *with = cell_update_health(c, p);
    if (c->update_is == CELL_UPDATE_AWAY || with->count == 0) { /* not there, or another product's */
        verify_add(l, &p->health, p->id);
        return;
    }
    for (size_t i = 0; i < with->count; i++) {
        const struct model_check *k = &with->items[i], *old = model_check_find(&p->health, k);
        bool same = verify_expects_the_same(k, old);
        if (c->update_is == CELL_UPDATE_APPLIED || same) {
            verify_add_one(l, k, p->id)->old = same ? NULL : old;
        }
    }
}

static void verify_list_free(struct verify_list *l) {
    free(l->items);
}

static void round_free(struct check_round **r) {
    check_round_free(*r);
}

/* Found as it was before the update: that is no damage. */
static bool verify_is_not_updated(const struct verify_item *it) {
    const struct model_check *old = it->old;
    if (!old || (!old->expect && !old->sha256)) {
        return old && !str_eq(it->last.found, "absent");
    }
    return (old->expect && str_eq_nocase(it->last.found, old->expect)) ||
           (old->sha256 && str_eq_nocase(it->last.found, old->sha256));
}

static enum failure_class verify_class(const struct verify_item *it) {
    return verify_is_not_updated(it) ? FAILURE_UPDATE_NOT_APPLIED : check_failure_class(it->check->kind);
}

static void verify_say(struct cell *c, const char *what, const struct verify_item *it) {
    char name[300];
    cell_check(c, what ? what : !it->last.ok && verify_is_not_updated(it) ? "took" : check_kind_name(it->check->kind),
               check_display_name(it->check, name), it->product, it->last.ok, it->last.expected,
               it->last.found);
}

/* One look at all that is still open. Returns how many stay open, -1 with err. */
static int verify_look(struct cell *c, struct verify_list *l, const char *what, struct err *err) {
    CLEANUP(round_free) struct check_round *round = check_round_new();
    int open = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct verify_item *it = &l->items[i];
        if (it->done) {
            continue;
        }
        if (check_look(c, round, it->check, &it->last, err) < 0) {
            return -1;
        }
        it->done = it->last.ok;
        if (it->done) {
            verify_say(c, what, it);
        } else {
            open++;
        }
    }
    return open;
}

/* `what` and `class` replace each check's own when given. */
static int verify_all(struct cell *c, struct verify_list *l, int64_t deadline, const char *what,
                      enum failure_class class, struct err *err) {
    for (;;) {
        int open = verify_look(c, l, what, err);
        if (open <= 0) {
            cell_works(c);
            return open;
        }
        if (cell_may_rest(c, CELL_RESTS, err) < 0) {
            return -1;
        }
        if (cell_stop_now(c)) {
            return err_set(err, ERR_INTERRUPT, "told to stop at once");
        }
        if (clock_now(c->env->clock) >= deadline) {
            break;
        }
        if (cell_watch(c, cell_in(c, c->env->limits.poll), err) != 0) {
            c->side = CELL_SIDE_GUEST;
            return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct verify_item *it = &l->items[i];
        char name[300];
        if (!it->done) {
            verify_say(c, what, it);
            cell_fail(c, class != FAILURE_NONE ? class : verify_class(it), it->product,
                      "%s %s: expected %s, found %s",
                      check_kind_name(it->check->kind), check_display_name(it->check, name),
                      it->last.expected, it->last.found);
        }
    }
    return 0;
}

/* Products answer on the serial port alone when one of them broke the network: ask both ways. */
static int verify_ways(struct cell *c, int64_t deadline, struct err *err) {
    for (int64_t since = -1;;) {
        struct guest_reach r = {0};
        int64_t began = clock_now(c->env->clock);
        c->ssh_lost = 0;
        if (cell_reach(c, &r, err) < 0) {
            return -1;
        }
        if (r.serial && !r.ssh && !r.no_ssh) {
            since = since < 0 ? began : since;
            c->ssh_lost = clock_now(c->env->clock) - since;
        } else {
            since = -1;
        }
        if ((r.ssh || r.no_ssh) && r.serial) {
            return 0;
        }
        if (clock_now(c->env->clock) < deadline && !cell_stop_now(c)) {
            if (cell_watch(c, cell_in(c, c->env->limits.poll), err) == 0) {
                continue;
            }
            c->side = CELL_SIDE_GUEST;
            return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
        }
        c->side = CELL_SIDE_GUEST;
        return err_set(err, ERR_TIMEOUT, "not reachable on both ways");
    }
}

int step_verify_until(struct cell *c, int64_t deadline, struct err *err) {
    if (verify_ways(c, deadline, err) < 0 || vitals_begin(c, err) < 0) {
        return -1;
    }
    CLEANUP(verify_list_free) struct verify_list l = {NULL, 0};
    for (size_t i = 0; i < c->env->cell->product_count; i++) {
        if (c->installed[i]) {
            verify_add_health(&l, c, c->env->cell->products[i]);
        }
    }
    return verify_all(c, &l, deadline, NULL, FAILURE_NONE, err);
}

/* The next that looks comes after the update: what is harmed by now is not its doing. */
static bool verify_is_last_before_update(const struct cell *c) {
    const struct plan_cell *p = c->env->cell;
    for (size_t i = c->step < 0 ? p->step_count : (size_t)c->step + 1; i < p->step_count; i++) {
        enum step_kind k = p->steps[i].kind;
        if (k == STEP_APPLY || k == STEP_VERIFY || k == STEP_SOAK) {
            return k == STEP_APPLY;
        }
    }
    return false;
}

/* What keeps programs from starting is told before that they do not. */
static int verify_look_on(struct cell *c, bool last, struct err *err) {
    bool into = last || verify_is_last_before_update(c);
    return cell_look_at_files(c, err) < 0 || (into && cell_look_into_files(c, err) < 0) ||
                   vitals_end(c, last, err) < 0
               ? -1
               : vitals_launch(c, err);
}

int step_look(struct cell *c, struct err *err) {
    return verify_look_on(c, false, err);
}

int step_verify(struct cell *c, struct err *err) {
    if (step_verify_until(c, cell_healthy_by(c), err) < 0 ||
        step_look(c, err) < 0) {
        return -1;
    }
    return step_find_process_dumps(c, err);
}

int step_took_holds(struct cell *c, struct err *err) {
    CLEANUP(round_free) struct check_round *round = check_round_new();
    const struct model_update *u = c->env->cell->update;
    for (size_t i = 0; i < u->took.count; i++) {
        struct check_result r;
        if (check_look(c, round, &u->took.items[i], &r, err) < 0) {
            return -1;
        }
        if (!r.ok) {
            return 0;
        }
    }
    return 1;
}

/* As cell_watch; what the guest leaves of its processors meanwhile may serve another cell. */
static int verify_stand(struct cell *c, int64_t until, enum cell_rest rest, struct err *err) {
    int rc = 0;
    do {
        int64_t slice = cell_in(c, CLOCK_S);
        if (slice < until && cell_may_rest(c, rest, err) < 0) {
            return -1;
        }
        rc = cell_watch(c, slice < until ? slice : until, err);
    } while (rc == 0 && clock_now(c->env->clock) < until);
    cell_works(c);
    return rc;
}

/* Harm that comes some time after a boot, a vendor's command or the last look would go unseen otherwise. */
static int verify_soak(struct cell *c, enum cell_rest rest, struct err *err) {
    int64_t stands = cell_stands_at(c), settles = c->changed_at + c->env->limits.stand;
    if (verify_stand(c, stands > settles ? stands : settles, rest, err) != 0) {
        c->side = CELL_SIDE_GUEST;
        return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
    }
    return step_verify_until(c, cell_in(c, c->env->limits.poll), err) < 0 ? -1
                                                                            : verify_look_on(c, true, err);
}

/* Where cells are measured one that stands for a while lends nothing: it would have work to do again beside others that
 * are measured. */
int step_soak(struct cell *c, struct err *err) {
    const struct plan_cell *p = c->env->cell;
    bool measures = false;
    for (size_t i = 0; i < p->step_count; i++) {
        measures = measures || p->steps[i].kind == STEP_MEASURE;
    }
    return verify_soak(c, measures ? CELL_WORKS : CELL_RESTS, err);
}

int step_last_look(struct cell *c, struct err *err) {
    return verify_soak(c, CELL_LAST_REST, err);
}

/* What failed to become healthy had its time for that. */
int step_look_for_cause(struct cell *c, struct err *err) {
    bool waited = c->failed_at >= 0 && c->env->cell->steps[c->failed_at].kind == STEP_VERIFY;
    return step_verify_until(c, waited ? cell_in(c, c->env->limits.poll) : cell_healthy_by(c), err) < 0
               ? -1
               : cell_look_at_files(c, err);
}

int step_took(struct cell *c, struct err *err) {
    const struct model_update *u = c->env->cell->update;
    if (!u) {
        cell_note(c, "nothing was applied: this cell is the control");
        return 0;
    }
    CLEANUP(verify_list_free) struct verify_list l = {NULL, 0};
    verify_add(&l, &u->took, u->product ? u->product->id : NULL);
    if (vitals_begin(c, err) < 0 ||
        verify_all(c, &l, cell_healthy_by(c), "took", FAILURE_UPDATE_NOT_APPLIED,
                   err) < 0) {
        return -1;
    }
    /* Harm done now may keep the machine from coming up again: then it is seen here or never. What ends with the
     * restart is not worth a look. */
    return cell_look_at_files(c, err) < 0 ? -1 : vitals_end(c, false, err);
}
