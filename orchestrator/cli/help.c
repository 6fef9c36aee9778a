/* --help, the man page and shell completion: one description, three forms. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char program_summary[] = "tell whether Windows security products live together";
static const char program_about[] =
    "coexist boots a matrix of virtual machines through libvirt and QEMU, installs several vendors' "
    "security products side by side, applies each candidate update, collects stability and "
    "performance, and says with evidence: ship, hold, or not known.";

static const struct cli_option global_options[] = {
    {"lab", "DIR", "images, work in progress and caches (default: lab, or $COEXIST_LAB)"},
    {"runs", "DIR", "results, one folder a run (default: runs, or $COEXIST_RUNS)"},
    {"verbose", NULL, "say every call to a machine and a guest, with its time (of a run: in its workers.log)"},
    {"help", NULL, "this text; after a verb, that verb's"},
    {"version", NULL, "the program's version"},
    {"completion", "SHELL", "a completion script (bash)"},
    {"man", NULL, "the manual page, for man(1)"},
    {NULL, NULL, NULL},
};

static const struct {
    int code;
    const char *meaning;
} exit_codes[] = {
    {CLI_SHIP, "ship: nothing speaks against the updates (or: the command worked)"},
    {CLI_HOLD, "hold: at least one update must not go out"},
    {CLI_BAD_INPUT, "bad input: every error was printed with file, line and column; nothing was started"},
    {CLI_LAB_FAILED, "the lab itself failed"},
    {CLI_NOT_KNOWN, "not known: the evidence does not suffice to ship or to hold"},
};

static void help_options(const struct cli_option *o) {
    for (; o && o->name; o++) {
        char form[64];
        snprintf(form, sizeof(form), "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-22s %s\n", form, o->help);
    }
}

/* Fills a paragraph to 80 columns; an empty line in the text stays one. */
static void help_wrap(const char *text) {
    size_t column = 0;
    while (*text) {
        if (*text == '\n') {
            fputs(column ? "\n\n" : "", stdout);
            column = 0;
            text += strspn(text, "\n");
            continue;
        }
        size_t word = strcspn(text, " \n");
        if (column && column + 1 + word > 80) {
            putchar('\n');
            column = 0;
        }
        printf("%s%.*s", column ? " " : "", (int)word, text);
        column += word + (column ? 1 : 0);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

void cli_help_program(void) {
    printf("coexist: %s\n\nusage: coexist [global options] VERB [options] [operands]\n\n",
           program_summary);
    help_wrap(program_about);
    puts("\nVerbs:");
    const struct cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (!v->hidden) {
            printf("  %-14s %s\n", v->name, v->summary);
        }
    }
    puts("\nGlobal options:");
    help_options(global_options);
    puts("\nExit codes:");
    for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
        printf("  %d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
    }
}

static void help_synopsis(const struct cli_verb *v) {
    printf("coexist %s%s%s%s", v->name, v->options ? " [options]" : "", *v->operands ? " " : "",
           v->operands);
}

void cli_help_verb(const struct cli_verb *v) {
    printf("coexist %s: %s\n\nusage: ", v->name, v->summary);
    help_synopsis(v);
    puts("\n");
    help_wrap(v->about);
    if (v->options) {
        puts("\nOptions:");
        help_options(v->options);
    }
}

/* man(7) text: backslashes and leading dots must not be read as requests. */
static void man_text(const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\n.PP\n", stdout);
            text += strspn(text, "\n") - 1;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", stdout);
        }
        line_start = false;
        if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (*text == '-') {
            fputs("\\-", stdout);
        } else {
            putchar(*text);
        }
    }
    putchar('\n');
}

static void man_options(const struct cli_option *o) {
    for (; o && o->name; o++) {
        printf(".TP\n.B \\-\\-");
        for (const char *c = o->name; *c; c++) {
            fputs(*c == '-' ? "\\-" : (char[]){*c, '\0'}, stdout);
        }
        if (o->arg) {
            printf(" \\fI%s\\fR", o->arg);
        }
        putchar('\n');
        man_text(o->help);
    }
}

void cli_help_man(void) {
    printf(".TH COEXIST 1 \"\" \"coexist %s\" \"User Commands\"\n.SH NAME\ncoexist \\- %s\n",
           COEXIST_VERSION, program_summary);
    puts(".SH SYNOPSIS");
    const struct cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (!v->hidden) {
            printf(".B coexist %s\n%s%s\n.br\n", v->name,
                   v->options ? "[\\fIoptions\\fR] " : "", v->operands);
        }
    }
    puts(".SH DESCRIPTION");
    man_text(program_about);
    puts(".SH GLOBAL OPTIONS");
    man_options(global_options);
    puts(".SH VERBS");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (!v->hidden) {
            printf(".SS %s\n", v->name);
            man_text(v->about);
            man_options(v->options);
        }
    }
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
        printf(".TP\n.B %d\n", exit_codes[i].code);
        man_text(exit_codes[i].meaning);
    }
}

static void completion_verb_case(const struct cli_verb *v) {
    printf("    '%s') opts='--help", v->name);
    for (const struct cli_option *o = v->options; o && o->name; o++) {
        printf(" --%s", o->name);
    }
    puts("' ;;");
}

void cli_help_completion(void) {
    puts("# bash completion for coexist; made by 'coexist --completion bash'\n"
         "_coexist() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} verb='' opts='' w i skip=''\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    w=${COMP_WORDS[i]}\n"
         "    if [ -n \"$skip\" ]; then skip=''; continue; fi\n"
         "    case $w in --lab|--runs) skip=1 ;; -*) ;;\n"
         "      *) verb=${verb:+$verb }$w; [ \"$verb\" = image ] || break ;; esac\n"
         "  done\n"
         "  case $verb in");
    printf("    '') opts='");
    const struct cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (!v->hidden && !strchr(v->name, ' ')) {
            printf("%s ", v->name);
        }
    }
    printf("image");
    for (const struct cli_option *o = global_options; o->name; o++) {
        printf(" --%s", o->name);
    }
    printf("' ;;\n    image) opts='");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (strncmp(v->name, "image ", 6) == 0) {
            printf("%s ", v->name + 6);
        }
    }
    puts("' ;;");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (!v->hidden) {
            completion_verb_case(v);
        }
    }
    puts("  esac\n"
         "  COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
         "  case $cur in -*) ;; *) [ -z \"$verb\" ] || [ \"$verb\" = image ] ||\n"
         "    COMPREPLY+=($(compgen -f -- \"$cur\")) ;; esac\n"
         "}\n"
         "complete -o filenames -F _coexist coexist");
}
