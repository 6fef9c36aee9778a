#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct cli_verb *(*const verbs[])(void) = {
    cmd_doctor,        cmd_image_build,  cmd_image_export, cmd_image_import, cmd_image_list, cmd_image_verify,
    cmd_image_ready,   cmd_image_inspect, cmd_image_answer,
    cmd_check,         cmd_plan,
    cmd_run,           cmd_report,       cmd_dump,       cmd_screen,
    cmd_events,        cmd_stamp,        cmd_clean,      cmd_worker,
    cmd_host_watch,    cmd_host_look,
};

const struct cli_verb *cli_verb_at(size_t i) {
    return i < ARRAY_LEN(verbs) ? verbs[i]() : NULL;
}

/* What is not UTF-8 in a file's name is not JSON either: '?' in the place of every byte beyond ASCII then. */
static json_t *cli_json_text(const char *text) {
    json_t *whole = text ? json_string(text) : json_null();
    if (whole) {
        return whole;
    }
    CLEANUP_FREE char *plain = str_dup(text);
    for (char *c = plain; *c; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    return json_string(plain);
}

int cli_fail(const struct err *err) {
    fprintf(stderr, "coexist: error: %s\n", err_text(err));
    return err->cls == ERR_INPUT ? CLI_BAD_INPUT : CLI_LAB_FAILED;
}

static void cli_add_json(json_t *list, const struct diags *d, const char *severity) {
    for (size_t i = 0; i < d->count; i++) {
        const struct diag *x = &d->items[i];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:i, s:i, s:s, s:o, s:o}", "severity", severity, "file",
                            cli_json_text(x->file), "line", x->pos.line, "column", x->pos.column, "code", x->code,
                            "message", cli_json_text(x->message), "hint", cli_json_text(x->hint)));
    }
}

void cli_print_input_json(const struct diags *errors, const struct diags *warnings) {
    json_t *list = json_array();
    cli_add_json(list, errors, "error");
    cli_add_json(list, warnings, "warning");
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

int cli_fail_input(const struct diags *diags, bool as_json) {
    if (as_json) {
        cli_print_input_json(diags, &(struct diags)DIAGS_INIT);
    } else {
        diags_print(diags, stderr);
        fprintf(stderr, "coexist: %zu error%s; nothing was started\n", diags->count,
                diags->count == 1 ? "" : "s");
    }
    return CLI_BAD_INPUT;
}

int cli_number(const char *option, const char *text, long min, long max, long *out) {
    char *end = NULL;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < min || n > max) {
        fprintf(stderr, "coexist: error: --%s takes a whole number from %ld to %ld, not '%s'\n",
                option, min, max, text);
        return -1;
    }
    *out = n;
    return 0;
}

int cli_size(const char *option, const char *text, int64_t *out) {
    static const char units[] = "KMGT";
    char *end = NULL;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    const char *unit = end != text && *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    bool whole = end != text && (!*end || (unit && !end[1]));
    if (errno || !whole || n < 1 || n > INT64_MAX >> shift || n << shift < 1 << 20) {
        fprintf(stderr, "coexist: error: --%s takes a size of 1M or more, as 20G or 500M, not '%s'\n",
                option, text);
        return -1;
    }
    *out = (int64_t)n << shift;
    return 0;
}

const char *cli_value(const struct cli_verb *verb, const struct cli_args *args, const char *name) {
    for (size_t i = 0; verb->options && verb->options[i].name; i++) {
        if (strcmp(verb->options[i].name, name) == 0) {
            return args->value[i];
        }
    }
    return NULL;
}

/* Finds the verb that the words begin with; *used is how many words its name has. */
static const struct cli_verb *cli_find_verb(char *const *words, int count, int *used) {
    const struct cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        const char *name = v->name;
        const char *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        bool match = count > 0 && strlen(words[0]) == first && strncmp(words[0], name, first) == 0;
        if (match && (!space || (count > 1 && strcmp(words[1], space + 1) == 0))) {
            *used = space ? 2 : 1;
            return v;
        }
    }
    return NULL;
}

