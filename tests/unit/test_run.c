/* Real processes and real locks: spawning, stopping and sweeping, with a shell script for a worker. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "run/host.h"
#include "run/spawn.h"
#include "run/sweep.h"
#include "support/suite.h"
#include "vm/libvirt_root.h"

/* A worker in shell: $1 --lab $2 LAB, then: worker RUN_DIR CELL ATTEMPT. */
static const char script[] =
    "#!/bin/bash\n"
    "run=$4 cell=$5 attempt=$6 seq=0\n"
    "say() { echo '{\"cell\":\"'$cell'\",\"attempt\":'$attempt',\"seq\":'$seq',\"step\":'$1',\"kind\":\"\","
    "\"phase\":\"before\",\"at_ms\":0,\"type\":\"'$2'\",\"data\":'$3'}' >&3; seq=$((seq+1)); }\n"
    "say -1 cell-begin '{}'\n"
    "case $cell in\n"
    "crash) kill -SEGV $$ ;;\n"
    "leave) exit 5 ;;\n"
    "slow) trap \"say -1 cell-end '{\\\"complete\\\":false}'; exit 0\" TERM\n"
    "  touch $run/slow.started; for ((i = 0; i < 600; i++)); do read -t 0.05 <> <(:); done ;;\n"
    "deaf) trap '' TERM HUP; touch $run/deaf.started; echo $$ > $run/deaf.pid\n"
    "  for ((i = 0; i < 600; i++)); do echo '{\"beat\":1}' >&3; read -t 0.05 <> <(:); done ;;\n"
    "fds) ls -l /proc/self/fd > $run/fds.txt ;;\n"
    "esac\n"
    "say 0 step-begin '{}'\n"
    "say 0 step-end '{\"ok\":true,\"ms\":1}'\n"
    "say -1 cell-end '{\"complete\":true}'\n";

struct fixture {
    char *dir, *lab, *run, *program;
    struct plan plan;
    struct plan_cell cells[4];
    struct plan_step step;
    struct journal *journal;
    struct hosts hosts;
    struct spawn *spawn;
};

static int one_vcpu(void *ctx, const struct plan_cell *cell) {
    (void)ctx;
    (void)cell;
    return 1;
}

static int64_t little_memory(void *ctx, const struct plan_cell *cell) {
    (void)ctx;
    (void)cell;
    return 1 << 20;
}

static void fixture_open(struct fixture *f, const char *const *cells) {
    memset(f, 0, sizeof(*f));
    f->dir = str_dup("/tmp/coexist-test-run-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    f->lab = fs_join(f->dir, "lab");
    f->run = fs_join(f->dir, "runs/r1");
    f->program = fs_join(f->dir, "worker.sh");
    ck_assert_int_eq(fs_mkdirs(f->lab, NULL), 0);
    ck_assert_int_eq(fs_mkdirs(f->run, NULL), 0);
    ck_assert_int_eq(fs_write_atomic(f->program, script, strlen(script), 0755, NULL), 0);
    f->step = (struct plan_step){STEP_BOOT, PHASE_BEFORE, -1, false, 0};
    f->plan.cells = f->cells;
    for (; cells[f->plan.cell_count]; f->plan.cell_count++) {
        f->cells[f->plan.cell_count] =
            (struct plan_cell){.id = str_dup(cells[f->plan.cell_count]), .image = "x",
                               .steps = &f->step, .step_count = 1};
    }
    json_t *empty = json_object();
    struct journal_run run = {.id = f->run, .started = f->run, .version = f->run, .host = f->run,
                              .matrix = empty, .images = empty, .plan = empty};
    f->journal = journal_create(f->run, &run, NULL);
    ck_assert_ptr_nonnull(f->journal);
    json_decref(empty);
    hosts_add_here(&f->hosts, 2);
    struct spawn_spec spec = {.program = f->program, .lab_dir = f->lab, .run_dir = f->run,
                              .hosts = &f->hosts, .images = "", .journal = f->journal,
                              .cell_memory = little_memory, .cell_vcpus = one_vcpu};
    f->spawn = spawn_new(&spec, NULL);
    ck_assert_ptr_nonnull(f->spawn);
}

static void fixture_close(struct fixture *f) {
    spawn_free(f->spawn);
    hosts_clear(&f->hosts);
    journal_close(f->journal);
    for (size_t i = 0; i < f->plan.cell_count; i++) {
        free(f->cells[i].id);
    }
    fs_remove_tree(f->dir, NULL);
    free(f->dir);
    free(f->lab);
    free(f->run);
    free(f->program);
}

static struct sched_result fixture_run(struct fixture *f, int64_t grace) {
    struct sched_host here = {.name = "here", .slots = 2};
    struct sched_opts o = {.plan = &f->plan, .hosts = &here, .host_count = 1,
                           .clock = clock_monotonic(),
                           .ops = spawn_ops(), .ops_ctx = f->spawn};
    sched_limits_default(&o.limits);
    o.limits.grace = grace;
    struct sched_result res;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(sched_run(&o, &res, &err) == 0, "%s", err_text(&err));
    return res;
}

static bool wait_for_file(const char *dir, const char *name) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, 20 * CLOCK_S);
    while (!fs_exists(path) && clock_now(clock) < deadline) {
        clock->wait_until(clock, clock_after(clock, 5 * CLOCK_MS));
    }
    return fs_exists(path);
}

