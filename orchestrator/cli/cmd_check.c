/* coexist check: are these files right? Nothing is started. */
#include <stdio.h>

#include "cli/cli.h"
#include "model/model.h"
#include "plan/plan.h"

static const struct cli_option options[] = {
    {"json", NULL, "print the errors as a JSON array on standard output"},
    {NULL, NULL, NULL},
};

static int check_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    bool as_json = cli_value(cmd_check(), args, "json") != NULL;
    struct diags diags = DIAGS_INIT;
    size_t cells = 0;
    for (int i = 0; i < args->operand_count; i++) {
        struct model *m = model_load(args->operands[i], &diags);
        struct plan *p = m ? plan_build(m, &diags) : NULL;
        if (p && !as_json) {
            printf("%s: fine, %zu cell%s\n", args->operands[i], p->cell_count, p->cell_count == 1 ? "" : "s");
        }
        cells += p ? p->cell_count : 0;
        plan_free(p);
        model_free(m);
    }
    int rc = CLI_SHIP;
    if (diags.count) {
        rc = cli_fail_input(&diags, as_json);
    } else if (as_json) {
        puts("[]");
    } else if (args->operand_count > 1) {
        printf("%d matrices are fine: %zu cell%s\n", args->operand_count, cells, cells == 1 ? "" : "s");
    }
    diags_free(&diags);
    return rc;
}

const struct cli_verb *cmd_check(void) {
    static const struct cli_verb verb = {
        .name = "check",
        .operands = "MATRIX.json...",
        .min_operands = 1,
        .max_operands = -1,
        .summary = "check matrices and all they name, starting nothing",
        .about = "Reads each matrix with its products and updates and checks everything that can be "
                 "checked without a machine: form, names, files, digests, combinations. Prints every "
                 "error at once as FILE:LINE:COLUMN: error: MESSAGE [CODE] with a hint, and exits "
                 "with 2 when there is any.",
        .options = options,
        .run = check_run,
    };
    return &verb;
}
