#include "support/runs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/suite.h"

#define RUNS_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static json_t *runs_json(const char *text) {
    char *copy = str_dup(text);
    for (char *p = copy; *p; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    json_error_t at;
    json_t *j = json_loads(copy, 0, &at);
    ck_assert_msg(j != NULL, "%s: %s", at.text, copy);
    free(copy);
    return j;
}

static json_t *runs_product(const char *id, const char *vendor, const char *modules) {
    char *text = str_printf(
        "{'format':'coexist-product/1','id':'%s','vendor':'%s','name':'%s Guard','version':'1.0',"
        "'installer':{'file':'/x/%s.exe','sha256':'" RUNS_DIGEST "'},"
        "'install':{'command':'{installer} /S'},"
        "'health':{'services':[{'name':'%ssvc','state':'running'}]},'modules':%s}",
        id, vendor, vendor, id, id, modules);
    json_t *j = runs_json(text);
    free(text);
    return j;
}

static json_t *runs_update(const char *product, const char *kind, const char *file) {
    char *text = str_printf(
        "{'format':'coexist-update/1','id':'%s-%s','title':'%s %s 1.1','kind':'%s','product':'%s',"
        "'from':'1.0','to':'1.1','files':[{'file':'/x/%s','sha256':'" RUNS_DIGEST "'}],"
        "'apply':{'command':'{files}/%s'},"
        "'took':{'registry':[{'key':'HKLM/Software/%s','value':'V','data':'1.1'}]}}",
        product, kind, product, kind, kind, product, file, file, product);
    for (char *p = strstr(text, "HKLM"); p && *p; p++) {
        *p = *p == '/' ? '\\' : *p;
    }
    CLEANUP_STR struct str escaped = STR_INIT;
    for (const char *p = text; *p; p++) {
        str_addf(&escaped, "%s%c", *p == '\\' ? "\\" : "", *p);
    }
    json_t *j = runs_json(str_get(&escaped));
    free(text);
    return j;
}

static json_t *runs_source(const char *matrix_text, size_t count) {
    static const char *const ids[] = {"alder", "birch", "cedar", "dogwood", "elm", "fir"};
    static const char *const vendors[] = {"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir"};
    static const char *const modules[] = {"['alderflt.sys','aldersvc.exe','aldereng.dll']",
                                          "['birchflt.sys','birchsvc.exe','bircheng.dll']",
                                          "['cedarsvc.exe','cedareng.dll']", "['dogwoodflt.sys']",
                                          "['elmflt.sys']", "['firflt.sys']"};
    ck_assert_uint_le(count, ARRAY_LEN(ids));
    json_t *products = json_array();
    json_t *updates = json_array();
    json_t *product_files = json_array();
    json_t *update_files = json_array();
    for (size_t i = 0; i < count; i++) {
        char *engine = str_printf("%seng.dll", ids[i]);
        json_array_append_new(products, runs_product(ids[i], vendors[i], modules[i]));
        json_array_append_new(updates, runs_update(ids[i], "content", "content.bin"));
        json_array_append_new(updates, runs_update(ids[i], "engine", engine));
        json_array_append_new(product_files, json_sprintf("%s.json", ids[i]));
        json_array_append_new(update_files, json_sprintf("%s-content.json", ids[i]));
        json_array_append_new(update_files, json_sprintf("%s-engine.json", ids[i]));
        free(engine);
    }
    json_array_append_new(updates, runs_json("{'format':'coexist-update/1','id':'os-kb1','kind':'os',"
                                             "'from':'1','to':'2','apply':{'command':'kb.exe'},"
                                             "'took':{'files':[{'path':'C:\\\\x'}]}}"));
    json_array_append_new(update_files, json_string("os-kb1.json"));
    json_t *matrix = runs_json(matrix_text);
    json_t *base = runs_json("{'format':'coexist-matrix/1','name':'test','title':'A test',"
                             "'images':['winelab']}");
    json_object_update_missing(matrix, base);
    json_decref(base);
    json_object_set_new(matrix, "products", product_files);
    json_object_set_new(matrix, "updates", update_files);
    return json_pack("{s:s, s:o, s:o, s:o}", "path", "/x/test.json", "matrix", matrix, "products",
                     products, "updates", updates);
}

