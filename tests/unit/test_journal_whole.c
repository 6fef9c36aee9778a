/* Cells that began from a kept state are read whole; a damaged journal is told of, never followed blindly. */
#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal.h"
#include "support/suite.h"

struct tape { /* a journal being written, and what was read from it */
    char *dir;
    struct journal *journal;
    struct str seen; /* "B1#0 0:verify step-end\n": cell, attempt, seq, step, text of its data or type */
    int64_t next;
};

static struct tape tape_new(void) {
    struct tape t = {.dir = str_dup("/tmp/coexist-test-whole-XXXXXX")};
    ck_assert_ptr_nonnull(mkdtemp(t.dir));
    json_t *empty = json_object();
    struct journal_run run = {
        .id = (char[]){"r1"},  .started = (char[]){"2026-11-21T05:00:00Z"},
        .version = (char[]){"0.1.0"}, .host = (char[]){"test"},
        .matrix = empty, .images = empty, .plan = empty,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    t.journal = journal_create(t.dir, &run, &err);
    ck_assert_msg(t.journal != NULL, "%s", err_text(&err));
    json_decref(empty);
    return t;
}

static void tape_free(struct tape *t) {
    journal_close(t->journal);
    fs_remove_tree(t->dir, NULL);
    free(t->dir);
    str_free(&t->seen);
}

static void tape_add(struct tape *t, const char *cell, int attempt, int step, enum obs_type type,
                     json_t *data) {
    struct observation o = {.cell = str_dup(cell), .attempt = attempt, .seq = t->next++, .step = step,
                            .kind = str_dup(step < 0 ? "" : "verify"), .phase = str_dup("before"),
                            .at_ms = t->next, .type = type, .data = data ? data : json_object()};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(journal_append(t->journal, &o, &err) == 0, "%s", err_text(&err));
    obs_clear(&o);
}

static void tape_begin(struct tape *t, const char *cell, int attempt, const char *from,
                       int from_attempt, int steps) {
    t->next = 0;
    json_t *data = json_object();
    if (from) {
        json_object_set_new(data, "from",
                            json_pack("{s:s, s:i, s:i, s:s}", "cell", from, "attempt", from_attempt,
                                      "steps", steps, "state", "0-1"));
    }
    tape_add(t, cell, attempt, -1, OBS_CELL_BEGIN, data);
}

/* One step that says "CELL/step" in a note between its begin and its end. */
static void tape_step(struct tape *t, const char *cell, int attempt, int step, bool ok) {
    CLEANUP_FREE char *text = str_printf("%s/%d", cell, step);
    tape_add(t, cell, attempt, step, OBS_STEP_BEGIN, NULL);
    tape_add(t, cell, attempt, step, OBS_NOTE, json_pack("{s:s}", "text", text));
    tape_add(t, cell, attempt, step, OBS_STEP_END, json_pack("{s:b, s:i}", "ok", ok, "ms", 1));
}

static void tape_steps(struct tape *t, const char *cell, int attempt, int from, int to) {
    for (int i = from; i < to; i++) {
        tape_step(t, cell, attempt, i, true);
    }
}

static void tape_end(struct tape *t, const char *cell, int attempt) {
    tape_add(t, cell, attempt, -1, OBS_CELL_END, json_pack("{s:b}", "complete", 1));
}

/* Notes and failures as "B1:text ", so that a whole attempt reads as a line; seq must count up by one. */
static int tape_see(const struct observation *o, void *ctx) {
    struct tape *t = ctx;
    t->next = o->seq == 0 ? 0 : t->next + 1;
    ck_assert_int_eq(o->seq, t->next);
    const char *text = json_string_value(json_object_get(o->data, "text"));
    if (o->type == OBS_NOTE) {
        str_addf(&t->seen, "%s%d:%s ", o->cell, o->attempt, text);
    } else if (o->type == OBS_FAILURE) {
        str_addf(&t->seen, "%s%d!%s ", o->cell, o->attempt,
                 json_string_value(json_object_get(o->data, "class")));
    }
    return 0;
}

static int tape_count(const struct observation *o, void *ctx) {
    ++*(int64_t *)ctx;
    return o == NULL;
}

static const char *tape_read(struct tape *t) {
    CLEANUP_ERR struct err err = ERR_INIT;
    str_reset(&t->seen);
    ck_assert_msg(journal_each_whole(t->journal, tape_see, t, &err) == 0, "%s", err_text(&err));
    return str_get(&t->seen);
}

START_TEST(a_cell_gets_what_led_to_its_state) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 4);
    tape_end(&t, "A", 1);
    tape_begin(&t, "B", 1, "A", 1, 2);
    tape_steps(&t, "B", 1, 2, 4);
    tape_end(&t, "B", 1);
    ck_assert_str_eq(tape_read(&t), "A1:A/0 A1:A/1 A1:A/2 A1:A/3 B1:A/0 B1:A/1 B1:B/2 B1:B/3 ");
    tape_free(&t);
}
END_TEST

