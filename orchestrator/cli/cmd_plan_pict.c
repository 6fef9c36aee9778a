/* coexist plan --pict: PICT's models and its command line, so that scripts work unchanged. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/plan_pict.h"
#include "cover/pict.h"

enum { MODEL_BYTES_MAX = 16 << 20, LISTED_MAX = 40, CAPTION_WIDTH = 16 };

struct request {
    const char *model, *seeds;
    struct pict_options options;
    bool given[128]; /* by letter: an option may come once */
    uint64_t random;
    bool as_json, statistics;
    double effort; /* seconds; 0: bounded by counted work */
};

bool plan_pict_is_option(const char *arg) {
    return (arg[0] == '-' || arg[0] == '/') && arg[1] && strchr("odanercs", tolower((unsigned char)arg[1])) &&
           (arg[2] == '\0' || arg[2] == ':');
}

static int request_fail(const char *arg, const char *what) {
    fprintf(stderr, "coexist: error: plan: '%s': %s\n", arg, what);
    return -1;
}

static int request_order(struct request *q, const char *arg, const char *value) {
    char *end = NULL;
    long n = strtol(value, &end, 10);
    if (strcmp(value, "max") == 0) {
        q->options.order = PICT_ORDER_MAX;
        return 0;
    }
    if (end == value || *end || n < 1 || n > COVER_MAX_STRENGTH) {
        return request_fail(arg, "the order is a number from 1 to 6, or max");
    }
    q->options.order = (int)n;
    return 0;
}

static int request_random(struct request *q, const char *arg, const char *value) {
    uint16_t random = 0;
    char *end = NULL;
    if (!value) {
        if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
            return request_fail(arg, "no random numbers to be had");
        }
        q->random = random;
        return 0;
    }
    errno = 0;
    q->random = strtoul(value, &end, 10);
    return errno || end == value || *end ? request_fail(arg, "the seed is a whole number") : 0;
}

static int request_option(struct request *q, const char *arg) {
    int letter = tolower((unsigned char)arg[1]);
    const char *value = arg[2] == ':' ? arg + 3 : NULL;
    if (q->given[letter]) {
        return request_fail(arg, "given twice");
    }
    q->given[letter] = true;
    bool alone = letter == 'c' || letter == 's';
    if (alone == (value != NULL) && letter != 'r') {
        return request_fail(arg, alone ? "takes no value" : "takes a value: -o:N -e:FILE -d:C -a:C -n:C");
    }
    switch (letter) {
    case 'o': return request_order(q, arg, value);
    case 'r': return request_random(q, arg, value);
    case 'e': q->seeds = value; return 0;
    case 'c': q->options.case_sensitive = true; return 0;
    case 's': q->statistics = true; return 0;
    default: break;
    }
    if (strlen(value) != 1) {
        return request_fail(arg, "takes one character");
    }
    *(letter == 'd' ? &q->options.value_separator
                    : letter == 'a' ? &q->options.alias_separator : &q->options.negative_prefix) = value[0];
    return 0;
}

