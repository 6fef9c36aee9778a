#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell_state.h"

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7), 0 when it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t len;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (p[0] < 0x80) {
        return p[0] != 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (p[0] < rows[i].first_low || p[0] > rows[i].first_high) {
            continue;
        }
        bool ok = left >= rows[i].len && p[1] >= rows[i].second_low && p[1] <= rows[i].second_high;
        for (size_t k = 2; ok && k < rows[i].len; k++) {
            ok = (p[k] & 0xc0) == 0x80;
        }
        return ok ? rows[i].len : 0;
    }
    return 0;
}

json_t *cell_text(const char *bytes, size_t len, size_t max) {
    CLEANUP_STR struct str s = STR_INIT;
    const unsigned char *p = (const unsigned char *)bytes;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(p + i, len - i);
        if (s.len + (n ? n : 3) > max) {
            break;
        }
        if (n) {
            str_add_bytes(&s, p + i, n);
        } else {
            str_add(&s, "\xef\xbf\xbd");
        }
        i += n ? n : 1;
    }
    return json_stringn(str_get(&s), s.len);
}

static json_t *text_of(const char *text) {
    return text ? cell_text(text, strlen(text), CELL_TEXT_MAX) : json_null();
}

static json_t *text_of_va(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
static json_t *text_of_va(const char *fmt, va_list ap) {
    char buf[CELL_TEXT_MAX + 1];
    vsnprintf(buf, sizeof(buf), fmt, ap);
    return text_of(buf);
}

void cell_emit(struct cell *c, enum obs_type type, json_t *data) {
    const struct cell_env *env = c->env;
    struct observation o = {
        .cell = env->cell->id,
        .attempt = env->attempt,
        .seq = c->seq++,
        .step = c->step,
        .kind = (char *)c->kind,
        .phase = (char *)(c->phase == PHASE_AFTER ? "after" : "before"),
        .at_ms = (clock_now(env->clock) - c->began_ns) / CLOCK_MS,
        .type = type,
        .data = data ? data : json_object(),
    };
    env->emit(env->emit_ctx, &o);
    json_decref(o.data);
}

void cell_note(struct cell *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    json_t *text = text_of_va(fmt, ap);
    va_end(ap);
    cell_emit(c, OBS_NOTE, json_pack("{s:o}", "text", text));
}

void cell_event(struct cell *c, const char *what, const char *text) {
    cell_emit(c, OBS_EVENT, json_pack("{s:s, s:o}", "what", what, "text", text_of(text)));
}

void cell_metric(struct cell *c, const struct cell_metric *m) {
    if (c->drilling) {
        return;
    }
    if (!isfinite(m->value)) {
        cell_note(c, "metric %s: a value that is no number was dropped", m->name);
        return;
    }
    json_t *data = json_pack("{s:o, s:o, s:s, s:f, s:i}", "name", text_of(m->name), "unit",
                             text_of(m->unit), "source", m->source, "value", m->value, "rep",
                             m->rep);
    if (isfinite(m->reference_ms)) {
        json_object_set_new(data, "reference_ms", json_real(m->reference_ms));
    }
    if (isfinite(m->starved) && m->starved > 0) {
        json_object_set_new(data, "starved", json_real(m->starved));
    }
    if (m->process) {
        json_object_set_new(data, "process", text_of(m->process));
    }
    if (m->product) {
        json_object_set_new(data, "product", text_of(m->product));
    }
    cell_emit(c, OBS_METRIC, data);
}

void cell_check(struct cell *c, const char *what, const char *name, const char *product, bool ok,
                const char *expected, const char *found) {
    if (c->drilling) {
        return; /* one that does not hold in the end is told as a fault */
    }
    cell_emit(c, OBS_CHECK,
              json_pack("{s:s, s:o, s:o, s:b, s:o, s:o}", "what", what, "name", text_of(name),
                        "product", text_of(product), "ok", ok, "expected", text_of(expected),
                        "found", text_of(found)));
}

const struct model_product *cell_module_owner(const struct cell *c, const char *name, size_t cut) {
    const struct plan_cell *p = c->env->cell;
    const struct model_product *owner = NULL;
    for (size_t i = 0; i < p->product_count; i++) {
        if (!model_owner_take(&owner, p->products[i], name, cut)) {
            return NULL;
        }
    }
    return owner;
}

int cell_artifact(struct cell *c, const char *role, const char *name, const char *host_path,
                  struct err *err) {
    char hex[FS_SHA256_HEX];
    int64_t bytes = fs_size(host_path);
    if (fs_store(c->env->artifact_dir, host_path, hex, err) < 0) {
        c->side = CELL_SIDE_HOST;
        err_prefix(err, "keep %s", role);
        return -1;
    }
    cell_emit(c, OBS_ARTIFACT,
              json_pack("{s:s, s:o, s:s, s:I}", "role", role, "name", text_of(name), "sha256", hex,
                        "bytes", (json_int_t)bytes));
    return 0;
}

static void fail_remember(struct cell *c, enum failure_class class, const json_t *text) {
    c->step_failures |= UINT64_C(1) << class;
    if (!c->failed) {
        c->failed_at = c->step;
        c->failed = str_printf("%s %s%s", failure_class_name(class),
                               *c->kind ? "in step " : "before its first step", c->kind);
    }
    if (c->infra == FAILURE_NONE && failure_class_is_infrastructure(class)) {
        c->infra = class;
        c->infra_text = str_dup(json_string_value(text));
    }
}

/* A later look finds again what an earlier one told of. */
static bool fail_is_told(struct cell *c, enum failure_class class, const char *text) {
    CLEANUP_FREE char *one = str_printf("%d %s", (int)class, text);
    for (size_t i = 0; i < c->told_count; i++) {
        if (str_eq(c->told[i], one)) {
            return true;
        }
    }
    c->told = mem_grow(c->told, c->told_count + 1, sizeof(*c->told));
    c->told[c->told_count++] = STEAL(one);
    return false;
}

static void fail_emit(struct cell *c, enum failure_class class, const char *product, int boots,
                      const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

static void fail_emit(struct cell *c, enum failure_class class, const char *product, int boots,
                      const char *fmt, va_list ap) {
    char buf[CELL_TEXT_MAX + 1];
    vsnprintf(buf, sizeof(buf), fmt, ap);
    if (c->drilling) {
        c->drill_faults++;
        cell_note(c, "in the drill: %s: %s", failure_class_name(class), buf);
        return;
    }
    if (cell_stop_now(c)) { /* what was cut short proves nothing */
        cell_note(c, "not judged, told to stop at once: %s", buf);
        return;
    }
    if (boots == 0 && fail_is_told(c, class, buf)) {
        c->step_failures |= UINT64_C(1) << class;
        return;
    }
    CLEANUP_FREE char *said = NULL;
    if (!c->touched && !failure_class_is_infrastructure(class)) {
        said = str_printf("%s before anything of a product ran: %s", failure_class_name(class),
                          buf);
        class = FAILURE_IMAGE;
    }
    json_t *text = text_of(said ? said : buf);
    fail_remember(c, class, text);
    log_warn(c->env->log, "%s: %s: %s", c->env->cell->id, failure_class_name(class),
             json_string_value(text));
    json_t *data = json_pack("{s:s, s:o, s:o}", "class", failure_class_name(class), "text", text,
                             "product", text_of(product));
    if (boots > 0) {
        json_object_set_new(data, "boots", json_integer(boots));
    }
    cell_emit(c, OBS_FAILURE, data);
}

void cell_fail(struct cell *c, enum failure_class class, const char *product, const char *fmt,
               ...) {
    va_list ap;
    va_start(ap, fmt);
    fail_emit(c, class, product, 0, fmt, ap);
    va_end(ap);
}

void cell_fail_boots(struct cell *c, enum failure_class class, int boots, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fail_emit(c, class, NULL, boots, fmt, ap);
    va_end(ap);
}

void cell_fail_host_lost(struct cell *c, const char *why) {
    if (!c->host_lost) {
        c->host_lost = true;
        cell_emit(c, OBS_EVENT, json_pack("{s:s, s:s}", "what", "host-lost", "text", why));
        cell_fail(c, FAILURE_HOST_RESOURCES, NULL, "%s", why);
    }
}
