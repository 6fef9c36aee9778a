/* The checking wrapper in front of every VM backend: order of calls, states, events, traces. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/suite.h"
#include "vm/vm.h"

/* A backend that does nothing but count, and fails when told. */
struct dummy {
    int calls;
    int destroyed;
    bool fail;
    struct vm_event event; /* handed out by next_event when has_event */
    bool has_event;
};

static int dummy_do(void *self, struct err *err) {
    struct dummy *d = self;
    d->calls++;
    return d->fail ? err_set(err, ERR_SYSTEM, "told to fail") : 0;
}
static int dummy_deadline(void *self, int64_t deadline, struct err *err) {
    (void)deadline;
    return dummy_do(self, err);
}
/* Fails halfway when it fails. */
static int dummy_save(void *self, const char *dir, int64_t deadline, struct err *err) {
    CLEANUP_FREE char *disk = fs_join(dir, VM_STATE_DISK);
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    ck_assert_int_eq(fs_write_atomic(disk, "d", 1, 0600, NULL), 0);
    if (dummy_deadline(self, deadline, err) < 0) {
        return -1;
    }
    return fs_write_atomic(memory, "m", 1, 0600, err);
}
static int dummy_restore(void *self, const char *dir, int64_t deadline, struct err *err) {
    ck_assert_int_eq(dir[0], '/');
    return dummy_deadline(self, deadline, err);
}
static int dummy_screenshot(void *self, const char *path, struct err *err) {
    (void)path;
    return dummy_do(self, err);
}
static int dummy_diagnose(void *self, struct vm_diagnostics *out, struct err *err) {
    (void)out;
    return dummy_do(self, err);
}
static int dummy_next_event(void *self, int64_t deadline, struct vm_event *ev, struct err *err) {
    struct dummy *d = self;
    if (dummy_deadline(self, deadline, err) < 0) {
        return -1;
    }
    *ev = d->event;
    return d->has_event;
}
static int dummy_event_fd(void *self) {
    (void)self;
    return -1;
}
static int dummy_endpoints(void *self, struct vm_endpoints *out, struct err *err) {
    memset(out, 0, sizeof(*out));
    return dummy_do(self, err);
}
static const char *dummy_disk_path(void *self) {
    (void)self;
    return "disk";
}
static void dummy_destroy(void *self) {
    ((struct dummy *)self)->destroyed++;
}

static const struct vm_ops dummy_ops = {
    .backend = "dummy",
    .start = dummy_deadline,
    .stop = dummy_deadline,
    .reset = dummy_deadline,
    .save = dummy_save,
    .restore = dummy_restore,
    .screenshot = dummy_screenshot,
    .dump = NULL,
    .diagnose = dummy_diagnose,
    .next_event = dummy_next_event,
    .event_fd = dummy_event_fd,
    .endpoints = dummy_endpoints,
    .disk_path = dummy_disk_path,
    .destroy = dummy_destroy,
};

enum call { START, STOP, RESET, SAVE, RESTORE, SCREENSHOT, DUMP, DIAGNOSE, ENDPOINTS, CALLS };

static char states[] = "/tmp/coexist-test-XXXXXX";

/* An empty folder, or one with a state in it. Caller frees. */
static char *state_dir(bool full) {
    CLEANUP_FREE char *dir = fs_join(states, full ? "full" : "empty");
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    if (full) {
        struct dummy d = {0};
        ck_assert_int_eq(dummy_save(&d, dir, CLOCK_NEVER, NULL), 0);
    }
    return STEAL(dir);
}

