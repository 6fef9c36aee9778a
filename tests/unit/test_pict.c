/* PICT's language: what each construct means, and where each mistake is. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cover/pict.h"
#include "support/suite.h"

struct reading {
    struct pict_model *m;
    struct diags errors, warnings;
};

static struct reading read_with(const char *text, const struct pict_options *o) {
    struct reading r = {NULL, DIAGS_INIT, DIAGS_INIT};
    r.m = pict_read("m.txt", text, strlen(text), o, &r.errors, &r.warnings);
    ck_assert_msg((r.m != NULL) == (r.errors.count == 0), "a model, or complaints, never both");
    diags_sort(&r.errors);
    diags_sort(&r.warnings);
    return r;
}

static struct reading read_text(const char *text) {
    struct pict_options o = PICT_OPTIONS_INIT;
    return read_with(text, &o);
}

static void reading_free(struct reading *r) {
    pict_free(r->m);
    diags_free(&r->errors);
    diags_free(&r->warnings);
}

static char *rows_of(struct reading *r, int strength) {
    struct cover_options o = {.strength = strength ? strength : pict_strength(r->m)};
    struct err err = ERR_INIT;
    struct cover_result *res = cover_generate(pict_problem(r->m), &o, &err);
    ck_assert_msg(res != NULL, "%s", err_text(&err));
    struct str out = STR_INIT;
    pict_write_text(r->m, res, &out);
    cover_result_free(res);
    return str_take(&out);
}

static size_t lines_in(const char *text) {
    size_t n = 0;
    for (; *text; text++) {
        n += *text == '\n';
    }
    return n;
}

/* All rows that the constraint leaves of A: 1-3, B: 1-3, S: ab, cd, Ab2 (as text), as "111 ..." over indices. */
static void expect_rows(const char *constraint, const char *expected) {
    struct str text = STR_INIT;
    str_addf(&text, "A: 1, 2, 3\nB: 1, 2, 3\nS: ab, cd, ae2\n%s\n", constraint);
    struct pict_options o = PICT_OPTIONS_INIT;
    o.order = PICT_ORDER_MAX;
    struct reading r = read_with(str_get(&text), &o);
    ck_assert_msg(r.m != NULL, "%s: %s", constraint, r.errors.count ? r.errors.items[0].message : "");
    char *rows = rows_of(&r, COVER_ALL);
    struct str got = STR_INIT;
    for (const char *line = strchr(rows, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        char a = line[0], b = line[2], s = line[5];
        str_addf(&got, "%s%c%c%c", got.len ? " " : "", a, b, s);
    }
    ck_assert_msg(strcmp(str_get(&got), expected) == 0, "%s\n  gives    %s\n  expected %s", constraint,
                  str_get(&got), expected);
    str_free(&got);
    str_free(&text);
    free(rows);
    reading_free(&r);
}

START_TEST(test_relations) {
    expect_rows("[A] = 1 and [B] = 2;", "12b 12d 12e");
    expect_rows("[A] <> 1 and [B] = 2 and [S] = \"ab\";", "22b 32b");
    expect_rows("[A] > 1 and [B] < 2 and [S] = \"AB\";", "21b 31b");
    expect_rows("[A] >= 3 and [B] <= 1;", "31b 31d 31e");
    expect_rows("[S] > \"ab\" and [A] = 1 and [B] = 1;", "11d 11e");
    expect_rows("[A] < 1.5 and [B] > 2.5e0;", "13b 13d 13e");
    expect_rows("[A] = [B] and [S] = \"cd\";", "11d 22d 33d");
    expect_rows("[A] > [B] and [S] <> \"ab\" and [S] <> \"cd\";", "21e 31e 32e");
    expect_rows("[A] in {1, 3} and [B] not in {1, 2} and [S] in {\"cd\", \"nothing\"};", "13d 33d");
    expect_rows("[S] like \"a*\" and [A]=1 and[B]=1;", "11b 11e");
    expect_rows("[S] like \"?e?\" and [A]=1 and [B]=1;", "11e");
    expect_rows("[S] not like \"*b*\" and [A]=1 and [B]=1;", "11d 11e");
    expect_rows("[S] like \"*\" and [A]=1 and [B]=1;", "11b 11d 11e");
}
END_TEST

START_TEST(test_logic) {
    expect_rows("[S] = \"ab\" and [A] = 1 or [S] = \"ab\" and [B] = 1;", "11b 12b 13b 21b 31b");
    expect_rows("[S] = \"ab\" and ([A] = 1 or [B] = 1);", "11b 12b 13b 21b 31b");
    expect_rows("not [A] = 1 and [B] = 1 and [S] = \"cd\";", "21d 31d");
    expect_rows("not ([A] = 1 or [B] <> 1 or [S] <> \"cd\");", "21d 31d");
    expect_rows("if [A] = 1 then [B] = 1 and [S] = \"ab\" else [B] = 2 and [S] = \"cd\";", "11b 22d 32d");
    expect_rows("if [A] < 3 then [A] > 2;\nif [A] = 3\nthen\n# a comment\n [B] = 3 ; [S] = \"cd\";", "33d");
    expect_rows("IF NOT ([A]=1) THEN ([B]=1 AND [S]=\"ab\") ELSE (NOT [B]<>3 AND [S]=\"ab\");", "13b 21b 31b");
}
END_TEST

START_TEST(test_values) {
    struct reading r = read_text("\xef\xbb\xbf# comment\nA : 1a|1b | 1c ( 300 ) , ~2 (1), 3()\n\nB,x,y,\n"
                                 "  C: <A>, last\r\n$R: p, q\n");
    ck_assert_ptr_nonnull(r.m);
    const struct cover_problem *p = pict_problem(r.m);
    bool negative;
    ck_assert_int_eq(cover_factor_count(p), 4);
    ck_assert_int_eq(cover_factor_values(p, 0), 3);
    ck_assert_str_eq(pict_parameter(r.m, 0), "A");
    ck_assert_str_eq(pict_value(r.m, 0, 0, &negative), "1a");
    ck_assert_str_eq(pict_value(r.m, 0, 1, &negative), "2");
    ck_assert(negative);
    ck_assert_str_eq(pict_value(r.m, 0, 2, &negative), "3()");
    ck_assert_int_eq(cover_factor_values(p, 1), 3);
    ck_assert_str_eq(pict_value(r.m, 1, 2, &negative), "");
    ck_assert_int_eq(cover_factor_values(p, 2), 4);
    ck_assert_str_eq(pict_value(r.m, 2, 3, &negative), "last");
    ck_assert_int_eq(cover_unit_count(p), 3);
    reading_free(&r);
}
END_TEST

START_TEST(test_names_take_turns) {
    struct reading r = read_text("A: one|two|three\nB: 1, 2, 3, 4\n");
    char *rows = rows_of(&r, 2);
    ck_assert_ptr_nonnull(strstr(rows, "A\tB\n"));
    ck_assert_ptr_nonnull(strstr(rows, "one\t"));
    ck_assert_ptr_nonnull(strstr(rows, "two\t"));
    ck_assert_ptr_nonnull(strstr(rows, "three\t"));
    ck_assert_uint_eq(lines_in(rows), 5);
    free(rows);
    reading_free(&r);
}
END_TEST

START_TEST(test_negative) {
    struct reading r = read_text("A: ~-1, 0, 1, 2\nB: ~-1, 0, 1, 2\nC: x, ~y\n"
                                 "if [A] = -1 then [B] = 0;\nif IsNegative(C) then [B] > 1;\n"
                                 "if IsPositive([B]) then [A] <> 2;");
    ck_assert_ptr_nonnull(r.m);
    char *rows = rows_of(&r, 2);
    ck_assert_ptr_nonnull(strstr(rows, "~-1\t0\t"));
    ck_assert_ptr_null(strstr(rows, "~-1\t1\t"));
    ck_assert_ptr_null(strstr(rows, "~-1\t~-1"));
    ck_assert_ptr_null(strstr(rows, "1\t0\t~y"));
    ck_assert_ptr_nonnull(strstr(rows, "1\t2\t~y"));
    ck_assert_ptr_null(strstr(rows, "\n2\t0"));
    ck_assert_ptr_nonnull(strstr(rows, "\n2\t~-1"));
    free(rows);
    reading_free(&r);
}
END_TEST

START_TEST(test_submodels) {
    struct reading r = read_text("A: 1, 2, 3\nB: 1, 2, 3\nC: 1, 2, 3\nD: 1, 2\n{ A , b, C } @ 2\n");
    ck_assert_int_eq(cover_unit_count(pict_problem(r.m)), 2);
    char *rows = rows_of(&r, 2);
    ck_assert_uint_eq(lines_in(rows), 1 + 9 * 2);
    free(rows);
    reading_free(&r);
    r = read_text("A: 1, 2\nB: 1, 2\nC: 1, 2\n{A, X}\n{A, A, B} @1\n");
    ck_assert_uint_eq(r.warnings.count, 2);
    ck_assert_str_eq(r.warnings.items[0].code, "unknown-parameter");
    ck_assert_int_eq(r.warnings.items[0].pos.line, 4);
    ck_assert_str_eq(r.warnings.items[1].code, "duplicate-name");
    reading_free(&r);
}
END_TEST

START_TEST(test_separators) {
    struct pict_options o = {1, ';', '/', '!', true};
    struct reading r = read_with("A: 1;2/3;!4\na: x;y\n[a] = \"x\";\n", &o);
    ck_assert_ptr_nonnull(r.m);
    bool negative;
    ck_assert_int_eq(cover_factor_values(pict_problem(r.m), 0), 3);
    ck_assert_str_eq(pict_value(r.m, 0, 2, &negative), "4");
    ck_assert(negative);
    reading_free(&r);
    r = read_with("A: x;X\n[A] = \"x\";\n", &o);
    char *rows = rows_of(&r, 1);
    ck_assert_str_eq(rows, "A\nx\n");
    free(rows);
    reading_free(&r);
}
END_TEST

START_TEST(test_escapes) {
    struct reading r = read_text("A[]1: a\"b, c]d, e\\f\nB: 1\n"
                                 "[A[\\]1] = \"a\\\"b\" or [A[\\]1] in {\"c\\]d\"} or [A[\\]1] = \"e\\\\f\";\n");
    ck_assert_msg(r.m != NULL, "%s", r.errors.count ? r.errors.items[0].message : "");
    char *rows = rows_of(&r, 1);
    ck_assert_uint_eq(lines_in(rows), 4);
    free(rows);
    reading_free(&r);
}
END_TEST

START_TEST(test_constraint_words_as_names) {
    struct reading r = read_text("A: 1, 2\nif: ala, bela\nif [A] = 1 then [if] = \"ala\";\n");
    ck_assert_ptr_nonnull(r.m);
    ck_assert_int_eq(cover_factor_count(pict_problem(r.m)), 2);
    reading_free(&r);
}
END_TEST

START_TEST(test_warnings) {
    struct reading r = read_text("A: 1, 2\nB: x, y\nif [A] = 1 then [Q] = 2;\n[B] like \"z*\" or [A] = 1;\n");
    ck_assert_ptr_nonnull(r.m);
    ck_assert_uint_eq(r.warnings.count, 2);
    ck_assert_str_eq(r.warnings.items[0].code, "unknown-parameter");
    ck_assert_int_eq(r.warnings.items[0].pos.line, 3);
    ck_assert_int_eq(r.warnings.items[0].pos.column, 17);
    ck_assert_str_eq(r.warnings.items[1].code, "no-effect");
    ck_assert_int_eq(r.warnings.items[1].pos.line, 4);
    reading_free(&r);
}
END_TEST

struct mistake { const char *text, *code; int line, column; };

START_TEST(test_mistakes) {
#define ABG "A: a, b\nB: c, d\nG: 1, 2\n"
    static const struct mistake mistakes[] = {
        {"ala\n", "missing-value", 1, 1},
        {"A: 1\na: 2\n", "duplicate-name", 2, 1},
        {"A: 1\nB: ~1, ~2\n", "only-negative", 2, 1},
        {ABG "{A,B} 1\n", "bad-submodel", 4, 1},
        {ABG "{A,B} @ 0\n", "bad-submodel", 4, 1},
        {ABG "{ }\n", "bad-submodel", 4, 1},
        {ABG "{A} @ 2\n", "order-too-high", 4, 1},
        {ABG "{A}\nC: 1\n", "bad-submodel", 5, 1},
        {ABG "if [A] = \"a\" [B] = \"c\";\n", "syntax", 4, 14},
        {ABG "if [A] = \"a\" and then [B] = \"c\";\n", "syntax", 4, 18},
        {ABG "if ([A] = \"a\" then [B] = \"c\";\n", "syntax", 4, 15},
        {ABG "[A] = \"a\" then [B] = \"c\";\n", "syntax", 4, 11},
        {ABG "[A] = \"a\"\n", "syntax", 5, 1},
        {ABG "[A] = \"a\";;\n", "syntax", 4, 11},
        {ABG "[A] == \"a\";\n", "syntax", 4, 6},
        {ABG "[A] \"a\";\n", "syntax", 4, 5},
        {ABG "[A] in \"a\"};\n", "syntax", 4, 8},
        {ABG "[A] in {\"a\";\n", "syntax", 4, 12},
        {ABG "[A] in {};\n", "syntax", 4, 9},
        {ABG "[A] = a;\n", "syntax", 4, 7},
        {ABG "[G] > 1q;\n", "syntax", 4, 7},
        {ABG "[A = 1;\n[B] = \"c\";\n", "syntax", 4, 1},
        {ABG "[A] > \"a\\b\";[A]=\"a\";\n", "syntax", 4, 9},
        {ABG "[A] > \"ab;\n", "syntax", 4, 7},
        {ABG "[A] = 1;\n", "wrong-type", 4, 7},
        {ABG "[G] in {1, \"b\"};\n", "wrong-type", 4, 12},
        {ABG "[G] like \"1*\";\n", "wrong-type", 4, 10},
        {ABG "[A] > [G];\n", "wrong-type", 4, 1},
        {ABG "[A] = [A];\n", "bad-relation", 4, 1},
        {"\xff\xfe" "A\n", "encoding", 1, 1},
        {"", "missing-value", 1, 1},
        {"# nothing\n\n", "missing-value", 1, 1},
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct reading r = read_text(mistakes[i].text);
        ck_assert_msg(r.errors.count > 0, "no complaint about: %s", mistakes[i].text);
        const struct diag *d = &r.errors.items[0];
        ck_assert_msg(strcmp(d->code, mistakes[i].code) == 0 && d->pos.line == mistakes[i].line &&
                          d->pos.column == mistakes[i].column,
                      "%s\n%d:%d %s (%s), expected %d:%d %s", mistakes[i].text, d->pos.line, d->pos.column, d->code,
                      d->message, mistakes[i].line, mistakes[i].column, mistakes[i].code);
        reading_free(&r);
    }
#undef ABG
}
END_TEST

START_TEST(test_all_mistakes_at_once) {
    struct reading r = read_text("A: 1, 2\nala\nB: ~1\nC: x\n"
                                 "if [A] == 1 then [C] = \"x\";\n[C] = 1;\n\n[A] >> 2;\n[A] > 1\n");
    static const int lines[] = {2, 3, 5, 6, 8, 10};
    ck_assert_uint_eq(r.errors.count, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(r.errors.items[i].pos.line, lines[i]);
    }
    reading_free(&r);
}
END_TEST

START_TEST(test_order) {
    struct pict_options o = PICT_OPTIONS_INIT;
    o.order = 3;
    struct reading r = read_with("A: 1, 2\nB: 1, 2\n", &o);
    ck_assert_ptr_null(r.m);
    ck_assert_str_eq(r.errors.items[0].code, "order-too-high");
    reading_free(&r);
    r = read_text("A: 1, 2\n");
    ck_assert_int_eq(pict_strength(r.m), 1);
    reading_free(&r);
}
END_TEST

START_TEST(test_seeds) {
    struct reading r = read_text("A: 1, 2, 3\nB: a|aa, b, c\nC: xx, ~yy\n");
    const char *seeds = "C\tA\tZ\tB\r\n~yy\t2\tq\taa\n\t3\t\tnone\nxx\t1\n";
    pict_read_seeds(r.m, "s.txt", seeds, strlen(seeds), &r.warnings);
    ck_assert_uint_eq(r.warnings.count, 2);
    ck_assert_str_eq(r.warnings.items[0].code, "unknown-parameter");
    ck_assert_int_eq(r.warnings.items[0].pos.column, 5);
    ck_assert_str_eq(r.warnings.items[1].code, "unknown-value");
    ck_assert_int_eq(r.warnings.items[1].pos.line, 3);
    ck_assert_int_eq(r.warnings.items[1].pos.column, 5);
    char *rows = rows_of(&r, 2);
    const char *body = strchr(rows, '\n') + 1;
    ck_assert(strncmp(body, "2\ta\t~yy\n", 8) == 0);
    body = strchr(body, '\n') + 1;
    ck_assert_int_eq(body[0], '3');
    body = strchr(body, '\n') + 1;
    ck_assert(body[0] == '1' && strncmp(strchr(body + 2, '\t') + 1, "xx\n", 3) == 0);
    free(rows);
    reading_free(&r);
}
END_TEST

START_TEST(test_no_rows) {
    struct reading r = read_text("A: 1, 2, 3\nB: 1, 2\n"
                                 "[A] > 1;\n[B] = 1;\n[A] < 3;\nif [A] = 2 then [B] = 2;\n[B] <> 7;\n");
    ck_assert_ptr_nonnull(r.m);
    pict_complain_no_rows(r.m, &r.errors);
    ck_assert_uint_eq(r.errors.count, 1);
    ck_assert_str_eq(r.errors.items[0].code, "no-rows");
    ck_assert_int_eq(r.errors.items[0].pos.line, 6);
    reading_free(&r);
}
END_TEST

/* Formulas that multiply out to millions of clauses stay small and right. */
START_TEST(test_long_disjunctions) {
    struct str text = STR_INIT;
    for (int i = 0; i < 24; i++) {
        str_addf(&text, "P%d: 0, 1, 2\n", i);
    }
    for (int i = 0; i < 24; i += 2) {
        str_addf(&text, "%s([P%d] = 1 and [P%d] = 2)", i ? " or " : "", i, i + 1);
    }
    str_add(&text, ";\n");
    struct reading r = read_text(str_get(&text));
    char *rows = rows_of(&r, 2);
    for (const char *line = strchr(rows, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        bool some = false;
        for (int i = 0; i < 24; i += 2) {
            some |= line[2 * i] == '1' && line[2 * i + 2] == '2';
        }
        ck_assert(some);
    }
    free(rows);
    str_free(&text);
    reading_free(&r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pict");
    TCase *tc = tcase_create("pict");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_relations);
    tcase_add_test(tc, test_logic);
    tcase_add_test(tc, test_values);
    tcase_add_test(tc, test_names_take_turns);
    tcase_add_test(tc, test_negative);
    tcase_add_test(tc, test_submodels);
    tcase_add_test(tc, test_separators);
    tcase_add_test(tc, test_escapes);
    tcase_add_test(tc, test_constraint_words_as_names);
    tcase_add_test(tc, test_warnings);
    tcase_add_test(tc, test_mistakes);
    tcase_add_test(tc, test_all_mistakes_at_once);
    tcase_add_test(tc, test_order);
    tcase_add_test(tc, test_seeds);
    tcase_add_test(tc, test_no_rows);
    tcase_add_test(tc, test_long_disjunctions);
    suite_add_tcase(s, tc);
    return suite_run(s);
}
