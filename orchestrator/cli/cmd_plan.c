/* coexist plan: what would be executed. */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/plan_pict.h"
#include "model/model.h"
#include "plan/coverage.h"
#include "plan/plan.h"
#include "plan/tree_show.h"
#include "run/learn.h"
#include "run/scheduler.h"

enum { PLAN_LINES = 60 };

static const struct cli_option options[] = {
    {"json", NULL, "print the plan and its tree as JSON"},
    {"dot", NULL, "print the tree as a graphviz drawing (DOT)"},
    {"all", NULL, "print the whole tree, however long"},
    {"jobs", "N", "cells at a time for the estimated time (default: 2)"},
    {"pict", "FILE", "combine the values of a PICT model instead, with PICT's options: -o:3 -e:SEEDS ..."},
    {"effort", "SECONDS", "with --pict: go on looking for fewer rows that long"},
    {NULL, NULL, NULL},
};

struct plan_view {
    const struct plan *plan;
    struct tree *tree;
    struct estimate estimate;
    struct estimate_plan times;
    char *learned; /* from what; NULL: the table's times */
    int jobs;
};

static void plan_print_times(const struct plan_view *v) {
    char wall[32], shared[32], apart[32];
    printf("estimated: %s with %d cell%s at a time; %s of work shared, %s without sharing\n",
           tree_time(estimate_wall_ms(&v->times, true, v->jobs), wall), v->jobs,
           v->jobs == 1 ? "" : "s", tree_time(v->times.shared_ms, shared),
           tree_time(v->times.apart_ms, apart));
    printf("times: %s%s\n", v->learned ? "learned from " : "built-in, no run to learn from yet",
           v->learned ? v->learned : "");
}

/* The first ones; --json has more. */
static void plan_print_coverage(const struct plan_coverage *c) {
    enum { SHOWN = 10 };
    printf("coverage: strength %s, %zu row%s; %" PRIu64 " combination%s impossible%s\n",
           coverage_strength_name(c), c->row_count, c->row_count == 1 ? "" : "s",
           c->impossible_count, c->impossible_count == 1 ? "" : "s",
           c->impossible_count ? ":" : "");
    uint64_t shown = 0;
    for (; shown < SHOWN && c->impossible[shown]; shown++) {
        printf("  %s\n", c->impossible[shown]);
    }
    if (c->impossible_count > shown) {
        printf("  and %" PRIu64 " more\n", c->impossible_count - shown);
    }
}

static void plan_print(const struct plan_view *v, size_t max_lines) {
    const struct tree *t = v->tree;
    tree_print(t, &v->estimate, max_lines, stdout);
    double less = t->steps ? 100.0 * (double)(t->steps - t->unique) / (double)t->steps : 0;
    printf("\n%zu cell%s, %zu steps, %zu unique (%.0f %% shared), %zu state%s on the way\n",
           v->plan->cell_count, v->plan->cell_count == 1 ? "" : "s", t->steps, t->unique, less,
           v->times.states, v->times.states == 1 ? "" : "s");
    if (v->plan->coverage) {
        plan_print_coverage(v->plan->coverage);
    }
    plan_print_times(v);
}

static void plan_print_json(const struct plan_view *v) {
    json_t *j = plan_to_json(v->plan);
    json_t *tree = tree_to_json(v->tree, &v->estimate);
    json_object_set_new(tree, "estimate",
                        json_pack("{s:s?, s:i, s:I, s:I, s:I, s:I}", "learned_from", v->learned,
                                  "jobs", v->jobs, "wall_ms",
                                  (json_int_t)estimate_wall_ms(&v->times, true, v->jobs),
                                  "shared_ms", (json_int_t)v->times.shared_ms, "apart_ms",
                                  (json_int_t)v->times.apart_ms, "states",
                                  (json_int_t)v->times.states));
    json_object_set_new(j, "tree", tree);
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
}

static void plan_show(struct cli *cli, const struct cli_args *args, const struct plan *p,
                      int jobs) {
    struct plan_view v = {.plan = p, .tree = tree_build(p), .jobs = jobs};
    estimate_init(&v.estimate);
    v.learned = learn_estimate(cli->runs_dir, &v.estimate);
    estimate_tree(&v.estimate, v.tree, &v.times);
    if (cli_value(cmd_plan(), args, "json")) {
        plan_print_json(&v);
    } else if (cli_value(cmd_plan(), args, "dot")) {
        tree_print_dot(v.tree, stdout);
    } else {
        plan_print(&v, cli_value(cmd_plan(), args, "all") ? 0 : PLAN_LINES);
    }
    tree_free(v.tree);
    free(v.learned);
}

static int plan_run(struct cli *cli, const struct cli_args *args) {
    const char *pict = cli_value(cmd_plan(), args, "pict");
    if (pict) {
        return plan_pict_run(args, pict, cli_value(cmd_plan(), args, "effort"),
                             cli_value(cmd_plan(), args, "json") != NULL);
    }
    if (args->operand_count != 1 || args->foreign_count) {
        fprintf(stderr, "coexist: error: usage: coexist plan [options] %s\n", cmd_plan()->operands);
        return CLI_BAD_INPUT;
    }
    long jobs = 2;
    const char *asked = cli_value(cmd_plan(), args, "jobs");
    if (asked && cli_number("jobs", asked, 1, SCHED_JOBS_MAX, &jobs) < 0) {
        return CLI_BAD_INPUT;
    }
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(args->operands[0], &diags);
    struct plan *p = m ? plan_build(m, &diags) : NULL;
    int rc = CLI_SHIP;
    if (!p || diags.count) {
        rc = cli_fail_input(&diags, false);
    } else {
        diags_print_warnings(&m->doubts, stderr);
        plan_show(cli, args, p, (int)jobs);
    }
    plan_free(p);
    model_free(m);
    diags_free(&diags);
    return rc;
}

const struct cli_verb *cmd_plan(void) {
    static const struct cli_verb verb = {
        .name = "plan",
        .operands = "MATRIX.json",
        .min_operands = 0,
        .max_operands = -1,
        .foreign = plan_pict_is_option,
        .summary = "show the cells a matrix comes to, as a tree of steps",
        .about = "Checks the matrix as 'coexist check' does and shows what a run would execute: a "
                 "tree in which cells that begin alike share the beginning, each step with what it "
                 "is about, the number of cells, of all steps and of those that are executed (the "
                 "unique ones), and how long it should take, going by the newest runs. Starts "
                 "nothing. Of a matrix with \"coverage\" it also says how many combinations the "
                 "constraints make impossible, and which.\n"
                 "A long tree is cut to fit a screen, with the number of cells left out; --all, "
                 "--json and --dot are whole.\n\n"
                  "With --pict it reads a model in PICT's language and prints what PICT would: names, then "
                  "rows, separated by tabs, that hold every combination which the constraints allow. PICT's "
                  "options are understood: -o:N (or -o:max), -e:FILE, -d:C, -a:C, -n:C, -r[:N], -c, -s. What "
                  "the constraints make impossible is listed on standard error, or by --json. The same input "
                  "gives the same rows, except with --effort, where the time decides.",
        .options = options,
        .run = plan_run,
    };
    return &verb;
}