static int do_call(struct vm *vm, enum call call, struct err *err) {
    struct vm_diagnostics diagnostics;
    struct vm_endpoints endpoints;
    CLEANUP_FREE char *empty = state_dir(false);
    CLEANUP_FREE char *full = state_dir(true);
    switch (call) {
    case START:
        return vm_start(vm, CLOCK_NEVER, err);
    case STOP:
        return vm_stop(vm, CLOCK_NEVER, err);
    case RESET:
        return vm_reset(vm, CLOCK_NEVER, err);
    case SAVE:
        return vm_save(vm, empty, CLOCK_NEVER, err);
    case RESTORE:
        return vm_restore(vm, full, CLOCK_NEVER, err);
    case SCREENSHOT:
        return vm_screenshot(vm, "x", err);
    case DUMP:
        return vm_dump(vm, "x", CLOCK_NEVER, err);
    case DIAGNOSE:
        return vm_diagnose(vm, &diagnostics, err);
    default:
        return vm_endpoints(vm, &endpoints, err);
    }
}

static void give_event(struct vm *vm, struct dummy *d, enum vm_event_type type, int64_t at) {
    struct vm_event ev;
    d->has_event = true;
    d->event = (struct vm_event){.type = type, .at_ns = at};
    ck_assert_int_eq(vm_next_event(vm, CLOCK_NEVER, &ev, NULL), 1);
    d->has_event = false;
}

/* A VM brought into a state by legal calls. */
static struct vm *vm_in(enum vm_state state, struct dummy *d, struct clock_virtual *clock) {
    memset(d, 0, sizeof(*d));
    struct vm *vm = vm_wrap(&dummy_ops, d, "t", &clock->clock, NULL);
    if (state != VM_DEFINED) {
        ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, NULL), 0);
    }
    if (state == VM_CRASHED) {
        give_event(vm, d, VM_EVENT_PANICKED, clock->now_ns + 1);
    } else if (state == VM_OFF) {
        ck_assert_int_eq(vm_stop(vm, CLOCK_NEVER, NULL), 0);
    }
    ck_assert_int_eq(vm_state(vm), state);
    d->calls = 0;
    return vm;
}

/* The documented life of a VM, written down a second time: where each call leads, -1 = refused. */
static const int leads[VM_GONE][CALLS] = {
    [VM_DEFINED] = {VM_RUNNING, -1, -1, -1, VM_RUNNING, -1, -1, -1, -1},
    [VM_RUNNING] = {-1, VM_OFF, VM_RUNNING, VM_RUNNING, -1, VM_RUNNING, -2, VM_RUNNING, VM_RUNNING},
    [VM_CRASHED] = {-1, VM_OFF, VM_RUNNING, -1, -1, VM_CRASHED, -2, VM_CRASHED, VM_CRASHED},
    [VM_OFF] = {VM_RUNNING, -1, -1, -1, -1, -1, -1, -1, -1},
};

START_TEST(every_call_in_every_state_does_what_is_documented) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    for (int state = VM_DEFINED; state < VM_GONE; state++) {
        for (int call = 0; call < CALLS; call++) {
            struct dummy d;
            struct vm *vm = vm_in((enum vm_state)state, &d, &clock);
            CLEANUP_ERR struct err err = ERR_INIT;
            int rc = do_call(vm, (enum call)call, &err);
            int want = leads[state][call];
            ck_assert_int_eq(rc, want < 0 ? -1 : 0);
            ck_assert_int_eq(err.cls, want == -1 ? ERR_BUG : want == -2 ? ERR_REFUSED : ERR_NONE);
            ck_assert_int_eq(d.calls, want < 0 ? 0 : 1);
            ck_assert_int_eq(vm_state(vm), want < 0 ? state : want);
            vm_destroy(vm);
            ck_assert_int_eq(d.destroyed, 1);
        }
    }
}
END_TEST

START_TEST(a_failed_call_leaves_the_state_and_says_where) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d;
    struct vm *vm = vm_in(VM_DEFINED, &d, &clock);
    d.fail = true;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, &err), -1);
    ck_assert_str_eq(err_text(&err), "vm t: start: told to fail");
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, NULL), -1); /* a caller that does not care */
    ck_assert_int_eq(vm_state(vm), VM_DEFINED);
    vm_destroy(vm);
}
END_TEST