START_TEST(states_that_grew_from_states_are_followed) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 3);
    tape_begin(&t, "B", 2, "A", 1, 1); /* only the first of A's three */
    tape_steps(&t, "B", 2, 1, 3);
    tape_begin(&t, "C", 1, "B", 2, 2); /* and only one of B's two */
    tape_steps(&t, "C", 1, 2, 3);
    ck_assert_str_eq(tape_read(&t), "A1:A/0 A1:A/1 A1:A/2 B2:A/0 B2:B/1 B2:B/2 C1:A/0 C1:B/1 C1:C/2 ");
    tape_free(&t);
}
END_TEST

START_TEST(a_cell_may_go_on_from_an_earlier_attempt_of_its_own) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 2); /* killed here */
    tape_begin(&t, "A", 2, "A", 1, 2);
    tape_steps(&t, "A", 2, 2, 3);
    tape_end(&t, "A", 2);
    ck_assert_str_eq(tape_read(&t), "A1:A/0 A1:A/1 A2:A/0 A2:A/1 A2:A/2 ");
    tape_free(&t);
}
END_TEST

/* What is said to have led to B's state, and is not in the journal that way. */
static const struct {
    const char *what, *from;
    int attempt, steps;
} dangling[] = {
    {"a cell that is not there", "X", 1, 2},
    {"an attempt that is not there", "A", 7, 2},
    {"more steps than were executed", "A", 1, 5},
    {"no step at all", "A", 1, 0},
    {"a negative number of steps", "A", 1, -3},
    {"an attempt of no sense", "A", 0, 2},
    {"a step that failed", "F", 1, 2},
    {"itself", "B", 1, 2},
};

START_TEST(what_is_not_there_is_said) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 3);
    tape_begin(&t, "F", 1, NULL, 0, 0);
    tape_step(&t, "F", 1, 0, true);
    tape_step(&t, "F", 1, 1, false);
    tape_begin(&t, "B", 1, dangling[_i].from, dangling[_i].attempt, dangling[_i].steps);
    tape_step(&t, "B", 1, 2, true);
    const char *seen = tape_read(&t);
    ck_assert_msg(strstr(seen, "B1!lab-bug B1:B/2 ") != NULL, "%s: %s", dangling[_i].what, seen);
    ck_assert_msg(strstr(seen, "B1:A/") == NULL, "%s: %s", dangling[_i].what, seen);
    tape_free(&t);
}
END_TEST

START_TEST(circles_end) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, "B", 1, 2);
    tape_steps(&t, "A", 1, 0, 3);
    tape_begin(&t, "B", 1, "A", 1, 2);
    tape_steps(&t, "B", 1, 0, 3);
    const char *seen = tape_read(&t);
    ck_assert_ptr_nonnull(strstr(seen, "A1!lab-bug"));
    ck_assert_ptr_nonnull(strstr(seen, "B1!lab-bug"));
    tape_free(&t);
}
END_TEST

static void poke(const char *dir, const char *sql) {
    CLEANUP_FREE char *path = fs_join(dir, "journal.sqlite");
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static const char *const nonsense[] = {
    "{\"from\":5}",
    "{\"from\":[]}",
    "{\"from\":{}}",
    "{\"from\":{\"cell\":7,\"attempt\":\"x\",\"steps\":{}}}",
    "{\"from\":{\"cell\":\"A\",\"attempt\":1,\"steps\":9223372036854775807}}",
    "{\"from\":{\"cell\":\"A\",\"attempt\":4294967297,\"steps\":2}}",
    "{\"from\":{\"cell\":\"A\",\"attempt\":1}}",
};

START_TEST(nonsense_is_said) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 3);
    tape_begin(&t, "B", 1, NULL, 0, 0);
    tape_step(&t, "B", 1, 2, true);
    CLEANUP_FREE char *sql = str_printf(
        "UPDATE observation SET data = '%s' WHERE cell = 'B' AND type = 'cell-begin'", nonsense[_i]);
    poke(t.dir, sql);
    ck_assert_ptr_nonnull(strstr(tape_read(&t), "B1!lab-bug B1:B/2 "));
    tape_free(&t);
}
END_TEST

