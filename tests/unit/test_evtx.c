/* Event logs: real ones against the counts of independent parsers, cut and damaged ones, single events; and the fence
 * that they are read behind. */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fence.h"
#include "base/fs.h"
#include "base/str.h"
#include "evidence/evtx.h"
#include "support/skip.h"
#include "support/suite.h"

static json_t *expected_load(const char *dir) {
    CLEANUP_FREE char *path = str_printf("%s/evtx/EXPECTED.json", dir);
    json_t *j = json_load_file(path, 0, NULL);
    ck_assert_ptr_nonnull(j);
    return j;
}

static size_t events_of(const struct event_log *l, const char *provider, uint32_t event) {
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        n += l->records[i].event == event && str_eq(l->records[i].provider, provider) && !l->records[i].recovered;
    }
    return n;
}

/* targets: "Service Control Manager/7023": 2 */
static void check_targets(const struct event_log *l, json_t *targets) {
    const char *key;
    json_t *count;
    json_object_foreach(targets, key, count) {
        const char *slash = strrchr(key, '/');
        CLEANUP_FREE char *provider = str_printf("%.*s", (int)(slash - key), key);
        size_t want = (size_t)json_integer_value(count);
        ck_assert_msg(events_of(l, provider, (uint32_t)atoi(slash + 1)) == want, "%s", key);
    }
}

START_TEST(real_logs_have_the_published_counts) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    json_t *expected = expected_load(dir), *file;
    const char *name;
    json_object_foreach(json_object_get(expected, "libevtx"), name, file) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *path = str_printf("%s/evtx/%s", dir, name);
        CLEANUP(event_log_clear) struct event_log facts;
        CLEANUP(event_log_clear) struct event_log every;
        ck_assert_msg(evtx_read_file(path, false, &facts, &err) == 0, "%s: %s", name, err_text(&err));
        ck_assert_msg(evtx_read_file(path, true, &every, &err) == 0, "%s: %s", name, err_text(&err));
        size_t want = (size_t)json_integer_value(json_object_get(file, "events"));
        ck_assert_msg(facts.read == want && every.read == want, "%s: %zu, not %zu", name, facts.read, want);
        ck_assert_uint_ge(every.count, want);
        check_targets(&facts, json_object_get(file, "targets"));
        for (size_t i = 1; i < every.count; i++) {
            ck_assert_int_le(strcmp(every.records[i - 1].time, every.records[i].time), 0);
        }
        for (size_t i = 0; i < facts.count; i++) {
            ck_assert(facts.records[i].kind != EVENT_OTHER && *facts.records[i].text);
        }
    }
    json_decref(expected);
}
END_TEST

/* The sample records that another parser (python-evtx) read: same data, same time to the millisecond. */
static void check_sample(const struct event_log *l, const json_t *sample) {
    uint64_t id = (uint64_t)json_integer_value(json_object_get(sample, "record"));
    const struct event_record *r = NULL;
    for (size_t i = 0; i < l->count; i++) {
        r = l->records[i].id == id ? &l->records[i] : r;
    }
    ck_assert_ptr_nonnull(r);
    const char *time = json_string_value(json_object_get(sample, "time")), *key;
    ck_assert_msg(strncmp(time, r->time, 10) == 0 && strncmp(time + 11, r->time + 11, 12) == 0, "%s, %s", time,
                  r->time);
    json_t *value;
    json_object_foreach(json_object_get(sample, "data"), key, value) {
        ck_assert_str_eq(event_datum(r, key, 99), json_string_value(value));
    }
    ck_assert_int_eq(r->kind, EVENT_SERVICE_CRASH);
    ck_assert_ptr_nonnull(strstr(r->text, event_datum(r, "param1", 0)));
}

START_TEST(real_records_have_the_published_data) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    json_t *expected = expected_load(dir), *file, *sample;
    const char *name;
    size_t i, seen = 0;
    json_object_foreach(json_object_get(expected, "python-evtx"), name, file) {
        CLEANUP_FREE char *path = str_printf("%s/evtx/%s", dir, name);
        CLEANUP(event_log_clear) struct event_log l;
        ck_assert_int_eq(evtx_read_file(path, true, &l, NULL), 0);
        json_array_foreach(json_object_get(file, "sample"), i, sample) {
            check_sample(&l, sample);
            seen++;
        }
    }
    ck_assert_uint_gt(seen, 0);
    json_decref(expected);
}
END_TEST

