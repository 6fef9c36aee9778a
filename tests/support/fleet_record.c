/* What the fleet's scheduler recorded, and what of it must be. */
#include <string.h>

#include "support/fleet_impl.h"

/* ---- what is recorded ---------------------------------------------------------------------------- */

static void record_from(const struct fleet *f, struct fleet_attempt *a, const struct observation *o) {
    const json_t *from = json_object_get(o->data, "from");
    if (from) {
        a->from = true;
        a->from_cell = fleet_run_of(f, json_string_value(json_object_get(from, "cell")));
        a->from_attempt = (int)json_integer_value(json_object_get(from, "attempt"));
        a->from_steps = (size_t)json_integer_value(json_object_get(from, "steps"));
    }
}

static void record_failure(struct fleet_attempt *a, const struct observation *o) {
    enum failure_class class;
    const char *name = json_string_value(json_object_get(o->data, "class"));
    MUST(failure_class_parse(name, &class) == 0);
    if (failure_class_is_infrastructure(class)) {
        a->infra = true;
    } else {
        a->failed_at = (size_t)o->step + 1;
    }
}

static struct fleet_attempt *record_attempt(struct fleet *f, size_t cell, const struct observation *o) {
    struct fleet_cell *c = &f->cells[cell];
    if (o->attempt != c->attempts) {
        MUST(o->attempt == c->attempts + 1);
        MUST(!c->done);
        c->attempts++;
        c->last_seq = -1;
        size_t keep = f->spec.facts ? (size_t)c->attempts : 1;
        if (f->spec.facts || !c->list) {
            c->list = mem_grow(c->list, keep, sizeof(*c->list));
        }
        c->list[keep - 1] = (struct fleet_attempt){0};
        if (f->spec.facts) {
            c->list[keep - 1].seen =
                mem_zalloc(fleet_cell(f, cell)->step_count, sizeof(uint64_t));
        }
    }
    MUST(o->seq > c->last_seq);
    c->last_seq = o->seq;
    return &c->list[f->spec.facts ? c->attempts - 1 : 0];
}

int fleet_record(void *ctx, const struct observation *o, struct err *err) {
    struct fleet *f = ctx;
    (void)err;
    size_t cell = fleet_run_of(f, o->cell);
    struct fleet_attempt *a = record_attempt(f, cell, o);
    MUST(!a->complete || o->type == OBS_FAILURE);
    if (o->type == OBS_CELL_BEGIN) {
        record_from(f, a, o);
    } else if (o->type == OBS_FAILURE) {
        record_failure(a, o);
    } else if (o->type == OBS_NOTE && o->step >= 0 && f->spec.facts) {
        MUST(a->seen[o->step] == 0); /* nothing is counted twice */
        a->seen[o->step] = strtoull(json_string_value(json_object_get(o->data, "text")), NULL, 16);
    } else if (o->type == OBS_CELL_END) {
        a->complete = json_is_true(json_object_get(o->data, "complete"));
        f->cells[cell].done = a->complete && !a->infra;
        f->cells[cell].product = a->failed_at > 0;
        f->n.done += f->cells[cell].done;
    }
    return 0;
}

/* The guest after that step as the cell and attempt show it: observed, or begun with. */
static uint64_t facts_seen(const struct fleet *f, size_t cell, int attempt, size_t step) {
    const struct fleet_attempt *a = &f->cells[cell].list[attempt - 1];
    if (a->from && step < a->from_steps) {
        MUST(a->seen[step] == 0);
        return facts_seen(f, a->from_cell, a->from_attempt, step);
    }
    return a->seen[step];
}

void fleet_check_facts(const struct fleet *f) {
    for (size_t i = 0; i < f->spec.plan->cell_count * (CONFIRM_MAX + 1); i++) {
        const struct fleet_cell *c = &f->cells[i];
        const struct plan_cell *p = fleet_cell(f, i);
        uint64_t guest = 0;
        for (size_t step = 0; c->done && step < p->step_count; step++) {
            guest = fleet_guest_step(guest, f->spec.plan, i % f->spec.plan->cell_count, step);
            MUST_SAY(facts_seen(f, i, c->attempts, step) == guest, "%s: step %zu", p->id, step);
            if (f->spec.faults.product && f->spec.faults.product(f->spec.faults.ctx, guest)) {
                MUST(c->list[c->attempts - 1].failed_at == step + 1);
                break;
            }
        }
    }
}
