/* Constraints: IF c THEN c ELSE c; or c; where c joins terms by NOT, AND, OR (in this order) and parentheses. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cover/pict_impl.h"

enum { NESTING_MAX = 200, JOINED_MAX = 4000 };

struct parser {
    struct pict_model *m;
    size_t at;      /* byte in the text */
    struct diags *errors, *warnings;
    bool failed;    /* this constraint has an error */
    bool unknown;   /* this constraint names an unknown parameter: is skipped */
    int depth;
    int joined;
};

static int parser_fail(struct parser *p, size_t at, const char *hint, const char *what) {
    if (!p->failed) {
        diags_add(p->errors, p->m->path, pict_pos(p->m, at), "syntax", hint, "%s", what);
    }
    p->failed = true;
    return -1;
}

/* White space, and lines that begin with "#". */
static void skip_blank(struct parser *p) {
    const char *text = p->m->text;
    for (;;) {
        while (p->at < p->m->len && isspace((unsigned char)text[p->at])) {
            p->at++;
        }
        size_t line = p->at;
        while (line > 0 && text[line - 1] != '\n' && isspace((unsigned char)text[line - 1])) {
            line--;
        }
        if (p->at >= p->m->len || text[p->at] != '#' || (line > 0 && text[line - 1] != '\n')) {
            return;
        }
        while (p->at < p->m->len && text[p->at] != '\n') {
            p->at++;
        }
    }
}

static bool at_char(struct parser *p, char c) {
    skip_blank(p);
    return p->at < p->m->len && p->m->text[p->at] == c;
}

