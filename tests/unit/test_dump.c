/* Crash dumps: real ones against the answers of other tools, user dumps made here, and broken ones. */
#include <check.h>
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/dump_blame.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/schema.h"
#include "base/str.h"
#include "evidence/dump.h"
#include "reports/dump.h"
#include "support/mdmp.h"
#include "support/skip.h"
#include "support/suite.h"

static struct dump *load_case(const char *dir, const char *name, struct err *err) {
    CLEANUP_FREE char *relative = str_printf("dumps/%s", name);
    CLEANUP_FREE char *path = fs_join(dir, relative);
    return dump_load(path, err);
}

static const char *text(const json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key));
}

static uint64_t number(const json_t *o, const char *key) {
    const char *hex = text(o, key);
    return hex ? strtoull(hex, NULL, 16) : 0;
}

/* "ntoskrnl.exe+0x4de014" of an address, "-" when it is in no module. */
static char *place(const struct dump *d, uint64_t address) {
    const struct dump_module *m = dump_module_at(d, address);
    return m ? str_printf("%s+0x%" PRIx64, m->name, address - m->base) : str_dup("-");
}

static void check_place(const struct dump *d, uint64_t address, const char *want, const char *what) {
    CLEANUP_FREE char *got = place(d, address);
    ck_assert_msg(!want || strcasecmp(got, want) == 0, "%s: %s instead of %s", what, got, want);
}

static void check_kernel_header(const json_t *o, const struct dump *d, const char *file) {
    ck_assert_msg(strcasecmp(text(o, "machine"), dump_arch_name(d->arch)) == 0, "%s: %s", file,
                  dump_arch_name(d->arch));
    ck_assert_int_eq(d->processors, json_integer_value(json_object_get(o, "processors")));
    ck_assert_int_eq(d->os_build, json_integer_value(json_object_get(o, "build")));
    ck_assert_uint_eq(d->bugcheck.raw, number(o, "bugcheck"));
    ck_assert_uint_eq(d->bugcheck.code, number(o, "bugcheck_normalized"));
    for (size_t i = 0; i < 4; i++) {
        const json_t *p = json_array_get(json_object_get(o, "params"), i);
        ck_assert_uint_eq(d->bugcheck.parameters[i], strtoull(json_string_value(p), NULL, 16));
    }
    const char *time = text(o, "crash_time_utc");
    CLEANUP_FREE char *when = dump_report_time(d->time_us);
    ck_assert_msg(!time || (when && strncmp(when, time, strlen(time)) == 0), "%s: %s", file, when);
    const json_t *up = json_object_get(o, "uptime_s");
    ck_assert(!json_is_number(up) || llabs(d->uptime_us / 1000 - (int64_t)(json_number_value(up) * 1000 + 0.5)) <= 1);
}

static void check_kernel_lists(const json_t *o, const struct dump *d) {
    const json_t *count = json_object_get(o, "driver_count"), *gone = json_object_get(o, "unloaded_count");
    ck_assert(!count || d->module_count == (size_t)json_integer_value(count));
    ck_assert(!gone || d->unloaded_count == (size_t)json_integer_value(gone));
    if (text(o, "first_driver")) {
        ck_assert_str_eq(d->modules[0].name, text(o, "first_driver"));
        ck_assert_str_eq(d->modules[d->module_count - 1].name, text(o, "last_driver"));
    }
    size_t i, at = 0;
    const json_t *entry;
    uint64_t address = 0;
    json_array_foreach(json_object_get(o, "stack_pointers_head"), i, entry) {
        ck_assert_ptr_nonnull(dump_stack_next(d, &at, &address));
        check_place(d, address, json_string_value(entry), "stack");
    }
}

static void check_kernel_hits(const json_t *o, const struct dump *d) {
    const json_t *hits = json_object_get(o, "address_hits");
    check_place(d, d->exception.address, text(hits, "exception_address"), "exception address");
    check_place(d, d->pc, text(hits, "rip"), "program counter");
    for (size_t i = 0; i < 4; i++) {
        char key[] = {'p', 'a', 'r', 'a', 'm', (char)('1' + i), '\0'};
        check_place(d, d->bugcheck.parameters[i], text(hits, key), key);
    }
    if (text(o, "faulting_by_address")) {
        ck_assert(d->fault.known);
        check_place(d, d->fault.address, text(o, "faulting_by_address"), "fault");
    }
    size_t i;
    const json_t *check;
    json_array_foreach(json_object_get(o, "cross_checks"), i, check) {
        struct dump_blame b = dump_blame(d);
        const char *want = text(check, "faulting_module");
        ck_assert_msg(!want || (b.name && strcasecmp(b.name, want) == 0), "blamed %s", b.name);
        dump_blame_clear(&b);
    }
}

