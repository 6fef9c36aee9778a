/* coexist image import: an image from the file that another lab exported. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/bundle.h"

static const struct cli_option options[] = {
    {"replace", NULL, "put it in the place of an image of that name"},
    {NULL, NULL, NULL},
};

static int import_run(struct cli *cli, const struct cli_args *args) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = NULL;
    bool replace = cli_value(cmd_image_import(), args, "replace") != NULL;
    if (image_import(cli->lab_dir, args->operands[0], replace, &name, &err) < 0) {
        return cli_fail(&err);
    }
    printf("coexist: image: %s is there in %s/images/%s; 'coexist image ready %s' saves its runs the first boot\n",
           name, cli->lab_dir, name, name);
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_import(void) {
    static const struct cli_verb verb = {
        .name = "image import",
        .operands = "FILE",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "take an exported image into the lab",
        .about = "Takes the image of FILE into the lab, once every file has the digest of its manifest. What is not "
                 "named there, links and paths that lead elsewhere are refused. An import that fails or is killed "
                 "leaves the lab as it was.",
        .options = options,
        .run = import_run,
    };
    return &verb;
}
