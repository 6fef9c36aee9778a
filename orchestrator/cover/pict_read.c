/* A model file: parameters, then sub-models, then constraints; lines that begin with "#" are comments. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cover/pict_impl.h"

enum section { SECTION_PARAMS, SECTION_GROUPS, SECTION_CONSTRAINTS };

struct reader {
    struct pict_model *m;
    struct diags *errors, *warnings;
    size_t line_at; /* byte where the line begins */
};

static struct diag_pos reader_pos(const struct reader *r, const char *at) {
    return pict_pos(r->m, at ? (size_t)(at - r->m->text) : r->line_at);
}

static bool has_brackets(struct slice s) {
    const char *open = memchr(s.at, '[', s.len);
    return open && memchr(open, ']', s.len - (size_t)(open - s.at));
}

static bool contains_word(struct slice s, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.len; i++) {
        if (strncasecmp(s.at + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_function(struct slice s) {
    return contains_word(s, "ISNEGATIVE") || contains_word(s, "ISPOSITIVE");
}

/* A line (trimmed) that begins the constraints: as PICT tells it, "[..]..", "(..[..]..", IF alone or with either or
 * with a sign function behind it; here also NOT. "if: a, b" is a parameter. */
static bool begins_constraint(struct slice s) {
    if (s.len && (s.at[0] == '[' || s.at[0] == '(')) {
        return has_brackets(s) || s.at[s.len - 1] == ';' || (s.at[0] == '(' && has_function(s));
    }
    size_t word = 0;
    while (word < s.len && isalpha((unsigned char)s.at[word])) {
        word++;
    }
    struct slice rest = slice_trim((struct slice){s.at + word, s.len - word});
    if (word == 2 && strncasecmp(s.at, "IF", 2) == 0) {
        return rest.len == 0 || (rest.at[0] != ':' && (has_brackets(rest) || has_function(rest)));
    }
    return word == 3 && strncasecmp(s.at, "NOT", 3) == 0 && rest.len && (rest.at[0] == '[' || rest.at[0] == '(') &&
           has_brackets(rest);
}

/* "name (weight)": cuts the weight off; 1 when there is none. */
static int take_weight(struct slice *s) {
    double weight = 0;
    size_t open = s->len;
    while (open > 0 && s->at[open - 1] != '(') {
        open--;
    }
    if (!open || s->at[s->len - 1] != ')' ||
        !slice_number((struct slice){s->at + open, s->len - open - 1}, &weight) || weight < 1 || weight > 1000000) {
        return 1;
    }
    *s = slice_trim((struct slice){s->at, open - 1});
    return (int)weight;
}

static struct pict_value value_read(const struct pict_model *m, struct slice s) {
    struct pict_value v = {.weight = take_weight(&s)};
    for (struct slice rest = s; rest.at;) {
        struct slice name = slice_trim(slice_cut(rest, m->options.alias_separator, &rest));
        if (v.name_count == 0 && name.len && name.at[0] == m->options.negative_prefix) {
            v.negative = true;
            name = slice_trim((struct slice){name.at + 1, name.len - 1});
        }
        v.names = mem_grow(v.names, (size_t)v.name_count + 1, sizeof(char *));
        v.names[v.name_count++] = slice_dup(name);
    }
    return v;
}

static struct pict_value value_copy(const struct pict_value *from) {
    struct pict_value v = *from;
    v.names = mem_zalloc((size_t)v.name_count, sizeof(char *));
    for (int i = 0; i < v.name_count; i++) {
        v.names[i] = str_dup(from->names[i]);
    }
    return v;
}

/* "<Other>": its values once more. */
static bool values_reuse(struct pict_model *m, struct pict_param *p, struct slice s) {
    if (s.len < 2 || s.at[0] != '<' || s.at[s.len - 1] != '>') {
        return false;
    }
    char *name = slice_dup((struct slice){s.at + 1, s.len - 2});
    int other = pict_find_param(m, name);
    free(name);
    for (size_t i = 0; other >= 0 && i < m->params.items[other].values.count; i++) {
        VEC_PUSH(p->values, value_copy(&m->params.items[other].values.items[i]));
    }
    return other >= 0;
}

static void param_numbers(struct pict_param *p) {
    double *numbers = mem_zalloc(p->values.count + 1, sizeof(double));
    for (size_t i = 0; i < p->values.count; i++) {
        const char *name = p->values.items[i].names[0];
        if (!slice_number((struct slice){name, strlen(name)}, &numbers[i])) {
            free(numbers);
            return;
        }
    }
    p->numbers = numbers;
}

static void param_check(struct reader *r, const struct pict_param *p, struct slice name) {
    bool positive = false;
    for (size_t i = 0; i < p->values.count; i++) {
        positive |= !p->values.items[i].negative;
    }
    if (!positive) {
        diags_add(r->errors, r->m->path, reader_pos(r, name.at), "only-negative", "give it a value without the prefix",
                  "parameter '%s' has only negative values", p->name);
    }
    if (p->values.count > COVER_MAX_VALUES) {
        diags_add(r->errors, r->m->path, reader_pos(r, name.at), "too-many", NULL,
                  "parameter '%s' has more than %d values", p->name, COVER_MAX_VALUES);
    }
    if (pict_find_param(r->m, p->name) >= 0) {
        diags_add(r->errors, r->m->path, reader_pos(r, name.at), "duplicate-name",
                  r->m->options.case_sensitive ? "rename one" : "rename one, or give -c if they differ in case only",
                  "there is a parameter '%s' already", p->name);
    }
}

static void read_param(struct reader *r, struct slice line) {
    struct slice rest, name = slice_cut(line, ':', &rest);
    if (!rest.at) {
        name = slice_cut(line, r->m->options.value_separator, &rest);
    }
    name = slice_trim(name);
    if (!rest.at) {
        diags_add(r->errors, r->m->path, reader_pos(r, line.at), "missing-value", "NAME: VALUE, VALUE, ...",
                  "parameter '%.*s' has no values", (int)line.len, line.at);
        return;
    }
    struct pict_param p = {.name = slice_dup(name), .result = name.len && name.at[0] == '$'};
    while (rest.at) {
        struct slice value = slice_trim(slice_cut(rest, r->m->options.value_separator, &rest));
        if (!values_reuse(r->m, &p, value)) {
            VEC_PUSH(p.values, value_read(r->m, value));
        }
    }
    param_numbers(&p);
    param_check(r, &p, name);
    VEC_PUSH(r->m->params, p);
}

/* Indices of the names between the braces, each once. False: one is unknown. */
static bool group_members(struct reader *r, struct slice inside, char separator, struct vec_int *out, bool *twice) {
    out->count = 0;
    *twice = false;
    while (inside.at) {
        char *name = slice_dup(slice_trim(slice_cut(inside, separator, &inside)));
        int f = pict_find_param(r->m, name);
        free(name);
        bool known = false;
        for (size_t i = 0; i < out->count; i++) {
            known |= out->items[i] == f;
        }
        if (f < 0) {
            return false;
        }
        *twice |= known;
        if (!known) {
            VEC_PUSH(*out, f);
        }
    }
    return true;
}

static void group_add(struct reader *r, struct slice line, struct vec_int *members, int order) {
    int most = members->count < COVER_MAX_STRENGTH ? (int)members->count : COVER_MAX_STRENGTH;
    if (order > (int)members->count || order > COVER_MAX_STRENGTH) {
        diags_add(r->errors, r->m->path, reader_pos(r, line.at), "order-too-high", NULL,
                  "order %d of a sub-model of %zu parameters: at most %d", order, members->count, most);
        return;
    }
    cover_add_group(r->m->problem, COVER_GROUP_UNIT, members->items, (int)members->count, order ? order : -1);
}

static void read_group(struct reader *r, struct slice line) {
    static const char hint[] = "{ PARAMETER, PARAMETER } @ ORDER, where \"@ ORDER\" may be left out";
    struct slice after, before = slice_cut(line, '}', &after);
    bool opened = before.len && before.at[0] == '{';
    struct slice inside = slice_trim((struct slice){before.at + opened, before.len - opened});
    struct slice order = slice_trim(after.at ? after : (struct slice){"", 0});
    double number = 0;
    bool numbered = order.len && order.at[0] == '@' &&
                    slice_number((struct slice){order.at + 1, order.len - 1}, &number);
    if (!opened || !after.at || !inside.len || (order.len && (!numbered || number < 1))) {
        diags_add(r->errors, r->m->path, reader_pos(r, line.at), "bad-submodel", hint, "this is no sub-model: %.*s",
                  (int)line.len, line.at);
        return;
    }
    struct vec_int members = {0};
    bool twice;
    if (!group_members(r, inside, ',', &members, &twice) &&
        !group_members(r, inside, r->m->options.value_separator, &members, &twice)) {
        diags_add(r->warnings, r->m->path, reader_pos(r, line.at), "unknown-parameter",
                  "names are the text before ':' of the parameter lines",
                  "a sub-model with an unknown parameter is left out: %.*s", (int)line.len, line.at);
    } else {
        if (twice) {
            diags_add(r->warnings, r->m->path, reader_pos(r, line.at), "duplicate-name", NULL,
                      "a parameter is named twice in this sub-model; once counts");
        }
        group_add(r, line, &members, number > 1000 ? 1000 : (int)number);
    }
    free(members.items);
}

static void add_factors(struct pict_model *m) {
    for (size_t f = 0; f < m->params.count; f++) {
        const struct pict_param *p = &m->params.items[f];
        cover_add_factor(m->problem, (int)p->values.count);
        if (p->result) {
            cover_set_passive(m->problem, (int)f);
        }
        for (size_t v = 0; v < p->values.count; v++) {
            if (p->values.items[v].negative) {
                cover_set_negative(m->problem, (int)f, (int)v);
            }
            if (p->values.items[v].weight > 1) {
                cover_set_weight(m->problem, (int)f, (int)v, p->values.items[v].weight);
            }
        }
    }
}

/* Sub-models without an order have the model's; a small one is covered wholly. */
static void settle_orders(struct reader *r) {
    struct pict_model *m = r->m;
    int units = cover_unit_count(m->problem);
    if (m->options.order == PICT_ORDER_DEFAULT) {
        m->options.order = units < 2 ? 1 : 2;
    }
    for (size_t i = 0; i < m->problem->groups.count; i++) {
        struct group *g = &m->problem->groups.items[i];
        int most = g->count < COVER_MAX_STRENGTH ? g->count : COVER_MAX_STRENGTH;
        if (g->strength < 0) {
            g->strength = m->options.order == PICT_ORDER_MAX || m->options.order > most ? most : m->options.order;
        }
    }
    if (m->options.order > units) {
        diags_add(r->errors, m->path, (struct diag_pos){1, 1}, "order-too-high", "ask for less by -o:N",
                  "order %d, but there %s only %d parameter%s and sub-models to combine", m->options.order,
                  units == 1 ? "is" : "are", units, units == 1 ? "" : "s");
    }
}

/* One line before the constraints. False: the constraints begin here. */
static bool read_line(struct reader *r, struct slice line, enum section *section) {
    if (!line.len || line.at[0] == '#') {
        return true;
    }
    if (begins_constraint(line)) {
        return false;
    }
    if (*section == SECTION_PARAMS && line.at[0] == '{' && memchr(line.at, '}', line.len)) {
        *section = SECTION_GROUPS;
        add_factors(r->m);
    }
    if (*section == SECTION_PARAMS) {
        read_param(r, line);
    } else {
        read_group(r, line);
    }
    return true;
}

static void read_all(struct reader *r) {
    struct pict_model *m = r->m;
    enum section section = SECTION_PARAMS;
    size_t at = m->len >= 3 && memcmp(m->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (; at < m->len; at++) {
        const char *end = memchr(m->text + at, '\n', m->len - at);
        size_t len = end ? (size_t)(end - m->text) - at : m->len - at;
        r->line_at = at;
        if (!read_line(r, slice_trim((struct slice){m->text + at, len}), &section)) {
            break;
        }
        at += len;
    }
    if (!m->params.count || m->params.count > COVER_MAX_FACTORS) {
        diags_add(r->errors, m->path, (struct diag_pos){1, 1}, m->params.count ? "too-many" : "missing-value",
                  "NAME: VALUE, VALUE, ...", "the model defines %s parameters", m->params.count ? "too many" : "no");
        return;
    }
    if (section == SECTION_PARAMS) {
        add_factors(m);
    }
    if (at < m->len) {
        pict_read_constraints(m, at, r->errors, r->warnings);
    }
    settle_orders(r);
}

struct pict_model *pict_read(const char *path, const char *text, size_t len, const struct pict_options *options,
                             struct diags *errors, struct diags *warnings) {
    struct pict_model *m = mem_zalloc(1, sizeof(*m));
    size_t before = errors->count;
    m->options = *options;
    m->path = str_dup(path);
    m->text = slice_dup((struct slice){text, len});
    m->len = len;
    m->problem = cover_new();
    struct reader r = {.m = m, .errors = errors, .warnings = warnings};
    if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        diags_add(errors, path, (struct diag_pos){1, 1}, "encoding", "save it as UTF-8", "the file is UTF-16");
    } else {
        read_all(&r);
    }
    if (errors->count > before) {
        pict_free(m);
        return NULL;
    }
    return m;
}

void pict_free(struct pict_model *m) {
    if (!m) {
        return;
    }
    for (size_t f = 0; f < m->params.count; f++) {
        struct pict_param *p = &m->params.items[f];
        for (size_t v = 0; v < p->values.count; v++) {
            for (int i = 0; i < p->values.items[v].name_count; i++) {
                free(p->values.items[v].names[i]);
            }
            free(p->values.items[v].names);
        }
        free(p->values.items);
        free(p->numbers);
        free(p->name);
    }
    free(m->params.items);
    free(m->constraints.items);
    free(m->path);
    free(m->text);
    cover_free(m->problem);
    free(m);
}
