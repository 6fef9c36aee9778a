/* The journal must survive whatever happens to its writer: it is the only thing that does. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "support/skip.h"
#include "support/suite.h"

static char *dir_make(void) {
    char *dir = str_dup("/tmp/coexist-test-journal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chmod(dir, 0755), 0);
    return dir;
}

static void dir_drop(char *dir) {
    fs_remove_tree(dir, NULL);
    free(dir);
}

static struct journal *journal_make(const char *dir) {
    json_t *empty = json_object();
    struct journal_run run = {
        .id = (char[]){"r1"},  .started = (char[]){"2026-11-21T05:00:00Z"},
        .version = (char[]){"0.1.0"}, .host = (char[]){"test"},
        .matrix = empty, .images = empty, .plan = empty,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    struct journal *j = journal_create(dir, &run, &err);
    ck_assert_msg(j != NULL, "%s", err_text(&err));
    json_decref(empty);
    return j;
}

static struct observation obs_make(const char *cell, int64_t seq, enum obs_type type) {
    return (struct observation){
        .cell = str_dup(cell), .attempt = 1, .seq = seq, .step = (int)(seq / 10),
        .kind = str_dup("verify"), .phase = str_dup("before"), .at_ms = seq, .type = type,
        .data = json_pack("{s:s, s:I}", "text", "caf\xc3\xa9 \x01 <b>", "n", (json_int_t)seq),
    };
}

static int append_one(struct journal *j, const char *cell, int64_t seq, enum obs_type type,
                      struct err *err) {
    struct observation o = obs_make(cell, seq, type);
    int rc = journal_append(j, &o, err);
    obs_clear(&o);
    return rc;
}

struct seen {
    int count;
    int64_t last_seq;
    char last_cell[64];
    bool sorted;
};

static int see(const struct observation *o, void *ctx) {
    struct seen *s = ctx;
    int c = strcmp(o->cell, s->last_cell);
    if (s->count > 0 && (c < 0 || (c == 0 && o->seq <= s->last_seq))) {
        s->sorted = false;
    }
    snprintf(s->last_cell, sizeof(s->last_cell), "%s", o->cell);
    s->last_seq = o->seq;
    s->count++;
    return 0;
}

static struct seen count_rows(const char *dir) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct journal *j = journal_open(dir, 1, &err);
    ck_assert_msg(j != NULL, "%s", err_text(&err));
    struct seen s = {.sorted = true};
    ck_assert_msg(journal_each(j, see, &s, &err) == 0, "%s", err_text(&err));
    journal_close(j);
    return s;
}

START_TEST(observation_round_trip) {
    struct observation o = obs_make("a/b/1", 7, OBS_METRIC);
    json_t *j = obs_to_json(&o);
    struct observation back;
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(obs_from_json(j, &back, &err), 0);
    ck_assert_str_eq(back.cell, o.cell);
    ck_assert_int_eq(back.seq, 7);
    ck_assert_int_eq(back.type, OBS_METRIC);
    ck_assert(json_equal(back.data, o.data));
    obs_clear(&back);
    obs_clear(&o);
    json_decref(j);
}
END_TEST

START_TEST(observation_is_strict) {
    const char *const keys[] = {"cell", "attempt", "seq", "step", "kind",
                                "phase", "at_ms", "type", "data"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        for (int wrong = 0; wrong < 2; wrong++) {
            struct observation o = obs_make("a", 1, OBS_NOTE), back;
            json_t *j = obs_to_json(&o);
            if (wrong) {
                json_object_set_new(j, keys[i], json_true());
            } else {
                json_object_del(j, keys[i]);
            }
            CLEANUP_ERR struct err err = ERR_INIT;
            ck_assert_int_lt(obs_from_json(j, &back, &err), 0);
            ck_assert_int_eq(err.cls, ERR_PROTOCOL);
            json_decref(j);
            obs_clear(&o);
        }
    }
}
END_TEST

START_TEST(observation_refuses_strange_values) {
    const char *const bad[][2] = {
        {"type", "\"whatever\""}, {"phase", "\"during\""}, {"seq", "-1"},    {"attempt", "0"},
        {"step", "-2"},           {"at_ms", "-5"},         {"extra", "1"},   {"data", "[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct observation o = obs_make("a", 1, OBS_NOTE), back;
        json_t *j = obs_to_json(&o);
        json_object_set_new(j, bad[i][0], json_loads(bad[i][1], JSON_DECODE_ANY, NULL));
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_msg(obs_from_json(j, &back, &err) < 0, "%s = %s", bad[i][0], bad[i][1]);
        json_decref(j);
        obs_clear(&o);
    }
}
END_TEST

START_TEST(type_names_are_whole) {
    for (int i = 0; i < OBS_TYPE_COUNT; i++) {
        enum obs_type t;
        ck_assert_int_eq(obs_type_parse(obs_type_name((enum obs_type)i), &t), 0);
        ck_assert_int_eq((int)t, i);
    }
}
END_TEST

START_TEST(append_and_read_in_order) {
    char *dir = dir_make();
    struct journal *j = journal_make(dir);
    for (int i = 9; i >= 0; i--) {
        ck_assert_int_eq(append_one(j, i % 2 ? "b" : "a", i, OBS_NOTE, NULL), 0);
    }
    ck_assert_int_eq(append_one(j, "a", 4, OBS_STEP_END, NULL), 0); /* a repeat: ignored */
    ck_assert_int_eq(journal_finish(j, "finished", NULL), 0);
    journal_close(j);
    struct seen s = count_rows(dir);
    ck_assert_int_eq(s.count, 10);
    ck_assert(s.sorted);
    j = journal_open(dir, 1, NULL);
    struct journal_run run;
    ck_assert_int_eq(journal_read_run(j, &run, NULL), 0);
    ck_assert_str_eq(run.outcome, "finished");
    ck_assert_str_eq(run.version, "0.1.0");
    ck_assert_ptr_nonnull(run.ended);
    journal_run_clear(&run);
    ck_assert_int_lt(append_one(j, "a", 99, OBS_NOTE, NULL), 0); /* a reader never writes */
    journal_close(j);
    dir_drop(dir);
}
END_TEST

