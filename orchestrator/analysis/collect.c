/* One observation after the other into the facts of its cell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/facts.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char *collect_text(const struct observation *o, const char *key) {
    const char *text = json_string_value(json_object_get(o->data, key));
    return text ? text : "";
}

/* Bounded, cut between characters (UTF-8 continuation bytes are 10xxxxxx). Caller frees. */
static char *collect_cut(const char *text) {
    size_t len = strlen(text);
    if (len <= FACTS_MAX_TEXT) {
        return str_dup(text);
    }
    size_t keep = FACTS_MAX_TEXT;
    while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
        keep--;
    }
    return str_printf("%.*s [cut, %zu bytes in all]", (int)keep, text, len);
}

static bool collect_is_after(const struct observation *o) {
    return str_eq(o->phase, "after");
}

__attribute__((format(printf, 3, 4))) static void
collect_evidence(struct cell_facts *c, const struct observation *o, const char *fmt, ...) {
    if (c->evidence.count >= FACTS_MAX_ENTRIES) {
        if (c->evidence_dropped++ == 0) {
            texts_addf(&c->evidence, "more follows in the journal, from observation %lld on",
                       (long long)o->seq);
        }
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0) {
        abort();
    }
    va_end(ap);
    CLEANUP_FREE char *cut = collect_cut(text);
    free(text);
    if (o->step >= 0) {
        texts_addf(&c->evidence, "step %d %s: %s", o->step, o->kind, cut);
    } else {
        texts_addf(&c->evidence, "%s", cut);
    }
}

struct fact_failure *facts_add_failure(struct cell_facts *c, const struct observation *o,
                                       enum failure_class cls, const char *text) {
    static const int most = FACTS_MAX_ENTRIES;
    if (c->failure_count >= (size_t)most) {
        return NULL;
    }
    c->failures = mem_grow(c->failures, c->failure_count + 1, sizeof(*c->failures));
    struct fact_failure *f = &c->failures[c->failure_count++];
    *f = (struct fact_failure){
        .cls = cls, .text = collect_cut(text), .after = collect_is_after(o), .step = o->step,
        .kind = str_dup(o->kind), .seq = o->seq,
        .product = str_dup(json_string_value(json_object_get(o->data, "product"))),
    };
    return f;
}

/* Everything with a time goes on the line of time, bounded like all else. Takes text. */
static void collect_moment(struct cell_facts *c, const struct observation *o, const char *type, char *text) {
    if (c->moment_count >= 5 * (size_t)FACTS_MAX_ENTRIES) {
        free(text);
        return;
    }
    c->moments = mem_grow(c->moments, c->moment_count + 1, sizeof(*c->moments));
    c->moments[c->moment_count++] = (struct analysis_moment){o->at_ms, type, text};
}

static void collect_moment_of(struct cell_facts *c, const struct observation *o) {
    CLEANUP_FREE char *text = collect_cut(collect_text(o, "text"));
    CLEANUP_FREE char *what = collect_cut(collect_text(o, o->type == OBS_ARTIFACT ? "role" : "what"));
    CLEANUP_FREE char *name = collect_cut(collect_text(o, o->type == OBS_FAILURE ? "class" : "name"));
    bool ok = json_is_true(json_object_get(o->data, "ok"));
    switch (o->type) {
    case OBS_STEP_BEGIN:
        collect_moment(c, o, "step", str_printf("%s begins", o->kind));
        break;
    case OBS_STEP_END:
        collect_moment(c, o, "step", str_printf("%s %s", o->kind, collect_text(o, "skipped")[0] ? "skipped"
                                                                   : ok                         ? "ends"
                                                                                                : "ends in failure"));
        break;
    case OBS_EVENT:
        collect_moment(c, o, "event", str_printf("%s%s%s", what, *text ? ": " : "", text));
        break;
    case OBS_FAILURE:
        collect_moment(c, o, "failure", str_printf("%s: %s", name, text));
        break;
    case OBS_CHECK:
        if (!ok) {
            collect_moment(c, o, "check", str_printf("%s %s is not as expected", what, name));
        }
        break;
    case OBS_ARTIFACT:
        collect_moment(c, o, "artifact", str_printf("%s %s", what, name));
        break;
    case OBS_NOTE:
        collect_moment(c, o, "note", str_dup(text));
        break;
    default: /* samples have tables and charts of their own */
        break;
    }
}

static void collect_failure(struct cell_facts *c, const struct observation *o) {
    enum failure_class cls = FAILURE_NOT_KNOWN;
    const char *name = collect_text(o, "class");
    const char *text = collect_text(o, "text");
    if (failure_class_parse(name, &cls) < 0) {
        cls = FAILURE_NOT_KNOWN; /* a newer worker's class: something is wrong, we cannot say what */
    }
    if (cls == FAILURE_NONE) {
        return;
    }
    struct fact_failure *f = facts_add_failure(c, o, cls, text);
    json_int_t boots = json_integer_value(json_object_get(o->data, "boots"));
    if (f && boots > 0 && boots < 1000) {
        f->boots = (int)boots;
    }
    const char *product = json_string_value(json_object_get(o->data, "product"));
    collect_evidence(c, o, "failure %s%s%s%s: %s", name, product ? " (" : "",
                     product ? product : "", product ? ")" : "", text);
}

