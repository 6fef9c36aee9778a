/* The part of the VM contract that is about saved states. */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/skip.h"
#include "vm_contract_bench.h"

/* A VM in a process of its own, as real cells have it; it meets the test at certain points. */
struct actor {
    pid_t pid;
    int fd;
};

/* What an actor does with a VM of its own; false when something was not as it should be. */
typedef bool actor_body(void *self, struct vm *vm, int fd, const void *ctx);

#define ACTOR(cond)                                                                          \
    do {                                                                                     \
        CLEANUP_ERR struct err e = ERR_INIT;                                                \
        if (!(cond)) {                                                                       \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, #cond,            \
                    err_text(&e));                                                           \
            return false;                                                                    \
        }                                                                                    \
    } while (0)

static bool actor_meets(int fd) {
    char c = 'm';
    return write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1;
}

static struct actor actor_start(const char *dir, actor_body *body, const void *ctx) {
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0) {
        close(pair[1]);
        return (struct actor){pid, pair[0]};
    }
    close(pair[0]);
    char why[256] = "";
    void *self = contract()->open(dir, false, why);
    bool ok = self && body(self, contract()->vm(self), pair[1], ctx);
    if (self) {
        contract()->close(self);
    }
    _exit(ok && !contract()->left_over(dir) ? 0 : 1);
}

/* All actors reach their meeting point, then all go on. */
static void actors_meet(const struct actor *a, size_t n) {
    char c = 0;
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(read(a[i].fd, &c, 1) == 1, "actor %d gave up", (int)i);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(write(a[i].fd, &c, 1), 1);
    }
}

static void actors_end(const struct actor *a, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(a[i].pid, &status, 0), a[i].pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "actor %d failed", (int)i);
        close(a[i].fd);
    }
}

static void actor_alone(actor_body *body, const void *ctx) {
    CLEANUP_FREE char *dir = bench_dir();
    struct actor a = actor_start(dir, body, ctx);
    actors_end(&a, 1);
}

static void note_both(void *self, const char *word) {
    contract()->remember(self, word);
    contract()->write_disk(self, word);
}

static bool has_both(void *self, const char *word) {
    return contract()->remembers(self, word) && contract()->disk_holds(self, word);
}

/* A new empty folder for a state; caller frees. */
static char *state_dir(const char *parent, const char *name) {
    CLEANUP_FREE char *dir = fs_join(parent, name);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    return STEAL(dir);
}

/* One digest over a state's files. */
static void state_digest(const char *dir, char hex[2 * FS_SHA256_HEX]) {
    CLEANUP_FREE char *memory = fs_join(dir, VM_STATE_MEMORY);
    CLEANUP_FREE char *disk = fs_join(dir, VM_STATE_DISK);
    OK(fs_sha256_file(memory, hex, err));
    OK(fs_sha256_file(disk, hex + FS_SHA256_HEX - 1, err));
}

static bool dir_is_empty(const char *dir) {
    bool empty = rmdir(dir) == 0;
    return empty && mkdir(dir, 0700) == 0;
}

/* Boots, and saves into the folder ctx. */
static bool act_save(void *self, struct vm *vm, int fd, const void *ctx) {
    (void)fd;
    ACTOR(vm_start(vm, in_s(vm, 60), &e) == 0 && contract()->answers(self));
    note_both(self, "saved");
    ACTOR(vm_save(vm, ctx, in_s(vm, 120), &e) == 0);
    return vm_state(vm) == VM_RUNNING;
}

/* Saved by an actor, which is forked before this process has a VM: libvirt does not survive a fork. Caller
 * frees; NULL when there is no backend. */
static char *saved_state(void) {
    if (contract_cannot()) {
        return NULL;
    }
    CLEANUP_FREE char *dir = bench_dir();
    CLEANUP_FREE char *state = state_dir(dir, "state");
    actor_alone(act_save, state);
    return STEAL(state);
}

START_TEST(a_saved_machine_goes_on_as_if_nothing_was) {
    BENCH;
    CLEANUP_FREE char *state = state_dir(b.dir, "state");
    bench_up(&b);
    note_both(b.self, "before");
    OK(vm_save(b.vm, state, in_s(b.vm, 120), err));
    ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
    ck_assert(has_both(b.self, "before"));
    expect_silence(&b);
    note_both(b.self, "after");
    contract()->order(b.self, VM_ORDER_PANIC);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    look_at_the_crash(&b);
    OK(vm_reset(b.vm, in_s(b.vm, 30), err));
    ck_assert(contract()->answers(b.self));
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    ck_assert(fs_exists(vm_disk_path(b.vm)));
    bench_up(&b);
    ck_assert(contract()->disk_holds(b.self, "after"));
    contract()->order(b.self, VM_ORDER_KILL);
    expect_event(&b, VM_EVENT_DIED, VM_OFF);
}
END_TEST