START_TEST(create_refuses_an_existing_run) {
    char *dir = dir_make();
    journal_close(journal_make(dir));
    json_t *empty = json_object();
    struct journal_run run = {.id = (char[]){"r"}, .started = (char[]){"x"},
                              .version = (char[]){"x"}, .host = (char[]){"x"},
                              .matrix = empty, .images = empty, .plan = empty};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(journal_create(dir, &run, &err));
    ck_assert_int_eq(err.sys, EEXIST);
    json_decref(empty);
    dir_drop(dir);
}
END_TEST

static int stop_at_first(const struct observation *o, void *ctx) {
    (void)o;
    ++*(int *)ctx;
    return 17;
}

START_TEST(each_stops_when_told) {
    char *dir = dir_make();
    struct journal *j = journal_make(dir);
    append_one(j, "a", 0, OBS_NOTE, NULL);
    append_one(j, "a", 1, OBS_NOTE, NULL);
    int calls = 0;
    ck_assert_int_eq(journal_each(j, stop_at_first, &calls, NULL), 17);
    ck_assert_int_eq(calls, 1);
    journal_close(j);
    dir_drop(dir);
}
END_TEST

static void poke(const char *dir, const char *sql) {
    CLEANUP_FREE char *path = fs_join(dir, "journal.sqlite");
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

START_TEST(other_formats_are_refused) {
    char *dir = dir_make();
    journal_close(journal_make(dir));
    poke(dir, "PRAGMA user_version = 7; UPDATE run SET version = '9.9'");
    for (int read_only = 0; read_only < 2; read_only++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_ptr_null(journal_open(dir, read_only, &err));
        ck_assert_int_eq(err.cls, ERR_INPUT);
        ck_assert_ptr_nonnull(strstr(err_text(&err), "9.9"));
        ck_assert_ptr_nonnull(strstr(err_text(&err), "format 7"));
    }
    poke(dir, "PRAGMA user_version = 1; PRAGMA application_id = 5");
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(journal_open(dir, 1, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "not a journal"));
    dir_drop(dir);
}
END_TEST

START_TEST(garbage_and_absence_are_errors) {
    char *dir = dir_make();
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(journal_open(dir, 1, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    CLEANUP_FREE char *path = fs_join(dir, "journal.sqlite");
    char junk[8192];
    memset(junk, 'x', sizeof(junk));
    ck_assert_int_eq(fs_write_atomic(path, junk, sizeof(junk), 0644, NULL), 0);
    ck_assert_ptr_null(journal_open(dir, 1, &err));
    ck_assert_ptr_null(journal_open(dir, 0, &err));
    dir_drop(dir);
}
END_TEST

/* ---- killing ------------------------------------------------------------------------------- */

/* Writes until killed; after each durable step-end says its number through the pipe. */
static void writer_child(const char *dir, int fd) {
    struct journal *j = journal_make(dir);
    for (int64_t seq = 0;; seq++) {
        enum obs_type type = seq % 10 == 9 ? OBS_STEP_END : OBS_METRIC;
        if (append_one(j, "cell", seq, type, NULL) < 0) {
            _exit(1);
        }
        if (type == OBS_STEP_END && write(fd, &seq, sizeof(seq)) != sizeof(seq)) {
            _exit(2);
        }
    }
}

static pid_t writer_start(const char *dir, int *from) {
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(fds[0]);
        writer_child(dir, fds[1]);
    }
    close(fds[1]);
    *from = fds[0];
    return pid;
}

/* Kills the writer after it has told of `steps` finished steps and a bit; returns the last it told of. */
static int64_t writer_kill_after(pid_t pid, int from, int steps, int64_t extra_ns) {
    int64_t told = -1, seq;
    for (int i = 0; i < steps && read(from, &seq, sizeof(seq)) == sizeof(seq); i++) {
        told = seq;
    }
    struct clock *clock = clock_monotonic();
    clock->wait_until(clock, clock_after(clock, extra_ns));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(from, &seq, sizeof(seq)) == sizeof(seq)) {
        told = seq;
    }
    close(from);
    return told;
}

START_TEST(kill_9_loses_no_finished_step) {
    for (int i = 0; i < 25; i++) {
        char *dir = dir_make();
        int from;
        pid_t pid = writer_start(dir, &from);
        int64_t told = writer_kill_after(pid, from, 1 + i * 3, (i * 7919 % 1000) * 1000);
        struct seen s = count_rows(dir);
        ck_assert_int_ge(s.last_seq, told);
        ck_assert_int_eq(s.count, s.last_seq + 1); /* no hole */
        ck_assert_int_eq(s.last_seq % 10, 9);      /* nothing half */
        CLEANUP_ERR struct err err = ERR_INIT;
        struct journal *j = journal_open(dir, 0, &err); /* and the next command can go on */
        ck_assert_msg(j != NULL, "%s", err_text(&err));
        ck_assert_int_eq(append_one(j, "cell", s.last_seq + 1, OBS_STEP_END, NULL), 0);
        ck_assert_int_eq(journal_finish(j, "interrupted", NULL), 0);
        journal_close(j);
        ck_assert_int_eq(count_rows(dir).count, s.count + 1);
        dir_drop(dir);
    }
}
END_TEST

/* Runs fn in a child as nobody; true when the child exits with 0. */
static bool as_nobody(const char *dir, int64_t told) {
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) < 0 || setuid(65534) < 0) {
            _exit(3);
        }
        struct journal *j = journal_open(dir, 1, NULL);
        struct seen s = {.sorted = true};
        bool ok = j && journal_each(j, see, &s, NULL) == 0 && s.last_seq >= told;
        journal_close(j);
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

