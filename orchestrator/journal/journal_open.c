#include "journal/journal_open.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "journal/journal_rows.h"

enum { JOURNAL_BUSY_MS = 5000, JOURNAL_COPY_TRIES = 5 };

static int db_exec(sqlite3 *db, const char *sql, const char *what, struct err *err) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                : journal_sql_error(db, what, err);
}

static int64_t db_int(sqlite3 *db, const char *sql) {
    sqlite3_stmt *st = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        value = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    return value;
}

static int db_open_file(const char *path, int flags, sqlite3 **out, struct err *err) {
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        journal_sql_error(db, path, err);
        sqlite3_close(db);
        return -1;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, JOURNAL_BUSY_MS);
    *out = db;
    return 0;
}

/* The journal may come from a bundle somebody else made: its schema is not trusted to run
 * functions. */
static void db_distrust(sqlite3 *db) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
}

/* WAL: readers never wait for the writer. FULL: a commit is on the disk when it returns. */
static int db_writer_mode(sqlite3 *db, struct err *err) {
    return db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", "WAL mode", err);
}

int journal_db_create(const char *run_dir, struct journal_db *out, struct err *err) {
    if (fs_mkdirs(run_dir, err) < 0) {
        return -1;
    }
    CLEANUP_FREE char *path = fs_join(run_dir, JOURNAL_FILE);
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_sys(err, errno, "journal: create %s", path);
    }
    struct journal_db j = {NULL, JOURNAL_FORMAT};
    CLEANUP_FREE char *sql = str_printf(
        "PRAGMA application_id = %d; BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
        JOURNAL_APPLICATION_ID, JOURNAL_SCHEMA, JOURNAL_FORMAT);
    if (db_open_file(path, SQLITE_OPEN_READWRITE, &j.db, err) < 0 ||
        db_writer_mode(j.db, err) < 0 || db_exec(j.db, sql, "make tables", err) < 0) {
        journal_db_close(&j);
        return -1;
    }
    *out = j;
    return 0;
}

