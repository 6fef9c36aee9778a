/* One worker: its report, line by line, and its end. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "run/sched_state.h"

/* No honest line comes near this. */
#define SLOT_LINE_MAX (1u << 20)
enum { SLOT_READ = 65536, SLOT_READS = 64 };
/* So often may a cell lose its host before that counts as a try. */
enum { SLOT_LOST_MAX = 10 };
/* Longer than whoever looks after the host needs to notice. */
#define SLOT_DOUBT (30 * CLOCK_S)

static const struct plan_cell *slot_cell(const struct sched *s, const struct sched_slot *slot) {
    return sched_cell_plan(s, slot->cell);
}

void sched_counts(struct sched *s, struct sched_counts *out) {
    size_t before = s->o->done_before + s->o->failed_before;
    *out = (struct sched_counts){.cells = before + s->o->plan->cell_count + s->confirms,
                                 .done = s->o->done_before + s->done, .failed = s->o->failed_before + s->failed,
                                 .running = s->running, .eta_ms = sched_eta_ms(s)};
}

void sched_record(struct sched *s, const struct observation *o) {
    if (!err_is_set(&s->broken) && s->o->ops->record(s->o->ops_ctx, o, &s->broken) < 0) {
        log_error(s->o->log, "the journal cannot be written, ending the run: %s",
                  err_text(&s->broken));
    }
}

struct sched_slot *sched_slot_begin(struct sched *s, int index, size_t cell, int attempt) {
    struct sched_slot *slot = &s->slots[index];
    struct sched_place *place = &s->places[slot->host];
    int64_t now = clock_now(s->o->clock);
    place->free = place->free == index ? slot->next_free : place->free;
    *slot = (struct sched_slot){.host = slot->host, .busy = true, .cell = cell, .attempt = attempt,
                                .began = now, .heard = now, .kill_at = CLOCK_NEVER, .step = -1};
    s->running++;
    place->running++;
    sched_timers_set(s->timers, index, now + s->o->limits.heartbeat);
    return slot;
}

/* An observation of the scheduler's own about a cell. data is taken. */
static void slot_say(struct sched *s, struct sched_slot *slot, enum obs_type type, json_t *data) {
    const struct plan_cell *cell = slot_cell(s, slot);
    bool in_step = slot->step >= 0 && (size_t)slot->step < cell->step_count;
    const struct plan_step *step = in_step ? &cell->steps[slot->step] : NULL;
    struct observation o = {
        .cell = cell->id,
        .attempt = slot->attempt,
        .seq = slot->next_seq++,
        .step = in_step ? slot->step : -1,
        .kind = (char *)(step ? step_kind_name(step->kind) : ""),
        .phase = (char *)(step && step->phase == PHASE_AFTER ? "after" : "before"),
        .at_ms = (clock_now(s->o->clock) - slot->began) / CLOCK_MS,
        .type = type,
        .data = data,
    };
    sched_record(s, &o);
    json_decref(data);
}

void sched_slot_fail(struct sched *s, struct sched_slot *slot, enum failure_class class,
                     const char *fmt, ...) {
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_warn(s->o->log, "%s: %s: %s", slot_cell(s, slot)->id, failure_class_name(class), text);
    slot->first = slot->first == FAILURE_NONE ? class : slot->first;
    slot->infra = slot->infra == FAILURE_NONE ? class : slot->infra;
    json_t *said = json_string(text);
    slot_say(s, slot, OBS_FAILURE,
             json_pack("{s:s, s:o, s:n}", "class", failure_class_name(class), "text",
                       said ? said : json_string("(text that is not UTF-8)"), "product"));
}

static void slot_note_failure(struct sched_slot *slot, const struct observation *o) {
    const char *name = json_string_value(json_object_get(o->data, "class"));
    enum failure_class class;
    if (!name || failure_class_parse(name, &class) < 0) {
        class = FAILURE_NOT_KNOWN;
    }
    slot->first = slot->first == FAILURE_NONE ? class : slot->first;
    if (slot->infra == FAILURE_NONE && failure_class_is_infrastructure(class)) {
        slot->infra = class;
    }
}

static void slot_step_begin(struct sched *s, struct sched_slot *slot, const struct observation *o) {
    slot->step = o->step;
    if (s->o->progress.step_started) {
        struct sched_counts n;
        sched_counts(s, &n);
        s->o->progress.step_started(s->o->progress.ctx, slot_cell(s, slot), o->step, &n);
    }
}

/* The worker may notice before anybody else that its host is not there: until that is settled nobody else is
 * sent there, to lose it as well. */
static void slot_note_event(struct sched *s, struct sched_slot *slot, const struct observation *o) {
    if (str_eq(json_string_value(json_object_get(o->data, "what")), "host-lost")) {
        slot->lost_host = true;
        s->places[slot->host].doubt_until = clock_now(s->o->clock) + SLOT_DOUBT;
    }
}