START_TEST(kill_9_then_read_without_write_permission) {
    if (geteuid() != 0) {
        TEST_SKIP("needs root to become another user");
    }
    for (int without_index = 0; without_index < 2; without_index++) {
        char *dir = dir_make();
        int from;
        pid_t pid = writer_start(dir, &from);
        int64_t told = writer_kill_after(pid, from, 5, 100000);
        CLEANUP_FREE char *index = fs_join(dir, "journal.sqlite-shm");
        CLEANUP_FREE char *wal = fs_join(dir, "journal.sqlite-wal");
        ck_assert_int_gt(fs_size(wal), 0);
        if (without_index) {
            ck_assert_int_eq(unlink(index), 0);
        }
        ck_assert(as_nobody(dir, told));
        dir_drop(dir);
    }
}
END_TEST

START_TEST(reader_while_a_writer_runs) {
    char *dir = dir_make();
    struct journal *j = journal_make(dir);
    for (int i = 0; i < 50; i++) {
        append_one(j, "a", i * 2, OBS_METRIC, NULL);
        append_one(j, "a", i * 2 + 1, OBS_STEP_END, NULL);
        ck_assert_int_eq(count_rows(dir).count, i * 2 + 2);
    }
    journal_close(j);
    dir_drop(dir);
}
END_TEST

