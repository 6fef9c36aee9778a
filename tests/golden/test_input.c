/* Inputs and the exact words said about them. Each folder of input/ (but shared/) holds a matrix.json, what it
 * names, and expected.txt: every complaint, or the cells planned when there is none and what is doubtful.
 * COEXIST_GOLDEN_UPDATE=1 writes expected.txt anew (and fails, so that it is never left on). */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "plan/plan.h"
#include "support/suite.h"

#define GOLDEN_DIR "tests/golden/input"
enum { GOLDEN_CASES_MAX = 512, GOLDEN_TEXT_MAX = 1 << 20 };

struct golden_list {
    char *names[GOLDEN_CASES_MAX];
    int count;
};

static int golden_collect(const char *name, void *ctx) {
    struct golden_list *list = ctx;
    if (strcmp(name, "shared") != 0 && list->count < GOLDEN_CASES_MAX) {
        list->names[list->count++] = str_dup(name);
    }
    return 0;
}

static void golden_print_plan(const struct model *m, FILE *out) {
    struct diags diags = DIAGS_INIT;
    struct plan *p = plan_build(m, &diags);
    ck_assert_ptr_nonnull(p);
    fprintf(out, "good: %zu cells\n", p->cell_count);
    for (size_t i = 0; i < p->cell_count; i++) {
        fprintf(out, "%s\n", p->cells[i].id);
    }
    plan_free(p);
    diags_free(&diags);
}

/* What the program says about the case in the current folder. Caller frees. */
static char *golden_run(void) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load("matrix.json", &diags);
    ck_assert_msg((m != NULL) == (diags.count == 0), "a model, or complaints, never both");
    if (m) {
        golden_print_plan(m, out);
        diags_print_warnings(&m->doubts, out);
    }
    diags_print(&diags, out);
    fclose(out);
    model_free(m);
    diags_free(&diags);
    return text;
}

/* A complaint without a place helps nobody: only a matrix file that cannot be read has none. */
static void golden_check_located(const char *text) {
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "good: ", 6) == 0) {
            return;
        }
        if (strncmp(line, "    hint: ", 10) != 0 && strncmp(line, "matrix.json: error: ", 20) != 0) {
            int l = 0;
            int c = 0;
            ck_assert_msg(sscanf(line, "%*[^:]:%d:%d: error: ", &l, &c) == 2 && l > 0 && c > 0,
                          "no place in: %s", line);
        }
    }
}

START_TEST(golden_input_gives_exactly_the_expected_words) {
    struct golden_list list = {.count = 0};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_int_eq(fs_each(GOLDEN_DIR, golden_collect, &list, &err), 0);
    ck_assert_int_lt(_i, list.count);
    CLEANUP_FREE char *dir = str_printf(GOLDEN_DIR "/%s", list.names[_i]);
    ck_assert_int_eq(chdir(dir), 0);
    CLEANUP_FREE char *found = golden_run();
    if (getenv("COEXIST_GOLDEN_UPDATE")) {
        ck_assert_int_eq(fs_write_atomic("expected.txt", found, strlen(found), 0644, &err), 0);
        ck_abort_msg("%s: expected.txt was written anew", list.names[_i]);
    }
    golden_check_located(found);
    CLEANUP_FREE char *expected = fs_read("expected.txt", GOLDEN_TEXT_MAX, NULL, &err);
    ck_assert_msg(expected != NULL, "%s: %s", list.names[_i], err_text(&err));
    if (strcmp(found, expected) != 0) { /* Check's messages are too short for it */
        fprintf(stderr, "%s:\n--- expected\n%s--- found\n%s", list.names[_i], expected, found);
        ck_abort_msg("%s: not as expected", list.names[_i]);
    }
    for (int i = 0; i < list.count; i++) {
        free(list.names[i]);
    }
}
END_TEST

int main(void) {
    struct golden_list list = {.count = 0};
    if (fs_each(GOLDEN_DIR, golden_collect, &list, NULL) != 0 || list.count == 0) {
        fprintf(stderr, "test_input: run it at the top of the tree: no cases in %s\n", GOLDEN_DIR);
        return EXIT_FAILURE;
    }
    int count = list.count;
    for (int i = 0; i < count; i++) {
        free(list.names[i]);
    }
    Suite *s = suite_create("input");
    TCase *t = tcase_create("golden");
    tcase_add_loop_test(t, golden_input_gives_exactly_the_expected_words, 0, count);
    suite_add_tcase(s, t);
    return suite_run(s);
}
