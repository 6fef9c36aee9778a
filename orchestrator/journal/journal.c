#include "journal/journal.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "journal/journal_open.h"
#include "journal/journal_impl.h"
#include "journal/journal_rows.h"

static int journal_exec(struct journal *j, const char *sql, struct err *err) {
    if (sqlite3_exec(j->db.db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return journal_sql_error(j->db.db, sql, err);
    }
    return 0;
}

int journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **st, struct err *err) {
    if (sqlite3_prepare_v2(j->db.db, sql, -1, st, NULL) != SQLITE_OK) {
        return journal_sql_error(j->db.db, "prepare", err);
    }
    return 0;
}

static int journal_insert_run(struct journal *j, const struct journal_run *run, struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_INSERT_RUN, &st, err) < 0 ||
        journal_bind_run(j->db.db, st, run, err) < 0) {
        return -1;
    }
    return sqlite3_step(st) == SQLITE_DONE ? 0 : journal_sql_error(j->db.db, "store run", err);
}

struct journal *journal_create(const char *run_dir, const struct journal_run *run,
                               struct err *err) {
    struct journal *j = mem_zalloc(1, sizeof(*j));
    if (journal_db_create(run_dir, &j->db, err) < 0) {
        free(j);
        return NULL;
    }
    if (journal_insert_run(j, run, err) < 0 ||
        journal_prepare(j, JOURNAL_INSERT_OBSERVATION, &j->insert, err) < 0) {
        journal_close(j);
        return NULL;
    }
    return j;
}

struct journal *journal_open(const char *run_dir, int read_only, struct err *err) {
    struct journal *j = mem_zalloc(1, sizeof(*j));
    if (journal_db_open(run_dir, read_only, &j->db, err) < 0) {
        free(j);
        return NULL;
    }
    if (!read_only && journal_prepare(j, JOURNAL_INSERT_OBSERVATION, &j->insert, err) < 0) {
        journal_close(j);
        return NULL;
    }
    return j;
}

/* After a failed statement SQLite may have ended the transaction itself, or not. */
static void journal_give_up(struct journal *j) {
    if (!sqlite3_get_autocommit(j->db.db)) {
        sqlite3_exec(j->db.db, "ROLLBACK", NULL, NULL, NULL);
    }
    j->pending = false;
}

static int journal_commit(struct journal *j, struct err *err) {
    if (!j->pending) {
        return 0;
    }
    if (journal_exec(j, "COMMIT", err) < 0) {
        journal_give_up(j);
        return -1;
    }
    j->pending = false;
    return 0;
}

void journal_close(struct journal *j) {
    if (!j) {
        return;
    }
    journal_commit(j, NULL);
    sqlite3_finalize(j->insert);
    journal_db_close(&j->db);
    free(j);
}

static bool journal_must_commit(enum obs_type t) {
    return t == OBS_STEP_END || t == OBS_FAILURE || t == OBS_CELL_END || t == OBS_CELL_BEGIN ||
           t == OBS_STATE;
}

static int journal_store(struct journal *j, const struct observation *o, struct err *err) {
    if (!j->pending) {
        if (journal_exec(j, "BEGIN IMMEDIATE", err) < 0) {
            return -1;
        }
        j->pending = true;
    }
    int rc = journal_bind_observation(j->db.db, j->insert, o, err);
    if (rc == 0 && sqlite3_step(j->insert) != SQLITE_DONE) {
        rc = journal_sql_error(j->db.db, "store observation", err);
    }
    sqlite3_reset(j->insert);
    sqlite3_clear_bindings(j->insert);
    return rc;
}

int journal_append(struct journal *j, const struct observation *o, struct err *err) {
    if (!j->insert) {
        return err_set(err, ERR_BUG, "journal: append to a journal opened for reading");
    }
    if (journal_store(j, o, err) < 0) {
        journal_give_up(j);
        return -1;
    }
    return journal_must_commit(o->type) ? journal_commit(j, err) : 0;
}