START_TEST(a_state_goes_on_elsewhere_where_it_was) {
    CLEANUP_FREE char *state = saved_state();
    BENCH;
    OK(vm_restore(b.vm, state, in_s(b.vm, 60), err));
    ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
    ck_assert(!contract()->favoured || !contract()->favoured(b.self)); /* a restore is a start */
    struct vm_endpoints ends;
    OK(vm_endpoints(b.vm, &ends, err));
    ck_assert(fs_exists(ends.console_log));
    ck_assert(has_both(b.self, "saved"));
    expect_silence(&b);
    contract()->order(b.self, VM_ORDER_PANIC);
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    look_at_the_crash(&b);
    OK(vm_reset(b.vm, in_s(b.vm, 30), err));
    ck_assert(contract()->answers(b.self));
    contract()->order(b.self, VM_ORDER_REBOOT);
    expect_event(&b, VM_EVENT_RESET, VM_RUNNING);
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    bench_up(&b);
    ck_assert(contract()->disk_holds(b.self, "saved"));
    expect_silence(&b);
}
END_TEST

static bool act_save_talking(void *self, struct vm *vm, int fd, const void *ctx) {
    (void)fd;
    ACTOR(vm_start(vm, in_s(vm, 60), &e) == 0 && contract()->answers(self));
    note_both(self, "saved");
    ACTOR(contract()->talk_unheard(self));
    ACTOR(vm_save(vm, ctx, in_s(vm, 120), &e) == 0);
    return vm_state(vm) == VM_RUNNING;
}

START_TEST(a_guest_saved_while_its_port_was_full_answers_again) {
    NEEDS_BACKEND;
    CLEANUP_FREE char *dir = bench_dir();
    CLEANUP_FREE char *state = state_dir(dir, "state");
    actor_alone(act_save_talking, state);
    BENCH;
    OK(vm_restore(b.vm, state, in_s(b.vm, 60), err));
    ck_assert(has_both(b.self, "saved"));
}
END_TEST

struct branch {
    const char *state;
    const char *word;
};

/* Saves, and goes on while the others use the state. */
static bool act_trunk(void *self, struct vm *vm, int fd, const void *ctx) {
    const struct branch *t = ctx;
    ACTOR(act_save(self, vm, fd, t->state));
    ACTOR(actor_meets(fd)); /* the state is there */
    note_both(self, t->word);
    ACTOR(actor_meets(fd)); /* all are different */
    return has_both(self, t->word);
}

static bool act_branch(void *self, struct vm *vm, int fd, const void *ctx) {
    const struct branch *t = ctx;
    ACTOR(actor_meets(fd));
    ACTOR(vm_restore(vm, t->state, in_s(vm, 60), &e) == 0);
    ACTOR(has_both(self, "saved"));
    note_both(self, t->word);
    ACTOR(actor_meets(fd));
    ACTOR(has_both(self, t->word));
    ACTOR(vm_stop(vm, in_s(vm, 30), &e) == 0);
    ACTOR(vm_start(vm, in_s(vm, 60), &e) == 0 && contract()->answers(self));
    return contract()->disk_holds(self, t->word);
}

START_TEST(many_go_on_from_one_state_at_once_and_leave_it_as_it_is) {
    NEEDS_BACKEND;
    CLEANUP_FREE char *dir = bench_dir();
    CLEANUP_FREE char *state = state_dir(dir, "state");
    struct branch roles[] = {{state, "trunk"}, {state, "left"}, {state, "right"}};
    struct actor actors[ARRAY_LEN(roles)];
    char before[2 * FS_SHA256_HEX];
    char after[2 * FS_SHA256_HEX];
    char *work[ARRAY_LEN(roles)] = {bench_dir()};
    actors[0] = actor_start(work[0], act_trunk, &roles[0]);
    actors_meet(actors, 1);
    state_digest(state, before);
    for (size_t i = 1; i < ARRAY_LEN(roles); i++) {
        work[i] = bench_dir();
        actors[i] = actor_start(work[i], act_branch, &roles[i]);
    }
    actors_meet(actors + 1, 2);
    actors_meet(actors, ARRAY_LEN(roles));
    actors_end(actors, ARRAY_LEN(roles));
    state_digest(state, after);
    ck_assert_str_eq(before, after);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        free(work[i]);
    }
}
END_TEST

struct states {
    char *first, *second, *third;
};

static bool act_save_twice(void *self, struct vm *vm, int fd, const void *ctx) {
    const struct states *t = ctx;
    ACTOR(act_save(self, vm, fd, t->first));
    note_both(self, "deeper");
    ACTOR(vm_save(vm, t->second, in_s(vm, 120), &e) == 0);
    note_both(self, "on");
    return has_both(self, "on");
}

static bool act_restore_and_save(void *self, struct vm *vm, int fd, const void *ctx) {
    const struct states *t = ctx;
    (void)fd;
    ACTOR(vm_restore(vm, t->second, in_s(vm, 60), &e) == 0);
    ACTOR(has_both(self, "deeper"));
    contract()->remember(self, "deepest");
    ACTOR(vm_save(vm, t->third, in_s(vm, 120), &e) == 0);
    note_both(self, "on");
    return has_both(self, "on");
}

