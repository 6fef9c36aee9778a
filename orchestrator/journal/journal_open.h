/* Opening a journal's database safely: inside the journal only. */
#ifndef COEXIST_JOURNAL_JOURNAL_OPEN_H
#define COEXIST_JOURNAL_JOURNAL_OPEN_H

#include <sqlite3.h>

#include "base/err.h"

#define JOURNAL_FILE "journal.sqlite"
#define JOURNAL_APPLICATION_ID 0x636f6578 /* "coex": PRAGMA application_id, see sqlite.org/fileformat */

struct journal_db {
    sqlite3 *db; /* owned */
    int format;  /* PRAGMA user_version */
};

int journal_db_create(const char *run_dir, struct journal_db *out, struct err *err);
int journal_db_open(const char *run_dir, int read_only, struct journal_db *out, struct err *err);
void journal_db_close(struct journal_db *j);

#endif
