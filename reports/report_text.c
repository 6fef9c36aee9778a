/* The summary for a terminal. Texts are wrapped by characters, so a table stays a table at any width. */
#include <string.h>

#include "base/cleanup.h"
#include "reports/html.h"
#include "reports/report.h"
#include "reports/text.h"

#define TERM_MIN 40
#define TERM_NARROW 72 /* below it a table would leave no room for words: entries are put under one another */

struct term {
    struct str *out;
    size_t columns;
    bool colour;
};

static const char *term_colour(const char *word) {
    static const struct {
        const char *word, *escape; /* SGR of ECMA-48 */
    } colours[] = {
        {"ship", "\033[1;32m"},    {"pass", "\033[32m"},
        {"hold", "\033[1;31m"},    {"update-regression", "\033[31m"},
        {"unknown", "\033[1;33m"}, {"inconclusive", "\033[33m"},
        {"interaction-fault", "\033[35m"}, {"product-fault", "\033[33m"},
        {"infrastructure-error", "\033[36m"}, {"bold", "\033[1m"},
        {"dim", "\033[2m"},
    };
    for (size_t i = 0; i < ARRAY_LEN(colours); i++) {
        if (str_eq(colours[i].word, word)) {
            return colours[i].escape;
        }
    }
    return "";
}

static size_t term_width(const char *text) {
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void term_spaces(struct str *out, size_t count) {
    while (count-- > 0) {
        str_add(out, " ");
    }
}

static void term_painted(const struct term *t, const char *colour, const char *text, size_t width) {
    const char *escape = t->colour ? term_colour(colour) : "";
    str_add(t->out, escape);
    str_add(t->out, text);
    str_add(t->out, *escape ? "\033[0m" : "");
    size_t used = term_width(text);
    term_spaces(t->out, used < width ? width - used : 0);
}

/* Bytes of text that fit into `room` columns, ending at a space where there is one. */
static size_t term_fit(const char *text, size_t room) {
    size_t width = 0, at = 0, space = 0;
    while (text[at]) {
        if (((unsigned char)text[at] & 0xc0) != 0x80 && ++width > room) {
            return space ? space : at;
        }
        space = text[at] == ' ' ? at : space;
        at++;
    }
    return at;
}

/* Text wrapped into what is left of the line, further lines indented. */
static void term_wrapped(const struct term *t, const char *text, size_t indent) {
    size_t room = t->columns > indent + 10 ? t->columns - indent : 10;
    for (;;) {
        size_t n = term_fit(text, room);
        str_add_bytes(t->out, text, n);
        str_add(t->out, "\n");
        text += n;
        text += strspn(text, " ");
        if (!*text) {
            return;
        }
        term_spaces(t->out, indent);
    }
}

static size_t term_widest(const json_t *list, const char *key, const char *heading, size_t most) {
    size_t widest = term_width(heading), i;
    json_t *one;
    json_array_foreach(list, i, one) {
        size_t width = term_width(html_get(one, key));
        widest = width > widest ? width : widest;
    }
    return widest < most ? widest : most;
}

static const char *term_decision(const char *decision) {
    return str_eq(decision, "ship") ? "SHIP" : str_eq(decision, "hold") ? "HOLD" : "NOT KNOWN";
}

static void term_head(const struct term *t, const json_t *report) {
    const char *decision = html_get(json_object_get(report, "gate"), "decision");
    const json_t *coverage = json_object_get(report, "coverage");
    const char *word = term_decision(decision);
    term_painted(t, decision, word, strlen(word) + 2);
    term_wrapped(t, html_get(json_object_get(report, "matrix"), "title"), strlen(word) + 2);
    CLEANUP_FREE char *line = str_printf(
        "run %s, image %s: %lld of %lld cells ran, %lld came to a verdict",
        html_get(json_object_get(report, "run"), "id"),
        html_get(json_object_get(report, "image"), "name"),
        (long long)json_integer_value(json_object_get(coverage, "cells_run")),
        (long long)json_integer_value(json_object_get(coverage, "cells_planned")),
        (long long)json_integer_value(json_object_get(coverage, "cells_with_verdict")));
    term_wrapped(t, line, 0);
    str_add(t->out, "\n");
}

static void term_row(const struct term *t, const char *first, size_t first_width,
                     const char *colour, const char *second, size_t second_width,
                     const char *third) {
    if (t->columns < TERM_NARROW) {
        term_painted(t, colour, second, 0);
        str_add(t->out, "  ");
        term_wrapped(t, first, term_width(second) + 2);
        term_spaces(t->out, *third ? 4 : 0);
        if (*third) {
            term_wrapped(t, third, 4);
        }
        return;
    }
    bool overlong = term_width(first) > first_width;
    str_add(t->out, first);
    term_spaces(t->out, overlong ? 0 : first_width - term_width(first));
    if (overlong) {
        str_add(t->out, "\n");
        term_spaces(t->out, first_width);
    }
    str_add(t->out, "  ");
    term_painted(t, colour, second, *third ? second_width + 2 : 0);
    if (*third) {
        term_wrapped(t, third, first_width + second_width + 4);
    } else {
        str_add(t->out, "\n");
    }
}

static void term_headings(const struct term *t, const char *first, size_t first_width,
                          const char *second, size_t second_width, const char *third) {
    if (t->columns >= TERM_NARROW) {
        term_painted(t, "dim", first, first_width + 2);
        term_painted(t, "dim", second, second_width + 2);
        term_painted(t, "dim", third, 0);
        str_add(t->out, "\n");
    }
}

static void term_updates(const struct term *t, const json_t *report) {
    static const char *const order[] = {"hold", "unknown", "ship"};
    const json_t *list = json_object_get(report, "updates");
    size_t width = term_widest(list, "id", "update", t->columns / 3), i;
    json_t *u;
    term_headings(t, "update", width, "decision", 9, "why");
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        json_array_foreach(list, i, u) {
            const json_t *reasons = json_object_get(u, "reasons");
            const char *why = json_string_value(json_array_get(reasons, 0));
            const char *decision = html_get(u, "decision");
            if (str_eq(decision, order[k])) {
                term_row(t, html_get(u, "id"), width, decision, term_decision(decision), 9,
                         why ? why : "");
            }
        }
    }
    str_add(t->out, "\n");
}