struct tally {
    int failures, ends;
    char text[500];
};

static int tally_one(const struct observation *o, void *ctx) {
    struct tally *t = ctx;
    t->failures += o->type == OBS_FAILURE;
    t->ends += o->type == OBS_CELL_END;
    if (o->type == OBS_FAILURE) {
        snprintf(t->text, sizeof(t->text), "%s",
                 json_string_value(json_object_get(o->data, "text")));
    }
    return 0;
}

static struct tally fixture_tally(struct fixture *f) {
    struct tally t = {0};
    ck_assert_int_eq(journal_each(f->journal, tally_one, &t, NULL), 0);
    return t;
}

START_TEST(workers_run_and_report) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"a", "b", "fds", NULL});
    struct sched_result res = fixture_run(&f, CLOCK_S);
    ck_assert_uint_eq(res.done, 3);
    struct tally t = fixture_tally(&f);
    ck_assert_int_eq(t.failures, 0);
    ck_assert_int_eq(t.ends, 3);
    /* A worker gets the standard three and its report, nothing else of ours. */
    CLEANUP_FREE char *path = fs_join(f.run, "fds.txt");
    CLEANUP_FREE char *fds = fs_read(path, 1 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(fds);
    ck_assert_ptr_null(strstr(fds, "journal"));
    ck_assert_ptr_null(strstr(fds, "signalfd"));
    fixture_close(&f);
}
END_TEST

START_TEST(a_crash_is_told_with_its_signal) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"crash", NULL});
    struct sched_result res = fixture_run(&f, CLOCK_S);
    ck_assert_uint_eq(res.failed, 1);
    struct tally t = fixture_tally(&f);
    ck_assert_int_eq(t.failures, 3);
    ck_assert_ptr_nonnull(strstr(t.text, "signal 11"));
    fixture_close(&f);
}
END_TEST

START_TEST(an_early_exit_is_told) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"leave", NULL});
    struct sched_result res = fixture_run(&f, CLOCK_S);
    ck_assert_uint_eq(res.failed, 1);
    ck_assert_ptr_nonnull(strstr(fixture_tally(&f).text, "code 5"));
    fixture_close(&f);
}
END_TEST

START_TEST(a_missing_program_is_told) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"a", NULL});
    ck_assert_int_eq(unlink(f.program), 0);
    struct sched_result res = fixture_run(&f, CLOCK_S);
    ck_assert_uint_eq(res.failed, 1);
    fixture_close(&f);
}
END_TEST

/* Sends `times` SIGINTs to `to` once the file is there. */
static pid_t interrupter(const char *dir, const char *file, pid_t to, int times) {
    pid_t pid = fork();
    if (pid == 0) {
        bool there = wait_for_file(dir, file);
        for (int i = 0; i < times; i++) {
            kill(to, SIGINT);
            struct clock *clock = clock_monotonic();
            clock->wait_until(clock, clock_after(clock, 200 * CLOCK_MS)); /* signals merge else */
        }
        _exit(there ? 0 : 1);
    }
    return pid;
}

START_TEST(interrupt_lets_the_worker_finish) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"slow", "a", NULL});
    pid_t pid = interrupter(f.run, "slow.started", getpid(), 1);
    struct sched_result res = fixture_run(&f, 5 * CLOCK_S);
    ck_assert(res.interrupted);
    ck_assert_int_eq(fixture_tally(&f).failures, 0);
    waitpid(pid, NULL, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(deaf_workers_are_killed) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"deaf", NULL});
    pid_t pid = interrupter(f.run, "deaf.started", getpid(), 2);
    int64_t began = clock_now(clock_monotonic());
    struct sched_result res = fixture_run(&f, CLOCK_S);
    ck_assert(res.interrupted);
    ck_assert_int_lt((clock_now(clock_monotonic()) - began) / CLOCK_S, 15);
    waitpid(pid, NULL, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(workers_die_with_the_orchestrator) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){"slow", NULL});
    pid_t pid = fork();
    if (pid == 0) {
        fixture_run(&f, CLOCK_S); /* never returns: it is killed */
        _exit(0);
    }
    ck_assert(wait_for_file(f.run, "slow.started"));
    int from[2];
    ck_assert_int_eq(pipe(from), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(from[0]);
    close(from[1]);
    /* The script has no handler for SIGHUP: it dies of it. Its descriptors go with it, so that its run
     * folder is nobody's; the process itself is looked for by its command line. */
    struct clock *clock = clock_monotonic();
    int64_t deadline = clock_after(clock, 10 * CLOCK_S);
    CLEANUP_FREE char *probe = str_printf("pgrep -f '^/bin/bash %s' >/dev/null", f.program);
    int found = 0;
    while ((found = system(probe)) == 0 && clock_now(clock) < deadline) {
        clock->wait_until(clock, clock_after(clock, 50 * CLOCK_MS));
    }
    ck_assert_int_ne(found, 0);
    fixture_close(&f);
}
END_TEST

