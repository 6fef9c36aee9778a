/* One cell of the demo's kind by `coexist run`, from its start to its report, against the same steps by a plain script
 * over virsh, ssh and scp (onecell.sh): same image, installer, update, workloads, checks and waiting signals. They take
 * turns.
 *
 *     COEXIST_BENCH_ROUNDS   cells of each kind (1); the medians are compared
 *     and what lab_run.h reads */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "images/image.h"
#include "lab_run.h"
#include "vm/domain_xml.h"

enum { ONECELL_ROUNDS_MAX = 15, ONECELL_SCRIPT_S = 900 };
#define ONECELL_PRODUCT "cedar/product.json"
#define ONECELL_UPDATE "cedar/cedar-content-2.json"
#define ONECELL_SCRIPT "tests/bench/onecell.sh"

static const struct {
    const char *name;
    int repetitions;
    const char *params; /* JSON */
} workloads[] = {
    {"copy-small", 3, "{\"files\":24}"},
    {"archive", 4, "{\"files\":40}"},
    {"launch", 1, "{}"},
    {"registry", 2, "{\"keys\":50}"},
};

static json_t *onecell_workload(size_t i) {
    return json_pack("{s:s, s:i, s:o}", "name", workloads[i].name, "repetitions", workloads[i].repetitions, "params",
                     json_loads(workloads[i].params, 0, NULL));
}

/* Caller frees the path. */
static char *onecell_matrix(const struct lab *l, struct err *err) {
    CLEANUP_FREE char *product = lab_sample(l, ONECELL_PRODUCT);
    CLEANUP_FREE char *update = lab_sample(l, ONECELL_UPDATE);
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
        json_array_append_new(list, onecell_workload(i));
    }
    json_t *m = json_pack("{s:s, s:s, s:[s], s:[s], s:[s], s:[{s:[s]}], s:o}", "format", "coexist-matrix/1", "name",
                          "onecell", "images", "winelab", "products", product, "updates", update, "product_sets",
                          "products", "cedar", "workloads", list);
    char *path = lab_write_json(l, "onecell.json", m, err);
    json_decref(m);
    return path;
}

/* ---- what the script is given ----------------------------------------------------------------- */

static int script_write(const char *dir, const char *name, const char *text, struct err *err) {
    CLEANUP_FREE char *path = fs_join(dir, name);
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

/* The domain as the lab makes it, but for a terminal instead of a socket on the second serial port: a shell can open
 * the one and not the other. */
static int script_domain(const struct image *image, const char *dir, struct err *err) {
    CLEANUP_FREE char *disk = fs_join(dir, "disk.qcow2");
    CLEANUP_FREE char *console = fs_join(dir, "console.log");
    CLEANUP_FREE char *vnc = fs_join(dir, "vnc.sock");
    struct domain_paths paths = {.disk = disk, .console_log = console, .agent_socket = "/agent", .vnc_socket = vnc};
    struct vm_spec spec = {.name = "onecell", .kernel = image->kernel, .initrd = image->initrd,
                           .cmdline = image->cmdline, .profile = image->profile};
    CLEANUP_FREE char *xml = domain_xml_build(&spec, &paths, err);
    static const char socket[] = "<serial type=\"unix\">", source[] = "<source path=\"/agent\" mode=\"bind\"/>";
    char *serial = xml ? strstr(xml, socket) : NULL;
    char *path = serial ? strstr(serial, source) : NULL;
    if (!path) {
        return xml ? err_set(err, ERR_BUG, "the domain has no serial port as expected: %s", xml) : -1;
    }
    CLEANUP_FREE char *changed = str_printf("%.*s<serial type=\"pty\">%.*s%s", (int)(serial - xml), xml,
                                            (int)(path - serial - (ptrdiff_t)strlen(socket)),
                                            serial + strlen(socket), path + strlen(source));
    return script_write(dir, "domain.xml", changed, err);
}

static int script_capabilities(const struct lab *l, const char *dir, struct err *err) {
    CLEANUP_FREE char *from =
        str_printf("%s/cache/%s", l->lab_dir, geteuid() == 0 ? "libvirt-caps-root" : "libvirt-caps");
    CLEANUP_FREE char *to = fs_join(dir, "capabilities");
    const char *argv[] = {"cp", "-r", from, to, NULL};
    struct proc_opts opts = {.timeout_ns = 10 * CLOCK_S};
    return proc_check(argv, &opts, err);
}

static int script_copy(const struct lab *l, const char *sample, const char *dir, const char *name, struct err *err) {
    CLEANUP_FREE char *from = lab_sample(l, sample);
    CLEANUP_FREE char *to = fs_join(dir, name);
    return fs_copy(from, to, err);
}

static int script_env(const struct lab *l, const struct image *image, const char *dir, struct err *err) {
    CLEANUP_FREE char *installer = lab_sample(l, "cedar/cedar-1.0.0.exe");
    CLEANUP_FREE char *content = lab_sample(l, "cedar/cedar-content-2.ccf");
    CLEANUP_FREE char *env = str_printf(
        "GOLDEN='%s'\nUSER_NAME='%s'\nHOST_KEY='%s'\nCLIENT_KEY='%s'\nAGENT='%s'\nINSTALLER='%s'\nCONTENT='%s'\n"
        "ROOT='%s/root'\n",
        image->disk, image->ssh_user, image->ssh_host_key, image->ssh_client_key, image->agent_path, installer,
        content, dir);
    CLEANUP_STR struct str lines = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(workloads); i++) {
        json_t *w = onecell_workload(i);
        CLEANUP_FREE char *text = json_dumps(w, JSON_COMPACT);
        str_addf(&lines, "%s\n", text);
        json_decref(w);
    }
    return script_write(dir, "env", env, err) < 0 ? -1 : script_write(dir, "workloads", str_get(&lines), err);
}