int journal_finish(struct journal *j, const char *outcome, struct err *err) {
    char now[32];
    clock_wall_iso(now);
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_commit(j, err) < 0 ||
        journal_prepare(j, "UPDATE run SET ended = ?, outcome = ?", &st, err) < 0) {
        return -1;
    }
    if (sqlite3_bind_text(st, 1, now, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(st, 2, outcome, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_DONE) {
        return journal_sql_error(j->db.db, "finish run", err);
    }
    return 0;
}

int journal_resume(struct journal *j, struct err *err) {
    char now[32];
    clock_wall_iso(now);
    if (j->db.format < 2) {
        return err_set(err, ERR_INPUT, "journal format %d cannot be gone on with, only format %d",
                       j->db.format, JOURNAL_FORMAT);
    }
    CLEANUP_FREE char *sql = str_printf("BEGIN IMMEDIATE; INSERT INTO resumed(at) VALUES('%s');"
                                        "UPDATE run SET ended = NULL, outcome = NULL; COMMIT;",
                                        now);
    if (journal_commit(j, err) < 0) {
        return -1;
    }
    if (journal_exec(j, sql, err) < 0) {
        journal_give_up(j);
        return -1;
    }
    return 0;
}

int journal_format(const struct journal *j) {
    return j->db.format;
}

int journal_check(struct journal *j, struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, "PRAGMA quick_check(1)", &st, err) < 0) {
        return -1;
    }
    int rc = sqlite3_step(st);
    const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (!said) {
        return journal_sql_error(j->db.db, "check", err);
    }
    return str_eq(said, "ok") ? 0 : err_set(err, ERR_INPUT, "the journal is damaged: %s", said);
}

static int journal_read_resumed(struct journal *j, json_t **out, struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    *out = json_array();
    if (j->db.format < 2) {
        return 0;
    }
    if (journal_prepare(j, "SELECT at FROM resumed ORDER BY rowid", &st, err) < 0) {
        return -1;
    }
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        json_array_append_new(*out, json_string((const char *)sqlite3_column_text(st, 0)));
    }
    return rc == SQLITE_DONE ? 0 : journal_sql_error(j->db.db, "read run", err);
}

int journal_read_run(struct journal *j, struct journal_run *out, struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_SELECT_RUN, &st, err) < 0) {
        return -1;
    }
    int rc = sqlite3_step(st);
    if (rc == SQLITE_DONE) {
        return err_set(err, ERR_INPUT, "journal: holds no run (it was killed at its very start)");
    }
    if (rc != SQLITE_ROW) {
        return journal_sql_error(j->db.db, "read run", err);
    }
    if (journal_row_run(st, out, err) < 0) {
        return -1;
    }
    if (journal_read_resumed(j, &out->resumed, err) < 0) {
        journal_run_clear(out);
        return -1;
    }
    return 0;
}

/* Hands out the rows of a statement that selects observations. */
static int journal_each_row(struct journal *j, sqlite3_stmt *st,
                            int (*fn)(const struct observation *o, void *ctx), void *ctx,
                            struct err *err) {
    int step;
    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        struct observation o;
        if (journal_row_observation(st, &o, err) < 0) {
            return -1;
        }
        int rc = fn(&o, ctx);
        obs_clear(&o);
        if (rc != 0) {
            return rc;
        }
    }
    return step == SQLITE_DONE ? 0 : journal_sql_error(j->db.db, "read observations", err);
}

int journal_each_cell(struct journal *j, int (*fn)(const char *cell, void *ctx), void *ctx,
                      struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    int step, rc = 0;
    if (journal_prepare(j, JOURNAL_SELECT_CELLS, &st, err) < 0) {
        return -1;
    }
    while ((step = sqlite3_step(st)) == SQLITE_ROW) {
        const char *cell = (const char *)sqlite3_column_text(st, 0);
        if ((rc = fn(cell ? cell : "", ctx)) != 0) {
            return rc;
        }
    }
    return step == SQLITE_DONE ? 0 : journal_sql_error(j->db.db, "read cells", err);
}

int journal_each(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                 struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_SELECT_OBSERVATIONS, &st, err) < 0) {
        return -1;
    }
    return journal_each_row(j, st, fn, ctx, err);
}

int journal_each_of(struct journal *j, const char *cell, int attempt,
                    int (*fn)(const struct observation *o, void *ctx), void *ctx,
                    struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_SELECT_ATTEMPT, &st, err) < 0) {
        return -1;
    }
    if (sqlite3_bind_text(st, 1, cell, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int(st, 2, attempt) != SQLITE_OK) {
        return journal_sql_error(j->db.db, "read observations", err);
    }
    return journal_each_row(j, st, fn, ctx, err);
}