/* Where it ran is for the scheduler to say. */
static void slot_sign_end(const struct sched *s, const struct sched_slot *slot, json_t *data) {
    json_object_set_new(data, "host", json_string(s->o->hosts[slot->host].name));
}

static void slot_take(struct sched *s, struct sched_slot *slot, const struct observation *o) {
    slot->next_seq = o->seq >= slot->next_seq ? o->seq + 1 : slot->next_seq;
    if (o->type == OBS_CELL_END) {
        slot_sign_end(s, slot, o->data);
    }
    sched_record(s, o);
    repeat_see(&slot->repeat, o);
    switch (o->type) {
    case OBS_STEP_BEGIN:
        slot_step_begin(s, slot, o);
        break;
    case OBS_STEP_END:
        sched_eta_learn(s, o);
        break;
    case OBS_FAILURE:
        slot_note_failure(slot, o);
        break;
    case OBS_EVENT:
        slot_note_event(s, slot, o);
        break;
    case OBS_CELL_END:
        slot->ended = true;
        slot->complete = json_is_true(json_object_get(o->data, "complete"));
        slot->signal = (int)json_integer_value(json_object_get(o->data, "signal"));
        break;
    default:
        break;
    }
}

/* Only about its own cell may a worker report. */
static int slot_check(const struct sched *s, const struct sched_slot *slot,
                      const struct observation *o, struct err *err) {
    const struct plan_cell *cell = slot_cell(s, slot);
    if (strcmp(o->cell, cell->id) != 0 || o->attempt != slot->attempt || slot->ended ||
        o->step >= (int)cell->step_count) {
        return err_set(err, ERR_PROTOCOL, "an observation that is not this worker's to make");
    }
    return 0;
}

static void slot_rest(struct sched *s, struct sched_slot *slot, enum cell_rest rest) {
    struct sched_place *place = &s->places[slot->host];
    place->resting += (rest == CELL_RESTS) - (slot->rest == CELL_RESTS);
    place->leaving += (rest == CELL_LAST_REST) - (slot->rest == CELL_LAST_REST);
    slot->rest = rest;
    sched_wake(s, slot->host);
}

static int slot_line(struct sched *s, struct sched_slot *slot, const char *line, size_t len,
                     struct err *err) {
    json_error_t je;
    json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
    if (!j) {
        return err_set(err, ERR_PROTOCOL, "a line that is not JSON: %s", je.text);
    }
    int rc = 0;
    const json_t *rests = json_object_get(j, "rests");
    if (rests) {
        bool last = json_is_true(json_object_get(j, "last"));
        slot_rest(s, slot, !json_is_true(rests) ? CELL_WORKS : last ? CELL_LAST_REST : CELL_RESTS);
    } else if (!json_object_get(j, "beat")) { /* a heartbeat only says that it lives */
        struct observation o;
        rc = obs_from_json(j, &o, err);
        if (rc == 0) {
            rc = slot_check(s, slot, &o, err) < 0 ||
                         sched_sites_hear(s, (int)(slot - s->slots), &o, err) < 0
                     ? -1
                     : 0;
            if (rc == 0) {
                slot_take(s, slot, &o);
            }
            obs_clear(&o);
        }
    }
    json_decref(j);
    return rc;
}

/* A worker that speaks nonsense is ended: whatever else it says cannot be trusted. */
static void slot_distrust(struct sched *s, int index, const char *why) {
    struct sched_slot *slot = &s->slots[index];
    if (!slot->killed) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "the worker's report is broken: %s", why);
        sched_kill(s, index);
    }
}

static void slot_bytes(struct sched *s, int index, const char *bytes, size_t len) {
    struct sched_slot *slot = &s->slots[index];
    while (len > 0 && !slot->killed) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        if (slot->line.len + part > SLOT_LINE_MAX) {
            slot_distrust(s, index, "a line without end");
            return;
        }
        str_add_bytes(&slot->line, bytes, part);
        if (!end) {
            return;
        }
        CLEANUP_ERR struct err err = ERR_INIT;
        if (slot_line(s, slot, str_get(&slot->line), slot->line.len, &err) < 0) {
            slot_distrust(s, index, err_text(&err));
        }
        str_reset(&slot->line);
        bytes = end + 1;
        len -= part + 1;
    }
}

bool sched_slot_read(struct sched *s, int index) {
    char buf[SLOT_READ];
    /* Bounded, so that one talkative worker does not starve the others. */
    for (int i = 0; i < SLOT_READS; i++) {
        ssize_t n = s->o->ops->read(s->o->ops_ctx, index, buf, sizeof(buf));
        if (n <= 0) {
            return n == 0;
        }
        s->slots[index].heard = clock_now(s->o->clock);
        slot_bytes(s, index, buf, (size_t)n);
    }
    return false;
}

/* SIGKILL and requests to stop that are not ours come from the host: its memory ran out, it is shut down, somebody
 * there ended the process. Any other signal is the worker's own fault. */
