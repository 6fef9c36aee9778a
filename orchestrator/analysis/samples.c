#include "analysis/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/stats.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "journal/observation.h"

static const char *sample_text(const json_t *data, const char *key) {
    const char *text = json_string_value(json_object_get(data, key));
    return text ? text : "";
}

static struct sample_series *sample_set_find(struct sample_set *set, const json_t *data,
                                             const char *name, const char *process) {
    const char *product = json_string_value(json_object_get(data, "product"));
    for (size_t i = 0; i < set->count; i++) {
        if (str_eq(set->items[i].name, name) && str_eq(set->items[i].process, process) &&
            str_eq(set->items[i].product, product)) {
            return &set->items[i];
        }
    }
    return NULL;
}

static struct sample_series *sample_set_make(struct sample_set *set, const json_t *data,
                                             const char *name, const char *process) {
    if (set->count >= SAMPLES_MAX_SERIES) {
        return NULL;
    }
    set->items = mem_grow(set->items, set->count + 1, sizeof(*set->items));
    struct sample_series *s = &set->items[set->count++];
    *s = (struct sample_series){
        .name = str_dup(name),
        .unit = str_dup(sample_text(data, "unit")),
        .source = str_dup(sample_text(data, "source")),
        .process = str_dup(process),
        .product = str_dup(json_string_value(json_object_get(data, "product"))),
    };
    return s;
}

void sample_set_add(struct sample_set *set, const json_t *data, enum sample_side side) {
    const json_t *value = json_object_get(data, "value");
    double v = json_number_value(value);
    const char *name = sample_text(data, "name");
    if (!json_is_number(value) || !isfinite(v) || v < 0 || !*name) {
        return;
    }
    const char *process = json_string_value(json_object_get(data, "process"));
    struct sample_series *s = sample_set_find(set, data, name, process);
    if (!s) {
        s = sample_set_make(set, data, name, process);
    }
    if (!s || s->side[side].count >= SAMPLES_MAX) {
        return;
    }
    struct sample_side_data *to = &s->side[side];
    double reference = json_number_value(json_object_get(data, "reference_ms"));
    to->value = mem_grow(to->value, to->count + 1, sizeof(*to->value));
    to->reference = mem_grow(to->reference, to->count + 1, sizeof(*to->reference));
    to->value[to->count] = v;
    bool starved = json_number_value(json_object_get(data, "starved")) > OBS_STARVED_PERCENT;
    to->is_starved = mem_grow(to->is_starved, to->count + 1, sizeof(*to->is_starved));
    to->is_starved[to->count] = starved;
    to->starved += starved;
    to->reference[to->count++] = isfinite(reference) && reference > 0 ? reference : 0;
}

static void sample_side_take_out(struct sample_side_data *d) {
    size_t out = 0;
    for (size_t k = 0; k < d->count; k++) {
        if (!d->is_starved[k]) {
            d->value[out] = d->value[k];
            d->reference[out] = d->reference[k];
            d->is_starved[out++] = false;
        }
    }
    d->count = out;
    d->starved = 0;
}

void sample_set_settle(struct sample_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct sample_side_data *side = set->items[i].side;
        if (side[SAMPLE_BEFORE].count > side[SAMPLE_BEFORE].starved &&
            side[SAMPLE_AFTER].count > side[SAMPLE_AFTER].starved) {
            sample_side_take_out(&side[SAMPLE_BEFORE]);
            sample_side_take_out(&side[SAMPLE_AFTER]);
        }
    }
}

void sample_set_free(struct sample_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct sample_series *s = &set->items[i];
        free(s->name);
        free(s->unit);
        free(s->source);
        free(s->process);
        free(s->product);
        for (int side = 0; side < 2; side++) {
            free(s->side[side].value);
            free(s->side[side].reference);
            free(s->side[side].is_starved);
        }
    }
    free(set->items);
    *set = (struct sample_set){NULL, 0};
}

double sample_set_reference(const struct sample_set *set) {
    size_t count = 0;
    CLEANUP_FREE double *all = NULL;
    for (size_t i = 0; i < set->count; i++) {
        for (int side = 0; side < 2; side++) {
            const struct sample_side_data *d = &set->items[i].side[side];
            for (size_t k = 0; k < d->count; k++) {
                if (d->reference[k] > 0) {
                    all = mem_grow(all, count + 1, sizeof(*all));
                    all[count++] = d->reference[k];
                }
            }
        }
    }
    return stats_median(all, count);
}

/* Only time is spent faster or slower by a busy host; bytes and counts are not. One sample without its
 * reference would be compared with ones of another scale, so then none is corrected. */
static bool sample_series_correctable(const struct sample_series *s) {
    if (!str_eq(s->unit, "ms")) {
        return false;
    }
    size_t seen = 0;
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < s->side[side].count; k++) {
            if (s->side[side].reference[k] <= 0) {
                return false;
            }
            seen++;
        }
    }
    return seen > 0;
}

/* The loop is short, so on a crowded host it is hit or missed by chance: the median of it and its neighbours in time
 * says better how busy the host was. */
static double sample_reference_near(const struct sample_side_data *d, size_t at) {
    size_t from = at > 0 ? at - 1 : 0;
    size_t to = at + 1 < d->count ? at + 2 : d->count;
    return stats_median(d->reference + from, to - from);
}

double *sample_series_corrected(const struct sample_series *s, enum sample_side side,
                                double cell_reference, bool *corrected) {
    const struct sample_side_data *d = &s->side[side];
    double *out = mem_zalloc(d->count, sizeof(*out));
    *corrected = sample_series_correctable(s) && isfinite(cell_reference);
    for (size_t k = 0; k < d->count; k++) {
        out[k] = *corrected ? d->value[k] / sample_reference_near(d, k) * cell_reference : d->value[k];
    }
    return out;
}
