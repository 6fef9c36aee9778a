/* Does the machine still have room to work, and do the products' processes stay? Two looks at the process list with
 * some seconds between them; what looks wrong is looked at again until it is right or the time for calming down is
 * over: a burst is no harm. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/console.h"
#include "run/vitals.h"

enum {
    VITALS_PROCESSES_MAX = 4096,
    VITALS_NAMES_MAX = 64,
    VITALS_FINDINGS_MAX = 16,
    VITALS_BUSY_LEAST = 8, /* samples in a row that must all be busy */
};

struct vitals_process {
    char *name;
    int64_t pid, ppid, cpu_ms, memory, handles, threads;
};

struct vitals_sample {
    int64_t up_ms;                  /* the guest's own time: what the host does not give does not count */
    int64_t idle_ms, busy_ms;       /* of all processors; -1: not told */
    int64_t memory_total, memory_available, disk_total, disk_free; /* -1: not told */
    struct vitals_process *processes;
    size_t count;
};

struct vitals_restarts {
    char *name;
    int count;
};

struct vitals {
    struct vitals_sample last;
    bool have;       /* last is of this boot, and no vendor's command ran since */
    bool everybody;  /* the processors as a whole are judged, too */
    bool watch;      /* a restart was seen since then: worth looking on */
    int64_t taken_at; /* host's time of last */
    int64_t boot_at; /* c->ready_at it belongs to */
    struct vitals_restarts restarts[VITALS_NAMES_MAX]; /* since then */
    size_t names;
};

struct vitals_finding {
    enum failure_class cls;
    const char *kind; /* what is short; who holds it may differ from look to look */
    char subject[120], found[200];
    const char *expected, *product;
    bool passing; /* may pass by itself: not told before the time is over */
};

struct vitals_findings {
    struct vitals_finding items[VITALS_FINDINGS_MAX];
    size_t count;
};

/* ---- samples ------------------------------------------------------------------------------- */

static int64_t vitals_number(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    double n = json_is_number(v) ? json_number_value(v) : -1;
    return n >= 0 && n < 9e15 ? (int64_t)n : -1;
}

static void vitals_sample_free(struct vitals_sample *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->processes[i].name);
    }
    free(s->processes);
    *s = (struct vitals_sample){0};
}

static void vitals_take_processes(struct vitals_sample *s, const json_t *items) {
    size_t i, n = json_array_size(items);
    json_t *item;
    s->processes = mem_zalloc(n > VITALS_PROCESSES_MAX ? VITALS_PROCESSES_MAX : n,
                              sizeof(*s->processes));
    json_array_foreach((json_t *)items, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        int64_t private_bytes = vitals_number(item, "private_bytes");
        int64_t resident = vitals_number(item, "working_set");
        if (name && s->count < VITALS_PROCESSES_MAX) {
            s->processes[s->count++] = (struct vitals_process){
                .name = str_dup(name), .pid = vitals_number(item, "pid"),
                .ppid = vitals_number(item, "ppid"),
                .cpu_ms = vitals_number(item, "cpu_ms"),
                .memory = private_bytes > resident ? private_bytes : resident,
                .handles = vitals_number(item, "handles"),
                .threads = vitals_number(item, "threads")};
        }
    }
}

/* 1, 0 when this guest cannot tell, negative with err. */
static int vitals_ask(struct cell *c, const char *op, json_t **result, struct err *err) {
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_call(c, op, NULL, c->env->limits.call, result, &refused) == 0) {
        return 1;
    }
    if (refused.cls == ERR_REFUSED) {
        return 0;
    }
    err_move(err, &refused);
    return -1;
}

static int vitals_take(struct cell *c, struct vitals_sample *s, struct err *err) {
    json_auto_t *system = NULL;
    json_auto_t *processes = NULL;
    int rc = vitals_ask(c, "system", &system, err);
    rc = rc <= 0 ? rc : vitals_ask(c, "processes", &processes, err);
    if (rc <= 0) {
        return rc;
    }
    int64_t kernel = vitals_number(system, "cpu_kernel_ms"), user = vitals_number(system, "cpu_user_ms");
    *s = (struct vitals_sample){
        .up_ms = vitals_number(system, "up_ms"), .idle_ms = vitals_number(system, "cpu_idle_ms"),
        .busy_ms = kernel < 0 || user < 0 ? -1 : kernel + user,
        .memory_total = vitals_number(system, "memory_total"),
        .memory_available = vitals_number(system, "memory_available"),
        .disk_total = vitals_number(system, "disk_total"),
        .disk_free = vitals_number(system, "disk_free")};
    vitals_take_processes(s, json_object_get(processes, "items"));
    return 1;
}