static bool dir_is_empty(const char *dir) {
    return rmdir(dir) == 0;
}

START_TEST(a_failed_save_leaves_no_half_state) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d;
    struct vm *vm = vm_in(VM_RUNNING, &d, &clock);
    CLEANUP_FREE char *dir = state_dir(false);
    d.fail = true;
    ck_assert_int_eq(vm_save(vm, dir, CLOCK_NEVER, NULL), -1);
    ck_assert_int_eq(d.calls, 1);
    ck_assert_int_eq(vm_state(vm), VM_RUNNING);
    ck_assert(dir_is_empty(dir));
    vm_destroy(vm);
}
END_TEST

START_TEST(a_state_goes_only_into_an_empty_folder) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d;
    struct vm *vm = vm_in(VM_RUNNING, &d, &clock);
    CLEANUP_FREE char *dir = state_dir(true);
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_save(vm, dir, CLOCK_NEVER, &err), -1);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert(fs_exists(memory)); /* whose it is, it stays */
    ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
    ck_assert_int_eq(vm_save(vm, dir, CLOCK_NEVER, NULL), -1);
    ck_assert_int_eq(d.calls, 0);
    vm_destroy(vm);
}
END_TEST

START_TEST(a_folder_that_lacks_a_file_is_no_state) {
    static const char *const files[] = {VM_STATE_MEMORY, VM_STATE_DISK};
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct dummy d;
        struct vm *vm = vm_in(VM_DEFINED, &d, &clock);
        CLEANUP_FREE char *dir = state_dir(true);
        CLEANUP_FREE char *file = fs_join(dir, files[i]);
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_eq(unlink(file), 0);
        ck_assert_int_eq(vm_restore(vm, dir, CLOCK_NEVER, &err), -1);
        ck_assert_int_eq(err.cls, ERR_INPUT);
        ck_assert_ptr_nonnull(strstr(err_text(&err), files[i]));
        ck_assert_int_eq(d.calls, 0);
        vm_destroy(vm);
    }
}
END_TEST

START_TEST(events_move_the_state) {
    static const struct {
        enum vm_state from;
        enum vm_event_type event;
        enum vm_state to;
    } moves[] = {
        {VM_RUNNING, VM_EVENT_PANICKED, VM_CRASHED}, {VM_RUNNING, VM_EVENT_SHUTDOWN, VM_OFF},
        {VM_RUNNING, VM_EVENT_DIED, VM_OFF},         {VM_RUNNING, VM_EVENT_RESET, VM_RUNNING},
        {VM_RUNNING, VM_EVENT_IO_ERROR, VM_RUNNING}, {VM_CRASHED, VM_EVENT_DIED, VM_OFF},
        {VM_CRASHED, VM_EVENT_RESET, VM_RUNNING},    {VM_OFF, VM_EVENT_PANICKED, VM_OFF},
        {VM_DEFINED, VM_EVENT_DIED, VM_DEFINED},
    };
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        struct dummy d;
        struct vm *vm = vm_in(moves[i].from, &d, &clock);
        give_event(vm, &d, moves[i].event, clock.now_ns + 10);
        ck_assert_int_eq(vm_state(vm), moves[i].to);
        vm_destroy(vm);
    }
}
END_TEST

START_TEST(an_event_from_before_a_reset_is_history) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d;
    struct vm *vm = vm_in(VM_RUNNING, &d, &clock);
    int64_t panic_at = clock.now_ns + 5;
    clock_virtual_advance(&clock, 10);
    ck_assert_int_eq(vm_reset(vm, CLOCK_NEVER, NULL), 0);
    give_event(vm, &d, VM_EVENT_PANICKED, panic_at);
    ck_assert_int_eq(vm_state(vm), VM_RUNNING);
    give_event(vm, &d, VM_EVENT_PANICKED, clock.now_ns + 1);
    ck_assert_int_eq(vm_state(vm), VM_CRASHED);
    vm_destroy(vm);
}
END_TEST

