#include "vm/vm.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

static const char *const vm_state_names[] = {"defined", "running", "crashed", "off", "gone"};
static_assert(ARRAY_LEN(vm_state_names) == VM_STATE_COUNT, "a name for every VM state");

static const char *const vm_event_names[] = {"started",  "reset",    "shutdown",
                                             "panicked", "io-error", "died"};
static_assert(ARRAY_LEN(vm_event_names) == VM_EVENT_TYPE_COUNT, "a name for every VM event");

static const char *const vm_key_names[] = {"space", "enter"};
static_assert(ARRAY_LEN(vm_key_names) == VM_KEY_COUNT, "a name for every key");

const char *vm_key_name(enum vm_key key) {
    return (unsigned)key < VM_KEY_COUNT ? vm_key_names[key] : "unknown";
}

const char *vm_state_name(enum vm_state state) {
    return (unsigned)state < VM_STATE_COUNT ? vm_state_names[state] : "unknown";
}

const char *vm_event_name(enum vm_event_type type) {
    return (unsigned)type < VM_EVENT_TYPE_COUNT ? vm_event_names[type] : "unknown";
}

enum vm_call {
    VM_CALL_START,
    VM_CALL_STOP,
    VM_CALL_RESET,
    VM_CALL_SAVE,
    VM_CALL_RESTORE,
    VM_CALL_SCREENSHOT,
    VM_CALL_PRESS,
    VM_CALL_DUMP,
    VM_CALL_DIAGNOSE,
    VM_CALL_FAVOUR,
    VM_CALL_NEXT_EVENT,
    VM_CALL_ENDPOINTS,
    VM_CALL_COUNT
};

#define IN(state) (1u << (state))
#define IN_ALIVE (IN(VM_RUNNING) | IN(VM_CRASHED))
#define IN_ANY (IN(VM_DEFINED) | IN_ALIVE | IN(VM_OFF))
#define VM_STAYS VM_STATE_COUNT

/* Which call is legal where, and where it leads when it succeeds. */
static const struct vm_rule {
    const char *name;
    unsigned legal_in;
    enum vm_state leads_to;
} vm_rules[] = {
    [VM_CALL_START] = {"start", IN(VM_DEFINED) | IN(VM_OFF), VM_RUNNING},
    [VM_CALL_STOP] = {"stop", IN_ALIVE, VM_OFF},
    [VM_CALL_RESET] = {"reset", IN_ALIVE, VM_RUNNING},
    [VM_CALL_SAVE] = {"save", IN(VM_RUNNING), VM_STAYS},
    [VM_CALL_RESTORE] = {"restore", IN(VM_DEFINED), VM_RUNNING},
    [VM_CALL_SCREENSHOT] = {"screenshot", IN_ALIVE, VM_STAYS},
    [VM_CALL_PRESS] = {"press", IN(VM_RUNNING), VM_STAYS},
    [VM_CALL_DUMP] = {"dump", IN_ALIVE, VM_STAYS},
    [VM_CALL_DIAGNOSE] = {"diagnose", IN_ALIVE, VM_STAYS},
    [VM_CALL_FAVOUR] = {"favour", IN_ALIVE, VM_STAYS},
    [VM_CALL_NEXT_EVENT] = {"next event", IN_ANY, VM_STAYS},
    [VM_CALL_ENDPOINTS] = {"endpoints", IN_ALIVE, VM_STAYS},
};
static_assert(ARRAY_LEN(vm_rules) == VM_CALL_COUNT, "a rule for every VM call");

/* Where an event leads, and from where it can. */
static const struct vm_event_rule {
    unsigned moves_from;
    enum vm_state leads_to;
} vm_event_rules[] = {
    [VM_EVENT_STARTED] = {IN(VM_OFF) | IN(VM_CRASHED), VM_RUNNING},
    [VM_EVENT_RESET] = {IN(VM_CRASHED), VM_RUNNING},
    [VM_EVENT_SHUTDOWN] = {IN_ALIVE, VM_OFF},
    [VM_EVENT_PANICKED] = {IN(VM_RUNNING), VM_CRASHED},
    [VM_EVENT_IO_ERROR] = {0, VM_STAYS},
    [VM_EVENT_DIED] = {IN_ALIVE, VM_OFF},
};
static_assert(ARRAY_LEN(vm_event_rules) == VM_EVENT_TYPE_COUNT, "a rule for every VM event");

struct vm {
    const struct vm_ops *ops;
    void *self; /* owned; the backend's own object */
    char *name;
    struct clock *clock;
    struct log *log;
    enum vm_state state;
    int64_t moved_at; /* when the last call that moved the state began: older events are history */
    bool busy;        /* a backend must not call back into its own wrapper */
};

