/* coexist image export: an image as one file. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/bundle.h"

static int export_run(struct cli *cli, const struct cli_args *args) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct image *image = image_open(cli->lab_dir, args->operands[0], &err);
    int rc = image ? image_export(image, args->operands[1], &err) : -1;
    image_free(image);
    if (rc < 0) {
        return cli_fail(&err);
    }
    printf("coexist: image: %s exported to %s\n", args->operands[0], args->operands[1]);
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_export(void) {
    static const struct cli_verb verb = {
        .name = "image export",
        .operands = "NAME FILE",
        .min_operands = 2,
        .max_operands = 2,
        .summary = "write an image to one file, for another lab",
        .about = "Checks the image against its manifest and writes it to FILE, a tar archive with manifest and files. "
                 "The private key of the guest's SSH is in it, so FILE is readable by you alone; the password of a "
                 "Windows account is not: it stays in this lab's secrets.",
        .run = export_run,
    };
    return &verb;
}
