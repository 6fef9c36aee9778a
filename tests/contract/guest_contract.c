#include "guest_contract.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "support/skip.h"

/* Check's test functions take no argument; one suite runs per program. */
static struct guest_rig *rig;

#define NEED_RIG()                        \
    do {                                  \
        if (!rig->guest) {                \
            TEST_SKIP("%s", rig->missing); \
        }                                 \
    } while (0)

static int64_t in_s(int64_t s) {
    return clock_after(rig->clock, s * CLOCK_S);
}

#define OK(call)                                                                            \
    do {                                                                                    \
        CLEANUP_ERR struct err err = ERR_INIT;                                              \
        int rc_ = (call);                                                                   \
        ck_assert_msg(rc_ == 0, "%s: %s: %s", #call, err_class_name(err.cls), err_text(&err)); \
    } while (0)

#define FAILS(call, class_, text)                                                              \
    do {                                                                                       \
        CLEANUP_ERR struct err err = ERR_INIT;                                                 \
        int rc_ = (call);                                                                      \
        ck_assert_msg(rc_ < 0 && err.cls == (class_), "%s: %d: %s: %s", #call, rc_,            \
                      err_class_name(err.cls), err_text(&err));                                \
        ck_assert_msg(strstr(err_text(&err), (text)) != NULL, "%s: %s", #call, err_text(&err)); \
    } while (0)

static uint32_t exit_code_of(const char *command) {
    struct guest_exec x;
    OK(guest_exec(rig->guest, command, 60000, 4096, in_s(120), &x, &err));
    uint32_t code = x.exit_code;
    ck_assert_msg(!x.timed_out, "%s ran into its limit", command);
    guest_exec_free(&x);
    return code;
}

START_TEST(comes_up_and_says_who_it_is) {
    NEED_RIG();
    json_t *hello = NULL;
    OK(guest_wait_ready(rig->guest, in_s(180), &hello, &err));
    ck_assert_int_eq(json_integer_value(json_object_get(hello, "protocol")), 1);
    ck_assert(json_is_integer(json_object_get(hello, "boot_ms")));
    ck_assert(json_is_string(json_object_get(json_object_get(hello, "os"), "version")));
    json_decref(hello);
    OK(guest_wait_ready(rig->guest, in_s(30), &hello, &err)); /* still there */
    json_decref(hello);
}
END_TEST

START_TEST(commands_give_their_exit_code) {
    NEED_RIG();
    ck_assert_uint_eq(exit_code_of(rig->exit_0), 0);
    ck_assert_uint_eq(exit_code_of(rig->exit_3), 3);
}
END_TEST

START_TEST(a_program_that_is_absent_never_counts_as_run) {
    NEED_RIG();
    struct guest_exec x;
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = guest_exec(rig->guest, "C:\\no\\such\\program.exe --now", 60000, 4096, in_s(120), &x, &err);
    /* Started directly it is refused; a shell in between says so by its own exit code. */
    if (rc < 0) {
        ck_assert_msg(err.cls == ERR_REFUSED, "%s", err_text(&err));
        ck_assert_msg(strncmp(err_text(&err), "not-found: ", 11) == 0, "%s", err_text(&err));
        return;
    }
    ck_assert_uint_ne(x.exit_code, 0);
    guest_exec_free(&x);
}
END_TEST

START_TEST(a_command_past_its_limit_is_ended_and_said_so) {
    NEED_RIG();
    struct guest_exec x;
    OK(guest_exec(rig->guest, rig->endless, 2000, 4096, in_s(60), &x, &err));
    ck_assert(x.timed_out);
    ck_assert_int_ge(x.duration_ms, 2000);
    guest_exec_free(&x);
    ck_assert_uint_eq(exit_code_of(rig->exit_0), 0);
}
END_TEST

START_TEST(output_comes_whole_or_is_said_to_be_cut) {
    NEED_RIG();
    if (rig->simulated) {
        return; /* simulated commands say nothing: nothing to check here */
    }
    struct guest_exec x;
    OK(guest_exec(rig->guest, rig->says_hello, 30000, 4096, in_s(60), &x, &err));
    ck_assert_msg(strncmp(str_get(&x.out), "hello", 5) == 0, "%s", str_get(&x.out));
    ck_assert(!x.truncated);
    guest_exec_free(&x);
    OK(guest_exec(rig->guest, rig->says_much, 60000, 1000, in_s(120), &x, &err));
    ck_assert(x.truncated);
    ck_assert_uint_le(x.out.len + x.err.len, 1000);
    guest_exec_free(&x);
    OK(guest_exec(rig->guest, rig->says_much, 60000, 1 << 20, in_s(120), &x, &err));
    ck_assert(!x.truncated);
    ck_assert_uint_gt(x.out.len, 100000);
    guest_exec_free(&x);
}
END_TEST

static char *round_trip_data(size_t len) {
    char *data = mem_zalloc(1, len + 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char)((i * 2654435761u) >> 11);
    }
    return data;
}

static void check_round_trip(const char *guest_path, size_t len) {
    CLEANUP_FREE char *from = fs_join(rig->scratch, "from");
    CLEANUP_FREE char *to = fs_join(rig->scratch, "to");
    CLEANUP_FREE char *data = round_trip_data(len);
    char want[FS_SHA256_HEX];
    char got[FS_SHA256_HEX];
    unlink(to);
    OK(fs_write_atomic(from, data, len, 0600, &err));
    OK(guest_put(rig->guest, from, guest_path, in_s(120), &err));
    OK(guest_get(rig->guest, guest_path, to, (int64_t)len, in_s(120), &err));
    ck_assert_int_eq(fs_size(to), (int64_t)len);
    OK(fs_sha256_file(from, want, &err));
    OK(fs_sha256_file(to, got, &err));
    ck_assert_str_eq(want, got);
}

START_TEST(files_go_there_and_back) {
    NEED_RIG();
    check_round_trip("C:\\coexist\\in\\empty.bin", 0);
    check_round_trip("C:\\coexist\\in\\new folder\\sub\\Zażółć 漢字.bin", 70001);
    /* An emulated serial port was seen to take 13 kB a second on a busy host. */
    check_round_trip("C:\\coexist\\in\\large.bin", rig->serial_only ? 128 << 10 : 1 << 20);
    check_round_trip("C:\\coexist\\in\\large.bin", 3); /* replaced whole */
}
END_TEST

START_TEST(a_file_that_is_not_there_is_refused_as_not_found) {
    NEED_RIG();
    CLEANUP_FREE char *to = fs_join(rig->scratch, "absent");
    FAILS(guest_get(rig->guest, "C:\\coexist\\no-such\\file", to, 1000, in_s(60), &err), ERR_REFUSED,
          "not-found: ");
    ck_assert(!fs_exists(to));
    FAILS(guest_put(rig->guest, to, "C:\\coexist\\in\\x", in_s(60), &err), ERR_SYSTEM, "absent");
}
END_TEST

START_TEST(a_file_larger_than_allowed_is_not_taken) {
    NEED_RIG();
    CLEANUP_FREE char *to = fs_join(rig->scratch, "large");
    check_round_trip("C:\\coexist\\in\\ten.bin", 10);
    FAILS(guest_get(rig->guest, "C:\\coexist\\in\\ten.bin", to, 9, in_s(60), &err), ERR_PROTOCOL, "");
    ck_assert(!fs_exists(to));
}
END_TEST

static void check_list(const char *op, const char *member) {
    json_t *result = NULL;
    size_t i = 0;
    json_t *item = NULL;
    OK(guest_call(rig->guest, op, NULL, in_s(60), &result, &err));
    const json_t *items = json_object_get(result, "items");
    ck_assert_msg(json_is_array(items), "%s: no items", op);
    json_array_foreach(items, i, item) {
        ck_assert_msg(json_is_string(json_object_get(item, member)), "%s: no %s", op, member);
    }
    json_decref(result);
}

START_TEST(lists_are_lists) {
    NEED_RIG();
    check_list("processes", "name");
    check_list("services", "name");
    check_list("drivers", "name");
    check_list("products", "key");
}
END_TEST

START_TEST(facts_are_typed) {
    NEED_RIG();
    json_t *result = NULL;
    OK(guest_call(rig->guest, "system", NULL, in_s(60), &result, &err));
    ck_assert_int_gt(json_integer_value(json_object_get(result, "up_ms")), 0);
    json_decref(result);
    check_round_trip("C:\\coexist\\in\\fact.bin", 1234);
    json_t *args = json_pack("{s:s}", "path", "C:\\coexist\\in\\fact.bin");
    OK(guest_call(rig->guest, "hash", args, in_s(60), &result, &err));
    ck_assert_int_eq(json_string_length(json_object_get(result, "sha256")), 64);
    json_decref(result);
    OK(guest_call(rig->guest, "stat", args, in_s(60), &result, &err));
    ck_assert(json_is_true(json_object_get(result, "exists")));
    ck_assert_int_eq(json_integer_value(json_object_get(result, "size")), 1234);
    json_decref(result);
    json_decref(args);
    args = json_pack("{s:s, s:b, s:b}", "paths", "C:\\coexist\\in\\fact.bin\nC:\\coexist\\in\\none.bin", "digest", 1,
                     "crc", 1);
    OK(guest_call(rig->guest, "look", args, in_s(60), &result, &err));
    const json_t *items = json_object_get(result, "items");
    ck_assert_uint_eq(json_array_size(items), 2);
    const json_t *first = json_array_get(items, 0), *second = json_array_get(items, 1);
    ck_assert(json_is_true(json_object_get(first, "exists")));
    ck_assert_int_eq(json_integer_value(json_object_get(first, "size")), 1234);
    ck_assert_int_eq(json_string_length(json_object_get(first, "sha256")), 64);
    char crc[9];
    CLEANUP_FREE char *data = round_trip_data(1234);
    snprintf(crc, sizeof(crc), "%08lx", crc32_z(0, (const unsigned char *)data, 1234));
    ck_assert_str_eq(json_string_value(json_object_get(first, "crc32")), crc);
    ck_assert(json_is_false(json_object_get(second, "exists")));
    ck_assert_int_eq(json_integer_value(json_object_get(second, "i")), 1);
    json_decref(result);
    json_decref(args);
}
END_TEST

/* The host's idea of now, in the world the guest lives in. */
static int64_t wall_ms(int64_t zero) {
    return zero + clock_now(rig->clock) / CLOCK_MS;
}

START_TEST(the_clock_is_set_there_and_back) {
    NEED_RIG();
    int64_t zero = clock_wall_ms() - clock_now(rig->clock) / CLOCK_MS;
    int64_t moved = -1;
    OK(guest_set_clock(rig->guest, wall_ms(zero), in_s(60), NULL, &err));
    OK(guest_set_clock(rig->guest, wall_ms(zero) + 3600000, in_s(60), &moved, &err));
    ck_assert_int_lt(llabs(moved - 3600000), 60000);
    OK(guest_set_clock(rig->guest, wall_ms(zero), in_s(60), &moved, &err));
    ck_assert_int_lt(llabs(moved + 3600000), 60000);
    json_t *result = NULL;
    json_t *args = json_pack("{s:s}", "unix_ms", "noon");
    FAILS(guest_call(rig->guest, "clock", args, in_s(60), &result, &err), ERR_REFUSED,
          "bad-args: ");
    json_decref(args);
    ck_assert_uint_eq(exit_code_of(rig->exit_3), 3);
}
END_TEST

START_TEST(what_the_agent_cannot_is_refused_with_its_code) {
    NEED_RIG();
    json_t *result = NULL;
    FAILS(guest_call(rig->guest, "dance", NULL, in_s(60), &result, &err), ERR_REFUSED, "unknown-op: ");
    ck_assert_ptr_null(result);
    json_t *args = json_pack("{s:s}", "name", "NoSuchService");
    FAILS(guest_call(rig->guest, "service", args, in_s(60), &result, &err), ERR_REFUSED,
          "not-found: ");
    json_decref(args);
}
END_TEST

START_TEST(a_deadline_is_kept_and_the_guest_goes_on) {
    NEED_RIG();
    struct guest_exec x;
    int64_t begin = clock_now(rig->clock);
    FAILS(guest_exec(rig->guest, rig->endless, 30000, 4096, clock_after(rig->clock, 2 * CLOCK_S), &x,
                     &err),
          ERR_TIMEOUT, "");
    ck_assert_int_lt(clock_now(rig->clock) - begin, 4 * CLOCK_S);
    json_t *result = NULL;
    FAILS(guest_call(rig->guest, "ping", NULL, clock_now(rig->clock) - 1, &result, &err), ERR_TIMEOUT,
          "");
    ck_assert_uint_eq(exit_code_of(rig->exit_3), 3); /* not the late answer of the first */
}
END_TEST

START_TEST(both_ways_are_reached) {
    NEED_RIG();
    struct guest_reach reach;
    OK(guest_reach(rig->guest, in_s(60), &reach, &err));
    ck_assert_msg(reach.serial, "%s", reach.serial_why);
    ck_assert_msg(reach.ssh == !rig->serial_only, "%s", reach.ssh_why);
    ck_assert(reach.ssh == (reach.ssh_why[0] == '\0')); /* a reason, and only when one is due */
}
END_TEST

START_TEST(after_a_disconnect_everything_goes_on) {
    NEED_RIG();
    guest_disconnect(rig->guest);
    guest_disconnect(rig->guest);
    ck_assert_uint_eq(exit_code_of(rig->exit_3), 3);
    check_round_trip("C:\\coexist\\in\\again.bin", 100);
}
END_TEST

START_TEST(after_a_reset_only_the_new_boot_counts) {
    NEED_RIG();
    json_t *before = NULL;
    json_t *hello = NULL;
    OK(guest_call(rig->guest, "system", NULL, in_s(60), &before, &err));
    OK(rig->reset(&err));
    guest_disconnect(rig->guest);
    OK(guest_wait_ready(rig->guest, in_s(180), &hello, &err));
    int64_t up = json_integer_value(json_object_get(hello, "boot_ms"));
    int64_t old = json_integer_value(json_object_get(before, "up_ms"));
    json_decref(hello);
    OK(guest_call(rig->guest, "system", NULL, in_s(60), &hello, &err));
    /* Its uptime began anew: no more than the reset and the boot took can have passed. */
    ck_assert_msg(up < 180000, "up for %lld ms, %lld before", (long long)up, (long long)old);
    json_decref(hello);
    json_decref(before);
    ck_assert_uint_eq(exit_code_of(rig->exit_0), 0);
}
END_TEST

Suite *guest_contract_suite(const char *name, struct guest_rig *the_rig, void (*open)(void),
                            void (*shut)(void)) {
    Suite *s = suite_create(name);
    TCase *t = tcase_create("contract");
    rig = the_rig;
    tcase_add_unchecked_fixture(t, open, shut);
    tcase_add_test(t, comes_up_and_says_who_it_is);
    tcase_add_test(t, commands_give_their_exit_code);
    tcase_add_test(t, a_program_that_is_absent_never_counts_as_run);
    tcase_add_test(t, a_command_past_its_limit_is_ended_and_said_so);
    tcase_add_test(t, output_comes_whole_or_is_said_to_be_cut);
    tcase_add_test(t, files_go_there_and_back);
    tcase_add_test(t, a_file_that_is_not_there_is_refused_as_not_found);
    tcase_add_test(t, a_file_larger_than_allowed_is_not_taken);
    tcase_add_test(t, lists_are_lists);
    tcase_add_test(t, facts_are_typed);
    tcase_add_test(t, the_clock_is_set_there_and_back);
    tcase_add_test(t, what_the_agent_cannot_is_refused_with_its_code);
    tcase_add_test(t, a_deadline_is_kept_and_the_guest_goes_on);
    tcase_add_test(t, both_ways_are_reached);
    tcase_add_test(t, after_a_disconnect_everything_goes_on);
    tcase_add_test(t, after_a_reset_only_the_new_boot_counts);
    suite_add_tcase(s, t);
    return s;
}

int guest_contract_run(Suite *s) {
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