static enum failure_class collect_check_class(const char *what) {
    static const struct {
        const char *what;
        enum failure_class cls;
    } classes[] = {
        {"service", FAILURE_SERVICE_DOWN},      {"driver", FAILURE_DRIVER_DOWN},
        {"process", FAILURE_PROCESS_DOWN},      {"file", FAILURE_FILE_DAMAGED},
        {"registry", FAILURE_REGISTRY_DAMAGED}, {"detection", FAILURE_PROTECTION_LOST},
        {"took", FAILURE_UPDATE_NOT_APPLIED},  {"resource", FAILURE_RESOURCE_RUNAWAY},
        {"restarts", FAILURE_RESTART_LOOP},     {"launch", FAILURE_APPLICATION_BROKEN},
        {"residue", FAILURE_RESIDUE},
    };
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (str_eq(classes[i].what, what)) {
            return classes[i].cls;
        }
    }
    return FAILURE_NOT_KNOWN;
}

/* A check that is asked again and then holds was only early. */
static void collect_forgive(struct cell_facts *c, const struct observation *o) {
    for (size_t i = 0; i < c->failure_count; i++) {
        struct fact_failure *f = &c->failures[i];
        if (f->from_check && f->step == o->step && str_eq(f->check_what, collect_text(o, "what")) &&
            str_eq(f->subject, collect_text(o, "name"))) {
            facts_failure_clear(f);
            memmove(f, f + 1, (c->failure_count - i - 1) * sizeof(*f));
            c->failure_count--;
            i--;
        }
    }
}

/* Values of a check are strings mostly; whatever else a worker writes is shown as JSON. Caller frees. */
static char *collect_value(const struct observation *o, const char *key) {
    const json_t *v = json_object_get(o->data, key);
    if (!v || json_is_null(v)) {
        return str_dup("nothing");
    }
    if (json_is_string(v)) {
        return collect_cut(json_string_value(v));
    }
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    return text ? text : str_dup("?");
}

static void collect_check(struct cell_facts *c, const struct observation *o) {
    const char *what = collect_text(o, "what");
    const char *name = collect_text(o, "name");
    if (json_is_true(json_object_get(o->data, "ok"))) {
        collect_forgive(c, o);
        return;
    }
    CLEANUP_FREE char *expected = collect_value(o, "expected");
    CLEANUP_FREE char *found = collect_value(o, "found");
    CLEANUP_FREE char *text = str_printf("%s %s: expected %s, found %s", what, name, expected, found);
    struct fact_failure *f = facts_add_failure(c, o, collect_check_class(what), text);
    if (f) {
        f->from_check = true;
        f->subject = str_dup(name);
        f->check_what = str_dup(what);
    }
    const char *product = json_string_value(json_object_get(o->data, "product"));
    collect_evidence(c, o, "check failed%s%s: %s", product ? " for " : "", product ? product : "",
                     text);
}

static void collect_event(struct cell_facts *c, const struct observation *o) {
    const char *what = collect_text(o, "what");
    if (str_eq(what, "panicked") && !str_eq(o->kind, "drill")) {
        *(collect_is_after(o) ? &c->panics_after : &c->panics_before) += 1;
    }
    bool restart = str_eq(what, "reset") || str_eq(what, "shutdown");
    if (str_eq(what, "started") || str_eq(what, "ready") || str_eq(what, "restored") ||
        str_eq(what, "clock") ||
        (restart && (str_eq(o->kind, "reboot") || str_eq(o->kind, "install")))) {
        return; /* the ordinary course; the timeline has it */
    }
    const char *text = collect_text(o, "text");
    collect_evidence(c, o, "event %s%s%s", what, *text ? ": " : "", text);
}

static void collect_artifact(struct cell_facts *c, const struct observation *o) {
    const char *sha256 = collect_text(o, "sha256");
    if (c->artifact_count >= FACTS_MAX_ENTRIES || strlen(sha256) != 64 ||
        strspn(sha256, "0123456789abcdef") != 64) {
        return; /* the digest becomes a path: nothing else may */
    }
    c->artifacts = mem_grow(c->artifacts, c->artifact_count + 1, sizeof(*c->artifacts));
    c->artifacts[c->artifact_count++] = (struct analysis_artifact){
        .role = collect_cut(collect_text(o, "role")),
        .name = collect_cut(collect_text(o, "name")),
        .sha256 = str_dup(sha256),
        .phase = str_dup(o->phase),
        .bytes = json_integer_value(json_object_get(o->data, "bytes")),
        .moment = c->moment_count ? c->moment_count - 1 : 0,
    };
}