/* A state is of no use to a resumed run that the journal did not hear of: it must not wait for the next step. */
START_TEST(a_state_is_told_at_once) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 2);
    tape_add(&t, "A", 1, -1, OBS_STATE, json_pack("{s:i, s:s, s:i}", "steps", 2, "name", "0-1", "bytes", 9));
    struct journal *other = journal_open(t.dir, 1, NULL); /* sees only what was committed */
    int64_t seen = 0;
    ck_assert_int_eq(journal_each_of(other, "A", 1, tape_count, &seen, NULL), 0);
    ck_assert_int_eq(seen, t.next);
    journal_close(other);
    tape_free(&t);
}
END_TEST

START_TEST(resuming_is_remembered) {
    struct tape t = tape_new();
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(journal_finish(t.journal, "interrupted", &err), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(journal_resume(t.journal, &err) == 0, "%s", err_text(&err));
    }
    struct journal_run run;
    ck_assert_int_eq(journal_read_run(t.journal, &run, &err), 0);
    ck_assert_ptr_null(run.outcome);
    ck_assert_ptr_null(run.ended);
    ck_assert_uint_eq(json_array_size(run.resumed), 2);
    ck_assert_uint_eq(strlen(json_string_value(json_array_get(run.resumed, 1))), 20);
    journal_run_clear(&run);
    ck_assert_int_eq(journal_check(t.journal, &err), 0);
    tape_free(&t);
}
END_TEST

/* Written before there were states: read and reported as it is, not gone on with. */
START_TEST(format_1_is_read_and_not_resumed) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 1);
    journal_close(t.journal);
    poke(t.dir, "DROP TABLE resumed; PRAGMA user_version = 1");
    CLEANUP_ERR struct err err = ERR_INIT;
    t.journal = journal_open(t.dir, 0, &err);
    ck_assert_msg(t.journal != NULL, "%s", err_text(&err));
    ck_assert_int_eq(journal_format(t.journal), 1);
    ck_assert_str_eq(tape_read(&t), "A1:A/0 ");
    struct journal_run run;
    ck_assert_msg(journal_read_run(t.journal, &run, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(json_array_size(run.resumed), 0);
    journal_run_clear(&run);
    ck_assert_int_lt(journal_resume(t.journal, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "format 1"));
    ck_assert_int_eq(journal_finish(t.journal, "interrupted", NULL), 0);
    tape_free(&t);
}
END_TEST

START_TEST(damage_is_found) {
    struct tape t = tape_new();
    tape_begin(&t, "A", 1, NULL, 0, 0);
    tape_steps(&t, "A", 1, 0, 400);
    journal_close(t.journal);
    CLEANUP_FREE char *path = fs_join(t.dir, "journal.sqlite");
    size_t len = 0;
    CLEANUP_FREE char *bytes = fs_read(path, 16u << 20, &len, NULL);
    ck_assert_uint_gt(len, 40960);
    memset(bytes + 24576, 0x5a, 12288); /* three pages in the middle */
    ck_assert_int_eq(fs_write_atomic(path, bytes, len, 0644, NULL), 0);
    CLEANUP_ERR struct err err = ERR_INIT;
    t.journal = journal_open(t.dir, 0, &err);
    if (t.journal) {
        ck_assert_int_lt(journal_check(t.journal, &err), 0);
    }
    ck_assert_msg(err_is_set(&err), "damage was not seen");
    tape_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("whole cells");
    TCase *t = tcase_create("states");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_cell_gets_what_led_to_its_state);
    tcase_add_test(t, states_that_grew_from_states_are_followed);
    tcase_add_test(t, a_cell_may_go_on_from_an_earlier_attempt_of_its_own);
    tcase_add_loop_test(t, what_is_not_there_is_said, 0, (int)(sizeof(dangling) / sizeof(dangling[0])));
    tcase_add_test(t, circles_end);
    tcase_add_loop_test(t, nonsense_is_said, 0, (int)(sizeof(nonsense) / sizeof(nonsense[0])));
    tcase_add_test(t, a_state_is_told_at_once);
    tcase_add_test(t, resuming_is_remembered);
    tcase_add_test(t, format_1_is_read_and_not_resumed);
    tcase_add_test(t, damage_is_found);
    suite_add_tcase(s, t);
    return suite_run(s);
}