START_TEST(real_kernel_dumps_have_the_known_answers) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_FREE char *path = fs_join(dir, "dumps/EXPECTED.json");
    json_t *all = json_load_file(path, 0, NULL);
    ck_assert_ptr_nonnull(all);
    size_t i, seen = 0;
    const json_t *o;
    json_array_foreach(all, i, o) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(dump_free_ptr) struct dump *d = load_case(dir, text(o, "file"), &err);
        bool wanted = str_eq(text(o, "expect"), "parse");
        ck_assert_msg((d != NULL) == wanted, "%s: %s", text(o, "file"), err_text(&err));
        seen++;
        if (!d) {
            ck_assert_uint_gt(strlen(err_text(&err)), 10);
            continue;
        }
        ck_assert_msg(!str_eq(text(o, "dump_type"), "TRIAGE") || d->kind == DUMP_TRIAGE, "%s", text(o, "file"));
        check_kernel_header(o, d, text(o, "file"));
        check_kernel_lists(o, d);
        check_kernel_hits(o, d);
    }
    ck_assert_uint_gt(seen, 0);
    json_decref(all);
}
END_TEST

/* A snapshot's text behind its "---" head; NULL when it is no JSON object. New reference. */
static json_t *snapshot(const char *folder, const char *name) {
    CLEANUP_FREE char *path = fs_join(folder, name);
    CLEANUP_FREE char *all = fs_read(path, 1 << 22, NULL, NULL);
    const char *body = all ? strstr(all, "\n---\n") : NULL;
    json_t *o = body ? json_loads(body + 5, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    return json_is_object(o) ? o : (json_decref(o), NULL);
}

static void check_snapshot_modules(const json_t *list, const struct dump *d) {
    size_t i;
    const json_t *m;
    ck_assert_uint_eq(json_array_size(list), d->module_count);
    json_array_foreach(list, i, m) {
        const struct dump_module *got = NULL;
        for (size_t k = 0; k < d->module_count && !got; k++) {
            got = d->modules[k].base == number(m, "base_addr") ? &d->modules[k] : NULL;
        }
        ck_assert_msg(got != NULL, "%s", text(m, "filename"));
        ck_assert_str_eq(got->name, text(m, "filename"));
        ck_assert_uint_eq(got->base + got->size, number(m, "end_addr"));
        ck_assert(!text(m, "version") || str_eq(got->version, text(m, "version")));
        CLEANUP_FREE char *id = str_printf("%08" PRIx32 "%" PRIx32, got->timestamp, got->size);
        ck_assert(!text(m, "code_id") || str_eq(id, text(m, "code_id")));
    }
}

static void check_snapshot_threads(const json_t *o, const struct dump *d) {
    const json_t *list = json_object_get(o, "threads"), *t;
    size_t i;
    ck_assert_uint_eq(json_array_size(list), d->thread_count);
    json_array_foreach(list, i, t) {
        ck_assert_uint_eq(d->threads[i].id, json_integer_value(json_object_get(t, "thread_id")));
        const json_t *frame = json_array_get(json_object_get(t, "frames"), 0);
        /* rust-minidump shows the exception's context for the thread that crashed */
        uint64_t pc = d->exception.thread == d->threads[i].id ? d->pc : d->threads[i].pc;
        ck_assert(!frame || pc == number(frame, "offset")); /* the thread that wrote the dump has no frames */
    }
}

static void check_snapshot(const json_t *o, const struct dump *d) {
    const json_t *crash = json_object_get(o, "crash_info"), *system = json_object_get(o, "system_info");
    ck_assert_str_eq(dump_arch_name(d->arch), text(system, "cpu_arch"));
    ck_assert_uint_eq(d->processors, json_integer_value(json_object_get(system, "cpu_count")));
    ck_assert_str_eq(d->processor, text(system, "cpu_info"));
    CLEANUP_FREE char *version = str_printf("%u.%u.%u%s%s", d->os_major, d->os_minor, d->os_build,
                                            d->service_pack && *d->service_pack ? " " : "",
                                            d->service_pack ? d->service_pack : "");
    ck_assert_str_eq(version, text(system, "os_ver"));
    ck_assert_uint_eq(d->process.id, json_integer_value(json_object_get(o, "pid")));
    const json_t *up = json_object_get(o, "process_uptime");
    ck_assert(!json_is_integer(up) || d->uptime_us == json_integer_value(up) * 1000000);
    if (text(crash, "address")) {
        ck_assert_uint_eq(d->fault.has_access ? d->fault.access : d->fault.address, number(crash, "address"));
        ck_assert_uint_eq(d->exception.thread,
                          json_integer_value(json_object_get(json_object_get(o, "crashing_thread"), "thread_id")));
    }
    ck_assert_uint_eq(json_array_size(json_object_get(o, "unloaded_modules")), d->unloaded_count);
    check_snapshot_modules(json_object_get(o, "modules"), d);
    check_snapshot_threads(o, d);
}

struct snapshots {
    const char *dir, *folder;
    int compared;
};

/* The dump a snapshot is of: the one whose program and process id it names. */
static int compare_dump(const char *name, void *ctx) {
    struct {
        struct snapshots *s;
        const json_t *o;
    } *both = ctx;
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(dump_free_ptr) struct dump *d = str_ends_with(name, ".dmp") ? load_case(both->s->dir, name, &err) : NULL;
    const json_t *modules = json_object_get(both->o, "modules");
    const json_t *main = json_array_get(modules, (size_t)json_integer_value(json_object_get(both->o, "main_module")));
    if (d && d->process.id == (uint64_t)json_integer_value(json_object_get(both->o, "pid")) && d->process.name &&
        str_eq(d->process.name, text(main, "filename"))) {
        check_snapshot(both->o, d);
        both->s->compared++;
    }
    return 0;
}

static int compare_snapshot(const char *name, void *ctx) {
    struct snapshots *s = ctx;
    json_t *o = snapshot(s->folder, name);
    struct {
        struct snapshots *s;
        const json_t *o;
    } both = {s, o};
    CLEANUP_FREE char *dumps = fs_join(s->dir, "dumps");
    if (o && json_array_size(json_object_get(o, "modules"))) {
        ck_assert_int_eq(fs_each(dumps, compare_dump, &both, NULL), 0);
    }
    json_decref(o);
    return 0;
}

START_TEST(real_user_dumps_agree_with_rust_minidump) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_FREE char *folder = fs_join(dir, "dumps/rustmd_snapshots");
    struct snapshots s = {dir, folder, 0};
    ck_assert_int_eq(fs_each(folder, compare_snapshot, &s, NULL), 0);
    ck_assert_int_gt(s.compared, 0);
}
END_TEST