/* "failed 1 of 2", or nothing where all runs of the combination came to the same. */
static char *term_flaky(const json_t *cell) {
    const json_t *repetitions = json_object_get(cell, "repetitions");
    json_int_t of = json_integer_value(json_object_get(repetitions, "with_verdict"));
    json_int_t failed = json_integer_value(json_object_get(repetitions, "failed"));
    return failed > 0 && failed < of ? str_printf("flaky: %lld of %lld failed", (long long)failed, (long long)of)
                                     : str_dup("");
}

static void term_cells(const struct term *t, const json_t *report) {
    const json_t *list = json_object_get(report, "cells");
    size_t width = term_widest(list, "id", "cell", t->columns / 2), i;
    json_t *cell;
    term_headings(t, "cell", width, "verdict", 20, "failure");
    json_array_foreach(list, i, cell) {
        const char *verdict = html_get(cell, "verdict");
        const char *module = html_get_null(json_object_get(cell, "blame"), "module");
        const char *failure = html_get(cell, "failure_class");
        CLEANUP_FREE char *flaky = term_flaky(cell);
        CLEANUP_FREE char *what = str_printf("%s%s%s%s%s", failure, module ? ", " : "", module ? module : "",
                                             *failure && *flaky ? ", " : "", flaky);
        term_row(t, html_get(cell, "id"), width, verdict, verdict, 20, what);
    }
}

/* A cell that came to its verdict at a further attempt looks like any other in the table: its trace stands here. */
static void term_attempts(const struct term *t, const json_t *report) {
    bool any = false;
    size_t i, k;
    json_t *cell, *text;
    json_array_foreach(json_object_get(report, "cells"), i, cell) {
        json_array_foreach(json_object_get(cell, "earlier_attempts"), k, text) {
            CLEANUP_FREE char *line = str_printf("%s: %s", html_get(cell, "id"), json_string_value(text));
            str_add(t->out, any ? "  - " : "\nTried again after a failure of the lab:\n  - ");
            term_wrapped(t, line, 4);
            any = true;
        }
    }
}

