/* coexist image answer: the answer file of a recipe, or the check of any. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/windows.h"

static const struct cli_option options[] = {
    {"profile", "NAME", "hardware profile, or its file (default: the recipe's first one)"},
    {"iso", "FILE", "the Windows ISO: the image is chosen by its number on it, and refused when none fits"},
    {"virtio", "FILE", "the ISO of the virtio drivers: looked at for those the profile needs"},
    {"language", "TAG", "language of the ISO: de-DE (default: the recipe's first one)"},
    {"out", "FILE", "write it there with the password of the lab's secret store; readable by you alone"},
    {"check", "FILE", "check an answer file instead, anybody's"},
    {"json", NULL, "with --check: print what it says and every complaint as JSON on standard output"},
    {NULL, NULL, NULL},
};

#define ANSWER_PLACEHOLDER "kept-in-the-lab-secret-store"

/* ---- checking ------------------------------------------------------------------------------------------------ */

static json_t *answer_complaints(const struct diags *d) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->count; i++) {
        const struct diag *x = &d->items[i];
        json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:s, s:s?}", "line", x->pos.line, "column",
                                              x->pos.column, "code", x->code, "message", x->message, "hint", x->hint));
    }
    return list;
}

static void answer_print_json(const char *path, const struct answer_facts *f, const struct diags *errors,
                              const struct diags *warnings) {
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o}", "format", "coexist-answer/1", "file", path, "says",
                          answer_facts_json(f), "errors", answer_complaints(errors), "warnings",
                          answer_complaints(warnings));
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
}

static void answer_print_facts(const char *path, const struct answer_facts *f) {
    printf("%s: %d command%s", path, f->commands, f->commands == 1 ? "" : "s");
    if (*f->image) {
        printf(", image %s", f->image);
    }
    if (*f->partitioning) {
        printf(", %s, Windows to disk %d partition %d", f->partitioning, f->install_disk, f->install_partition);
    }
    if (*f->language) {
        printf(", %s", f->language);
    }
    puts(f->key ? ", with a product key" : ", no product key");
    for (size_t i = 0; f->components[i]; i++) {
        printf("  %s\n", f->components[i]);
    }
}

static int answer_run_check(const struct cli_args *args, const char *path) {
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    CLEANUP_FREE char *text = fs_read(path, 4 << 20, &len, &err);
    if (!text) {
        fprintf(stderr, "coexist: error: %s\n", err_text(&err));
        return CLI_BAD_INPUT;
    }
    struct diags errors = DIAGS_INIT, warnings = DIAGS_INIT;
    struct answer_facts facts;
    answer_check(path, text, len, &facts, &errors, &warnings);
    bool bad = errors.count > 0;
    if (cli_value(cmd_image_answer(), args, "json")) {
        answer_print_json(path, &facts, &errors, &warnings);
    } else {
        diags_print(&errors, stderr);
        diags_print_warnings(&warnings, stderr);
        answer_print_facts(path, &facts);
    }
    answer_facts_clear(&facts);
    diags_free(&errors);
    diags_free(&warnings);
    return bad ? CLI_BAD_INPUT : CLI_SHIP;
}

/* ---- building ------------------------------------------------------------------------------------------------- */

struct answer_inputs {
    struct windows_recipe *recipe;
    struct image_profile *profile;
    struct media *iso, *virtio;
};

static void answer_inputs_clear(struct answer_inputs *in) {
    windows_recipe_free(in->recipe);
    image_profile_free(in->profile);
    media_free(in->iso);
    media_free(in->virtio);
}

static bool answer_load(const struct cli_args *args, struct answer_inputs *in, struct diags *diags) {
    in->recipe = windows_recipe_load(args->operands[0], diags);
    const char *name = cli_value(cmd_image_answer(), args, "profile");
    if (in->recipe) {
        CLEANUP_FREE char *path = image_profile_path(in->recipe->path, name ? name : in->recipe->profile);
        in->profile = image_profile_load(path, diags);
    }
    return in->recipe && in->profile;
}