static int look_at(const char *name, void *ctx) {
    struct snapshots *s = ctx;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (!str_ends_with(name, ".dmp")) {
        return 0;
    }
    CLEANUP(dump_free_ptr) struct dump *d = load_case(s->dir, name, &err);
    bool corrupt = strstr(name, "invalid-range") || strstr(name, "invalid-record");
    ck_assert_msg(corrupt == !d, "%s: %s", name, err_text(&err));
    ck_assert_msg(!corrupt || strstr(err_text(&err), "reaches beyond the file's"), "%s", err_text(&err));
    bool other = strstr(name, "linux") || strstr(name, "crashpad");
    ck_assert_msg(!d || d->is_windows == !other, "%s", name);
    ck_assert_msg(!d || d->module_count > 0, "%s", name);
    s->compared++;
    return 0;
}

START_TEST(every_real_dump_is_read_or_refused_with_a_reason) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_FREE char *folder = fs_join(dir, "dumps");
    struct snapshots s = {dir, folder, 0};
    ck_assert_int_eq(fs_each(folder, look_at, &s, NULL), 0);
    ck_assert_int_gt(s.compared, 0);
}
END_TEST

static void made(struct str *bytes, bool full) {
    static const struct mdmp_module modules[] = {
        {"C:\\Windows\\ntoskrnl.exe", 0x140000000, 0x100000, {10, 0, 19043, 1}},
        {"C:\\Program Files\\Alder\\alderhook.dll", 0x180000000, 0x20000, {1, 2, 3, 4}},
    };
    static const struct mdmp_module gone[] = {{"C:\\x\\gone.dll", 0x190000000, 0x5000, {0}}};
    static const struct mdmp_rich rich = {gone, 1, 777, 1600000000, 5, 6, "scanner", "alder.exe /scan C:", "a comment"};
    struct mdmp d = {.modules = modules, .module_count = 2, .code = 0xc0000005,
                     .address = 0x140000010, .stack = {7, 0x180000123, 0x140000020}, .stack_words = 3,
                     .rich = full ? &rich : NULL};
    mdmp_write(&d, bytes);
}

