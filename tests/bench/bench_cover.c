/* Sizes and times of covering arrays against what PICT 3.7.4 made and took on the same models: one line a model,
 *   bench cover-NAME ratio=OURS/PICT a=OURS b=PICT seconds=OURS pict_seconds=PICT
 * ratio, a and b are rows. Times are processor time without the program's start. BENCH_COVER=TEXT: only models whose
 * name has the text. BENCH_COVER_EFFORT=SECONDS: the time given to each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/str.h"
#include "cover/pict.h"
#include "support/skip.h"

struct totals { size_t models, smaller, larger, slower; };

static void bench(const char *path, const char *name, int order, size_t pict_rows, double pict_seconds,
                  struct totals *t) {
    struct diags errors = DIAGS_INIT, warnings = DIAGS_INIT;
    struct pict_options o = PICT_OPTIONS_INIT;
    const char *effort = getenv("BENCH_COVER_EFFORT");
    size_t len;
    o.order = order;
    char *text = fs_read(path, 1 << 24, &len, NULL);
    clock_t begin = clock();
    struct pict_model *m = text ? pict_read(path, text, len, &o, &errors, &warnings) : NULL;
    struct cover_options co = {.strength = order, .clock = clock_monotonic()};
    co.deadline = effort ? clock_after(co.clock, (int64_t)(strtod(effort, NULL) * (double)CLOCK_S)) : 0;
    struct cover_result *r = m ? cover_generate(pict_problem(m), &co, NULL) : NULL;
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (r) {
        printf("bench cover-%s-%d ratio=%.3f a=%zu b=%zu seconds=%.3f pict_seconds=%.2f\n", name, order,
               (double)r->row_count / (double)pict_rows, r->row_count, pict_rows, seconds, pict_seconds);
        fflush(stdout);
        t->models++;
        t->smaller += r->row_count < pict_rows;
        t->larger += r->row_count > pict_rows;
        t->slower += seconds > 2 * pict_seconds + 0.01; /* the tables' times are in steps of 0.01 s */
    }
    cover_result_free(r);
    pict_free(m);
    diags_free(&errors);
    diags_free(&warnings);
    free(text);
}

static bool is_asked_for(const char *name) {
    const char *only = getenv("BENCH_COVER");
    return !only || strstr(name, only);
}

static void bench_table(const char *table, const char *format, struct totals *t) {
    char line[4096], name[256];
    char *path = str_printf("%s/coverage/%s", test_cases_dir(), table);
    FILE *f = fopen(path, "r");
    free(path);
    while (f && fgets(line, sizeof(line), f)) {
        int order = 2;
        size_t rows = 0;
        double seconds = 0;
        bool literature = strstr(format, "casa") != NULL;
        int n = literature ? sscanf(line, "%255[^,],%*d,%*d,%*d,%*d,%zu,%lf", name, &rows, &seconds)
                           : sscanf(line, "%255[^,],%d,%zu,%lf", name, &order, &rows, &seconds);
        if (n != (literature ? 3 : 4) || !rows || !is_asked_for(name)) {
            continue;
        }
        path = str_printf("%s/coverage/%s%s%s", test_cases_dir(), format, name, literature ? ".pict" : "");
        bench(path, name, order, rows, seconds, t);
        free(path);
    }
    if (f) {
        fclose(f);
    }
}

int main(void) {
    struct totals t = {0};
    if (!test_cases_dir()) {
        printf("SKIP: bench cover: no folder of cases\n");
        return 0;
    }
    bench_table("casa_2way.csv", "casa/", &t);
    bench_table("pict_sizes.csv", "pict/", &t);
    printf("bench cover: %zu models, %zu smaller than PICT, %zu larger, %zu in more than twice its time\n", t.models,
           t.smaller, t.larger, t.slower);
    return 0;
}
