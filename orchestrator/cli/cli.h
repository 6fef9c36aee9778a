/* The command line: one verb table, one file for each verb, and one description of every option that feeds
 * parsing, --help, the man page and shell completion alike. */
#ifndef COEXIST_CLI_CLI_H
#define COEXIST_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/log.h"
#include "model/model.h"
#include "run/hosts.h"

/* Exit codes; part of the interface (README, man page). */
enum cli_exit {
    CLI_SHIP = 0,      /* also: it worked */
    CLI_HOLD = 1,
    CLI_BAD_INPUT = 2, /* files or arguments; nothing was started */
    CLI_LAB_FAILED = 3,
    CLI_NOT_KNOWN = 4
};

enum { CLI_MAX_OPTIONS = 16 };

struct cli_option {
    const char *name; /* long form without "--" */
    const char *arg;  /* what to call its argument in help; NULL: a switch */
    const char *help; /* one line */
};

struct cli_args {
    const char *value[CLI_MAX_OPTIONS]; /* by index in the verb's table; switches: "" when given */
    char *const *operands;              /* borrowed from argv */
    int operand_count;
    char *joined[CLI_MAX_OPTIONS]; /* owned; values of options that were given several times */
    const char **foreign; /* borrowed; in their order */
    int foreign_count;
};

struct cli {
    const char *lab_dir;  /* images, work, cache */
    const char *runs_dir; /* results */
    bool colour;          /* standard output is a terminal and NO_COLOR is not set */
    bool terminal;        /* standard error is a terminal: progress may be redrawn */
    struct log log;
};

struct cli_verb {
    const char *name;    /* one or two words: "run", "image build" */
    const char *operands; /* for the synopsis: "MATRIX.json"; "" for none */
    int min_operands, max_operands; /* -1: no upper limit */
    const char *summary; /* one line */
    const char *about;   /* paragraphs, separated by an empty line */
    const struct cli_option *options; /* ends with a NULL name; NULL for none */
    const char *repeats; /* name of the option that may be given several times: its values stand on a line each */
    bool hidden;         /* the program's own use: not in help */
    /* Arguments that look like options but belong to another command line: they end up in args.foreign. NULL: none. */
    bool (*foreign)(const char *arg);
    int (*run)(struct cli *cli, const struct cli_args *args); /* an enum cli_exit */
};

/* The verb table, in the order of help; NULL past its end. */
const struct cli_verb *cli_verb_at(size_t i);

/* The program. argv as main gets it. Returns the exit code. */
int cli_main(int argc, char **argv);

/* Value of an option by name; the verb's own table is searched. NULL when not given. */
const char *cli_value(const struct cli_verb *verb, const struct cli_args *args, const char *name);

/* Says what went wrong on standard error; returns the exit code that fits the error's class. */
int cli_fail(const struct err *err);
/* Prints all complaints and a count; returns CLI_BAD_INPUT. as_json: one JSON array on standard output. */
int cli_fail_input(const struct diags *diags, bool as_json);
/* One JSON array on standard output, of objects with "severity"; either may be empty. */
void cli_print_input_json(const struct diags *errors, const struct diags *warnings);
/* Complains about each image that the matrix names and the lab does not have. */
void cli_check_images(const char *lab_dir, const char *matrix_path, const struct model *m, struct diags *diags);
/* A whole number within bounds from an option; complains and returns -1 when it is not. */
int cli_number(const char *option, const char *text, long min, long max, long *out);
/* The hosts that --hosts and --host name, none when there are no such options; complains and returns -1 when they
 * are wrong. hosts_clear. */
int cli_hosts(const struct cli_verb *verb, const struct cli_args *args, struct hosts *out);
/* Bytes, as "20G", "500M" (binary: 1024), 1 MiB or more; complains and returns -1 when it is not. */
int cli_size(const char *option, const char *text, int64_t *out);

/* cli/help.c: all made from the verb table. */
void cli_help_program(void);
void cli_help_verb(const struct cli_verb *verb);
void cli_help_man(void);
void cli_help_completion(void);

/* One function a verb, each in the file of that name: cmd_run.c, ... */
const struct cli_verb *cmd_check(void);
const struct cli_verb *cmd_clean(void);
const struct cli_verb *cmd_doctor(void);
const struct cli_verb *cmd_dump(void);
const struct cli_verb *cmd_events(void);
const struct cli_verb *cmd_host_look(void);
const struct cli_verb *cmd_host_watch(void);
const struct cli_verb *cmd_image_answer(void);
const struct cli_verb *cmd_image_build(void);
const struct cli_verb *cmd_image_inspect(void);
const struct cli_verb *cmd_image_export(void);
const struct cli_verb *cmd_image_import(void);
const struct cli_verb *cmd_image_list(void);
const struct cli_verb *cmd_image_ready(void);
const struct cli_verb *cmd_image_verify(void);
const struct cli_verb *cmd_plan(void);
const struct cli_verb *cmd_report(void);
const struct cli_verb *cmd_run(void);
const struct cli_verb *cmd_screen(void);
const struct cli_verb *cmd_stamp(void);
const struct cli_verb *cmd_worker(void);

#endif