struct runs *runs_make(const char *matrix) {
    return runs_make_of(matrix, 3);
}

struct runs *runs_make_of(const char *matrix, size_t products) {
    struct runs *r = mem_zalloc(1, sizeof(*r));
    CLEANUP_ERR struct err err = ERR_INIT;
    r->dir = suite_scratch();
    r->artifacts = fs_join(r->dir, "artifacts");
    char id[] = "20261121-050000-test-1a2b";
    char started[] = "2026-11-21T05:00:00Z";
    char version[] = "0.1.0";
    char host[] = "a test";
    struct journal_run run = {
        .id = id, .started = started, .version = version, .host = host,
        .matrix = runs_source(matrix, products),
        .images = runs_json("{'winelab':{'format':'coexist-image/1','name':'winelab','os':'Wine 8',"
                            "'limits':['Not Windows: user space is Wine 8 on a Linux kernel.',"
                            "'Kernel drivers run in user mode.']}}"),
        .plan = json_object(),
    };
    r->journal = journal_create(r->dir, &run, &err);
    ck_assert_msg(r->journal != NULL, "%s", err_text(&err));
    json_decref(run.matrix);
    json_decref(run.images);
    json_decref(run.plan);
    return r;
}

void runs_free(struct runs *r) {
    journal_close(r->journal);
    fs_remove_tree(r->dir, NULL);
    free(r->dir);
    free(r->artifacts);
    free(r);
}

static void runs_append(struct runs *r, enum obs_type type, json_t *data) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct observation o = {
        .cell = str_dup(r->cell), .attempt = r->attempt, .seq = r->seq, .step = r->step,
        .kind = r->kind, .phase = r->phase, .at_ms = 1000 * r->seq, .type = type, .data = data};
    r->seq++;
    ck_assert_msg(journal_append(r->journal, &o, &err) == 0, "%s", err_text(&err));
    free(o.cell);
    json_decref(data);
}

void runs_add(struct runs *r, enum obs_type type, const char *data) {
    runs_append(r, type, runs_json(data));
}

void runs_cell(struct runs *r, const char *cell, int attempt) {
    r->cell = cell;
    r->attempt = attempt;
    r->seq = 0;
    r->step = -1;
    strcpy(r->kind, "");
    strcpy(r->phase, "before");
    runs_add(r, OBS_CELL_BEGIN,
             "{'products':[],'update':null,'image':'winelab','repetition':1,'worker_pid':1}");
}

void runs_step(struct runs *r, const char *kind, bool after) {
    r->step++;
    snprintf(r->kind, sizeof(r->kind), "%s", kind);
    strcpy(r->phase, after ? "after" : "before");
    runs_add(r, OBS_STEP_BEGIN, "{}");
    runs_add(r, OBS_STEP_END, "{'ok':true,'ms':1500}");
}

void runs_fail(struct runs *r, enum failure_class cls, const char *product, const char *text) {
    runs_append(r, OBS_FAILURE, json_pack("{s:s, s:s?, s:s}", "class", failure_class_name(cls),
                                          "product", product, "text", text));
}

void runs_boot_loop(struct runs *r, int boots) {
    for (int i = 0; i < boots; i++) {
        runs_add(r, OBS_EVENT, "{'what':'panicked','text':'guest panicked'}");
    }
    runs_append(r, OBS_FAILURE, json_pack("{s:s, s:n, s:s, s:i}", "class", "boot-loop", "product",
                                          "text", "The guest crashed in each boot.", "boots", boots));
}

void runs_check(struct runs *r, const char *what, const char *name, const char *product, bool ok) {
    runs_append(r, OBS_CHECK, json_pack("{s:s, s:s, s:s?, s:b, s:s, s:s}", "what", what, "name", name,
                                        "product", product, "ok", ok, "expected", "there", "found",
                                        ok ? "there" : "gone"));
}

void runs_metric(struct runs *r, const char *name, double value, int count) {
    runs_metric_starved(r, name, value, count, 0);
}