struct vm *vm_wrap(const struct vm_ops *ops, void *self, const char *name, struct clock *clock,
                   struct log *log) {
    struct vm *vm = mem_zalloc(1, sizeof(*vm));
    vm->ops = ops;
    vm->self = self;
    vm->name = str_dup(name);
    vm->clock = clock;
    vm->log = log;
    vm->state = VM_DEFINED;
    return vm;
}

static void vm_move(struct vm *vm, enum vm_state to, const char *why) {
    if (to != VM_STAYS && to != vm->state) {
        log_debug(vm->log, "vm %s: %s -> %s (%s)", vm->name, vm_state_name(vm->state),
                  vm_state_name(to), why);
        vm->state = to;
    }
}

static int vm_enter(struct vm *vm, enum vm_call call, int64_t *began, struct err *err) {
    const struct vm_rule *rule = &vm_rules[call];
    *began = clock_now(vm->clock);
    if (!(rule->legal_in & IN(vm->state)) || vm->busy) {
        err_set(err, ERR_BUG, "vm %s: %s is not allowed %s %s", vm->name, rule->name,
                vm->busy ? "within another call while" : "while", vm_state_name(vm->state));
        log_debug(vm->log, "vm %s: refused %s while %s", vm->name, rule->name,
                  vm_state_name(vm->state));
        return -1;
    }
    vm->busy = true;
    return 0;
}

/* Moves the state, traces, and says in an error which call it came from. */
static int vm_leave(struct vm *vm, enum vm_call call, int64_t began, int rc, struct err *err) {
    const struct vm_rule *rule = &vm_rules[call];
    vm->busy = false;
    int64_t now = clock_now(vm->clock);
    if (rc >= 0 && rule->leads_to != VM_STAYS) {
        vm->moved_at = began;
        vm_move(vm, rule->leads_to, rule->name);
    }
    log_debug(vm->log, "vm %s: %s: %lld ms: %s", vm->name, rule->name,
              (long long)((now - began) / CLOCK_MS), rc < 0 ? err_text(err) : "ok");
    if (rc < 0) {
        err_prefix(err, "vm %s: %s", vm->name, rule->name);
    }
    return rc;
}

/* Runs one backend call between vm_enter and vm_leave. The caller's err may be NULL, the trace
 * wants its text all the same. */
#define VM_GUARD(vm, call, expr, err)                                     \
    do {                                                                  \
        CLEANUP_ERR struct err own_ = ERR_INIT;                           \
        struct err *e = (err) ? (err) : &own_;                            \
        int64_t began_ = 0;                                               \
        if (vm_enter((vm), (call), &began_, e) < 0) {                     \
            return -1;                                                    \
        }                                                                 \
        int rc_ = (expr);                                                 \
        return vm_leave((vm), (call), began_, rc_, e);                    \
    } while (0)

int vm_start(struct vm *vm, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_START, vm->ops->start(vm->self, deadline, e), err);
}

int vm_stop(struct vm *vm, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_STOP, vm->ops->stop(vm->self, deadline, e), err);
}

int vm_reset(struct vm *vm, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_RESET, vm->ops->reset(vm->self, deadline, e), err);
}

/* ---- states ---------------------------------------------------------------------------------- */

static int vm_dir_entry(const char *name, void *ctx) {
    (void)name;
    (void)ctx;
    return 1;
}

static int vm_dir_must_be_empty(const char *dir, struct err *err) {
    int rc = fs_each(dir, vm_dir_entry, NULL, err);
    return rc > 0 ? err_set(err, ERR_INPUT, "%s is not empty", dir) : rc;
}

static int vm_dir_remove_entry(const char *name, void *ctx) {
    CLEANUP_FREE char *path = fs_join(ctx, name);
    fs_remove_tree(path, NULL);
    return 0;
}

static int vm_save_backend(struct vm *vm, const char *dir, int64_t deadline, struct err *err) {
    CLEANUP_FREE char *absolute = fs_absolute(dir);
    if (vm_dir_must_be_empty(absolute, err) < 0) {
        return -1;
    }
    int rc = vm->ops->save(vm->self, absolute, deadline, err);
    if (rc < 0) {
        fs_each(absolute, vm_dir_remove_entry, absolute, NULL); /* half a state is none */
    }
    return rc;
}

int vm_save(struct vm *vm, const char *dir, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_SAVE, vm_save_backend(vm, dir, deadline, e), err);
}

static int vm_restore_backend(struct vm *vm, const char *dir, int64_t deadline, struct err *err) {
    static const char *const files[] = {VM_STATE_MEMORY, VM_STATE_DISK};
    CLEANUP_FREE char *absolute = fs_absolute(dir);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP_FREE char *path = fs_join(absolute, files[i]);
        if (!fs_exists(path)) {
            return err_set(err, ERR_INPUT, "%s is no saved state: it has no %s", dir, files[i]);
        }
    }
    return vm->ops->restore(vm->self, absolute, deadline, err);
}

int vm_restore(struct vm *vm, const char *dir, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_RESTORE, vm_restore_backend(vm, dir, deadline, e), err);
}