/* ---- sweeping ------------------------------------------------------------------------------------------- */

START_TEST(sweep_takes_only_what_is_nobodys) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){NULL});
    int lock = -1;
    CLEANUP_ERR struct err err = ERR_INIT;
    char *mine = sweep_claim(f.lab, "r1", "0-1", &lock, &err);
    ck_assert_msg(mine != NULL, "%s", err_text(&err));
    int dead_lock = -1;
    char *dead = sweep_claim(f.lab, "r2", "1-1", &dead_lock, &err);
    ck_assert_ptr_nonnull(dead);
    CLEANUP_FREE char *inside = fs_join(dead, "scratch/deep");
    ck_assert_int_eq(fs_mkdirs(inside, NULL), 0);
    close(dead_lock); /* as the death of its process does */
    ck_assert_msg(sweep_lab(f.lab, NULL, &err) == 1, "%s", err_text(&err));
    ck_assert(fs_exists(mine));
    ck_assert(!fs_exists(dead));
    CLEANUP_FREE char *parent = fs_dirname(dead);
    ck_assert(!fs_exists(parent));
    ck_assert_int_eq(sweep_lab(f.lab, NULL, &err), 0);
    int again = -1;
    ck_assert_ptr_null(sweep_claim(f.lab, "r1", "0-1", &again, &err));
    err_clear(&err);
    ck_assert_ptr_null(sweep_claim(f.lab, "r1", "0.0-1", &again, &err));
    ck_assert_int_eq(err.cls, ERR_BUG);
    close(lock);
    ck_assert_int_eq(sweep_lab(f.lab, NULL, &err), 1);
    ck_assert(!fs_exists(mine));
    free(mine);
    free(dead);
    fixture_close(&f);
}
END_TEST

/* A VM's embed root lies elsewhere, for short socket paths: it has to be found from the folder, also when
 * the lab is named in another way than its worker named it. */
START_TEST(sweep_finds_the_vms_root) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){NULL});
    CLEANUP_ERR struct err err = ERR_INIT;
    int lock = -1;
    CLEANUP_FREE char *dir = sweep_claim(f.lab, "r1", "0-1", &lock, &err);
    CLEANUP_FREE char *vm = fs_join(dir, SWEEP_VM_DIR);
    ck_assert_int_eq(fs_mkdirs(vm, NULL), 0);
    CLEANUP_FREE char *root = libvirt_root_make(vm, NULL, &err);
    ck_assert_msg(root != NULL, "%s", err_text(&err));
    ck_assert(fs_exists(root));
    close(lock);
    CLEANUP_FREE char *other_name = str_printf("%s/../lab", f.lab);
    ck_assert_int_eq(sweep_lab(other_name, NULL, &err), 1);
    ck_assert(!fs_exists(root));
    ck_assert(!fs_exists(dir));
    fixture_close(&f);
}
END_TEST

START_TEST(sweep_of_no_lab_is_fine) {
    ck_assert_int_eq(sweep_lab("/nonexistent/lab", NULL, NULL), 0);
    ck_assert_int_eq(sweep_runs("/nonexistent/runs", NULL, NULL), 0);
}
END_TEST

static char *outcome_of(const char *run) {
    struct journal *j = journal_open(run, 1, NULL);
    struct journal_run r;
    ck_assert_int_eq(journal_read_run(j, &r, NULL), 0);
    char *outcome = str_dup(r.outcome);
    journal_run_clear(&r);
    journal_close(j);
    return outcome;
}

START_TEST(dead_runs_are_marked_living_ones_not) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){NULL});
    CLEANUP_FREE char *runs = fs_dirname(f.run);
    CLEANUP_FREE char *path = fs_join(f.run, SWEEP_RUN_LOCK);
    CLEANUP_ERR struct err err = ERR_INIT;
    int lock = fs_lock(path, &err);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(sweep_runs(runs, NULL, &err), 0);
    ck_assert_ptr_null(outcome_of(f.run));
    close(lock);
    ck_assert_int_eq(sweep_runs(runs, NULL, &err), 1);
    CLEANUP_FREE char *outcome = outcome_of(f.run);
    ck_assert_str_eq(outcome, "interrupted");
    ck_assert_int_eq(sweep_runs(runs, NULL, &err), 0); /* once */
    fixture_close(&f);
}
END_TEST