START_TEST(made_dump_is_read_whole) {
    CLEANUP_STR struct str bytes = STR_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    made(&bytes, true);
    CLEANUP(dump_free_ptr) struct dump *d = dump_parse(bytes.data, bytes.len, &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    ck_assert_str_eq(dump_module_at(d, d->fault.address)->name, "ntoskrnl.exe");
    ck_assert_uint_eq(d->fault.access, 0xdead0000);
    ck_assert_uint_eq(d->exception.count, 2);
    ck_assert_str_eq(d->modules[1].version, "1.2.3.4");
    ck_assert_uint_eq(d->unloaded_count, 1);
    ck_assert_str_eq(dump_unloaded_at(d, 0x190004fff)->name, "gone.dll");
    ck_assert_ptr_null(dump_unloaded_at(d, 0x190005000));
    ck_assert_uint_eq(d->unloaded[0].timestamp, 0x5f000000);
    ck_assert_uint_eq(d->process.id, 777);
    ck_assert_int_eq(d->process.created, 1600000000);
    ck_assert_int_eq(d->process.user_s, 5);
    ck_assert_int_eq(d->process.kernel_s, 6);
    ck_assert_int_eq(d->uptime_us, 60000000);
    ck_assert_str_eq(d->process.command_line, "alder.exe /scan C:");
    ck_assert_str_eq(d->comment, "a comment");
    ck_assert_uint_eq(d->thread_count, 1);
    ck_assert_str_eq(d->threads[0].name, "scanner");
    ck_assert_uint_eq(d->memory.regions, 2);
    ck_assert_uint_eq(d->memory.committed, 0x3000);
    ck_assert_uint_eq(d->memory.reserved, 0x3000);
    ck_assert_uint_eq(d->memory.executable_private, 0x3000);
    struct dump_blame b = dump_blame(d);
    ck_assert_int_eq(b.how, DUMP_BLAME_STACK);
    ck_assert_str_eq(b.name, "alderhook.dll");
    ck_assert_uint_eq(b.offset, 0x123);
    dump_blame_clear(&b);
}
END_TEST

START_TEST(cut_at_any_byte_is_refused) {
    for (int full = 0; full < 2; full++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        made(&bytes, full);
        for (size_t len = 0; len < bytes.len; len++) {
            CLEANUP_ERR struct err err = ERR_INIT;
            CLEANUP_FREE char *copy = mem_zalloc(len, 1); /* exactly as long: a sanitizer sees one byte too far */
            memcpy(copy, bytes.data, len);
            struct dump *d = dump_parse(copy, len, &err);
            ck_assert_msg(!d && err.cls == ERR_PROTOCOL, "cut at %zu", len);
        }
    }
}
END_TEST

START_TEST(any_byte_turned_is_survived) {
    CLEANUP_STR struct str bytes = STR_INIT;
    made(&bytes, true);
    size_t read = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] = (char)~bytes.data[i];
        CLEANUP_ERR struct err err = ERR_INIT;
        struct dump *d = dump_parse(bytes.data, bytes.len, &err);
        ck_assert((d != NULL) == !err_is_set(&err));
        read += d != NULL;
        dump_free(d);
        bytes.data[i] = (char)~bytes.data[i];
    }
    ck_assert_uint_gt(read, 0);
    ck_assert_uint_lt(read, bytes.len);
}
END_TEST

