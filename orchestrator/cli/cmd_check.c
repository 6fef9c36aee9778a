/* coexist check: are these files right? Nothing is started. */
#include <stdio.h>

#include "cli/cli.h"
#include "model/model.h"
#include "plan/plan.h"

static const struct cli_option options[] = {
    {"json", NULL, "print errors and warnings as a JSON array on standard output"},
    {NULL, NULL, NULL},
};

static const char *check_plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void check_fine(const char *path, const struct plan *p, size_t warnings) {
    printf("%s: fine, %zu cell%s", path, p->cell_count, check_plural(p->cell_count));
    if (warnings) {
        printf(", %zu warning%s", warnings, check_plural(warnings));
    }
    putchar('\n');
}

static int check_run(struct cli *cli, const struct cli_args *args) {
    bool as_json = cli_value(cmd_check(), args, "json") != NULL;
    struct diags diags = DIAGS_INIT, warnings = DIAGS_INIT;
    size_t cells = 0;
    for (int i = 0; i < args->operand_count; i++) {
        struct model *m = model_load(args->operands[i], &diags);
        struct plan *p = m ? plan_build(m, &diags) : NULL;
        if (p) {
            cli_check_images(cli->lab_dir, args->operands[i], m, &m->doubts);
            cells += p->cell_count;
        }
        if (p && !as_json) {
            check_fine(args->operands[i], p, m->doubts.count);
        }
        if (m) {
            diags_take(&warnings, &m->doubts);
        }
        plan_free(p);
        model_free(m);
    }
    int rc = diags.count ? CLI_BAD_INPUT : CLI_SHIP;
    if (as_json) {
        cli_print_input_json(&diags, &warnings);
    } else {
        fflush(stdout);
        diags_print_warnings(&warnings, stderr);
    }
    if (diags.count && !as_json) {
        cli_fail_input(&diags, false);
    } else if (args->operand_count > 1 && !as_json) {
        printf("%d matrices are fine: %zu cell%s\n", args->operand_count, cells, check_plural(cells));
    }
    diags_free(&diags);
    diags_free(&warnings);
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
                 "with 2 when there is any. Warns, in the same form, of what can be run and is hardly "
                 "meant: an image that the lab does not have, workloads that no step measures, steps "
                 "that never ask whether an update took effect, took checks that hold without the "
                 "update, detection without anything to detect, two products with one place for "
                 "their samples, a product in no set, an exit code under both \"success\" and "
                 "\"reboot\", an installer's name with a blank that is not quoted, a gate that too few "
                 "samples can never reach; those alone exit with 0.",
        .options = options,
        .run = check_run,
    };
    return &verb;
}