static int request_read(struct request *q, const struct cli_args *args, const char *effort) {
    for (int i = 0; i < args->foreign_count; i++) {
        if (request_option(q, args->foreign[i]) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < args->operand_count; i++) {
        if (!plan_pict_is_option(args->operands[i])) {
            return request_fail(args->operands[i], "with --pict there is no other file");
        }
        if (request_option(q, args->operands[i]) < 0) {
            return -1;
        }
    }
    if (effort) {
        char *end = NULL;
        q->effort = strtod(effort, &end);
        if (end == effort || *end || !(q->effort > 0) || q->effort > 1e6) {
            return request_fail(effort, "--effort takes a number of seconds");
        }
    }
    return 0;
}

/* Values in no row at all; tuples with one of them say nothing more. By factor and value. */
static bool **absent_values(const struct cover_problem *p, const struct cover_result *r) {
    int factors = cover_factor_count(p);
    bool **absent = mem_zalloc((size_t)factors, sizeof(*absent));
    for (int f = 0; f < factors; f++) {
        int values = cover_factor_values(p, f);
        absent[f] = mem_zalloc((size_t)values, sizeof(bool));
        memset(absent[f], 1, (size_t)values);
        for (size_t i = 0; i < r->row_count; i++) {
            absent[f][r->rows[i * (size_t)factors + (size_t)f]] = false;
        }
    }
    return absent;
}

static void print_tuple(const struct pict_model *m, const struct cover_tuple *t) {
    struct str line = STR_INIT;
    for (int k = 0; k < t->count; k++) {
        str_addf(&line, "%s%s: ", k ? ", " : "  ", pict_parameter(m, t->factor[k]));
        pict_write_value(m, t->factor[k], t->value[k], 0, &line);
    }
    fprintf(stderr, "%s\n", str_get(&line));
    str_free(&line);
}

static void print_impossible(const struct pict_model *m, const struct cover_result *r) {
    if (!r->impossible_count) {
        return;
    }
    const struct cover_problem *p = pict_problem(m);
    bool **absent = absent_values(p, r);
    size_t listed = 0;
    fprintf(stderr, "coexist: the constraints make %" PRIu64 " of %" PRIu64 " combinations impossible:\n",
            r->impossible_count, r->impossible_count + r->covered_count);
    for (int f = 0; f < cover_factor_count(p); f++) {
        for (int v = 0; v < cover_factor_values(p, f); v++) {
            struct cover_tuple alone = {1, {f}, {v}};
            if (absent[f][v] && listed++ < LISTED_MAX) {
                print_tuple(m, &alone);
            }
        }
    }
    for (size_t i = 0; i < r->impossible_kept; i++) {
        const struct cover_tuple *t = &r->impossible[i];
        bool said = false;
        for (int k = 0; k < t->count; k++) {
            said |= absent[t->factor[k]][t->value[k]];
        }
        if (!said && listed++ < LISTED_MAX) {
            print_tuple(m, t);
        }
    }
    if (listed > LISTED_MAX) {
        fprintf(stderr, "  ... and more; --json lists them\n");
    }
    for (int f = 0; f < cover_factor_count(p); f++) {
        free(absent[f]);
    }
    free(absent);
}

static void print_statistics(const struct cover_result *r, int64_t started) {
    long seconds = (long)((clock_now(clock_monotonic()) - started) / CLOCK_S);
    printf("%-*s%" PRIu64 "\n", CAPTION_WIDTH, "Combinations:", r->covered_count);
    printf("%-*s%zu\n", CAPTION_WIDTH, "Generated tests:", r->row_count);
    printf("%-*s%ld:%02ld:%02ld\n", CAPTION_WIDTH, "Generation time:", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static json_t *value_json(const struct pict_model *m, int factor, int value) {
    struct str text = STR_INIT;
    pict_write_value(m, factor, value, 0, &text);
    json_t *j = json_string(str_get(&text));
    str_free(&text);
    return j ? j : json_null();
}

static json_t *rows_json(const struct pict_model *m, const struct cover_result *r) {
    json_t *rows = json_array();
    for (size_t i = 0; i < r->row_count; i++) {
        json_t *row = json_array();
        for (int f = 0; f < r->factor_count; f++) {
            json_array_append_new(row, value_json(m, f, r->rows[i * (size_t)r->factor_count + (size_t)f]));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *impossible_json(const struct pict_model *m, const struct cover_result *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->impossible_kept; i++) {
        const struct cover_tuple *t = &r->impossible[i];
        json_t *tuple = json_array();
        for (int k = 0; k < t->count; k++) {
            json_array_append_new(tuple, json_pack("{s:s, s:o}", "parameter", pict_parameter(m, t->factor[k]), "value",
                                                   value_json(m, t->factor[k], t->value[k])));
        }
        json_array_append_new(list, tuple);
    }
    return list;
}

static void print_json(const struct pict_model *m, const struct cover_result *r) {
    json_t *names = json_array();
    json_t *refused = json_array();
    for (int f = 0; f < r->factor_count; f++) {
        json_array_append_new(names, json_string(pict_parameter(m, f)));
    }
    for (size_t i = 0; i < r->refused_count; i++) {
        json_array_append_new(refused, json_integer((json_int_t)r->refused_seeds[i] + 1));
    }
    json_t *j = json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "parameters", names, "rows", rows_json(m, r), "covered",
                          (json_int_t)r->covered_count, "impossible_count", (json_int_t)r->impossible_count,
                          "impossible", impossible_json(m, r), "refused_seeds", refused);
    json_dumpf(j, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(j);
}

static void print_rows(const struct pict_model *m, const struct cover_result *r) {
    struct str out = STR_INIT;
    pict_write_text(m, r, &out);
    fwrite(str_get(&out), 1, out.len, stdout);
    str_free(&out);
}

static void print_result(const struct request *q, const struct pict_model *m, const struct cover_result *r,
                         int64_t started) {
    if (q->given['r']) {
        fprintf(stderr, "Used seed: %" PRIu64 "\n", q->random);
    }
    for (size_t i = 0; i < r->refused_count; i++) {
        fprintf(stderr, "%s: warning: the constraints forbid seeding row %zu; it is left out\n", q->seeds,
                r->refused_seeds[i] + 1);
    }
    if (q->as_json) {
        print_json(m, r);
    } else if (q->statistics) {
        print_statistics(r, started);
    } else {
        print_rows(m, r);
    }
    if (!q->as_json) {
        print_impossible(m, r);
    }
}

static int generate(const struct request *q, const struct pict_model *m, struct diags *errors) {
    struct err err = ERR_INIT;
    int64_t started = clock_now(clock_monotonic());
    struct cover_options o = {.strength = pict_strength(m), .seed = q->random, .clock = clock_monotonic()};
    if (q->effort > 0) {
        o.deadline = clock_after(o.clock, (int64_t)(q->effort * (double)CLOCK_S));
    }
    struct cover_result *r = cover_generate(pict_problem(m), &o, &err);
    if (!r) {
        err_prefix(&err, "plan: %s", q->model);
        int rc = cli_fail(&err);
        err_clear(&err);
        return rc;
    }
    int rc = CLI_SHIP;
    if (r->row_count == 0) {
        pict_complain_no_rows(m, errors);
        rc = cli_fail_input(errors, q->as_json);
    } else {
        print_result(q, m, r, started);
    }
    cover_result_free(r);
    return rc;
}

/* The model with its seeds; NULL with complaints. */
static struct pict_model *load(const struct request *q, struct diags *errors, struct diags *warnings) {
    struct err err = ERR_INIT;
    struct pict_model *m = NULL;
    size_t len = 0, seeds_len = 0;
    char *text = fs_read(q->model, MODEL_BYTES_MAX, &len, &err);
    if (!text) {
        diags_add(errors, q->model, (struct diag_pos){0, 0}, "missing-file", NULL, "%s", err_text(&err));
    } else {
        m = pict_read(q->model, text, len, &q->options, errors, warnings);
    }
    char *seeds = q->seeds ? fs_read(q->seeds, MODEL_BYTES_MAX, &seeds_len, &err) : NULL;
    if (q->seeds && !seeds) {
        diags_add(errors, q->seeds, (struct diag_pos){0, 0}, "missing-file", NULL, "%s", err_text(&err));
    } else if (seeds && m) {
        pict_read_seeds(m, q->seeds, seeds, seeds_len, warnings);
    }
    free(text);
    free(seeds);
    err_clear(&err);
    return m;
}

int plan_pict_run(const struct cli_args *args, const char *file, const char *effort, bool as_json) {
    struct request q = {.model = file, .options = PICT_OPTIONS_INIT, .as_json = as_json};
    if (request_read(&q, args, effort) < 0) {
        return CLI_BAD_INPUT;
    }
    struct diags errors = DIAGS_INIT;
    struct diags warnings = DIAGS_INIT;
    struct pict_model *m = load(&q, &errors, &warnings);
    diags_sort(&warnings);
    diags_print_warnings(&warnings, stderr);
    int rc;
    if (errors.count) {
        diags_sort(&errors);
        rc = cli_fail_input(&errors, as_json);
    } else {
        rc = generate(&q, m, &errors);
    }
    pict_free(m);
    diags_free(&errors);
    diags_free(&warnings);
    return rc;
}
