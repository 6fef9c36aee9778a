/* coexist dump: what crash dumps say, and whom they speak against. */
#include <stdio.h>
#include <string.h>

#include "analysis/dump_blame.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "model/products.h"
#include "reports/dump.h"

static const struct cli_option options[] = {
    {"json", NULL, "print the facts as JSON (reports/schema/dump.schema.json) on standard output"},
    {"products", "PRODUCT.json", "name vendors by this product file and by every operand that ends in .json"},
    {NULL, NULL, NULL},
};

static bool dump_is_product(const char *operand) {
    return str_ends_with(operand, ".json");
}

static bool dump_products(const struct cli_args *args, struct products *products, struct diags *diags) {
    const char *named = cli_value(cmd_dump(), args, "products");
    bool good = !named || products_add(products, named, diags);
    for (int i = 0; i < args->operand_count; i++) {
        good = (!dump_is_product(args->operands[i]) || products_add(products, args->operands[i], diags)) && good;
    }
    return good;
}

/* 0, or -1 when the file could not be read or not to its end. */
static int dump_one(const char *path, const struct products *products, json_t *list) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(dump_free_ptr) struct dump *d = dump_load(path, &err);
    CLEANUP(dump_blame_clear) struct dump_blame blame = {0};
    struct dump_report r = {.file = path, .dump = d, .products = products};
    if (d) {
        blame = dump_blame(d);
        r.blame = &blame;
    } else {
        r.error = err_text(&err);
    }
    if (list) {
        json_array_append_new(list, dump_report_json(&r));
    } else if (d) {
        CLEANUP_STR struct str text = STR_INIT;
        dump_report_text(&r, &text);
        puts(str_get(&text));
    }
    if (!d || d->damage) {
        CLEANUP_STR struct str said = STR_INIT;
        str_addf(&said, "%s: error: %s", path, d ? d->damage : err_text(&err));
        fprintf(stderr, "%s\n", str_get(&said));
        return -1;
    }
    return 0;
}

static int dump_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    struct diags diags = DIAGS_INIT;
    CLEANUP(products_free) struct products products = {0};
    int rc = CLI_SHIP, dumps = 0;
    if (!dump_products(args, &products, &diags)) {
        rc = cli_fail_input(&diags, false);
        diags_free(&diags);
        return rc;
    }
    json_t *list = cli_value(cmd_dump(), args, "json") ? json_array() : NULL;
    for (int i = 0; i < args->operand_count; i++) {
        if (!dump_is_product(args->operands[i])) {
            rc = dump_one(args->operands[i], &products, list) ? CLI_BAD_INPUT : rc;
            dumps++;
        }
    }
    if (!dumps) {
        fprintf(stderr, "coexist: error: dump: no dump was named\n");
        rc = CLI_BAD_INPUT;
    }
    if (list) {
        json_t *all = json_pack("{s:s, s:o}", "format", "coexist-dump/1", "dumps", list);
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(all);
    }
    return rc;
}

const struct cli_verb *cmd_dump(void) {
    static const struct cli_verb verb = {
        .name = "dump",
        .operands = "FILE...",
        .min_operands = 1,
        .max_operands = -1,
        .summary = "tell what crash dumps say and which module they speak against",
        .about = "Reads Windows kernel dumps (small, kernel, full, live; 32 and 64 bits, ARM64) and user minidumps. "
                 "Tells the bugcheck with the meaning of its parameters or the exception, the blamed module with "
                 "its confidence and the reason, the process, the stack, the modules and the unloaded ones. With "
                 "product files, also whose module it is. Files are mapped, not read: size does not matter.\n"
                 "Each file is told, whatever becomes of the others; one that is no dump, damaged or cut short gives "
                 "an error with a reason, and the exit code is 2.",
        .options = options,
        .run = dump_run,
    };
    return &verb;
}