static void term_minimal(const struct term *t, const json_t *report) {
    const json_t *minimization = json_object_get(report, "minimization");
    size_t i;
    json_t *set;
    json_array_foreach(json_object_get(minimization, "sets"), i, set) {
        CLEANUP_FREE char *line =
            str_printf("smallest failing set, from %s: %s", html_get(set, "cell"), html_get(set, "text"));
        term_wrapped(t, line, 0);
    }
    if (minimization && json_array_size(json_object_get(minimization, "sets")) == 0) {
        term_wrapped(t, "nothing had to be shrunk to its smallest failing set", 0);
    } else if (minimization) {
        CLEANUP_FREE char *line =
            str_printf("%lld run%s beyond the plan to shrink what fails; they count for no gate and no exposure",
                       (long long)json_integer_value(json_object_get(minimization, "runs")),
                       json_integer_value(json_object_get(minimization, "runs")) == 1 ? "" : "s");
        term_wrapped(t, line, 0);
    }
}

static void term_drills(const struct term *t, const json_t *report) {
    size_t i, k, told = 0;
    json_t *cell, *drill;
    json_array_foreach(json_object_get(report, "cells"), i, cell) {
        json_array_foreach(json_object_get(cell, "drills"), k, drill) {
            CLEANUP_STR struct str took = STR_INIT;
            text_add_duration(&took, html_get_number(drill, "ms"));
            CLEANUP_FREE char *line =
                str_printf("%s: %s %s after %s: %s", html_get(cell, "id"), text_drill_name(html_get(drill, "what")),
                           json_is_true(json_object_get(drill, "ok")) ? "worked" : "failed", str_get(&took),
                           html_get(drill, "text"));
            str_add(t->out, told++ == 0 ? "\nWays back from what does not boot:\n  - " : "  - ");
            term_wrapped(t, line, 4);
        }
    }
}

static void term_names(const struct term *t, const json_t *combinations, const char *count_key, const char *list_key) {
    const json_t *list = json_object_get(combinations, list_key);
    long long count = json_integer_value(json_object_get(combinations, count_key));
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name) {
        str_add(t->out, "  - ");
        term_wrapped(t, json_string_value(name), 4);
    }
    if (count > (long long)json_array_size(list)) {
        str_addf(t->out, "  and %lld more\n", count - (long long)json_array_size(list));
    }
}

static void term_combinations(const struct term *t, const json_t *report) {
    const json_t *c = json_object_get(json_object_get(report, "coverage"), "combinations");
    if (!c) {
        return;
    }
    long long uncovered = json_integer_value(json_object_get(c, "uncovered"));
    CLEANUP_FREE char *line = str_printf(
        "Combinations (strength %s): %lld of %lld in a cell that came to a verdict, %lld impossible%s",
        html_get(c, "strength"), (long long)json_integer_value(json_object_get(c, "covered")),
        (long long)json_integer_value(json_object_get(c, "asked")),
        (long long)json_integer_value(json_object_get(c, "impossible")), uncovered ? "; not covered:" : "");
    str_add(t->out, "\n");
    term_wrapped(t, line, 0);
    term_names(t, c, "uncovered", "uncovered_first");
}

static void term_limits(const struct term *t, const json_t *report) {
    size_t i;
    json_t *limit;
    json_array_foreach(json_object_get(report, "limits"), i, limit) {
        str_add(t->out, i == 0 ? "\nWhat the image of this run cannot tell:\n" : "");
        str_add(t->out, "  - ");
        term_wrapped(t, json_string_value(limit), 4);
    }
}

char *report_to_text(const json_t *report, int columns, bool colour) {
    struct str out = STR_INIT;
    struct term t = {&out, columns < TERM_MIN ? TERM_MIN : (size_t)columns, colour};
    term_head(&t, report);
    term_updates(&t, report);
    term_cells(&t, report);
    term_attempts(&t, report);
    term_minimal(&t, report);
    term_drills(&t, report);
    term_combinations(&t, report);
    term_limits(&t, report);
    return str_take(&out);
}
