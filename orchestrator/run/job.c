#include "run/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

char *job_to_text(const struct sched_job *j, json_t *host) {
    json_t *o = json_object();
    json_t *save = json_array();
    if (j->from) {
        json_object_set_new(o, "from",
                            json_pack("{s:s, s:I, s:s, s:i, s:I}", "state", j->from, "steps",
                                      (json_int_t)j->from_steps, "cell", j->from_cell, "attempt",
                                      j->from_attempt, "at_ms", (json_int_t)j->from_ms));
    }
    for (size_t i = 0; i < j->save_count; i++) {
        json_array_append_new(save, json_pack("{s:I, s:s}", "after", (json_int_t)j->save_after[i],
                                              "name", j->save_names[i]));
    }
    json_object_set_new(o, "save", save);
    if (j->cold) {
        json_object_set_new(o, "cold", json_true());
    }
    if (host) {
        json_object_set(o, "host", host);
    }
    if (j->points) {
        json_object_set_new(o, "points", json_string(j->points));
        json_object_set_new(o, "points_max", json_integer(j->points_max));
        json_object_set_new(o, "every_ms", json_integer(j->point_every / CLOCK_MS));
    }
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text ? text : str_dup("{}");
}

/* A state's name is a folder's: nothing else may be made of it. */
static bool job_name_ok(const char *name) {
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= 200;
}

static int job_parse_from(const json_t *j, size_t step_count, struct cell_from *out,
                          struct err *err) {
    const char *state, *cell;
    json_int_t steps, attempt, at_ms;
    json_error_t je;
    if (!j) {
        return 0;
    }
    if (json_unpack_ex((json_t *)j, &je, 0, "{s:s, s:I, s:s, s:I, s:I !}", "state", &state, "steps",
                       &steps, "cell", &cell, "attempt", &attempt, "at_ms", &at_ms) < 0) {
        return err_set(err, ERR_BUG, "job: from: %s", je.text);
    }
    if (!job_name_ok(state) || steps < 1 || (size_t)steps >= step_count || attempt < 1 ||
        attempt > 1000 || at_ms < 0) {
        return err_set(err, ERR_BUG, "job: from: out of range");
    }
    *out = (struct cell_from){.state = str_dup(state), .steps = (size_t)steps, .cell = str_dup(cell),
                              .attempt = (int)attempt, .at_ms = at_ms};
    return 0;
}

static int job_parse_save(const json_t *list, size_t step_count, struct cell_save *out,
                          struct err *err) {
    size_t count = json_array_size(list);
    size_t *after = mem_zalloc(count + 1, sizeof(*after));
    char **names = mem_zalloc(count + 1, sizeof(*names));
    out->after = after;
    out->names = (const char *const *)names;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        json_int_t n;
        if (json_unpack(json_array_get(list, i), "{s:I, s:s !}", "after", &n, "name", &name) < 0 ||
            !job_name_ok(name) || n < 1 || (size_t)n > step_count) {
            return err_set(err, ERR_BUG, "job: save: entry %zu makes no sense", i);
        }
        after[i] = (size_t)n;
        names[i] = str_dup(name);
        out->count++;
    }
    return 0;
}

static int job_parse_points(const json_t *j, struct cell_save *out, struct err *err) {
    const char *points = json_string_value(json_object_get(j, "points"));
    json_int_t every = json_integer_value(json_object_get(j, "every_ms"));
    json_int_t most = json_integer_value(json_object_get(j, "points_max"));
    if (!points) {
        return 0;
    }
    if (!job_name_ok(points) || most < 1 || most > 16 || every < 0 || every > INT64_MAX / CLOCK_MS) {
        return err_set(err, ERR_BUG, "job: points: out of range");
    }
    out->points = str_dup(points);
    out->points_max = (int)most;
    out->every = every * CLOCK_MS;
    return 0;
}

int job_parse(const char *text, size_t step_count, struct job *out, struct err *err) {
    *out = (struct job){0};
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int rc = -1;
    if (!json_is_object(j)) {
        err_set(err, ERR_BUG, "job: not a JSON object");
    } else if (job_parse_from(json_object_get(j, "from"), step_count, &out->from, err) == 0) {
        rc = job_parse_save(json_object_get(j, "save"), step_count, &out->save, err) < 0 ||
                     job_parse_points(j, &out->save, err) < 0
                 ? -1
                 : 0;
        out->cold = json_is_true(json_object_get(j, "cold"));
        out->host = json_incref(json_object_get(j, "host"));
    }
    json_decref(j);
    if (rc < 0) {
        job_clear(out);
    }
    return rc;
}

void job_clear(struct job *j) {
    free((char *)j->from.state);
    free((char *)j->from.cell);
    for (size_t i = 0; i < j->save.count; i++) {
        free((char *)j->save.names[i]);
    }
    free((size_t *)j->save.after);
    free((char **)j->save.names);
    json_decref(j->host);
    free((char *)j->save.points);
    *j = (struct job){0};
}
