#include "journal/journal.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "journal/journal_open.h"
#include "journal/journal_rows.h"

struct journal {
    struct journal_db db;
    sqlite3_stmt *insert; /* prepared once; NULL in a reader */
    bool pending;         /* a transaction is open */
};

static int journal_exec(struct journal *j, const char *sql, struct err *err) {
    if (sqlite3_exec(j->db.db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return journal_sql_error(j->db.db, sql, err);
    }
    return 0;
}

static int journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **st,
                           struct err *err) {
    if (sqlite3_prepare_v2(j->db.db, sql, -1, st, NULL) != SQLITE_OK) {
        return journal_sql_error(j->db.db, "prepare", err);
    }
    return 0;
}

static void stmt_finalize(sqlite3_stmt **st) {
    sqlite3_finalize(*st);
}
#define CLEANUP_STMT CLEANUP(stmt_finalize)

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
    return t == OBS_STEP_END || t == OBS_FAILURE || t == OBS_CELL_END || t == OBS_CELL_BEGIN;
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
    return journal_row_run(st, out, err);
}

int journal_each(struct journal *j, int (*fn)(const struct observation *o, void *ctx), void *ctx,
                 struct err *err) {
    CLEANUP_STMT sqlite3_stmt *st = NULL;
    if (journal_prepare(j, JOURNAL_SELECT_OBSERVATIONS, &st, err) < 0) {
        return -1;
    }
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