/* ---- what belongs to whom ------------------------------------------------------------------ */

/* A process that a healthy product always has; its tools come and go. */
static bool vitals_is_lasting(const struct model_checks *health, const char *process) {
    for (size_t i = 0; i < health->count; i++) {
        const struct model_check *k = &health->items[i];
        CLEANUP_FREE char *longer = str_printf("%s.exe", k->name);
        if (k->kind == CHECK_PROCESS &&
            (str_eq_nocase(k->name, process) || str_eq_nocase(longer, process))) {
            return true;
        }
    }
    return false;
}

static const struct vitals_process *vitals_find(const struct vitals_sample *s, int64_t pid,
                                                const char *name) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->processes[i].pid == pid && str_eq_nocase(s->processes[i].name, name)) {
            return &s->processes[i];
        }
    }
    return NULL;
}

/* ---- findings ------------------------------------------------------------------------------ */

__attribute__((format(printf, 7, 8))) static void
vitals_add(struct vitals_findings *f, enum failure_class cls, const char *kind,
           const char *subject, const char *product, const char *expected, const char *fmt, ...) {
    if (f->count >= VITALS_FINDINGS_MAX) {
        return;
    }
    struct vitals_finding *one = &f->items[f->count++];
    *one = (struct vitals_finding){.cls = cls, .kind = kind, .product = product,
                                   .expected = expected, .passing = cls != FAILURE_RESTART_LOOP};
    snprintf(one->subject, sizeof(one->subject), "%s", subject);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(one->found, sizeof(one->found), fmt, ap);
    va_end(ap);
}

#define MIB(bytes) ((long long)((bytes) / (1 << 20)))

static void vitals_judge_room(const struct vitals_sample *s, struct vitals_findings *f) {
    if (s->memory_total > 0 && s->memory_available >= 0 &&
        100 * s->memory_available < VITALS_MEMORY_PERCENT * s->memory_total) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "memory", "memory", NULL, "5 % available",
                   "%lld of %lld MiB available", MIB(s->memory_available), MIB(s->memory_total));
    }
    int64_t least = s->disk_total / 100 * VITALS_DISK_PERCENT;
    if (s->disk_total > 0 && s->disk_free >= 0 &&
        s->disk_free < (least < VITALS_DISK_BYTES ? least : VITALS_DISK_BYTES)) {
        vitals_add(f, FAILURE_DISK_FULL, "disk", "system drive", NULL, "2 % or 1 GiB free",
                   "%lld of %lld MiB free", MIB(s->disk_free), MIB(s->disk_total));
    }
}

/* What one process of a product holds. */
static void vitals_judge_process(const struct vitals_sample *s, const struct vitals_process *p,
                                 const char *product, struct vitals_findings *f) {
    if (p->threads > VITALS_THREADS) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "threads", p->name, product, "at most 500 threads",
                   "%lld threads", (long long)p->threads);
    }
    if (p->handles > VITALS_HANDLES) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "handles", p->name, product, "at most 20000 handles",
                   "%lld handles", (long long)p->handles);
    }
    if (s->memory_total > 0 && p->memory > s->memory_total / 2) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "memory", p->name, product,
                   "at most half of the memory", "%lld of %lld MiB", MIB(p->memory), MIB(s->memory_total));
    }
}

static void vitals_judge_crowd(const struct vitals_sample *s, const struct vitals_process *p,
                               const char *product, struct vitals_findings *f) {
    size_t alike = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool same = str_eq_nocase(s->processes[i].name, p->name);
        if (same && &s->processes[i] < p) {
            return; /* told of with the first of them */
        }
        alike += same;
    }
    if (alike > VITALS_INSTANCES) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "processes", p->name, product, "at most 50 processes",
                   "%zu processes", alike);
    }
}

