/* coexist screen: what a screenshot shows. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "evidence/screen_read.h"

static const struct cli_option options[] = {
    {"json", NULL, "print an array of all that was read, the text among it"},
    {NULL, NULL, NULL},
};

static void screen_print(const char *path, const struct screen_reading *r) {
    CLEANUP_FREE char *sentence = screen_sentence(r);
    printf("%s: %s", path, sentence);
    for (int i = 0; i < SCREEN_PARAMS && r->kind == SCREEN_STOP && r->layout == SCREEN_LAYOUT_TEXT; i++) {
        if (r->has_param[i]) {
            printf("%s0x%" PRIX64, i ? ", " : " (", r->param[i]);
        } else {
            printf("%s?", i ? ", " : " (");
        }
        fputs(i == SCREEN_PARAMS - 1 ? ")" : "", stdout);
    }
    printf(" [%s, confidence %.2f]\n", screen_kind_name(r->kind), r->confidence);
}

static int screen_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    bool as_json = cli_value(cmd_screen(), args, "json");
    int rc = CLI_SHIP;
    json_t *all = json_array();
    for (int i = 0; i < args->operand_count; i++) {
        const char *path = args->operands[i];
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(screen_reading_clear) struct screen_reading r;
        if (screen_read_file(path, &r, &err) < 0) {
            json_array_append_new(all, json_pack("{s:s, s:s}", "file", path, "error", err_text(&err)));
            err_prefix(&err, "%s", path);
            rc = cli_fail(&err);
            continue;
        }
        if (!as_json) {
            screen_print(path, &r);
            continue;
        }
        json_t *one = screen_to_json(&r);
        json_object_set_new(one, "file", json_string(path));
        json_array_append_new(all, one);
    }
    if (as_json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    return rc;
}

const struct cli_verb *cmd_screen(void) {
    static const struct cli_verb verb = {
        .name = "screen",
        .operands = "FILE...",
        .min_operands = 1,
        .max_operands = -1,
        .summary = "say what screenshots show: a stop screen with code and driver, a boot error, a desktop, ...",
        .about = "Each FILE is a screenshot, PNG or PPM. Reads it by OCR and prints its kind; of a stop screen also "
                 "code, name, parameters and driver. What cannot be read for sure is left out and named.\n\n"
                 "A run reads the screenshots of failed cells the same way.",
        .options = options,
        .run = screen_run,
    };
    return &verb;
}
