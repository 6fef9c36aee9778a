/* A journal that is open: inside the journal only. */
#ifndef COEXIST_JOURNAL_JOURNAL_IMPL_H
#define COEXIST_JOURNAL_JOURNAL_IMPL_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "journal/journal.h"
#include "journal/journal_open.h"

struct journal {
    struct journal_db db;
    sqlite3_stmt *insert; /* prepared once; NULL in a reader */
    bool pending;         /* a transaction is open */
};

/* Caller finalizes. */
int journal_prepare(struct journal *j, const char *sql, sqlite3_stmt **st, struct err *err);

static inline void journal_stmt_finalize(sqlite3_stmt **st) {
    sqlite3_finalize(*st);
}
#define CLEANUP_STMT CLEANUP(journal_stmt_finalize)

#endif