/* What was used of the processor between two samples of one boot, in percent of one processor. */
static void vitals_judge_busy(const struct cell *c, const struct vitals_sample *was,
                              const struct vitals_sample *s, struct vitals_findings *f) {
    int64_t window = s->up_ms - was->up_ms;
    if (was->up_ms < 0 || window < VITALS_WINDOW_MS) {
        return;
    }
    const struct vitals_process *top = NULL;
    int64_t most = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct vitals_process *p = &s->processes[i];
        const struct vitals_process *old = vitals_find(was, p->pid, p->name);
        int64_t used = old && p->cpu_ms >= 0 ? p->cpu_ms - old->cpu_ms : 0;
        const struct model_product *owner = cell_module_owner(c, p->name, 0);
        if (used > most) {
            most = used;
            top = p;
        }
        if (owner && 100 * used >= VITALS_BUSY_PERCENT * window) {
            vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "processor", p->name, owner->id,
                       "less than 75 % of a processor", "%lld %% of a processor all the time",
                       (long long)(100 * used / window));
            return;
        }
    }
    int64_t idle = s->idle_ms - was->idle_ms, busy = s->busy_ms - was->busy_ms;
    if (c->vitals->everybody && was->idle_ms >= 0 && was->busy_ms >= 0 && idle >= 0 && busy > 0 &&
        100 * busy >= VITALS_SYSTEM_PERCENT * (idle + busy)) {
        vitals_add(f, FAILURE_RESOURCE_RUNAWAY, "processor", "processors", NULL, "some idle time",
                   "%lld %% busy all the time, mostly %s", (long long)(100 * busy / (idle + busy)),
                   top ? top->name : "nobody in particular");
    }
}

/* ---- restarts ------------------------------------------------------------------------------ */

static struct vitals_restarts *vitals_restarts_of(struct vitals *v, const char *name) {
    for (size_t i = 0; i < v->names; i++) {
        if (str_eq_nocase(v->restarts[i].name, name)) {
            return &v->restarts[i];
        }
    }
    if (v->names >= VITALS_NAMES_MAX) {
        return NULL;
    }
    v->restarts[v->names] = (struct vitals_restarts){str_dup(name), 0};
    return &v->restarts[v->names++];
}

/* Begun by a process of its own program, which does its work in such ones: that one ends is no restart. */
static bool vitals_is_worker(const struct vitals_sample *s, const struct vitals_process *p) {
    return p->ppid > 0 && vitals_find(s, p->ppid, p->name) != NULL;
}

static size_t vitals_instances(const struct vitals_sample *s, const char *name) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        n += str_eq_nocase(s->processes[i].name, name);
    }
    return n;
}

#define VITALS_GONE (-2) /* pid of one that ended and was not started anew so far */

/* A process of the last sample ended. Whether it is started anew at once, later, or no more in the end: who looks
 * after it may give up. */
static void vitals_count_end(struct vitals *v, const char *name, const char *product, struct vitals_findings *f) {
    struct vitals_restarts *r = vitals_restarts_of(v, name);
    v->watch = true;
    if (r && ++r->count >= VITALS_RESTARTS) {
        vitals_add(f, FAILURE_RESTART_LOOP, "restarts", name, product, "stays",
                   "ended %d times though nobody asked for it", r->count);
    }
}

static void vitals_count_restarts(const struct cell *c, struct vitals *v, struct vitals_sample *s,
                                  struct vitals_findings *f) {
    for (size_t i = 0; i < v->last.count; i++) {
        struct vitals_process *old = &v->last.processes[i];
        const struct model_product *owner = cell_module_owner(c, old->name, 0);
        if (!owner || vitals_find(s, old->pid, old->name) || vitals_is_worker(&v->last, old) ||
            (!vitals_is_lasting(&owner->health, old->name) &&
             !vitals_is_lasting(cell_update_health(c, owner), old->name))) {
            continue;
        }
        if (old->pid != VITALS_GONE) {
            vitals_count_end(v, old->name, owner->id, f);
        }
        if (vitals_instances(s, old->name) == 0) { /* else it would be new to the next sample */
            s->processes = mem_grow(s->processes, s->count + 1, sizeof(*s->processes));
            s->processes[s->count++] = (struct vitals_process){.name = str_dup(old->name), .pid = VITALS_GONE,
                                                               .ppid = -1, .cpu_ms = -1, .memory = -1,
                                                               .handles = -1, .threads = -1};
        }
    }
}