/* Version of coexist that wrote a journal of another format: best effort, the table may be gone. */
static char *db_writer_version(sqlite3 *db) {
    sqlite3_stmt *st = NULL;
    char *version = NULL;
    if (sqlite3_prepare_v2(db, "SELECT version FROM run", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0)) {
        version = str_dup((const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    return version ? version : str_dup("an unknown version");
}

static int db_check_format(struct journal_db *j, const char *path, struct err *err) {
    sqlite3 *db = j->db;
    int64_t id = db_int(db, "PRAGMA application_id");
    int64_t format = db_int(db, "PRAGMA user_version");
    if (id != JOURNAL_APPLICATION_ID) {
        return err_set(err, ERR_INPUT, "%s is not a journal of coexist", path);
    }
    if (format < JOURNAL_FORMAT_OLDEST || format > JOURNAL_FORMAT) {
        CLEANUP_FREE char *version = db_writer_version(db);
        return err_set(err, ERR_INPUT,
                       "%s: journal format %lld, written by coexist %s; this coexist reads "
                       "formats %d to %d",
                       path, (long long)format, version, JOURNAL_FORMAT_OLDEST, JOURNAL_FORMAT);
    }
    j->format = (int)format;
    return 0;
}

/* What tells whether a file was written to: size and time of change. */
struct file_mark {
    off_t size;
    struct timespec changed;
};

static struct file_mark file_mark_get(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0) {
        return (struct file_mark){-1, {0, 0}};
    }
    return (struct file_mark){st.st_size, st.st_mtim};
}

static bool file_mark_same(struct file_mark a, struct file_mark b) {
    return a.size == b.size && a.changed.tv_sec == b.changed.tv_sec &&
           a.changed.tv_nsec == b.changed.tv_nsec;
}

static int copy_pair(const char *db, const char *wal, const char *dir, struct err *err) {
    CLEANUP_FREE char *to_db = fs_join(dir, JOURNAL_FILE);
    CLEANUP_FREE char *to_wal = fs_join(dir, JOURNAL_FILE "-wal");
    if (fs_exists(wal) && fs_copy(wal, to_wal, err) < 0) {
        return -1;
    }
    return fs_copy(db, to_db, err);
}

/* Copies database and WAL to `dir`, again when a writer changed them meanwhile: a pair from two
 * different moments could be read as a damaged journal. */
static int copy_journal(const char *db, const char *dir, struct err *err) {
    CLEANUP_FREE char *wal = str_printf("%s-wal", db);
    for (int i = 0; i < JOURNAL_COPY_TRIES; i++) {
        struct file_mark before_db = file_mark_get(db), before_wal = file_mark_get(wal);
        if (copy_pair(db, wal, dir, err) < 0) {
            return -1;
        }
        if (file_mark_same(before_db, file_mark_get(db)) &&
            file_mark_same(before_wal, file_mark_get(wal))) {
            return 0;
        }
    }
    return err_set(err, ERR_SYSTEM, "%s changes faster than it can be copied", db);
}

/* Replaces an open database by its copy in memory (sqlite3_backup: sqlite.org/backup.html). */
static int db_to_memory(struct journal_db *j, struct err *err) {
    sqlite3 *memory = NULL;
    if (db_open_file(":memory:", SQLITE_OPEN_READWRITE, &memory, err) < 0) {
        return -1;
    }
    sqlite3_backup *b = sqlite3_backup_init(memory, "main", j->db, "main");
    int step = b ? sqlite3_backup_step(b, -1) : SQLITE_ERROR;
    sqlite3_backup_finish(b);
    int rc = 0;
    if (step == SQLITE_NOTADB || step == SQLITE_CORRUPT) {
        rc = err_set(err, ERR_INPUT, "no journal, or a damaged one: %s", sqlite3_errstr(step));
    } else if (step != SQLITE_DONE) {
        rc = journal_sql_error(memory, "read a copy", err);
    }
    sqlite3_close(j->db);
    j->db = memory;
    return rc;
}

/* A WAL left by a killed writer needs an index file beside it, and SQLite must be able to make it.
 * In a folder we may not write to, the journal is read from a private copy. */
static int db_open_copy(const char *path, struct journal_db *j, struct err *err) {
    const char *tmp = getenv("TMPDIR");
    CLEANUP_FREE char *dir = str_printf("%s/coexist-journal-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(dir)) {
        return err_sys(err, errno, "journal: make temporary folder %s", dir);
    }
    CLEANUP_FREE char *copy = fs_join(dir, JOURNAL_FILE);
    if (copy_journal(path, dir, err) < 0 ||
        db_open_file(copy, SQLITE_OPEN_READWRITE, &j->db, err) < 0) {
        fs_remove_tree(dir, NULL);
        return -1;
    }
    /* Taken into memory and removed at once: whatever happens to this process, no copy stays
     * behind. */
    int rc = db_to_memory(j, err);
    fs_remove_tree(dir, NULL);
    if (rc < 0) {
        err_prefix(err, "%s", path);
    }
    return rc;
}

/* Opening is lazy in SQLite: only a read shows whether the WAL can be used. */
static bool db_can_read(sqlite3 *db) {
    return db_int(db, "SELECT count(*) FROM sqlite_schema") >= 0;
}

static int db_open_reader(const char *path, struct journal_db *j, struct err *err) {
    if (db_open_file(path, SQLITE_OPEN_READONLY, &j->db, err) < 0) {
        return -1;
    }
    if (db_can_read(j->db)) {
        return 0;
    }
    sqlite3_close(j->db);
    j->db = NULL;
    return db_open_copy(path, j, err);
}

static int db_open_writer(const char *path, struct journal_db *j, struct err *err) {
    if (db_open_file(path, SQLITE_OPEN_READWRITE, &j->db, err) < 0) {
        return -1;
    }
    return 0;
}

int journal_db_open(const char *run_dir, int read_only, struct journal_db *out, struct err *err) {
    CLEANUP_FREE char *path = fs_join(run_dir, JOURNAL_FILE);
    if (!fs_exists(path)) {
        return err_set(err, ERR_INPUT, "no journal in %s (looked for %s)", run_dir, path);
    }
    struct journal_db j = {NULL, 0};
    int rc = read_only ? db_open_reader(path, &j, err) : db_open_writer(path, &j, err);
    if (rc == 0 && !db_can_read(j.db)) {
        rc = journal_sql_error(j.db, path, err);
    }
    if (rc == 0) {
        db_distrust(j.db);
        rc = db_check_format(&j, path, err);
    }
    if (rc == 0 && !read_only) {
        rc = db_writer_mode(j.db, err);
    }
    if (rc < 0) {
        journal_db_close(&j);
        return -1;
    }
    *out = j;
    return 0;
}

void journal_db_close(struct journal_db *j) {
    sqlite3_close(j->db);
    j->db = NULL;
}