START_TEST(empty_zero_and_foreign_files_are_told_apart) {
    static const char zeros[4096] = {0};
    static const struct {
        const char *data;
        size_t len;
        const char *why;
    } cases[] = {
        {"", 0, "empty"}, {zeros, sizeof(zeros), "all zeros"}, {"MDMP", 4, "too few"}, {"PA", 2, "too few"},
        {"PAGEDUMPxxxxxxxxxxxxxxxxxxxxxxxxxx", 34, "kernel dump: 34 bytes are too few"},
        {"MZxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 34, "neither 'MDMP'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_ptr_null(dump_parse(cases[i].data, cases[i].len, &err));
        ck_assert_int_eq(err.cls, ERR_PROTOCOL);
        ck_assert_msg(strstr(err_text(&err), cases[i].why) != NULL, "%s", err_text(&err));
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(dump_load("/", &err));
    ck_assert_ptr_null(dump_load("/no/such/file", &err));
}
END_TEST

/* COEXIST_GOLDEN_UPDATE=1 writes the seed anew (and fails, so that it is never left on). */
START_TEST(seed_of_the_fuzzer_is_what_the_writer_makes) {
    const char *path = "tests/fuzz/seeds/fuzz_dump/user";
    bool update = getenv("COEXIST_GOLDEN_UPDATE") != NULL;
    CLEANUP_STR struct str bytes = STR_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    made(&bytes, true);
    ck_assert(!update || fs_write_atomic(path, bytes.data, bytes.len, 0644, &err) == 0);
    CLEANUP_FREE char *kept = fs_read(path, 1 << 20, &len, &err);
    ck_assert_msg(kept && len == bytes.len && memcmp(kept, bytes.data, len) == 0, "%s: %s", path, err_text(&err));
    ck_assert_msg(!update, "seed written");
}
END_TEST

static json_t *reported(const struct dump *d, const char *error) {
    struct products none = {0};
    struct dump_blame b = d ? dump_blame(d) : (struct dump_blame){0};
    struct dump_report r = {.file = "a.dmp", .error = error, .dump = d, .blame = &b, .products = &none};
    CLEANUP_STR struct str shown = STR_INIT;
    dump_report_text(&r, &shown);
    ck_assert_ptr_nonnull(strstr(str_get(&shown), d ? "blame" : "error"));
    json_t *o = dump_report_json(&r);
    dump_blame_clear(&b);
    return json_pack("{s:s, s:[o]}", "format", "coexist-dump/1", "dumps", o);
}

START_TEST(what_is_printed_follows_the_schema) {
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    CLEANUP_FREE char *schema = fs_read("reports/schema/dump.schema.json", 1 << 20, &len, &err);
    ck_assert_msg(schema != NULL, "%s", err_text(&err));
    struct schema *s = schema_compile("dump", schema, len, &err);
    ck_assert_msg(s != NULL, "%s", err_text(&err));
    CLEANUP_STR struct str bytes = STR_INIT;
    made(&bytes, true);
    CLEANUP(dump_free_ptr) struct dump *d = dump_parse(bytes.data, bytes.len, &err);
    json_t *good = reported(d, NULL), *bad = reported(NULL, "why");
    ck_assert(schema_accepts(s, good));
    ck_assert(schema_accepts(s, bad));
    json_object_set_new(json_array_get(json_object_get(good, "dumps"), 0), "more", json_true());
    ck_assert(!schema_accepts(s, good));
    json_decref(good);
    json_decref(bad);
    schema_free(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("dump");
    TCase *t = tcase_create("dump");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, real_kernel_dumps_have_the_known_answers);
    tcase_add_test(t, real_user_dumps_agree_with_rust_minidump);
    tcase_add_test(t, every_real_dump_is_read_or_refused_with_a_reason);
    tcase_add_test(t, made_dump_is_read_whole);
    tcase_add_test(t, cut_at_any_byte_is_refused);
    tcase_add_test(t, any_byte_turned_is_survived);
    tcase_add_test(t, empty_zero_and_foreign_files_are_told_apart);
    tcase_add_test(t, seed_of_the_fuzzer_is_what_the_writer_makes);
    tcase_add_test(t, what_is_printed_follows_the_schema);
    suite_add_tcase(s, t);
    return suite_run(s);
}