/* Killed while its folder was made: there is no run. */
START_TEST(half_made_runs_are_removed) {
    struct fixture f;
    fixture_open(&f, (const char *const[]){NULL});
    CLEANUP_FREE char *runs = fs_dirname(f.run);
    CLEANUP_FREE char *part = fs_join(runs, SWEEP_RUN_PART "r2");
    CLEANUP_FREE char *path = fs_join(part, SWEEP_RUN_LOCK);
    ck_assert_int_eq(fs_mkdirs(part, NULL), 0);
    int lock = fs_lock(path, NULL);
    ck_assert_int_eq(sweep_runs(runs, NULL, NULL), 0);
    ck_assert(fs_exists(part)); /* still at it */
    close(lock);
    ck_assert_int_eq(sweep_runs(runs, NULL, NULL), 0);
    ck_assert(!fs_exists(part) && fs_exists(f.run));
    fixture_close(&f);
}
END_TEST

static bool has_memory(struct fixture *f, const char *state) {
    CLEANUP_FREE char *path = str_printf("%s/%s/memory", f->dir, state);
    return fs_exists(path);
}

/* For a resume: as long as it takes no more than half of the room. */
START_TEST(memory_that_nobody_waits_for_stays_while_there_is_room) {
    static const char *const states[] = {"a", "b", "c"};
    struct fixture f;
    fixture_open(&f, (const char *const[]){NULL});
    char memory[4000] = "memory";
    for (size_t i = 0; i < 3; i++) {
        CLEANUP_FREE char *path = str_printf("%s/%s/memory", f.dir, states[i]);
        CLEANUP_FREE char *dir = fs_dirname(path);
        ck_assert_int_eq(fs_mkdirs(dir, NULL), 0);
        ck_assert_int_eq(fs_write_atomic(path, memory, sizeof(memory), 0644, NULL), 0);
    }
    struct spawn_spec spec = {.program = f.program, .lab_dir = f.lab, .run_dir = f.run,
                              .states = f.dir, .states_max = 10000, .journal = f.journal,
                              .hosts = &f.hosts, .images = ""};
    struct spawn *s = spawn_new(&spec, NULL);
    const struct sched_ops *ops = spawn_ops();
    ck_assert_int_gt(ops->drop_state(s, 0, "a", SCHED_DROP_MEMORY), 0);
    ck_assert_int_eq(ops->drop_state(s, 0, "b", SCHED_DROP_MEMORY), 0);
    ck_assert(has_memory(&f, "a") && !has_memory(&f, "b"));
    ck_assert_int_eq(ops->drop_state(s, 0, "a", SCHED_DROP_ALL), 0); /* makes room again */
    ck_assert_int_gt(ops->drop_state(s, 0, "c", SCHED_DROP_MEMORY), 0);
    ck_assert(!has_memory(&f, "a") && has_memory(&f, "c"));
    spawn_free(s);
    fixture_close(&f);
}
END_TEST

START_TEST(the_host_is_described) {
    ck_assert_int_gt(host_memory_available(), 1 << 20);
    CLEANUP_FREE char *text = host_describe(0);
    ck_assert_ptr_nonnull(strstr(text, "emulation"));
    ck_assert_ptr_nonnull(strstr(text, "cores"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("run");
    TCase *t = tcase_create("processes"), *w = tcase_create("sweep");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, workers_run_and_report);
    tcase_add_test(t, a_crash_is_told_with_its_signal);
    tcase_add_test(t, an_early_exit_is_told);
    tcase_add_test(t, a_missing_program_is_told);
    tcase_add_test(t, interrupt_lets_the_worker_finish);
    tcase_add_test(t, deaf_workers_are_killed);
    tcase_add_test(t, workers_die_with_the_orchestrator);
    tcase_add_test(w, sweep_takes_only_what_is_nobodys);
    tcase_add_test(w, sweep_finds_the_vms_root);
    tcase_add_test(w, sweep_of_no_lab_is_fine);
    tcase_add_test(w, dead_runs_are_marked_living_ones_not);
    tcase_add_test(w, half_made_runs_are_removed);
    tcase_add_test(w, memory_that_nobody_waits_for_stays_while_there_is_room);
    tcase_add_test(w, the_host_is_described);
    suite_add_tcase(s, t);
    suite_add_tcase(s, w);
    return suite_run(s);
}
