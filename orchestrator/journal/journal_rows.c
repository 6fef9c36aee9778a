#include "journal/journal_rows.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

int journal_sql_error(sqlite3 *db, const char *what, struct err *err) {
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    const char *text = db ? sqlite3_errmsg(db) : "out of memory";
    return err_set(err, (code & 0xff) == SQLITE_FULL ? ERR_NOSPACE : ERR_SYSTEM,
                   "journal: %s: %s", what, text);
}

static int bind_text(sqlite3_stmt *st, int at, const char *text) {
    return text ? sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT)
                : sqlite3_bind_null(st, at);
}

/* Compact text of a JSON value, "{}" for NULL. */
static int bind_json(sqlite3_stmt *st, int at, const json_t *value) {
    if (!value) {
        return sqlite3_bind_text(st, at, "{}", -1, SQLITE_STATIC);
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    return text ? sqlite3_bind_text(st, at, text, -1, free) : SQLITE_NOMEM;
}

int journal_bind_run(sqlite3 *db, sqlite3_stmt *st, const struct journal_run *run,
                     struct err *err) {
    const char *const head[] = {run->id, run->started, run->ended, run->version, run->host};
    const json_t *const body[] = {run->matrix, run->images, run->plan};
    int rc = SQLITE_OK;
    for (int i = 0; i < 5 && rc == SQLITE_OK; i++) {
        rc = bind_text(st, i + 1, head[i]);
    }
    for (int i = 0; i < 3 && rc == SQLITE_OK; i++) {
        rc = bind_json(st, i + 6, body[i]);
    }
    if (rc == SQLITE_OK) {
        rc = bind_text(st, 9, run->outcome);
    }
    return rc == SQLITE_OK ? 0 : journal_sql_error(db, "run", err);
}

int journal_bind_observation(sqlite3 *db, sqlite3_stmt *st, const struct observation *o,
                             struct err *err) {
    int ok = bind_text(st, 1, o->cell) == SQLITE_OK &&
             sqlite3_bind_int(st, 2, o->attempt) == SQLITE_OK &&
             sqlite3_bind_int64(st, 3, o->seq) == SQLITE_OK &&
             sqlite3_bind_int(st, 4, o->step) == SQLITE_OK &&
             bind_text(st, 5, o->kind) == SQLITE_OK && bind_text(st, 6, o->phase) == SQLITE_OK &&
             sqlite3_bind_int64(st, 7, o->at_ms) == SQLITE_OK &&
             sqlite3_bind_text(st, 8, obs_type_name(o->type), -1, SQLITE_STATIC) == SQLITE_OK &&
             bind_json(st, 9, o->data) == SQLITE_OK;
    return ok ? 0 : journal_sql_error(db, "observation", err);
}

static char *column_dup(sqlite3_stmt *st, int at) {
    return str_dup((const char *)sqlite3_column_text(st, at));
}

static json_t *column_json(sqlite3_stmt *st, int at, struct err *err) {
    const char *text = (const char *)sqlite3_column_text(st, at);
    json_error_t je;
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, &je) : NULL;
    if (!value) {
        err_set(err, ERR_PROTOCOL, "journal: broken JSON in column '%s'",
                sqlite3_column_name(st, at));
    }
    return value;
}

int journal_row_run(sqlite3_stmt *st, struct journal_run *out, struct err *err) {
    struct journal_run r = {
        .id = column_dup(st, 0),      .started = column_dup(st, 1), .ended = column_dup(st, 2),
        .version = column_dup(st, 3), .host = column_dup(st, 4),    .outcome = column_dup(st, 8),
    };
    r.matrix = column_json(st, 5, err);
    r.images = r.matrix ? column_json(st, 6, err) : NULL;
    r.plan = r.images ? column_json(st, 7, err) : NULL;
    if (!r.plan) {
        journal_run_clear(&r);
        return -1;
    }
    *out = r;
    return 0;
}

int journal_row_observation(sqlite3_stmt *st, struct observation *out, struct err *err) {
    const char *type_name = (const char *)sqlite3_column_text(st, 7);
    enum obs_type type;
    if (!type_name || obs_type_parse(type_name, &type) < 0) {
        return err_set(err, ERR_PROTOCOL, "journal: unknown observation type '%s'",
                       type_name ? type_name : "");
    }
    json_t *data = column_json(st, 8, err);
    if (!data) {
        return -1;
    }
    *out = (struct observation){
        .cell = column_dup(st, 0),
        .attempt = sqlite3_column_int(st, 1),
        .seq = sqlite3_column_int64(st, 2),
        .step = sqlite3_column_int(st, 3),
        .kind = column_dup(st, 4),
        .phase = column_dup(st, 5),
        .at_ms = sqlite3_column_int64(st, 6),
        .type = type,
        .data = data,
    };
    return 0;
}

void journal_run_clear(struct journal_run *r) {
    free(r->id);
    free(r->started);
    free(r->ended);
    free(r->version);
    free(r->host);
    free(r->outcome);
    json_decref(r->matrix);
    json_decref(r->images);
    json_decref(r->plan);
    json_decref(r->resumed);
    memset(r, 0, sizeof(*r));
}
