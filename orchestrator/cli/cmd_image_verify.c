/* coexist image verify: is an image what its manifest says? */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/image.h"

struct verify {
    int argc;
    char *const *names;
    bool *found; /* for each name */
    size_t bad, seen;
};

static bool verify_wanted(const struct verify *v, const char *name) {
    bool wanted = v->argc == 0;
    for (int i = 0; i < v->argc; i++) {
        bool same = str_eq(v->names[i], name);
        v->found[i] = v->found[i] || same;
        wanted = wanted || same;
    }
    return wanted;
}

static int verify_one(const char *name, const struct image *image, const char *why, void *ctx) {
    struct verify *v = ctx;
    if (!verify_wanted(v, name)) {
        return 0;
    }
    v->seen++;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!image) {
        printf("%-16s broken: %s\n", name, why);
        v->bad++;
    } else if (image_verify(image, &err) < 0) {
        printf("%-16s DAMAGED: %s\n", name, err_text(&err));
        v->bad++;
    } else {
        printf("%-16s whole: every file has the digest of the manifest\n", name);
    }
    return 0;
}

static int verify_run(struct cli *cli, const struct cli_args *args) {
    CLEANUP_FREE bool *found = mem_zalloc((size_t)args->operand_count + 1, sizeof(*found));
    struct verify v = {args->operand_count, args->operands, found, 0, 0};
    CLEANUP_ERR struct err err = ERR_INIT;
    if (image_each(cli->lab_dir, verify_one, &v, &err) < 0) {
        return cli_fail(&err);
    }
    bool missing = v.seen == 0;
    for (int i = 0; i < v.argc; i++) {
        if (!v.found[i]) {
            missing = true;
            fprintf(stderr, "coexist: error: there is no image '%s' in %s/images; 'coexist image list' shows them\n",
                    v.names[i], cli->lab_dir);
        }
    }
    if (missing && v.argc == 0) {
        fprintf(stderr, "coexist: error: there is no image in %s/images\n", cli->lab_dir);
    }
    if (missing) {
        return CLI_BAD_INPUT;
    }
    return v.bad ? CLI_LAB_FAILED : CLI_SHIP;
}

const struct cli_verb *cmd_image_verify(void) {
    static const struct cli_verb verb = {
        .name = "image verify",
        .operands = "[NAME...]",
        .max_operands = -1,
        .summary = "check images against the digests of their manifests",
        .about = "Computes the SHA-256 of every file of the named images (all when none is named) and "
                 "compares it with the manifest. A run does the same before it uses an image. Exits "
                 "with 3 when one is damaged.",
        .run = verify_run,
    };
    return &verb;
}