START_TEST(states_may_lie_deep) {
    NEEDS_BACKEND;
    CLEANUP_FREE char *dir = bench_dir();
    struct states t = {state_dir(dir, "1"), state_dir(dir, "2"), state_dir(dir, "3")};
    actor_alone(act_save_twice, &t);
    actor_alone(act_restore_and_save, &t);
    BENCH;
    OK(vm_restore(b.vm, t.third, in_s(b.vm, 60), err));
    ck_assert(contract()->remembers(b.self, "deepest"));
    ck_assert(contract()->disk_holds(b.self, "deeper"));
    free(t.first);
    free(t.second);
    free(t.third);
}
END_TEST

START_TEST(a_save_that_fails_leaves_no_state_and_a_running_machine) {
    NEEDS_BACKEND;
    BENCH_ON(true);
    CLEANUP_FREE char *state = state_dir(b.dir, "work/state"); /* on the small file system */
    bench_up(&b);
    note_both(b.self, "before");
    for (int i = 0; i < 2; i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_eq(vm_save(b.vm, state, in_s(b.vm, 120), &err), -1);
        ck_assert_msg(err.cls == ERR_NOSPACE, "%s: %s", err_class_name(err.cls), err_text(&err));
        ck_assert(dir_is_empty(state));
        ck_assert_int_eq(vm_state(b.vm), VM_RUNNING);
        ck_assert(has_both(b.self, "before"));
        expect_silence(&b);
    }
    note_both(b.self, "after");
    OK(vm_stop(b.vm, in_s(b.vm, 30), err));
    bench_up(&b);
    ck_assert(contract()->disk_holds(b.self, "after"));
}
END_TEST

static void expect_no_save(struct bench *b, const char *state, enum err_class cls) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_save(b->vm, state, in_s(b->vm, 120), &err), -1);
    ck_assert_str_eq(err_class_name(err.cls), err_class_name(cls));
    ck_assert(dir_is_empty(state));
}

START_TEST(a_crashed_machine_is_not_saved) {
    BENCH;
    CLEANUP_FREE char *state = state_dir(b.dir, "state");
    bench_up(&b);
    contract()->order(b.self, VM_ORDER_PANIC);
    struct pollfd p = {vm_event_fd(b.vm), POLLIN, 0};
    ck_assert(p.fd < 0 || poll(&p, 1, 30000) == 1);
    expect_no_save(&b, state, ERR_INTERRUPT); /* nobody has read the event yet */
    expect_event(&b, VM_EVENT_PANICKED, VM_CRASHED);
    expect_no_save(&b, state, ERR_BUG);
    OK(vm_reset(b.vm, in_s(b.vm, 30), err));
    ck_assert(contract()->answers(b.self));
    OK(vm_save(b.vm, state, in_s(b.vm, 120), err));
}
END_TEST

/* Cuts the state's memory to `percent` of its length. */
static void expect_no_restore(struct bench *b, const char *state, int64_t percent) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *memory = fs_join(state, VM_STATE_MEMORY);
    ck_assert_int_eq(truncate(memory, fs_size(memory) * percent / 100), 0);
    ck_assert_int_eq(vm_restore(b->vm, state, in_s(b->vm, 60), &err), -1);
    ck_assert_msg(err.cls == ERR_INPUT, "%s: %s", err_class_name(err.cls), err_text(&err));
    ck_assert_int_eq(vm_state(b->vm), VM_DEFINED);
    ck_assert(!contract()->has_process(b->self));
}

START_TEST(a_state_cut_short_is_refused_and_leaves_nothing) {
    static const int percents[] = {99, 60, 1, 0};
    CLEANUP_FREE char *state = saved_state();
    BENCH;
    for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
        expect_no_restore(&b, state, percents[i]);
    }
    bench_up(&b);
    expect_silence(&b);
    ck_assert(!contract()->disk_holds(b.self, "saved"));
}
END_TEST

START_TEST(a_state_that_is_none_is_refused) {
    CLEANUP_FREE char *state = saved_state();
    BENCH;
    CLEANUP_FREE char *empty = state_dir(b.dir, "state");
    CLEANUP_FREE char *memory = fs_join(state, VM_STATE_MEMORY);
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(vm_restore(b.vm, empty, in_s(b.vm, 60), &err), -1);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_int_eq(fs_write_atomic(memory, "garbage", 7, 0600, NULL), 0);
    expect_no_restore(&b, state, 100);
    bench_up(&b);
}
END_TEST

void vm_contract_add_states(TCase *t) {
    tcase_add_test(t, a_saved_machine_goes_on_as_if_nothing_was);
    tcase_add_test(t, a_state_goes_on_elsewhere_where_it_was);
    tcase_add_test(t, a_guest_saved_while_its_port_was_full_answers_again);
    tcase_add_test(t, many_go_on_from_one_state_at_once_and_leave_it_as_it_is);
    tcase_add_test(t, states_may_lie_deep);
    tcase_add_test(t, a_save_that_fails_leaves_no_state_and_a_running_machine);
    tcase_add_test(t, a_crashed_machine_is_not_saved);
    tcase_add_test(t, a_state_cut_short_is_refused_and_leaves_nothing);
    tcase_add_test(t, a_state_that_is_none_is_refused);
}