static void collect_drill(struct cell_facts *c, const struct observation *o) {
    if (c->drill_count >= FACTS_MAX_ENTRIES) {
        return;
    }
    c->drills = mem_grow(c->drills, c->drill_count + 1, sizeof(*c->drills));
    struct analysis_drill *d = &c->drills[c->drill_count++];
    *d = (struct analysis_drill){
        .what = collect_cut(collect_text(o, "what")), .text = collect_cut(collect_text(o, "text")),
        .ok = json_is_true(json_object_get(o->data, "ok")),
        .ms = json_integer_value(json_object_get(o->data, "ms")),
    };
    collect_evidence(c, o, "drill %s %s: %s", d->what, d->ok ? "worked" : "failed", d->text);
}

static void collect_step_begin(struct cell_facts *c, const struct observation *o) {
    if (c->step_count >= FACTS_MAX_ENTRIES) {
        return;
    }
    c->steps = mem_grow(c->steps, c->step_count + 1, sizeof(*c->steps));
    c->steps[c->step_count++] = (struct analysis_step){
        .kind = str_dup(o->kind), .phase = str_dup(o->phase), .begin_ms = o->at_ms, .ms = -1};
}

static void collect_step_end(struct cell_facts *c, const struct observation *o) {
    const char *skipped = json_string_value(json_object_get(o->data, "skipped"));
    if (c->step_count == 0 || c->steps[c->step_count - 1].ms >= 0 ||
        !str_eq(c->steps[c->step_count - 1].kind, o->kind)) {
        collect_step_begin(c, o); /* a skipped step may end without having begun */
    }
    if (c->step_count == 0) {
        return;
    }
    struct analysis_step *s = &c->steps[c->step_count - 1];
    s->ms = json_integer_value(json_object_get(o->data, "ms"));
    s->ms = s->ms < 0 ? 0 : s->ms;
    s->ok = json_is_true(json_object_get(o->data, "ok"));
    free(s->skipped);
    s->skipped = skipped ? collect_cut(skipped) : NULL;
}

static void collect_host(struct cell_facts *c, const char *host) {
    free(c->host);
    c->host = host ? collect_cut(host) : NULL;
}

static void collect_loss(struct cell_facts *c, const struct observation *o, enum failure_class cls,
                         const char *path, bool gone) {
    const char *whose = cls == FAILURE_SYSTEM_FILE ? "the system's" : "the user's";
    CLEANUP_FREE char *text = str_printf("%s file %s is %s", whose, path, gone ? "gone" : "changed");
    struct fact_failure *f = facts_add_failure(c, o, cls, text);
    if (f) {
        f->subject = str_dup(path);
    }
    collect_evidence(c, o, "%s: %s", failure_class_name(cls), text);
}

/* An update of the system may change the system's files; nothing may lose them. */
static void collect_files(struct cell_facts *c, const struct observation *o) {
    const struct model_update *u = c->plan->update;
    bool sum = str_eq(collect_text(o, "role"), "system-crc");
    bool system = sum || str_eq(collect_text(o, "role"), "system");
    bool may_change = system && u && u->kind == UPDATE_OS && collect_is_after(o);
    const char *path;
    json_t *value;
    if (!system && !str_eq(collect_text(o, "role"), "canary")) {
        return;
    }
    json_object_foreach(json_object_get(o->data, "files"), path, value) {
        const char *mark = json_string_value(value);
        bool lost = (mark || json_is_null(value)) &&
                    kept_is_lost(sum ? &c->sums : &c->kept, path, mark, may_change);
        if (lost && !(sum && kept_is_told(&c->kept, path))) {
            collect_loss(c, o, system ? FAILURE_SYSTEM_FILE : FAILURE_DATA_LOST, path, mark == NULL);
        }
    }
}

void facts_observe(struct cell_facts *c, const struct observation *o) {
    collect_moment_of(c, o);
    switch (o->type) {
    case OBS_CELL_END:
        c->ended = true;
        c->complete = json_is_true(json_object_get(o->data, "complete"));
        collect_host(c, json_string_value(json_object_get(o->data, "host")));
        break;
    case OBS_STEP_BEGIN:
        collect_step_begin(c, o);
        break;
    case OBS_STEP_END:
        collect_step_end(c, o);
        break;
    case OBS_METRIC:
        sample_set_add(&c->samples, o->data, collect_is_after(o) ? SAMPLE_AFTER : SAMPLE_BEFORE);
        break;
    case OBS_CHECK:
        collect_check(c, o);
        break;
    case OBS_EVENT:
        collect_event(c, o);
        break;
    case OBS_ARTIFACT:
        collect_artifact(c, o);
        break;
    case OBS_FAILURE:
        collect_failure(c, o);
        break;
    case OBS_NOTE:
        collect_evidence(c, o, "note: %s", collect_text(o, "text"));
        break;
    case OBS_FILES:
        collect_files(c, o);
        break;
    case OBS_DRILL:
        collect_drill(c, o);
        break;
    case OBS_CELL_BEGIN:
    case OBS_STATE:
    case OBS_TYPE_COUNT:
        break;
    }
}
