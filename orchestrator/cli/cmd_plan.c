/* coexist plan: what would be executed. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/plan_pict.h"
#include "model/model.h"
#include "plan/plan.h"

static const struct cli_option options[] = {
    {"json", NULL, "print the plan as JSON"},
    {"pict", "FILE", "combine the values of a PICT model instead, with PICT's options: -o:3 -e:SEEDS ..."},
    {"effort", "SECONDS", "with --pict: go on looking for fewer rows that long"},
    {NULL, NULL, NULL},
};

static void plan_print(const struct plan *p) {
    size_t steps = 0;
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct plan_cell *c = &p->cells[i];
        printf("%-44s ", c->id);
        for (size_t s = 0; s < c->step_count; s++) {
            printf("%s%s", s ? " " : "", step_kind_name(c->steps[s].kind));
        }
        putchar('\n');
        steps += c->step_count;
    }
    printf("%zu cell%s, %zu steps\n", p->cell_count, p->cell_count == 1 ? "" : "s", steps);
}

static int plan_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    bool as_json = cli_value(cmd_plan(), args, "json") != NULL;
    const char *pict = cli_value(cmd_plan(), args, "pict");
    if (pict) {
        return plan_pict_run(args, pict, cli_value(cmd_plan(), args, "effort"), as_json);
    }
    if (args->operand_count != 1 || args->foreign_count) {
        fprintf(stderr, "coexist: error: usage: coexist plan [options] %s\n", cmd_plan()->operands);
        return CLI_BAD_INPUT;
    }
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(args->operands[0], &diags);
    struct plan *p = m ? plan_build(m, &diags) : NULL;
    int rc = CLI_SHIP;
    if (!p || diags.count) {
        rc = cli_fail_input(&diags, false);
    } else if (as_json) {
        json_t *j = plan_to_json(p);
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
    } else {
        plan_print(p);
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
        .summary = "show the cells a matrix comes to and their steps",
        .about = "Checks the matrix as 'coexist check' does and lists the cells that a run would "
                 "execute, each with its steps in order. Starts nothing.\n\n"
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