static int cli_unknown_verb(char *const *words, int count) {
    fprintf(stderr, "coexist: error: there is no verb '%s", words[0]);
    if (count > 1 && strcmp(words[0], "image") == 0) {
        fprintf(stderr, " %s", words[1]);
    }
    fprintf(stderr, "'; 'coexist --help' lists them\n");
    return CLI_BAD_INPUT;
}

/* Moves another command line's options out of argv; returns how many words are left. */
static int cli_take_foreign(const struct cli_verb *verb, int argc, char **argv, struct cli_args *args) {
    int left = 1;
    args->foreign = mem_zalloc((size_t)argc + 1, sizeof(*args->foreign));
    for (int i = 1; i < argc; i++) {
        if (verb->foreign && verb->foreign(argv[i])) {
            args->foreign[args->foreign_count++] = argv[i];
        } else {
            argv[left++] = argv[i];
        }
    }
    argv[left] = NULL;
    return left;
}

/* A named pipe that nobody writes to would be waited for without end; one of a shell's, <(...), lies under /dev. */
static bool cli_is_pipe(const char *path) {
    struct stat st;
    return path && strncmp(path, "/dev/", 5) != 0 && stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int cli_refuse_pipes(const struct cli_verb *verb, const struct cli_args *args) {
    const char *pipe = NULL;
    for (int i = 0; i < args->operand_count; i++) {
        pipe = cli_is_pipe(args->operands[i]) ? args->operands[i] : pipe;
    }
    for (int i = 0; verb->options && verb->options[i].name; i++) {
        pipe = str_eq(verb->options[i].arg, "FILE") && cli_is_pipe(args->value[i]) ? args->value[i] : pipe;
    }
    if (pipe) {
        fprintf(stderr, "coexist: error: %s is a named pipe, not a file\n", pipe);
    }
    return pipe ? CLI_BAD_INPUT + 1 : 0;
}

/* The last one counts, unless the option says otherwise. */
static void cli_take_value(const struct cli_verb *verb, struct cli_args *args, int i, const char *value) {
    if (verb->repeats && verb->options && str_eq(verb->options[i].name, verb->repeats) && args->value[i]) {
        char *joined = str_printf("%s\n%s", args->value[i], value);
        free(args->joined[i]);
        args->joined[i] = joined;
        value = joined;
    }
    args->value[i] = value;
}

/* Options of one verb. Returns 0, an exit code + 1 when the program should end, with *args filled. */
static int cli_parse_verb(const struct cli_verb *verb, int argc, char **argv,
                          struct cli_args *args) {
    struct option longs[CLI_MAX_OPTIONS + 2] = {{0}};
    int n = 0;
    for (; verb->options && verb->options[n].name; n++) {
        longs[n] = (struct option){verb->options[n].name,
                                   verb->options[n].arg ? required_argument : no_argument, NULL,
                                   1000 + n};
    }
    longs[n] = (struct option){"help", no_argument, NULL, 'h'};
    argc = cli_take_foreign(verb, argc, argv, args);
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", longs, NULL)) != -1;) {
        if (c == 'h') {
            cli_help_verb(verb);
            return CLI_SHIP + 1;
        }
        if (c < 1000) {
            fprintf(stderr, "coexist: error: %s: %s '%s'; see 'coexist %s --help'\n", verb->name,
                    c == ':' ? "an argument is missing after" : "there is no option",
                    argv[optind - 1], verb->name);
            return CLI_BAD_INPUT + 1;
        }
        cli_take_value(verb, args, c - 1000, optarg ? optarg : "");
    }
    args->operands = argv + optind;
    args->operand_count = argc - optind;
    if (args->operand_count < verb->min_operands ||
        (verb->max_operands >= 0 && args->operand_count > verb->max_operands)) {
        fprintf(stderr, "coexist: error: usage: coexist %s [options] %s\n", verb->name,
                verb->operands);
        return CLI_BAD_INPUT + 1;
    }
    return cli_refuse_pipes(verb, args);
}