static int answer_look(const struct cli_args *args, struct answer_inputs *in, struct err *err) {
    const char *iso = cli_value(cmd_image_answer(), args, "iso");
    const char *virtio = cli_value(cmd_image_answer(), args, "virtio");
    if ((iso && !(in->iso = media_inspect(iso, err))) || (virtio && !(in->virtio = media_inspect(virtio, err)))) {
        return -1;
    }
    return windows_recipe_fit_profile(in->recipe, in->profile, err);
}

static int answer_plan(const struct cli_args *args, const struct answer_inputs *in, struct windows_plan *plan,
                       struct err *err) {
    const char *language = cli_value(cmd_image_answer(), args, "language");
    *plan = (struct windows_plan){.recipe = in->recipe, .profile = in->profile, .language = language};
    if (language && !windows_recipe_has_language(in->recipe, language, err)) {
        return -1;
    }
    if (in->iso && !(plan->edition = windows_recipe_fit(in->recipe, in->iso, language, err))) {
        return -1;
    }
    bool needed = false;
    CLEANUP_ERR struct err why = ERR_INIT;
    int rc = windows_recipe_fit_virtio(in->recipe, in->profile, in->virtio, &needed, &why);
    plan->drivers = needed; /* without an ISO of drivers at hand, the file names their folders all the same */
    if (rc < 0 && in->virtio) {
        err_move(err, &why);
        return -1;
    }
    return 0;
}

static int answer_emit(const struct cli *cli, const struct cli_args *args, struct windows_plan *plan, struct err *err) {
    const char *out = cli_value(cmd_image_answer(), args, "out");
    CLEANUP(windows_password_forget) char *password =
        out ? windows_password(cli->lab_dir, plan->recipe->name, plan->recipe->account, err) : NULL;
    if (out && !password) {
        return -1;
    }
    plan->password = out ? password : ANSWER_PLACEHOLDER;
    CLEANUP(windows_password_forget) char *text = windows_answer(plan, err);
    if (!text) {
        return -1;
    }
    if (!out) {
        fputs(text, stdout);
        return 0;
    }
    return fs_write_atomic(out, text, strlen(text), 0600, err);
}

static int answer_run(struct cli *cli, const struct cli_args *args) {
    const char *check = cli_value(cmd_image_answer(), args, "check");
    if (check && args->operand_count == 0) {
        return answer_run_check(args, check);
    }
    if (check || args->operand_count != 1) {
        fprintf(stderr, "coexist: error: image answer takes one recipe, or --check FILE\n");
        return CLI_BAD_INPUT;
    }
    struct diags diags = DIAGS_INIT;
    CLEANUP(answer_inputs_clear) struct answer_inputs in = {0};
    if (!answer_load(args, &in, &diags)) {
        int rc = cli_fail_input(&diags, false);
        diags_free(&diags);
        return rc;
    }
    diags_free(&diags);
    CLEANUP_ERR struct err err = ERR_INIT;
    struct windows_plan plan;
    if (answer_look(args, &in, &err) < 0 || answer_plan(args, &in, &plan, &err) < 0 ||
        answer_emit(cli, args, &plan, &err) < 0) {
        return cli_fail(&err);
    }
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_answer(void) {
    static const struct cli_verb verb = {
        .name = "image answer",
        .operands = "[RECIPE.json]",
        .min_operands = 0,
        .max_operands = 1,
        .summary = "print the answer file of a Windows recipe, or check one",
        .about = "Prints the Autounattend.xml that Windows Setup is given for this recipe (images/windows/) and "
                 "profile (images/profiles/): partitions, edition, language, account, drivers, the lab's scripts. "
                 "The account's password never comes out this way; with --out the file is whole.\n"
                 "With --check reads any answer file: passes, components, settings, partitions against the place of "
                 "installation, order, values. Every error comes with line and column; what Setup would ignore or "
                 "ask for is a warning. Exits with 2 when there is an error.",
        .options = options,
        .run = answer_run,
    };
    return &verb;
}