/* ---- the look ------------------------------------------------------------------------------ */

static void vitals_forget_restarts(struct vitals *v) {
    for (size_t i = 0; i < v->names; i++) {
        free(v->restarts[i].name);
    }
    v->names = 0;
}

void vitals_free(struct vitals *v) {
    if (v) {
        vitals_sample_free(&v->last);
        vitals_forget_restarts(v);
        free(v);
    }
}

void vitals_forget(struct cell *c) {
    if (c->vitals) {
        c->vitals->have = false;
        c->vitals->watch = false;
        vitals_forget_restarts(c->vitals);
    }
}

/* Takes a sample and judges it with the one before. 1, 0 when this guest cannot tell, negative with err. */
static int vitals_sample_and_judge(struct cell *c, struct vitals_findings *f, struct err *err) {
    struct vitals *v = c->vitals;
    struct vitals_sample s = {0};
    *f = (struct vitals_findings){.count = 0};
    int rc = vitals_take(c, &s, err);
    if (rc <= 0) {
        return rc;
    }
    if (v->boot_at != c->ready_at) {
        vitals_forget(c);
        v->boot_at = c->ready_at;
    }
    vitals_judge_room(&s, f);
    for (size_t i = 0; i < s.count; i++) {
        const struct model_product *owner = cell_module_owner(c, s.processes[i].name, 0);
        if (owner) {
            vitals_judge_process(&s, &s.processes[i], owner->id, f);
            vitals_judge_crowd(&s, &s.processes[i], owner->id, f);
        }
    }
    if (v->have) {
        vitals_judge_busy(c, &v->last, &s, f);
        vitals_count_restarts(c, v, &s, f);
    }
    vitals_sample_free(&v->last);
    v->last = s;
    v->have = true;
    v->taken_at = clock_now(c->env->clock);
    return 1;
}

/* why: what led to the look, with what joins it to a finding; "" when it was due. */
static void vitals_say(struct cell *c, const struct vitals_findings *f, const char *why) {
    for (size_t i = 0; i < f->count; i++) {
        const struct vitals_finding *one = &f->items[i];
        const char *what = one->cls == FAILURE_RESTART_LOOP ? "restarts" : "resource";
        cell_check(c, what, one->subject, one->product, false, one->expected, one->found);
        cell_fail(c, one->cls, one->product, "%s%s: %s", why, one->subject, one->found);
    }
    if (f->count == 0) {
        cell_check(c, "resource", "room and rest", NULL, true, "within bounds", "within bounds");
    }
}

/* Waits without missing an event. 0, or negative with err. */
static int vitals_pause(struct cell *c, int64_t until, struct err *err) {
    if (cell_watch(c, until, err) == 0) {
        return 0;
    }
    c->side = CELL_SIDE_GUEST;
    return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
}

static bool vitals_all_passing(const struct vitals_findings *f) {
    for (size_t i = 0; i < f->count; i++) {
        if (!f->items[i].passing) {
            return false;
        }
    }
    return true;
}

/* Drops what the look before did not show too: only what lasts is told of. */
static void vitals_keep_common(struct vitals_findings *now, const struct vitals_findings *before) {
    size_t kept = 0;
    for (size_t i = 0; i < now->count; i++) {
        bool seen = !now->items[i].passing;
        for (size_t k = 0; k < before->count; k++) {
            seen |= now->items[i].cls == before->items[k].cls &&
                    str_eq(now->items[i].kind, before->items[k].kind);
        }
        if (seen) {
            now->items[kept++] = now->items[i];
        }
    }
    now->count = kept;
}

static void vitals_make(struct cell *c) {
    if (!c->vitals) {
        c->vitals = mem_zalloc(1, sizeof(*c->vitals));
    }
}

int vitals_begin(struct cell *c, struct err *err) {
    struct vitals_findings ignored;
    vitals_make(c);
    console_look(c);
    return vitals_sample_and_judge(c, &ignored, err) < 0 ? -1 : 0;
}

/* Two samples too close to one another tell nothing of the processor. */
static int vitals_await_window(struct cell *c, struct err *err) {
    int64_t until = c->vitals->taken_at + (VITALS_WINDOW_MS + VITALS_WINDOW_MS / 10) * CLOCK_MS;
    return c->vitals->have && clock_now(c->env->clock) < until ? vitals_pause(c, until, err) : 0;
}

