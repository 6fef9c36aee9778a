/* Between rows and structs: inside the journal only. */
#ifndef COEXIST_JOURNAL_JOURNAL_ROWS_H
#define COEXIST_JOURNAL_JOURNAL_ROWS_H

#include <sqlite3.h>

#include "journal/journal.h"

/* STRICT: a wrong type is refused by SQLite instead of stored. WITHOUT ROWID: the rows lie in the
 * order in which they are read back. */
#define JOURNAL_SCHEMA \
    "CREATE TABLE run("                                                                           \
    " one INTEGER PRIMARY KEY CHECK(one = 1),"                                                    \
    " id TEXT NOT NULL, started TEXT NOT NULL, ended TEXT, version TEXT NOT NULL,"                \
    " host TEXT NOT NULL, matrix TEXT NOT NULL, images TEXT NOT NULL, plan TEXT NOT NULL,"        \
    " outcome TEXT) STRICT;"                                                                      \
    "CREATE TABLE observation("                                                                   \
    " cell TEXT NOT NULL, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, step INTEGER NOT NULL," \
    " kind TEXT NOT NULL, phase TEXT NOT NULL, at_ms INTEGER NOT NULL, type TEXT NOT NULL,"       \
    " data TEXT NOT NULL, PRIMARY KEY(cell, attempt, seq)) STRICT, WITHOUT ROWID;"                \
    "CREATE TABLE resumed(at TEXT NOT NULL) STRICT;" /* since format 2 */

#define JOURNAL_INSERT_RUN                                                                      \
    "INSERT INTO run(one, id, started, ended, version, host, matrix, images, plan, outcome) "   \
    "VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define JOURNAL_SELECT_RUN                                                                      \
    "SELECT id, started, ended, version, host, matrix, images, plan, outcome FROM run"
/* A repeated (cell, attempt, seq) is ignored; any other conflict still is an error. */
#define JOURNAL_INSERT_OBSERVATION                                                              \
    "INSERT INTO observation(cell, attempt, seq, step, kind, phase, at_ms, type, data) "        \
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(cell, attempt, seq) DO NOTHING"
#define JOURNAL_SELECT_OBSERVATIONS                                                             \
    "SELECT cell, attempt, seq, step, kind, phase, at_ms, type, data FROM observation "         \
    "ORDER BY cell, attempt, seq"
#define JOURNAL_SELECT_ATTEMPT                                                                  \
    "SELECT cell, attempt, seq, step, kind, phase, at_ms, type, data FROM observation "         \
    "WHERE cell = ? AND attempt = ? ORDER BY seq"
#define JOURNAL_SELECT_CELLS "SELECT DISTINCT cell FROM observation ORDER BY cell"
#define JOURNAL_SELECT_ATTEMPTS                                                                 \
    "SELECT DISTINCT cell, attempt FROM observation ORDER BY cell, attempt"

/* SQLite's answer as an err: SQLITE_FULL is ERR_NOSPACE, the rest ERR_SYSTEM. Returns -1. */
int journal_sql_error(sqlite3 *db, const char *what, struct err *err);

/* 0 or negative. The statement's parameters follow the order of the macros above. */
int journal_bind_run(sqlite3 *db, sqlite3_stmt *st, const struct journal_run *run,
                     struct err *err);
int journal_bind_observation(sqlite3 *db, sqlite3_stmt *st, const struct observation *o,
                             struct err *err);
int journal_row_run(sqlite3_stmt *st, struct journal_run *out, struct err *err);
int journal_row_observation(sqlite3_stmt *st, struct observation *out, struct err *err);

#endif