START_TEST(an_unknown_event_is_a_lab_bug) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d;
    struct vm *vm = vm_in(VM_RUNNING, &d, &clock);
    d.has_event = true;
    d.event.type = (enum vm_event_type)99;
    struct vm_event ev;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_next_event(vm, CLOCK_NEVER, &ev, &err), -1);
    ck_assert_int_eq(err.cls, ERR_BUG);
    vm_destroy(vm);
}
END_TEST

struct catching_log {
    struct log log;
    char last[256];
    int lines;
};

static void catching_write(struct log *log, enum log_level level, const char *line) {
    struct catching_log *c = (struct catching_log *)log;
    (void)level;
    c->lines++;
    snprintf(c->last, sizeof(c->last), "%s", line);
}

START_TEST(each_call_is_traced_with_its_duration) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct catching_log log = {.log = {LOG_LEVEL_DEBUG, catching_write}};
    struct dummy d = {0};
    struct vm *vm = vm_wrap(&dummy_ops, &d, "t", &clock.clock, &log.log);
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, NULL), 0);
    ck_assert_str_eq(log.last, "vm t: start: 0 ms: ok");
    d.fail = true;
    ck_assert_int_eq(vm_screenshot(vm, "x", NULL), -1);
    ck_assert_str_eq(log.last, "vm t: screenshot: 0 ms: told to fail");
    vm_destroy(vm);
    ck_assert_int_ge(log.lines, 4);
}
END_TEST

static int dummy_press(void *self, enum vm_key key, struct err *err) {
    struct dummy *d = self;
    return d->fail ? err_set(err, ERR_SYSTEM, "told to fail at %s", vm_key_name(key)) : 0;
}

START_TEST(a_key_is_pressed_while_the_machine_runs_and_has_a_keyboard) {
    struct clock_virtual clock;
    clock_virtual_init(&clock);
    struct dummy d = {0};
    struct vm_ops ops = dummy_ops;
    struct vm *vm = vm_wrap(&ops, &d, "t", &clock.clock, NULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_lt(vm_press(vm, VM_KEY_SPACE, &err), 0);
    ck_assert_int_eq(err.cls, ERR_BUG); /* not started */
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, NULL), 0);
    ck_assert_int_lt(vm_press(vm, VM_KEY_SPACE, &err), 0);
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_ptr_null(vm_nvram_path(vm));
    ops.press = dummy_press;
    ck_assert_int_eq(vm_press(vm, VM_KEY_SPACE, &err), 0);
    d.fail = true;
    ck_assert_int_lt(vm_press(vm, VM_KEY_ENTER, &err), 0);
    ck_assert_str_eq(err_text(&err), "vm t: press: told to fail at enter");
    vm_destroy(vm);
}
END_TEST

int main(void) {
    if (!mkdtemp(states)) {
        perror(states);
        return 1;
    }
    Suite *s = suite_create("vm wrap");
    TCase *t = tcase_create("vm wrap");
    tcase_add_test(t, every_call_in_every_state_does_what_is_documented);
    tcase_add_test(t, a_failed_call_leaves_the_state_and_says_where);
    tcase_add_test(t, a_failed_save_leaves_no_half_state);
    tcase_add_test(t, a_state_goes_only_into_an_empty_folder);
    tcase_add_test(t, a_folder_that_lacks_a_file_is_no_state);
    tcase_add_test(t, events_move_the_state);
    tcase_add_test(t, an_event_from_before_a_reset_is_history);
    tcase_add_test(t, an_unknown_event_is_a_lab_bug);
    tcase_add_test(t, a_key_is_pressed_while_the_machine_runs_and_has_a_keyboard);
    tcase_add_test(t, each_call_is_traced_with_its_duration);
    suite_add_tcase(s, t);
    int rc = suite_run(s);
    fs_remove_tree(states, NULL);
    return rc;
}