/* Looks on while something is wrong that may pass. 1, 0 or negative as vitals_sample_and_judge. */
static int vitals_look_on(struct cell *c, struct vitals_findings *now, struct err *err) {
    struct vitals_findings before, latest;
    int64_t deadline = cell_in(c, c->env->limits.calm);
    int looks = 0, rc = vitals_sample_and_judge(c, &latest, err);
    *now = latest;
    while (rc > 0 && (now->count > 0 || c->vitals->watch) && vitals_all_passing(now) &&
           (looks < VITALS_BUSY_LEAST || clock_now(c->env->clock) < deadline)) {
        if (cell_stop_now(c)) {
            return err_set(err, ERR_INTERRUPT, "told to stop at once");
        }
        before = latest;
        /* The first window held what the lab did itself: one more tells whether it was that. */
        int64_t pace = (looks == 0 ? VITALS_WINDOW_MS + VITALS_WINDOW_MS / 10 : VITALS_PACE_MS) * CLOCK_MS;
        if (vitals_pause(c, cell_in(c, pace), err) < 0) {
            return -1;
        }
        rc = vitals_sample_and_judge(c, &latest, err);
        *now = latest;
        vitals_keep_common(now, &before);
        looks++;
    }
    c->vitals->watch = false;
    return rc;
}

int vitals_end(struct cell *c, bool last, struct err *err) {
    struct vitals_findings now;
    if (!c->vitals || vitals_await_window(c, err) < 0) {
        return c->vitals ? -1 : err_set(err, ERR_BUG, "a look ends that did not begin");
    }
    c->vitals->everybody = last;
    int rc = vitals_look_on(c, &now, err);
    if (rc > 0) {
        vitals_say(c, &now, "");
    }
    console_look(c);
    return rc < 0 ? -1 : 0;
}

bool vitals_explain(struct cell *c, const char *what) {
    CLEANUP_ERR struct err unseen = ERR_INIT;
    struct vitals_findings first, again;
    vitals_make(c);
    if (console_look(c)) {
        return true;
    }
    if (vitals_sample_and_judge(c, &first, &unseen) <= 0 || first.count == 0 ||
        vitals_pause(c, cell_in(c, VITALS_PACE_MS * CLOCK_MS), &unseen) < 0 ||
        vitals_sample_and_judge(c, &again, &unseen) <= 0) {
        return console_look(c);
    }
    vitals_keep_common(&again, &first);
    if (again.count > 0) {
        CLEANUP_FREE char *why = str_printf("%s; ", what);
        vitals_say(c, &again, why);
    }
    return again.count > 0;
}

/* ---- does an ordinary program start? -------------------------------------------------------- */

int vitals_launch(struct cell *c, struct err *err) {
    char found[160] = "";
    for (int tries = 0; tries < VITALS_LAUNCHES; tries++) {
        CLEANUP(guest_exec_free) struct guest_exec x = {0};
        CLEANUP_ERR struct err refused = ERR_INIT;
        if (cell_exec(c, VITALS_PROGRAM, VITALS_LAUNCH_MS, &x, &refused) < 0) {
            if (refused.cls != ERR_REFUSED) {
                err_move(err, &refused);
                return -1;
            }
            snprintf(found, sizeof(found), "does not start: %.120s", err_text(&refused));
        } else if (x.timed_out) {
            snprintf(found, sizeof(found), "not done in %d s", VITALS_LAUNCH_MS / 1000);
        } else if (x.exit_code != 0) {
            snprintf(found, sizeof(found), "ended with 0x%08x", x.exit_code);
        } else {
            cell_check(c, "launch", VITALS_PROGRAM, NULL, true, "ends with 0", "ends with 0");
            return 0;
        }
        if (vitals_pause(c, cell_in(c, VITALS_PACE_MS * CLOCK_MS), err) < 0) {
            return -1;
        }
    }
    cell_check(c, "launch", VITALS_PROGRAM, NULL, false, "ends with 0", found);
    cell_fail(c, FAILURE_APPLICATION_BROKEN, NULL, "%s: %s, %d times in a row", VITALS_PROGRAM, found,
              VITALS_LAUNCHES);
    return 0;
}