static void write_part(const char *to, const char *from, size_t keep, size_t scratch_at) {
    size_t len = 0;
    CLEANUP_FREE char *data = fs_read(from, 64u << 20, &len, NULL);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_ge(len, keep);
    if (scratch_at) {
        memset(data + scratch_at, 0xa5, 3000);
    }
    ck_assert_int_eq(fs_write_atomic(to, data, keep, 0600, NULL), 0);
}

START_TEST(damaged_logs_give_what_is_readable_and_say_what_is_not) {
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    char work[] = "/tmp/coexist-evtx-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(work));
    CLEANUP_FREE char *from = str_printf("%s/evtx/omer_system.evtx", dir);
    CLEANUP_FREE char *to = fs_join(work, "part.evtx");
    CLEANUP_ERR struct err err = ERR_INIT;
    struct event_log l;
    write_part(to, from, 4096 + 3 * 65536 + 30000, 0); /* cut inside the fourth chunk */
    ck_assert_msg(evtx_read_file(to, false, &l, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_ge(l.read, 108 + 102 + 116); /* records of the first three chunks, by their headers */
    ck_assert_uint_lt(l.read, 1881);
    ck_assert_ptr_nonnull(l.missing);
    ck_assert_ptr_nonnull(strstr(l.missing, "cut short"));
    event_log_clear(&l);
    write_part(to, from, 4096 + 3 * 65536, 4096 + 65536 + 600); /* damage inside the second chunk */
    ck_assert_msg(evtx_read_file(to, false, &l, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_ge(l.read, 108);
    ck_assert_ptr_nonnull(l.missing);
    event_log_clear(&l);
    ck_assert_int_eq(fs_write_atomic(to, "ElfFile", 7, 0600, NULL), 0);
    ck_assert_int_lt(evtx_read_file(to, false, &l, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    fs_remove_tree(work, NULL);
}
END_TEST

static struct event_record event_made(const char *provider, uint32_t event, const char *const *pairs) {
    struct event_record r = {.time = str_dup(""), .provider = str_dup(provider), .channel = str_dup(""),
                             .computer = str_dup(""), .text = str_dup(""), .event = event};
    for (; *pairs; pairs += 2) {
        r.data = mem_grow(r.data, r.data_count + 1, sizeof(*r.data));
        r.data[r.data_count++] = (struct event_datum){str_dup(pairs[0]), str_dup(pairs[1])};
    }
    event_find_fact(&r);
    return r;
}

static const struct meaning_case {
    const char *provider;
    uint32_t event;
    enum event_kind kind;
    uint32_t code;
    const char *module, *text;
    const char *data[20];
} meaning_cases[] = {
    {"Microsoft-Windows-WER-SystemErrorReporting", 1001, EVENT_BUGCHECK, 0x7E, NULL,
     "the system stopped: 0x7E SYSTEM_THREAD_EXCEPTION_NOT_HANDLED (0xffffffffc0000005, 0x1, 0x2, 0x3)",
     {"param1", "0x0000007e (0xffffffffc0000005, 0x1, 0x2, 0x3)", "param2", "C:\\Windows\\MEMORY.DMP"}},
    {"Microsoft-Windows-Kernel-Power", 41, EVENT_BUGCHECK, 209, NULL,
     "the system stopped: 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL (0x9c, 0x2, 0x0, 0xf8)",
     {"BugcheckCode", "209", "BugcheckParameter1", "0x9c", "BugcheckParameter2", "0x2", "BugcheckParameter3", "0x0",
      "BugcheckParameter4", "0xf8"}},
    {"Microsoft-Windows-Kernel-Power", 41, EVENT_UNEXPECTED_OFF, 0, NULL,
     "the system went down without being shut down, no bug check", {"BugcheckCode", "0"}},
    {"Application Error", 1000, EVENT_APP_CRASH, 0, "cedar.exe",
     "cedar.exe crashed in ntdll.dll, exception 0xc0000005 at offset 0001a2b3",
     {"", "cedar.exe", "", "1.2", "", "5f", "", "ntdll.dll", "", "10.0", "", "60", "", "c0000005", "", "0001a2b3"}},
    {"Service Control Manager", 7034, EVENT_SERVICE_CRASH, 0, NULL, "service Alder ended unexpectedly (time 2)",
     {"param1", "Alder", "param2", "2"}},
    {"Contoso-Kernel-Power", 41, EVENT_OTHER, 0, NULL, "", {"BugcheckCode", "209"}},
};

START_TEST(events_mean_what_their_manifests_say) {
    const struct meaning_case *c = &meaning_cases[_i];
    struct event_record r = event_made(c->provider, c->event, c->data);
    struct event_log l = {.records = mem_zalloc(1, sizeof(r)), .count = 1};
    l.records[0] = r;
    ck_assert_str_eq(event_kind_name(r.kind), event_kind_name(c->kind));
    ck_assert_str_eq(r.text, c->text);
    ck_assert_uint_eq(r.has_code ? r.code : 0, c->code);
    ck_assert(str_eq(r.module, c->module));
    event_log_clear(&l);
}
END_TEST

static int inside_crash(void *ctx, struct str *out, struct err *err) {
    (void)out;
    (void)err;
    (void)ctx;
    kill(getpid(), SIGSEGV);
    return 0;
}

static int inside_forever(void *ctx, struct str *out, struct err *err) {
    (void)err;
    while (ctx) {
        str_add(out, "x");
        str_reset(out);
    }
    return 0;
}

static int inside_flood(void *ctx, struct str *out, struct err *err) {
    (void)err;
    (void)ctx;
    for (int i = 0; i < 5000; i++) {
        str_add(out, "0123456789");
    }
    return 0;
}

static int inside_refuse(void *ctx, struct str *out, struct err *err) {
    (void)out;
    *(int *)ctx = 5; /* lost with the child */
    return err_set(err, ERR_REFUSED, "no");
}

static int inside_explain(void *ctx, struct str *out, struct err *err) {
    (void)out;
    return err_set(err, ERR_NOSPACE, "%*s", *(int *)ctx, "why");
}

START_TEST(a_fence_hands_out_an_error_that_is_longer_than_any_result) {
    const struct fence_limits limits = {.timeout_ns = 60 * CLOCK_S, .max_output = 4};
    static const int lengths[][2] = {{5, 5}, {300, 300}, {100000, 4096}};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_STR struct str out = STR_INIT;
        int len = lengths[i][0];
        ck_assert_int_lt(fence_run(inside_explain, &len, &limits, &out, &err), 0);
        ck_assert_int_eq(err.cls, ERR_NOSPACE);
        ck_assert_uint_eq(strlen(err_text(&err)), (size_t)lengths[i][1]);
    }
}
END_TEST

START_TEST(a_fence_keeps_everything_inside) {
    const struct fence_limits limits = {.timeout_ns = CLOCK_S / 5, .memory_bytes = 0, .max_output = 1000};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_STR struct str out = STR_INIT;
    int ctx = 1;
    ck_assert_int_lt(fence_run(inside_crash, &ctx, &limits, &out, &err), 0);
    ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    ck_assert_int_lt(fence_run(inside_forever, &ctx, &limits, &out, &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    struct fence_limits patient = limits;
    patient.timeout_ns = 60 * CLOCK_S;
    ck_assert_int_lt(fence_run(inside_flood, &ctx, &patient, &out, &err), 0);
    ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    ck_assert_int_lt(fence_run(inside_refuse, &ctx, &patient, &out, &err), 0);
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_str_eq(err_text(&err), "no");
    ck_assert_int_eq(ctx, 1);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("evtx");
    TCase *t = tcase_create("evtx");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, real_logs_have_the_published_counts);
    tcase_add_test(t, real_records_have_the_published_data);
    tcase_add_test(t, damaged_logs_give_what_is_readable_and_say_what_is_not);
    tcase_add_loop_test(t, events_mean_what_their_manifests_say, 0, ARRAY_LEN(meaning_cases));
    tcase_add_test(t, a_fence_keeps_everything_inside);
    tcase_add_test(t, a_fence_hands_out_an_error_that_is_longer_than_any_result);
    suite_add_tcase(s, t);
    return suite_run(s);
}
