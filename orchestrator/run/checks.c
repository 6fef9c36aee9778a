#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "run/cell_state.h"

/* Lists are asked for once in a look, then shared by all checks of that look. */
struct check_round {
    json_t *processes, *drivers; /* arrays, owned; NULL until asked for */
};

struct check_round *check_round_new(void) {
    return mem_zalloc(1, sizeof(struct check_round));
}

void check_round_free(struct check_round *r) {
    if (r) {
        json_decref(r->processes);
        json_decref(r->drivers);
        free(r);
    }
}

static void check_say(char out[200], const char *text) {
    snprintf(out, 200, "%s", text ? text : "");
}

static const char *check_string(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* Asks one question; 1 with *result, 0 when the guest says there is no such thing, -1 with err. */
static int check_ask(struct cell *c, const char *op, json_t *args, json_t **result,
                     struct err *err) {
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_call(c, op, args, c->env->limits.call, result, &refused) == 0) {
        return 1;
    }
    if (refused.cls == ERR_REFUSED && strstr(err_text(&refused), "not-found")) {
        return 0;
    }
    err_move(err, &refused);
    return -1;
}

static int check_list(struct cell *c, const char *op, json_t **kept, struct err *err) {
    if (*kept) {
        return 0;
    }
    json_t *result = NULL;
    if (cell_call(c, op, NULL, c->env->limits.call, &result, err) < 0) {
        return -1;
    }
    json_t *items = json_object_get(result, "items");
    *kept = json_is_array(items) ? json_incref(items) : json_array();
    json_decref(result);
    return 0;
}

static size_t check_stem(const char *name, const char *extension) {
    size_t n = strlen(name), e = strlen(extension);
    return n > e && str_eq_nocase(name + n - e, extension) ? n - e : n;
}

/* The item of that name (Windows names: any letter case; the extension may be left out, and a driver's service have the
 * name of its file), or NULL. */
static const json_t *check_find(const json_t *items, const char *name, const char *extension) {
    size_t stem = check_stem(name, extension);
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)items, i, item) {
        const char *have = check_string(item, "name");
        if (have && check_stem(have, extension) == stem && strncasecmp(have, name, stem) == 0) {
            return item;
        }
    }
    return NULL;
}

static int check_service(struct cell *c, struct check_round *r, const struct model_check *k,
                         struct check_result *out, struct err *err) {
    (void)r;
    json_t *result = NULL;
    int there = check_ask(c, "service", json_pack("{s:s}", "name", k->name), &result, err);
    if (there < 0) {
        return -1;
    }
    const char *state = there ? check_string(result, "state") : NULL;
    check_say(out->expected, k->expect ? k->expect : "present");
    check_say(out->found, there ? (state ? state : "no state") : "absent");
    out->ok = there && (!k->expect || (state && str_eq_nocase(state, k->expect)));
    json_decref(result);
    return 0;
}

static int check_driver(struct cell *c, struct check_round *r, const struct model_check *k,
                        struct check_result *out, struct err *err) {
    if (check_list(c, "drivers", &r->drivers, err) < 0) {
        return -1;
    }
    const json_t *item = check_find(r->drivers, k->name, ".sys");
    const char *state = item ? check_string(item, "state") : NULL;
    const char *want = k->expect ? k->expect : "running";
    check_say(out->expected, want);
    check_say(out->found, item ? (state ? state : "no state") : "absent");
    out->ok = state && str_eq_nocase(state, want);
    return 0;
}

static int check_process(struct cell *c, struct check_round *r, const struct model_check *k,
                         struct check_result *out, struct err *err) {
    if (check_list(c, "processes", &r->processes, err) < 0) {
        return -1;
    }
    out->ok = check_find(r->processes, k->name, ".exe") != NULL;
    check_say(out->expected, "running");
    check_say(out->found, out->ok ? "running" : "absent");
    return 0;
}

/* One property of a file that is there: op's answer `key` against `want`. */
static int check_file_property(struct cell *c, const struct model_check *k, const char *op,
                               const char *key, const char *want, struct check_result *out,
                               struct err *err) {
    json_t *result = NULL;
    int there = check_ask(c, op, json_pack("{s:s}", "path", k->name), &result, err);
    if (there < 0) {
        return -1;
    }
    const char *have = there ? check_string(result, key) : NULL;
    out->ok = have && str_eq_nocase(have, want);
    check_say(out->expected, want);
    check_say(out->found, there ? (have ? have : "none") : "absent");
    json_decref(result);
    return 0;
}

static int check_file(struct cell *c, struct check_round *r, const struct model_check *k,
                      struct check_result *out, struct err *err) {
    (void)r;
    json_t *result = NULL;
    int there = check_ask(c, "stat", json_pack("{s:s}", "path", k->name), &result, err);
    if (there < 0) {
        return -1;
    }
    out->ok = there && json_is_true(json_object_get(result, "exists"));
    json_decref(result);
    check_say(out->expected, "present");
    check_say(out->found, out->ok ? "present" : "absent");
    if (out->ok && k->expect &&
        check_file_property(c, k, "file_version", "file_version", k->expect, out, err) < 0) {
        return -1;
    }
    if (out->ok && k->sha256) {
        return check_file_property(c, k, "hash", "sha256", k->sha256, out, err);
    }
    return 0;
}

static int check_registry(struct cell *c, struct check_round *r, const struct model_check *k,
                          struct check_result *out, struct err *err) {
    (void)r;
    json_t *result = NULL;
    json_t *args = json_pack("{s:s, s:s}", "key", k->name, "value", k->value ? k->value : "");
    int there = check_ask(c, "registry", args, &result, err);
    if (there < 0) {
        return -1;
    }
    bool exists = there && json_is_true(json_object_get(result, "exists"));
    const char *data = exists ? check_string(result, "data") : NULL;
    out->ok = exists && (!k->expect || str_eq(data, k->expect));
    check_say(out->expected, k->expect ? k->expect : "present");
    check_say(out->found, exists ? (data ? data : "present") : "absent");
    json_decref(result);
    return 0;
}

static const struct check_row {
    int (*look)(struct cell *c, struct check_round *r, const struct model_check *k,
                struct check_result *out, struct err *err);
    enum failure_class failure;
} check_rows[] = {
    [CHECK_SERVICE] = {check_service, FAILURE_SERVICE_DOWN},
    [CHECK_DRIVER] = {check_driver, FAILURE_DRIVER_DOWN},
    [CHECK_PROCESS] = {check_process, FAILURE_PROCESS_DOWN},
    [CHECK_FILE] = {check_file, FAILURE_FILE_DAMAGED},
    [CHECK_REGISTRY] = {check_registry, FAILURE_REGISTRY_DAMAGED},
};
static_assert(ARRAY_LEN(check_rows) == CHECK_KIND_COUNT, "a row for every kind of check");

int check_look(struct cell *c, struct check_round *r, const struct model_check *check,
               struct check_result *out, struct err *err) {
    *out = (struct check_result){0};
    return check_rows[check->kind].look(c, r, check, out, err);
}

enum failure_class check_failure_class(enum check_kind kind) {
    return check_rows[kind].failure;
}

const char *check_display_name(const struct model_check *check, char buf[300]) {
    if (check->kind == CHECK_REGISTRY && check->value && *check->value) {
        snprintf(buf, 300, "%s|%s", check->name, check->value);
    } else {
        snprintf(buf, 300, "%s", check->name);
    }
    return buf;
}