void runs_metric_starved(struct runs *r, const char *name, double value, int count, double percent) {
    for (int i = 0; i < count; i++) {
        runs_append(r, OBS_METRIC,
                    json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:f}", "name", name, "unit", "ms", "source",
                              "agent", "value", value * (1 + 0.01 * ((i * 7) % 5 - 2)), "reference_ms",
                              100.0, "rep", i, "starved", percent));
    }
}

void runs_artifact(struct runs *r, const char *role, const char *name, const void *data, size_t len) {
    char hex[FS_SHA256_HEX];
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(fs_store_bytes(r->artifacts, data, len, hex, &err) == 0, "%s", err_text(&err));
    runs_append(r, OBS_ARTIFACT, json_pack("{s:s, s:s, s:s, s:I}", "role", role, "name", name,
                                           "sha256", hex, "bytes", (json_int_t)len));
}

void runs_dump(struct runs *r, const char *role, const char *module, const char *on_stack) {
    static const struct mdmp_module modules[] = {
        {"C:\\windows\\system32\\ntoskrnl.exe", 0x140000000, 0x100000, {10, 0, 19043, 1}},
        {"C:\\windows\\system32\\drivers\\alderflt.sys", 0x180000000, 0x20000, {1, 0, 0, 0}},
        {"C:\\windows\\system32\\drivers\\birchflt.sys", 0x190000000, 0x20000, {2, 3, 4, 5}},
        {"C:\\Program Files\\Cedar\\cedarsvc.exe", 0x400000, 0x20000, {1, 2, 0, 0}},
    };
    struct mdmp d = {.modules = modules, .module_count = ARRAY_LEN(modules), .code = 0xc0000005,
                     .stack = {1, 2, 3}, .stack_words = 8};
    for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
        if (str_ends_with(modules[i].path, module)) {
            d.address = modules[i].base + 0x1234;
        }
        if (on_stack && str_ends_with(modules[i].path, on_stack)) {
            d.stack[5] = modules[i].base + 0x77;
        }
    }
    CLEANUP_STR struct str bytes = STR_INIT;
    mdmp_write(&d, &bytes);
    runs_artifact(r, role, "crash.dmp", bytes.data, bytes.len);
}

void runs_end(struct runs *r, bool complete) {
    r->step = -1;
    strcpy(r->kind, "");
    runs_append(r, OBS_CELL_END, json_pack("{s:b}", "complete", complete));
}

static void runs_measure(struct runs *r, bool after) {
    runs_step(r, "measure", after);
    runs_metric(r, "copy-small", 200, 5);
    runs_metric(r, "copy-large", 400, 5);
    runs_metric(r, "archive", 300, 5);
    runs_metric(r, "launch", 100, 5);
}

void runs_cell_until_applied(struct runs *r, const char *cell) {
    runs_cell(r, cell, 1);
    runs_step(r, "provision", false);
    runs_step(r, "boot", false);
    runs_step(r, "install", false);
    runs_step(r, "verify", false);
    runs_measure(r, false);
    runs_step(r, "apply", true);
}

void runs_cell_passes(struct runs *r, const char *cell) {
    runs_cell_until_applied(r, cell);
    runs_step(r, "reboot", true);
    runs_step(r, "verify", true);
    runs_measure(r, true);
    runs_step(r, "collect", true);
    runs_end(r, true);
}

struct analysis *runs_analyse(struct runs *r) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct analysis *a = analysis_run(r->journal, r->artifacts, &err);
    ck_assert_msg(a != NULL, "%s", err_text(&err));
    return a;
}

const struct analysis_cell *runs_find_cell(const struct analysis *a, const char *id) {
    for (size_t i = 0; i < a->cell_count; i++) {
        if (str_eq(a->cells[i].id, id)) {
            return &a->cells[i];
        }
    }
    ck_abort_msg("no cell %s", id);
    return NULL;
}

const struct analysis_update *runs_find_update(const struct analysis *a, const char *id) {
    for (size_t i = 0; i < a->update_count; i++) {
        if (str_eq(a->updates[i].id, id)) {
            return &a->updates[i];
        }
    }
    ck_abort_msg("no update %s", id);
    return NULL;
}