/* ---- looking --------------------------------------------------------------------------------- */

int vm_screenshot(struct vm *vm, const char *path, struct err *err) {
    VM_GUARD(vm, VM_CALL_SCREENSHOT, vm->ops->screenshot(vm->self, path, e), err);
}

static int vm_press_backend(struct vm *vm, enum vm_key key, struct err *err) {
    if (!vm->ops->press) {
        return err_set(err, ERR_REFUSED, "the %s backend has no keyboard", vm->ops->backend);
    }
    return vm->ops->press(vm->self, key, err);
}

int vm_press(struct vm *vm, enum vm_key key, struct err *err) {
    VM_GUARD(vm, VM_CALL_PRESS, vm_press_backend(vm, key, e), err);
}

static int vm_dump_backend(struct vm *vm, const char *path, int64_t deadline, struct err *err) {
    if (!vm->ops->dump) {
        return err_set(err, ERR_REFUSED, "the %s backend cannot dump memory", vm->ops->backend);
    }
    return vm->ops->dump(vm->self, path, deadline, err);
}

int vm_dump(struct vm *vm, const char *path, int64_t deadline, struct err *err) {
    VM_GUARD(vm, VM_CALL_DUMP, vm_dump_backend(vm, path, deadline, e), err);
}

int vm_diagnose(struct vm *vm, struct vm_diagnostics *out, struct err *err) {
    VM_GUARD(vm, VM_CALL_DIAGNOSE, vm->ops->diagnose(vm->self, out, e), err);
}

static int vm_favour_host(struct vm *vm, bool on, struct err *err) {
    return vm->ops->favour ? vm->ops->favour(vm->self, on, err)
                           : err_set(err, ERR_REFUSED, "its host gives no machine more than others");
}

int vm_favour(struct vm *vm, bool on, struct err *err) {
    VM_GUARD(vm, VM_CALL_FAVOUR, vm_favour_host(vm, on, e), err);
}

int vm_endpoints(struct vm *vm, struct vm_endpoints *out, struct err *err) {
    VM_GUARD(vm, VM_CALL_ENDPOINTS, vm->ops->endpoints(vm->self, out, e), err);
}

static void vm_apply_event(struct vm *vm, const struct vm_event *ev) {
    const struct vm_event_rule *rule = &vm_event_rules[ev->type];
    log_debug(vm->log, "vm %s: event %s%s%s", vm->name, vm_event_name(ev->type),
              ev->detail[0] ? ": " : "", ev->detail);
    if (ev->at_ns > vm->moved_at && (rule->moves_from & IN(vm->state))) {
        vm_move(vm, rule->leads_to, vm_event_name(ev->type));
    }
}

int vm_next_event(struct vm *vm, int64_t deadline, struct vm_event *ev, struct err *err) {
    CLEANUP_ERR struct err own = ERR_INIT;
    struct err *e = err ? err : &own;
    int64_t began = 0;
    if (vm_enter(vm, VM_CALL_NEXT_EVENT, &began, e) < 0) {
        return -1;
    }
    int rc = vm->ops->next_event(vm->self, deadline, ev, e);
    vm->busy = false;
    if (rc < 0) {
        return vm_leave(vm, VM_CALL_NEXT_EVENT, began, rc, e);
    }
    if (rc > 0 && (unsigned)ev->type >= VM_EVENT_TYPE_COUNT) {
        return err_set(e, ERR_BUG, "vm %s: the %s backend gave an unknown event", vm->name,
                       vm->ops->backend);
    }
    if (rc > 0) {
        ev->detail[sizeof(ev->detail) - 1] = '\0';
        vm_apply_event(vm, ev);
    }
    return rc > 0; /* no trace of "no event": callers poll */
}

int vm_event_fd(struct vm *vm) {
    return vm->ops->event_fd(vm->self);
}

const char *vm_disk_path(struct vm *vm) {
    return vm->ops->disk_path(vm->self);
}

const char *vm_nvram_path(struct vm *vm) {
    return vm->ops->nvram_path ? vm->ops->nvram_path(vm->self) : NULL;
}

int vm_host_answers(struct vm *vm, struct err *err) {
    return vm->ops->host_answers ? vm->ops->host_answers(vm->self, err) : 0;
}

enum vm_state vm_state(const struct vm *vm) {
    return vm->state;
}

struct clock *vm_clock(struct vm *vm) {
    return vm->clock;
}

void vm_destroy(struct vm *vm) {
    if (!vm) {
        return;
    }
    int64_t began = clock_now(vm->clock);
    vm->ops->destroy(vm->self);
    log_debug(vm->log, "vm %s: destroy: %lld ms", vm->name,
              (long long)((clock_now(vm->clock) - began) / CLOCK_MS));
    vm_move(vm, VM_GONE, "destroy");
    free(vm->name);
    free(vm);
}