static bool take(struct parser *p, const char *word) {
    size_t n = strlen(word);
    skip_blank(p);
    if (p->m->len - p->at < n || strncasecmp(p->m->text + p->at, word, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

/* A keyword, not the beginning of a longer word. */
static bool take_word(struct parser *p, const char *word) {
    size_t before = p->at;
    if (!take(p, word)) {
        return false;
    }
    if (p->at < p->m->len && (isalnum((unsigned char)p->m->text[p->at]) || p->m->text[p->at] == '_')) {
        p->at = before;
        return false;
    }
    return true;
}

/* Text up to an unescaped end character, which is taken; NULL with an error when there is none on the line. */
static char *take_text(struct parser *p, char end) {
    const char *text = p->m->text;
    size_t begin = p->at;
    struct str out = STR_INIT;
    str_add(&out, "");
    for (; p->at < p->m->len && text[p->at] != end && text[p->at] != '\n'; p->at++) {
        if (text[p->at] == '\\') {
            p->at++;
            if (p->at >= p->m->len || !strchr("\\\"]", text[p->at])) {
                str_free(&out);
                parser_fail(p, p->at - 1, "only \\\\, \\\" and \\] are escapes", "this character needs no backslash");
                return NULL;
            }
        }
        str_add_bytes(&out, text + p->at, 1);
    }
    if (p->at >= p->m->len || text[p->at] != end) {
        str_free(&out);
        parser_fail(p, begin ? begin - 1 : 0, end == ']' ? "close it with ]" : "close it with \"",
                    end == ']' ? "this parameter's name does not end" : "this text does not end");
        return NULL;
    }
    p->at++;
    return str_take(&out);
}

/* -1: an error; -2: unknown. */
static int find_param(struct parser *p, const char *name, size_t at) {
    int f = pict_find_param(p->m, name);
    if (f < 0 && !p->unknown) {
        p->unknown = true;
        diags_add(p->warnings, p->m->path, pict_pos(p->m, at), "unknown-parameter",
                  "names are the text before ':' of the parameter lines",
                  "there is no parameter '%s': this constraint is left out", name);
    }
    return f < 0 ? -2 : f;
}

static int take_param(struct parser *p) {
    skip_blank(p);
    size_t at = p->at;
    if (!take(p, "[")) {
        return parser_fail(p, at, "a term is [parameter] relation value", "a parameter in [ ] is expected here");
    }
    char *name = take_text(p, ']');
    if (!name) {
        return -1;
    }
    int f = find_param(p, name, at);
    free(name);
    return f;
}

static int take_relation(struct parser *p) {
    static const struct { const char *text; enum pict_relation rel; } table[] = {
        {"=", REL_EQ}, {"<>", REL_NE}, {"<=", REL_LE}, {">=", REL_GE}, {">", REL_GT}, {"<", REL_LT},
    };
    skip_blank(p);
    size_t at = p->at;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (take(p, table[i].text)) {
            return (int)table[i].rel;
        }
    }
    bool negated = take_word(p, "NOT");
    if (take_word(p, "IN")) {
        return negated ? REL_NOT_IN : REL_IN;
    }
    if (take_word(p, "LIKE")) {
        return negated ? REL_NOT_LIKE : REL_LIKE;
    }
    return parser_fail(p, at, "relations are = <> > >= < <= LIKE IN, the last two also with NOT",
                       "a relation is expected here");
}

static bool take_operand(struct parser *p, struct pict_operands *out) {
    skip_blank(p);
    struct pict_operand o = {.offset = p->at};
    if (take(p, "\"")) {
        o.text = take_text(p, '"');
        if (!o.text) {
            return false;
        }
    } else {
        struct slice s = {p->m->text + p->at, 0};
        while (p->at < p->m->len && (isalnum((unsigned char)p->m->text[p->at]) || strchr("+-.", p->m->text[p->at]))) {
            p->at++;
            s.len++;
        }
        o.is_number = true;
        if (!slice_number(s, &o.number)) {
            parser_fail(p, o.offset, "write text in quotes", "a value is expected here: \"text\" or a number");
            return false;
        }
    }
    VEC_PUSH(*out, o);
    return true;
}

static bool take_set(struct parser *p, struct pict_operands *out) {
    skip_blank(p);
    if (!take(p, "{")) {
        parser_fail(p, p->at, "IN {\"a\", \"b\"}", "a set of values begins with '{'");
        return false;
    }
    do {
        if (!take_operand(p, out)) {
            return false;
        }
    } while (take(p, ","));
    skip_blank(p);
    if (!take(p, "}")) {
        parser_fail(p, p->at, "IN {\"a\", \"b\"}", "a set of values ends with '}'");
        return false;
    }
    return true;
}

/* Stands for a term that cannot be worked out, so that the rest is still looked at. */
static int dummy(struct parser *p) {
    bool *in = mem_zalloc(p->m->params.items[0].values.count, sizeof(bool));
    int e = cover_in(p->m->problem, 0, in);
    free(in);
    return e;
}

static int checked(struct parser *p, int e) {
    p->failed |= e < 0;
    return e < 0 ? dummy(p) : e;
}

static int parse_function(struct parser *p, bool negative) {
    skip_blank(p);
    if (!take(p, "(")) {
        return parser_fail(p, p->at, "IsNegative(Parameter)", "'(' is expected here");
    }
    skip_blank(p);
    size_t at = p->at;
    char *name = take_text(p, ')');
    if (!name) {
        return -1;
    }
    struct slice s = slice_trim((struct slice){name, strlen(name)});
    if (s.len > 1 && s.at[0] == '[' && s.at[s.len - 1] == ']') {
        s = (struct slice){s.at + 1, s.len - 2};
    }
    char *clean = slice_dup(s);
    int f = *clean ? find_param(p, clean, at) : -1;
    int e = f == -2 ? dummy(p) : pict_term_sign(p->m, f, negative);
    free(clean);
    free(name);
    return e;
}

static int parse_comparison(struct parser *p) {
    size_t begin = p->at;
    int f = take_param(p);
    int rel = f == -1 ? -1 : take_relation(p);
    if (rel < 0) {
        return -1;
    }
    int e = -1;
    struct pict_operands with = {0};
    if (rel != REL_IN && rel != REL_NOT_IN && at_char(p, '[')) {
        int g = take_param(p);
        struct slice whole = {p->m->text + begin, p->at - begin};
        e = g == -1 ? -1 : f < 0 || g < 0 ? dummy(p)
            : checked(p, pict_term_params(p->m, f, (enum pict_relation)rel, g, whole, p->errors, p->warnings));
    } else if (rel == REL_IN || rel == REL_NOT_IN ? take_set(p, &with) : take_operand(p, &with)) {
        struct slice whole = {p->m->text + begin, p->at - begin};
        e = f < 0 ? dummy(p)
                  : checked(p, pict_term(p->m, f, (enum pict_relation)rel, &with, whole, p->errors, p->warnings));
    }
    for (size_t i = 0; i < with.count; i++) {
        free(with.items[i].text);
    }
    free(with.items);
    return e;
}

static int parse_or(struct parser *p);

static int parse_factor(struct parser *p) {
    skip_blank(p);
    size_t at = p->at;
    if (p->depth >= NESTING_MAX) {
        return parser_fail(p, at, "split the constraint", "this is nested too deep");
    }
    p->depth++;
    int e = -1;
    if (take(p, "(")) {
        e = parse_or(p);
        skip_blank(p);
        if (e >= 0 && !take(p, ")")) {
            e = parser_fail(p, p->at, "every ( needs its )", "')' is expected here");
        }
    } else if (take_word(p, "NOT")) {
        e = parse_factor(p);
        e = e < 0 ? e : cover_not(p->m->problem, e);
    } else if (take(p, "ISNEGATIVE")) {
        e = parse_function(p, true);
    } else if (take(p, "ISPOSITIVE")) {
        e = parse_function(p, false);
    } else {
        e = parse_comparison(p);
    }
    p->depth--;
    return e;
}

/* Joins so many operands as a balanced tree would be nicer; the limit keeps the recursion over it harmless. */
static int parse_and(struct parser *p) {
    int e = parse_factor(p);
    while (e >= 0 && take_word(p, "AND")) {
        int b = ++p->joined > JOINED_MAX ? parser_fail(p, p->at, "split the constraint", "too many terms")
                                         : parse_factor(p);
        e = b < 0 ? b : cover_and(p->m->problem, e, b);
    }
    return e;
}

static int parse_or(struct parser *p) {
    int e = parse_and(p);
    while (e >= 0 && take_word(p, "OR")) {
        int b = ++p->joined > JOINED_MAX ? parser_fail(p, p->at, "split the constraint", "too many terms")
                                         : parse_and(p);
        e = b < 0 ? b : cover_or(p->m->problem, e, b);
    }
    return e;
}

static int parse_if(struct parser *p) {
    struct cover_problem *c = p->m->problem;
    int when = parse_or(p);
    skip_blank(p);
    if (when < 0) {
        return -1;
    }
    if (!take_word(p, "THEN")) {
        return parser_fail(p, p->at, "join conditions by AND or OR; after the last comes THEN",
                           "AND, OR or THEN is expected here");
    }
    int then = parse_or(p);
    if (then < 0) {
        return -1;
    }
    int e = cover_or(c, cover_not(c, when), then);
    if (take_word(p, "ELSE")) {
        int otherwise = parse_or(p);
        return otherwise < 0 ? -1 : cover_and(c, e, cover_or(c, when, otherwise));
    }
    return e;
}

/* Behind the next ";" that is not in quotes. */
static void resynchronise(struct parser *p) {
    bool quoted = false;
    for (; p->at < p->m->len && (quoted || p->m->text[p->at] != ';'); p->at++) {
        char c = p->m->text[p->at];
        quoted = c == '"' ? !quoted : quoted && c != '\n';
    }
    p->at += p->at < p->m->len;
}

static void parse_constraint(struct parser *p) {
    p->failed = p->unknown = false;
    p->depth = p->joined = 0;
    size_t before = p->at;
    int e = take_word(p, "IF") ? parse_if(p) : parse_or(p);
    skip_blank(p);
    if (e >= 0 && !take(p, ";")) {
        parser_fail(p, p->at, "a constraint ends with ;", "AND, OR or ';' is expected here");
    }
    if (e < 0 || (p->failed && p->at == before) || p->m->text[p->at - 1] != ';') {
        resynchronise(p);
    }
    if (!p->failed && !p->unknown && e >= 0) {
        struct pict_constraint c = {e, p->at};
        VEC_PUSH(p->m->constraints, c);
        cover_require(p->m->problem, e);
    }
}

void pict_read_constraints(struct pict_model *m, size_t offset, struct diags *errors, struct diags *warnings) {
    struct parser p = {.m = m, .at = offset, .errors = errors, .warnings = warnings};
    skip_blank(&p);
    while (p.at < m->len) {
        parse_constraint(&p);
        skip_blank(&p);
    }
}