static int script_prepare(const struct lab *l, const char *dir, struct err *err) {
    struct image *image = fs_mkdirs(dir, err) < 0 ? NULL : image_open(l->lab_dir, "winelab", err);
    int rc = image && script_domain(image, dir, err) == 0 && script_env(l, image, dir, err) == 0 &&
                     script_capabilities(l, dir, err) == 0 &&
                     script_copy(l, ONECELL_PRODUCT, dir, "product.json", err) == 0 &&
                     script_copy(l, ONECELL_UPDATE, dir, "update.json", err) == 0
                 ? 0
                 : -1;
    image_free(image);
    return rc;
}

/* ---- the comparison ---------------------------------------------------------------------------- */

static int onecell_script(const struct lab *l, double *seconds, struct err *err) {
    CLEANUP_FREE char *dir = fs_join(l->dir, "script");
    const char *argv[] = {"bash", ONECELL_SCRIPT, dir, NULL};
    struct proc_opts opts = {.timeout_ns = ONECELL_SCRIPT_S * CLOCK_S};
    if (script_prepare(l, dir, err) < 0) {
        return -1;
    }
    int64_t began = clock_now(clock_monotonic());
    int rc = proc_check(argv, &opts, err);
    *seconds = (double)(clock_now(clock_monotonic()) - began) / CLOCK_S;
    return rc < 0 || fs_remove_tree(dir, err) < 0 ? -1 : 0;
}

/* The script boots its machine, so ours does. */
static int onecell_ours(const struct lab *l, const char *matrix, double *seconds, struct err *err) {
    CLEANUP(lab_run_clear) struct lab_run run = {0};
    if (lab_run_matrix(l, matrix, "--no-sharing", NULL, NULL, &run, err) < 0) {
        return -1;
    }
    *seconds = run.seconds;
    json_t *verdicts = lab_run_verdicts(&run, err);
    const char *verdict = json_string_value(json_object_iter_value(json_object_iter(verdicts)));
    bool ended = verdict && (str_eq(verdict, "pass") || str_eq(verdict, "inconclusive"));
    if (verdicts && !ended) {
        err_set(err, ERR_BUG, "the cell did not come to its end: %s", verdict ? verdict : "no verdict");
    }
    json_decref(verdicts);
    return ended ? 0 : -1;
}

static int onecell_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int bench_run(const struct lab *l, struct err *err) {
    const char *env = getenv("COEXIST_BENCH_ROUNDS");
    long rounds = env ? strtol(env, NULL, 10) : 1;
    double ours[ONECELL_ROUNDS_MAX], script[ONECELL_ROUNDS_MAX];
    CLEANUP_FREE char *matrix = onecell_matrix(l, err);
    rounds = rounds < 1 ? 1 : rounds > ONECELL_ROUNDS_MAX ? ONECELL_ROUNDS_MAX : rounds;
    for (long i = 0; i < rounds; i++) {
        if (!matrix || onecell_ours(l, matrix, &ours[i], err) < 0 || onecell_script(l, &script[i], err) < 0) {
            return -1;
        }
    }
    qsort(ours, (size_t)rounds, sizeof(ours[0]), onecell_compare);
    qsort(script, (size_t)rounds, sizeof(script[0]), onecell_compare);
    double a = ours[rounds / 2], b = script[rounds / 2];
    printf("bench onecell ratio=%.2f a=%.1fs b=%.1fs one cell by coexist run, by a script; medians of %ld\n", a / b,
           a, b, rounds);
    return 0;
}

int main(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct lab l;
    if (lab_open(&l, &err) < 0) {
        printf("bench onecell skipped: %s\n", err_text(&err));
        lab_free(&l);
        return 0;
    }
    int rc = bench_run(&l, &err);
    if (rc < 0) {
        fprintf(stderr, "bench_onecell: %s\n", err_text(&err));
    }
    lab_free(&l);
    return rc < 0;
}
