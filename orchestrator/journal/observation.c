#include "journal/observation.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static const char *const type_names[] = {
    "cell-begin", "cell-end", "step-begin", "step-end", "metric",
    "check",      "event",    "artifact",   "failure",  "note",
    "state",
    "drill",
};
static_assert(ARRAY_LEN(type_names) == OBS_TYPE_COUNT, "a name for every observation type");

const char *obs_type_name(enum obs_type t) {
    return (unsigned)t < OBS_TYPE_COUNT ? type_names[t] : "unknown";
}

int obs_type_parse(const char *name, enum obs_type *out) {
    for (int i = 0; i < OBS_TYPE_COUNT; i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum obs_type)i;
            return 0;
        }
    }
    return -1;
}

json_t *obs_to_json(const struct observation *o) {
    return json_pack("{s:s, s:i, s:I, s:i, s:s, s:s, s:I, s:s, s:O}", "cell", o->cell, "attempt",
                     o->attempt, "seq", (json_int_t)o->seq, "step", o->step, "kind", o->kind,
                     "phase", o->phase, "at_ms", (json_int_t)o->at_ms, "type",
                     obs_type_name(o->type), "data", o->data);
}

/* Ranges that hold for every observation ever written; a worker gone mad must not get past here. */
static int obs_check_ranges(json_int_t attempt, json_int_t seq, json_int_t step, json_int_t at_ms,
                            const char *phase, struct err *err) {
    if (attempt < 1 || attempt > 1000 || seq < 0 || step < -1 || step > 100000 || at_ms < 0) {
        return err_set(err, ERR_PROTOCOL, "observation: number out of range");
    }
    if (strcmp(phase, "before") != 0 && strcmp(phase, "after") != 0) {
        return err_set(err, ERR_PROTOCOL, "observation: unknown phase '%.40s'", phase);
    }
    return 0;
}

int obs_from_json(const json_t *j, struct observation *out, struct err *err) {
    const char *cell, *kind, *phase, *type_name;
    json_int_t attempt, seq, step, at_ms;
    json_t *data;
    json_error_t je;
    /* "!" refuses members that are not named here; the cast only drops const, nothing changes. */
    if (json_unpack_ex((json_t *)j, &je, 0, "{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:s, s:o !}",
                       "cell", &cell, "attempt", &attempt, "seq", &seq, "step", &step, "kind",
                       &kind, "phase", &phase, "at_ms", &at_ms, "type", &type_name, "data",
                       &data) < 0) {
        return err_set(err, ERR_PROTOCOL, "observation: %s", je.text);
    }
    enum obs_type type;
    if (obs_type_parse(type_name, &type) < 0) {
        return err_set(err, ERR_PROTOCOL, "observation: unknown type '%.40s'", type_name);
    }
    if (!json_is_object(data)) {
        return err_set(err, ERR_PROTOCOL, "observation: data is not an object");
    }
    if (obs_check_ranges(attempt, seq, step, at_ms, phase, err) < 0) {
        return -1;
    }
    *out = (struct observation){
        .cell = str_dup(cell), .attempt = (int)attempt,   .seq = seq,
        .step = (int)step,     .kind = str_dup(kind),     .phase = str_dup(phase),
        .at_ms = at_ms,        .type = type,              .data = json_incref(data),
    };
    return 0;
}

void obs_clear(struct observation *o) {
    free(o->cell);
    free(o->kind);
    free(o->phase);
    json_decref(o->data);
    memset(o, 0, sizeof(*o));
}