static enum failure_class slot_signal_class(int signal) {
    bool host = signal == SIGKILL || signal == SIGTERM || signal == SIGHUP || signal == SIGINT;
    return host ? FAILURE_HOST_RESOURCES : FAILURE_LAB_BUG;
}

/* A worker that went without finishing its cell: why, for the journal. */
static void slot_judge_exit(struct sched *s, struct sched_slot *slot,
                            const struct sched_exit *exit) {
    if (slot->killed || s->interrupts > 0) {
        return;
    }
    if (exit->signal != 0) {
        sched_slot_fail(s, slot, slot_signal_class(exit->signal), "the worker was ended by signal %d (%s)%s",
                        exit->signal, strsignal(exit->signal),
                        exit->signal == SIGKILL ? ", as the kernel does when memory runs out" : "");
    } else if (!slot->ended) {
        sched_slot_fail(s, slot, FAILURE_LAB_BUG, "the worker left with code %d in mid-cell",
                        exit->code);
    } else if (!slot->complete && !slot->stopped && slot->infra == FAILURE_NONE) {
        enum failure_class class = slot->signal ? slot_signal_class(slot->signal) : FAILURE_LAB_BUG;
        sched_slot_fail(s, slot, class, "the worker stopped in mid-cell, told by signal %d (%s) that was not the lab's",
                        slot->signal, slot->signal ? strsignal(slot->signal) : "none");
    }
}

static void slot_tell_finished(struct sched *s, const struct sched_slot *slot,
                               const char *outcome) {
    if (s->o->progress.cell_finished) {
        struct sched_counts n;
        sched_counts(s, &n);
        s->o->progress.cell_finished(s->o->progress.ctx, slot_cell(s, slot), outcome, &n);
    }
}

/* A product's failure is not tried again and forgotten: the cell is run once more, beside what was seen. */
static void slot_confirm(struct sched *s, const struct sched_slot *slot) {
    struct sched_cell *cell = &s->cells[slot->cell];
    if (cell->state != SCHED_DONE) {
        return;
    }
    if (cell->confirm == 0) {
        cell->confirms = repeat_times(&slot->repeat, s->o->confirm);
    }
    if (cell->confirm < cell->confirms && !sched_ending(s)) {
        sched_cell_confirm(s, slot->cell, cell->confirm + 1);
        cell->attempts = cell->tries = 0;
        cell->unbegun = false;
        sched_cell_wait(s, slot->cell);
    }
}

/* Where the cell goes from here. */
static void slot_settle(struct sched *s, struct sched_slot *slot) {
    struct sched_cell *cell = &s->cells[slot->cell];
    char outcome[80] = "ok";
    cell->tries -= slot->lost_host && slot->infra != FAILURE_NONE && cell->lost++ < SLOT_LOST_MAX;
    if (slot->infra != FAILURE_NONE && s->interrupts == 0 && cell->tries < s->o->limits.attempts) {
        sched_cell_wait(s, slot->cell);
        snprintf(outcome, sizeof(outcome), "again: %s", failure_class_name(slot->infra));
    } else if (s->interrupts > 0 && (!slot->ended || !slot->complete)) {
        cell->state = SCHED_STOPPED;
        snprintf(outcome, sizeof(outcome), "stopped");
    } else if (slot->infra != FAILURE_NONE) {
        cell->state = SCHED_FAILED;
        s->failed++;
        snprintf(outcome, sizeof(outcome), "%s", failure_class_name(slot->infra));
    } else {
        cell->state = SCHED_DONE;
        s->done++;
        if (slot->first != FAILURE_NONE) {
            snprintf(outcome, sizeof(outcome), "%s", failure_class_name(slot->first));
        }
    }
    slot_tell_finished(s, slot, outcome);
    slot_confirm(s, slot);
}

static void slot_free(struct sched *s, int index) {
    struct sched_slot *slot = &s->slots[index];
    struct sched_place *place = &s->places[slot->host];
    str_free(&slot->line);
    slot_rest(s, slot, CELL_WORKS);
    slot->busy = false;
    slot->next_free = place->free;
    place->free = index;
    place->running--;
    s->running--;
    sched_timers_set(s->timers, index, CLOCK_NEVER);
}

void sched_slot_end(struct sched *s, int index, const struct sched_exit *exit) {
    struct sched_slot *slot = &s->slots[index];
    slot_judge_exit(s, slot, exit);
    if (!slot->ended) {
        json_t *end = json_pack("{s:b}", "complete", 0);
        slot_sign_end(s, slot, end);
        slot_say(s, slot, OBS_CELL_END, end);
    }
    slot_free(s, index);
    slot_settle(s, slot);
    sched_sites_leave(s, index);
    if (exit->signal != 0 || slot->killed) {
        s->o->ops->sweep(s->o->ops_ctx);
    }
}
