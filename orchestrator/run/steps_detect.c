/* Does each product still detect? A harmless sample is put where the product must see it. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell_state.h"

/* The EICAR standard anti-malware test file (eicar.org, 68 bytes), in halves: whole it would make
 * scanners on the host take this program for it. */
#define EICAR_1 "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAND"
#define EICAR_2 "ARD-ANTIVIRUS-TEST-FILE!$H+H*"

/* Host path of the sample to put; caller frees. The file is made when it is EICAR. */
static char *detect_sample(struct cell *c, const struct model_detection *d, struct err *err) {
    if (d->content_file) {
        return str_dup(d->content_file);
    }
    CLEANUP_FREE char *path = fs_join(c->env->scratch_dir, "sample.bin");
    CLEANUP_FREE char *text = str_printf("%s%s", EICAR_1, EICAR_2);
    if (fs_write_atomic(path, text, strlen(text), 0600, err) < 0) {
        c->side = CELL_SIDE_HOST;
        return NULL;
    }
    return STEAL(path);
}

/* What became of the sample: 1 blocked or gone, 0 still there, -1 with err. */
static int detect_look(struct cell *c, const struct model_detection *d, struct err *err) {
    json_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    json_t *args = json_pack("{s:s}", "path", d->path);
    int rc = cell_call(c, "stat", args, c->env->limits.call, &result, &refused);
    bool exists = rc == 0 && json_is_true(json_object_get(result, "exists"));
    json_decref(result);
    if (rc < 0 && refused.cls != ERR_REFUSED) {
        err_move(err, &refused);
        return -1;
    }
    if (rc < 0 || !exists) {
        return 1;
    }
    if (d->expect != DETECT_UNREADABLE) {
        return 0;
    }
    err_clear(&refused);
    args = json_pack("{s:s, s:i, s:i}", "path", d->path, "offset", 0, "length", 16);
    result = NULL;
    rc = cell_call(c, "get", args, c->env->limits.call, &result, &refused);
    json_decref(result);
    if (rc < 0 && refused.cls != ERR_REFUSED) {
        err_move(err, &refused);
        return -1;
    }
    return rc < 0;
}

/* Polls until the product has acted or its time is over. 1: it has, 0: it has not, -1 with err. */
static int detect_await(struct cell *c, const struct model_detection *d, int64_t since,
                        struct err *err) {
    int64_t deadline = since + d->within_ms * CLOCK_MS;
    for (;;) {
        int seen = detect_look(c, d, err);
        if (seen != 0) {
            return seen;
        }
        if (cell_stop_now(c)) {
            return err_set(err, ERR_INTERRUPT, "told to stop at once");
        }
        if (clock_now(c->env->clock) >= deadline) {
            return 0;
        }
        int64_t next = cell_in(c, c->env->limits.poll);
        if (cell_watch(c, next < deadline ? next : deadline, err) != 0) {
            c->side = CELL_SIDE_GUEST;
            return err_is_set(err) ? -1 : err_set(err, ERR_INTERRUPT, "the VM failed meanwhile");
        }
    }
}

/* Leftovers would make the next check meaningless; that there is nothing to remove is usual. */
static int detect_clean(struct cell *c, const struct model_detection *d, struct err *err) {
    json_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    int rc = cell_call(c, "remove", json_pack("{s:s}", "path", d->path), c->env->limits.call,
                       &result, &refused);
    json_decref(result);
    if (rc < 0 && refused.cls != ERR_REFUSED) {
        err_move(err, &refused);
        return -1;
    }
    return 0;
}

static void detect_say(struct cell *c, const struct model_product *p, bool ok, const char *found,
                       int64_t since) {
    static const char *const expected[] = {"removed", "unreadable", "success"};
    const struct model_detection *d = &p->detection;
    cell_check(c, "detection", d->name, p->id, ok, expected[d->expect], found);
    if (ok) {
        cell_metric(c, &(struct cell_metric){
                           .name = "detect", .unit = "ms", .source = "lab", .product = p->id,
                           .value = (double)(clock_now(c->env->clock) - since) / (double)CLOCK_MS,
                           .reference_ms = __builtin_nan("")});
    } else {
        cell_fail(c, FAILURE_PROTECTION_LOST, p->id, "%s: expected %s, found %s", d->name,
                  expected[d->expect], found);
    }
}

static int detect_by_file(struct cell *c, const struct model_product *p, struct err *err) {
    const struct model_detection *d = &p->detection;
    CLEANUP_FREE char *sample = detect_sample(c, d, err);
    if (!sample || detect_clean(c, d, err) < 0) {
        return -1;
    }
    int64_t since = clock_now(c->env->clock);
    CLEANUP_ERR struct err put = ERR_INIT;
    if (cell_put(c, sample, d->path, &put) < 0) {
        if (put.cls != ERR_REFUSED) {
            err_move(err, &put);
            return -1;
        }
        detect_say(c, p, true, "refused while it was written", since);
        return 0;
    }
    int seen = detect_await(c, d, since, err);
    if (seen < 0) {
        return -1;
    }
    char found[80];
    snprintf(found, sizeof(found), seen ? "gone" : "still there after %lld ms",
             (long long)d->within_ms);
    detect_say(c, p, seen > 0, found, since);
    return seen > 0 ? 0 : detect_clean(c, d, err);
}

static int detect_by_command(struct cell *c, const struct model_product *p, struct err *err) {
    const struct model_command *cmd = &p->detection.command;
    CLEANUP(guest_exec_free) struct guest_exec x = {0};
    int64_t since = clock_now(c->env->clock);
    if (cell_exec(c, cmd->command, cmd->timeout_ms, &x, err) < 0) {
        return -1;
    }
    bool ok = !x.timed_out && model_codes_hold(&cmd->success, x.exit_code);
    char found[80];
    snprintf(found, sizeof(found), x.timed_out ? "not done in time" : "exit code %u", x.exit_code);
    detect_say(c, p, ok, found, since);
    return 0;
}

int step_detect(struct cell *c, struct err *err) {
    for (size_t i = 0; i < c->env->cell->product_count; i++) {
        const struct model_product *p = c->env->cell->products[i];
        if (!c->installed[i] || !p->detection.name) {
            continue;
        }
        int rc = p->detection.expect == DETECT_COMMAND ? detect_by_command(c, p, err)
                                                       : detect_by_file(c, p, err);
        if (rc < 0) {
            err_prefix(err, "detection check of %s", p->id);
            return -1;
        }
    }
    return 0;
}
