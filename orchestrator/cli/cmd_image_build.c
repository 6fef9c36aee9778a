/* coexist image build: from a recipe to a golden image. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "images/image.h"

static const struct cli_option options[] = {
    {"agent", "FILE", "the agent to put in (default: build/agents/agent.exe)"},
    {"tools", "DIR", "the builder's programs (default: build/images/winelab)"},
    {"if-changed", NULL, "do nothing when a whole image of the same inputs is there"},
    {NULL, NULL, NULL},
};

static void build_progress(void *ctx, const char *what) {
    const int64_t *began = ctx;
    int64_t s = (clock_now(clock_monotonic()) - *began) / CLOCK_S;
    printf("coexist: image: %4lld s  %s\n", (long long)s, what);
    fflush(stdout);
}

static const char *build_value(const struct cli_args *args, const char *name,
                               const char *otherwise) {
    const char *v = cli_value(cmd_image_build(), args, name);
    return v ? v : otherwise;
}

static int build_run(struct cli *cli, const struct cli_args *args) {
    struct diags diags = DIAGS_INIT;
    struct image_recipe *r = image_recipe_load(args->operands[0], &diags);
    if (!r) {
        int rc = cli_fail_input(&diags, false);
        diags_free(&diags);
        return rc;
    }
    int64_t began = clock_now(clock_monotonic());
    struct image_build_opts o = {
        .agent_exe = build_value(args, "agent", "build/agents/agent.exe"),
        .tools_dir = build_value(args, "tools", "build/images/winelab"),
        .if_changed = cli_value(cmd_image_build(), args, "if-changed") != NULL,
        .progress = build_progress,
        .ctx = &began,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    bool built = false;
    int rc = CLI_SHIP;
    if (image_build(r, cli->lab_dir, &o, &built, &err) < 0) {
        rc = cli_fail(&err);
    } else {
        printf("coexist: image: %s %s in %s/images/%s\n", r->name,
               built ? "is ready" : "is unchanged", cli->lab_dir, r->name);
    }
    image_recipe_free(r);
    diags_free(&diags);
    return rc;
}

const struct cli_verb *cmd_image_build(void) {
    static const struct cli_verb verb = {
        .name = "image build",
        .operands = "RECIPE.json",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "make a golden image from its recipe",
        .about = "Builds the image that RECIPE describes into the lab. The builder unpacks packages "
                 "and needs root. Keys are made once for a lab and are an input of the build: the "
                 "same inputs give the same image and manifest, bit for bit. An interrupted build "
                 "leaves the image that was there as it was.",
        .options = options,
        .run = build_run,
    };
    return &verb;
}