/* ---- the disk is full ------------------------------------------------------------------------ */

static void full_child(const char *dir, int fd) {
    signal(SIGXFSZ, SIG_IGN);
    struct journal *j = journal_make(dir);
    struct rlimit limit = {200 * 1024, 200 * 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int64_t seq = 0; seq < 100000; seq++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        if (append_one(j, "cell", seq, OBS_STEP_END, &err) < 0) {
            journal_close(j);
            _exit(err.msg && *err.msg ? 0 : 1);
        }
        if (write(fd, &seq, sizeof(seq)) != sizeof(seq)) {
            _exit(2);
        }
    }
    _exit(3);
}

START_TEST(full_disk_leaves_a_journal_that_opens) {
    char *dir = dir_make();
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        full_child(dir, fds[1]);
    }
    close(fds[1]);
    int64_t told = -1, seq;
    while (read(fds[0], &seq, sizeof(seq)) == sizeof(seq)) {
        told = seq;
    }
    close(fds[0]);
    int status;
    waitpid(pid, &status, 0);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_int_gt(told, 10);
    struct seen s = count_rows(dir);
    ck_assert_int_ge(s.last_seq, told);
    ck_assert_int_eq(s.count, s.last_seq + 1);
    dir_drop(dir);
}
END_TEST

int main(void) {
    TCase *obs = tcase_create("observation"), *db = tcase_create("journal"),
          *hurt = tcase_create("hurt");
    tcase_add_test(obs, observation_round_trip);
    tcase_add_test(obs, observation_is_strict);
    tcase_add_test(obs, observation_refuses_strange_values);
    tcase_add_test(obs, type_names_are_whole);
    tcase_add_test(db, append_and_read_in_order);
    tcase_add_test(db, create_refuses_an_existing_run);
    tcase_add_test(db, each_stops_when_told);
    tcase_add_test(db, other_formats_are_refused);
    tcase_add_test(db, garbage_and_absence_are_errors);
    tcase_add_test(db, reader_while_a_writer_runs);
    tcase_add_test(hurt, kill_9_loses_no_finished_step);
    tcase_add_test(hurt, kill_9_then_read_without_write_permission);
    tcase_add_test(hurt, full_disk_leaves_a_journal_that_opens);
    tcase_set_timeout(hurt, 120);
    Suite *s = suite_create("journal");
    suite_add_tcase(s, obs);
    suite_add_tcase(s, db);
    suite_add_tcase(s, hurt);
    return suite_run(s);
}