struct cli_globals {
    bool help, version, man, verbose;
    const char *completion;
    int rest; /* index of the first word that is not a global option */
};

static const char *cli_env(const char *name, const char *otherwise) {
    const char *v = getenv(name);
    return v && *v ? v : otherwise;
}

static int cli_parse_globals(int argc, char **argv, struct cli *cli, struct cli_globals *g) {
    static const struct option longs[] = {
        {"lab", required_argument, NULL, 'l'},  {"runs", required_argument, NULL, 'r'},
        {"verbose", no_argument, NULL, 'v'},    {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},    {"man", no_argument, NULL, 'm'},
        {"completion", required_argument, NULL, 'c'}, {0},
    };
    for (int c; (c = getopt_long(argc, argv, "+:vh", longs, NULL)) != -1;) {
        switch (c) {
        case 'l': cli->lab_dir = optarg; break;
        case 'r': cli->runs_dir = optarg; break;
        case 'v': g->verbose = true; break;
        case 'h': g->help = true; break;
        case 'V': g->version = true; break;
        case 'm': g->man = true; break;
        case 'c': g->completion = optarg; break;
        default:
            fprintf(stderr, "coexist: error: %s '%s'; see 'coexist --help'\n",
                    c == ':' ? "an argument is missing after" : "there is no option",
                    argv[optind - 1]);
            return -1;
        }
    }
    g->rest = optind;
    return 0;
}

static int cli_informational(const struct cli_globals *g) {
    if (g->man) {
        cli_help_man();
    } else if (g->completion) {
        if (strcmp(g->completion, "bash") != 0) {
            fprintf(stderr, "coexist: error: --completion knows 'bash', not '%s'\n", g->completion);
            return CLI_BAD_INPUT;
        }
        cli_help_completion();
    } else if (g->version) {
        puts("coexist " COEXIST_VERSION);
    } else {
        cli_help_program();
    }
    return CLI_SHIP;
}

static int cli_dispatch(struct cli *cli, int argc, char **argv) {
    if (strcmp(argv[0], "help") == 0) {
        int skip = 0;
        const struct cli_verb *asked = cli_find_verb(argv + 1, argc - 1, &skip);
        asked ? cli_help_verb(asked) : cli_help_program();
        return CLI_SHIP;
    }
    int used = 0;
    const struct cli_verb *verb = cli_find_verb(argv, argc, &used);
    if (!verb) {
        return cli_unknown_verb(argv, argc);
    }
    struct cli_args args = {0};
    int rc = cli_parse_verb(verb, argc - used + 1, argv + used - 1, &args);
    rc = rc ? rc - 1 : verb->run(cli, &args);
    free(args.foreign);
    for (size_t i = 0; i < CLI_MAX_OPTIONS; i++) {
        free(args.joined[i]);
    }
    return rc;
}

int cli_main(int argc, char **argv) {
    if (sodium_init() < 0) {
        fprintf(stderr, "coexist: error: libsodium does not start\n");
        return CLI_LAB_FAILED;
    }
    struct cli cli = {
        .lab_dir = cli_env("COEXIST_LAB", "lab"),
        .runs_dir = cli_env("COEXIST_RUNS", "runs"),
        .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .terminal = isatty(STDERR_FILENO),
    };
    struct cli_globals g = {0};
    if (cli_parse_globals(argc, argv, &cli, &g) < 0) {
        return CLI_BAD_INPUT;
    }
    cli.log = log_stderr(g.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    if (g.help || g.version || g.man || g.completion) {
        return cli_informational(&g);
    }
    if (g.rest >= argc) {
        cli_help_program();
        return CLI_BAD_INPUT;
    }
    return cli_dispatch(&cli, argc - g.rest, argv + g.rest);
}
