/* guest/agent_client: the protocol over a scripted stream; what a guest says may be anything. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "guest/agent_client.h"
#include "guest/agent_schema.h"
#include "proto/frame.h"
#include "proto/proto.h"
#include "support/script_stream.h"
#include "support/suite.h"

#define RS "\x1e"
#define F(json) RS json "\n"
#define HELLO_BODY                                                                          \
    "{\"protocol\":1,\"agent\":\"0.1.0\",\"transport\":\"serial\",\"os\":{\"name\":\"W\","       \
    "\"version\":\"10.0.1\",\"arch\":\"x86_64\",\"wine\":null},\"boot_ms\":9000,\"max_frame\":65536," \
    "\"ops\":[\"exec\"],\"can\":{\"eventlog\":false}}"
#define HELLO F("{\"hello\":" HELLO_BODY "}")
#define PONG F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":5}}")

static struct clock_virtual vclock;
static struct script script;
static struct agent_client *client;
static struct err err;

static void setup(void) {
    clock_virtual_init(&vclock);
    clock_virtual_advance(&vclock, CLOCK_S);
}

static void teardown(void) {
    agent_client_free(client);
    script_free(&script);
    err_clear(&err);
}

static void guest_says_bytes(const char *bytes, size_t len) {
    agent_client_free(client);
    script_free(&script);
    err_clear(&err);
    script_init(&script, &vclock, bytes, len);
    client = agent_client_new(&script.stream, &vclock.clock, 1);
}

static void guest_says(const char *text) {
    guest_says_bytes(text, strlen(text));
}

static int64_t soon(void) {
    return clock_after(&vclock.clock, 10 * CLOCK_S);
}

static int call_op(const char *op, json_t **result) {
    struct agent_call call = {.op = op, .deadline = soon(), .max_output = 100};
    return agent_client_call(client, &call, result, &err);
}

static void check_fails(const char *op, enum err_class cls, const char *text) {
    json_t *result = NULL;
    ck_assert_int_lt(call_op(op, &result), 0);
    ck_assert_ptr_null(result);
    ck_assert_msg(err.cls == cls, "%s: %s: %s", op, err_class_name(err.cls), err_text(&err));
    ck_assert_msg(strstr(err_text(&err), text) != NULL, "%s", err_text(&err));
}

static void check_pings(void) {
    ck_assert_msg(call_op("ping", NULL) == 0, "%s", err_text(&err));
}

START_TEST(a_request_is_framed_and_says_how_long_it_may_take) {
    guest_says(PONG);
    check_pings();
    ck_assert_str_eq(str_get(&script.written), F("{\"id\":1,\"op\":\"ping\",\"deadline_ms\":10000}"));
    struct agent_uptime up = agent_client_uptime(client);
    ck_assert(up.known);
    ck_assert_int_eq(up.up_ms, 5);
}
END_TEST

START_TEST(answers_come_through_any_noise_in_any_pieces) {
    static const char said[] = "login: \x01\xff" F("{\"id\":1,") RS RS "half" F("[1,2]") F("7")
        F("{\"beat\":{\"seq\":1,\"up_ms\":77}}") F("{\"error\":{\"code\":\"bad-frame\"}}")
        F("{\"id\":99,\"ok\":true,\"result\":{}}") F("{\"id\":\"1\",\"ok\":true}")
        F("{\"id\":1}") F("{\"what\":1}") "\n\n[  1.5] kernel" PONG;
    for (size_t piece = 1; piece < sizeof(said); piece++) {
        guest_says(said);
        script.piece = piece;
        check_pings();
        struct agent_seen seen = agent_client_seen(client);
        ck_assert_uint_eq(seen.beats, 1);
        ck_assert_uint_eq(seen.refused, 1);
        ck_assert_uint_eq(seen.late, 1);
        ck_assert_uint_ge(seen.broken, 6);
        ck_assert_uint_ge(seen.noise, 20);
    }
}
END_TEST

START_TEST(an_end_at_any_byte_is_closed) {
    static const char said[] = "x" F("{\"beat\":{\"seq\":1,\"up_ms\":7}}") PONG;
    for (size_t n = 0; n < sizeof(said) - 1; n++) {
        guest_says_bytes(said, n);
        script.ends = true;
        check_fails("ping", ERR_CLOSED, "closed");
        ck_assert(agent_client_is_dead(client));
        err_clear(&err);
        check_fails("ping", ERR_CLOSED, "gone");
    }
}
END_TEST

START_TEST(silence_at_any_byte_is_a_timeout_that_tells_what_came) {
    static const char said[] = F("{\"beat\":{\"seq\":1,\"up_ms\":7}}") "Oops: \x1b[31m" PONG;
    for (size_t n = 0; n < sizeof(said) - 1; n++) {
        guest_says_bytes(said, n);
        int64_t deadline = soon();
        check_fails("ping", ERR_TIMEOUT, n ? "bytes came" : "nothing came");
        ck_assert_int_le(vclock.now_ns, deadline);
        ck_assert_ptr_null(strchr(err_text(&err), '\x1b'));
        ck_assert(!agent_client_is_dead(client));
    }
    ck_assert_ptr_nonnull(strstr(err_text(&err), "1 beats"));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "Oops"));
}
END_TEST

START_TEST(a_flood_does_not_get_past_the_deadline) {
    guest_says("all work and no play makes jack a dull boy\n");
    script.repeats = true;
    check_fails("ping", ERR_TIMEOUT, "noise");
    guest_says(F("{\"beat\":{\"seq\":1,\"up_ms\":7}}"));
    script.repeats = true;
    check_fails("ping", ERR_TIMEOUT, "beats");
}
END_TEST

START_TEST(a_line_of_a_hundred_megabytes_is_skipped_in_constant_memory) {
    enum { PIECE = 1 << 20, PIECES = 100 };
    CLEANUP_FREE char *x = mem_zalloc(1, PIECE);
    memset(x, 'x', PIECE);
    x[0] = FRAME_RS;
    guest_says_bytes(x, PIECE);
    json_t *result = NULL;
    struct agent_call call = {.op = "ping", .deadline = soon()};
    for (int i = 0; i < PIECES; i++) {
        script.at = i == 0 ? 0 : 1; /* one RS, then text only */
        call.deadline = clock_after(&vclock.clock, CLOCK_MS);
        ck_assert_int_lt(agent_client_call(client, &call, &result, &err), 0);
        ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    }
    ck_assert_uint_ge(agent_client_seen(client).bytes, (uint64_t)PIECE * (PIECES - 1));
    ck_assert_uint_eq(agent_client_seen(client).broken, 1);
    CLEANUP_FREE char *pong =
        str_printf(F("{\"id\":%d,\"ok\":true,\"result\":{\"up_ms\":5}}"), PIECES * 2 + 1);
    script.bytes = pong; /* every request given up was also cancelled: two ids each */
    script.len = strlen(pong);
    script.at = 0;
    check_pings();
}
END_TEST

START_TEST(an_answer_that_came_too_late_is_not_the_next_ones) {
    guest_says("");
    check_fails("ping", ERR_TIMEOUT, "nothing came");
    ck_assert_ptr_nonnull(strstr(str_get(&script.written), "\"op\":\"cancel\""));
    script.bytes = F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":1}}")
        F("{\"id\":2,\"ok\":true,\"result\":{}}") F("{\"id\":3,\"ok\":true,\"result\":{\"up_ms\":3}}");
    script.len = strlen(script.bytes);
    check_pings();
    ck_assert_int_eq(agent_client_uptime(client).up_ms, 3);
    ck_assert_uint_eq(agent_client_seen(client).late, 2);
}
END_TEST

START_TEST(wrong_types_are_protocol_errors_with_the_operations_name) {
    static const struct {
        const char *op, *said;
    } cases[] = {
        {"ping", F("{\"id\":1,\"ok\":true}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":[]}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":{}}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":\"5\"}}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":-1}}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":1.5}}")},
        {"ping", F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":9007199254740993}}")},
        {"ping", F("{\"id\":1,\"ok\":1,\"result\":{\"up_ms\":5}}")},
        {"ping", F("{\"id\":1,\"ok\":false}")},
        {"ping", F("{\"id\":1,\"ok\":false,\"error\":\"x\"}")},
        {"ping", F("{\"id\":1,\"ok\":false,\"error\":{\"code\":7}}")},
        {"ping", F("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"os\",\"message\":{}}}")},
        {"ping", F("{\"id\":1,\"event\":\"item\",\"data\":{}}")},
        {"ping", F("{\"id\":1,\"event\":\"out\",\"data\":\"aGk=\"}")},
        {"ping", F("{\"id\":1,\"event\":[],\"data\":{}}")},
        {"ping", F("{\"id\":1,\"event\":\"party\",\"data\":{}}")},
        {"exec", F("{\"id\":1,\"event\":\"out\",\"data\":\"a!\"}")},
        {"exec", F("{\"id\":1,\"event\":\"out\"}")},
        {"exec", F("{\"id\":1,\"ok\":true,\"result\":{\"exit_code\":4294967296,\"timed_out\":false,"
                   "\"duration_ms\":1,\"out_bytes\":0,\"err_bytes\":0,\"truncated\":false}}")},
        {"services", F("{\"id\":1,\"event\":\"item\",\"data\":[]}")},
        {"services", F("{\"id\":1,\"event\":\"item\",\"data\":{\"name\":7,\"state\":\"x\"}}")},
        {"list", F("{\"id\":1,\"event\":\"item\",\"data\":{\"name\":\"x\",\"dir\":0,\"size\":1}}")},
        {"workload", F("{\"id\":1,\"event\":\"item\",\"data\":{\"i\":0,\"metric\":\"m\",\"value\":\"9\","
                       "\"unit\":\"ms\"}}")},
        {"registry", F("{\"id\":1,\"ok\":true,\"result\":{\"exists\":true,\"data\":5}}")},
        {"hash", F("{\"id\":1,\"ok\":true,\"result\":{\"sha256\":null,\"size\":1}}")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        guest_says(cases[i].said);
        check_fails(cases[i].op, ERR_PROTOCOL, cases[i].op);
        ck_assert(!agent_client_is_dead(client));
    }
}
END_TEST

START_TEST(a_refusal_begins_with_its_code) {
    guest_says(F("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"not-found\",\"message\":\"no \\u001b[2J\"}}"));
    check_fails("stat", ERR_REFUSED, "not-found: no \\x1b[2J");
    ck_assert_int_eq(strncmp(err_text(&err), "not-found: ", 11), 0);
    guest_says(F("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"deadline\",\"message\":\"too slow\"}}"));
    check_fails("stat", ERR_TIMEOUT, "deadline: too slow");
}
END_TEST

START_TEST(lists_are_collected_and_an_empty_one_is_a_list) {
    json_t *result = NULL;
    guest_says(F("{\"id\":1,\"event\":\"item\",\"data\":{\"name\":\"a\",\"state\":\"running\"}}")
               F("{\"id\":1,\"event\":\"item\",\"data\":{\"name\":\"b\",\"state\":\"stopped\"}}")
               F("{\"id\":1,\"ok\":true,\"result\":{}}"));
    ck_assert_msg(call_op("services", &result) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(json_array_size(json_object_get(result, "items")), 2);
    json_decref(result);
    guest_says(F("{\"id\":1,\"ok\":true,\"result\":{}}"));
    ck_assert_int_eq(call_op("drivers", &result), 0);
    ck_assert(json_is_array(json_object_get(result, "items")));
    json_decref(result);
}
END_TEST

START_TEST(more_items_than_bearable_are_an_error_not_memory) {
    static const char small[] = F("{\"id\":1,\"event\":\"item\",\"data\":{\"name\":\"a\",\"state\":\"s\"}}");
    guest_says(small);
    script.repeats = true;
    struct agent_call call = {.op = "services", .deadline = CLOCK_NEVER};
    json_t *result = NULL;
    ck_assert_int_lt(agent_client_call(client, &call, &result, &err), 0);
    ck_assert_msg(err.cls == ERR_PROTOCOL, "%s", err_text(&err));
    CLEANUP_STR struct str big = STR_INIT;
    str_add(&big, RS "{\"id\":1,\"event\":\"item\",\"data\":{\"name\":\"a\",\"state\":\"");
    for (int i = 0; i < 60000; i++) {
        str_add(&big, "s");
    }
    str_add(&big, "\"}}\n");
    guest_says(big.data);
    script.repeats = true;
    ck_assert_int_lt(agent_client_call(client, &call, &result, &err), 0);
    ck_assert_msg(err.cls == ERR_PROTOCOL, "%s", err_text(&err));
    ck_assert_uint_le(agent_client_seen(client).bytes, 2u * AGENT_MAX_ITEM_BYTES);
}
END_TEST

#define EXEC_DONE                                                                     \
    F("{\"id\":1,\"ok\":true,\"result\":{\"exit_code\":4294967295,\"timed_out\":false,"  \
      "\"duration_ms\":1,\"out_bytes\":2,\"err_bytes\":1,\"truncated\":false}}")

START_TEST(output_is_collected_within_its_bound) {
    static const char said[] = F("{\"id\":1,\"event\":\"out\",\"data\":\"aGk=\"}")
        F("{\"id\":1,\"event\":\"err\",\"data\":\"AA==\"}") EXEC_DONE;
    CLEANUP_STR struct str out = STR_INIT;
    CLEANUP_STR struct str errors = STR_INIT;
    json_t *result = NULL;
    struct agent_call call = {"exec", NULL, soon(), &out, &errors, 3};
    guest_says(said);
    ck_assert_msg(agent_client_call(client, &call, &result, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(str_get(&out), "hi");
    ck_assert_uint_eq(errors.len, 1);
    ck_assert(json_integer_value(json_object_get(result, "exit_code")) == UINT32_MAX);
    json_decref(result);
    result = NULL;
    guest_says(said);
    call.max_output = 2; /* one byte more than asked for */
    ck_assert_int_lt(agent_client_call(client, &call, &result, &err), 0);
    ck_assert_int_eq(err.cls, ERR_PROTOCOL);
}
END_TEST

START_TEST(a_greeting_in_the_middle_means_nobody_will_answer) {
    guest_says(F("{\"beat\":{\"seq\":1,\"up_ms\":7}}") HELLO);
    check_fails("ping", ERR_CLOSED, "started anew");
    ck_assert(!agent_client_is_dead(client));
    guest_says(HELLO PONG); /* the first words of an agent that starts just now */
    check_pings();
}
END_TEST

START_TEST(hello_comes_unasked_or_as_an_answer) {
    static const char *const said[] = {"noise" HELLO,
                                       F("{\"id\":1,\"ok\":true,\"result\":" HELLO_BODY "}")};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        json_t *hello = NULL;
        guest_says(said[i]);
        ck_assert_msg(agent_client_hello(client, soon(), &hello, &err) == 0, "%s", err_text(&err));
        ck_assert_int_eq(json_integer_value(json_object_get(hello, "boot_ms")), 9000);
        ck_assert_int_eq(agent_client_uptime(client).up_ms, 9000);
        json_decref(hello);
        guest_says(said[i]);
        ck_assert_msg(call_op("hello", &hello) == 0, "%s", err_text(&err));
        json_decref(hello);
    }
}
END_TEST

/* HELLO_BODY with one part replaced. */
static char *hello_with(const char *part, const char *by) {
    const char *at = strstr(HELLO, part);
    ck_assert_ptr_nonnull(at);
    return str_printf("%.*s%s%s", (int)(at - HELLO), HELLO, by, at + strlen(part));
}

START_TEST(a_malicious_hello_is_a_protocol_error) {
    char longer[400];
    memset(longer, 'x', sizeof(longer));
    snprintf(longer, 3, "\"x");
    longer[2] = 'x';
    memcpy(longer + sizeof(longer) - 2, "\"", 2);
    const char *const cases[][2] = {
        {"\"protocol\":1", "\"protocol\":2"}, {"\"protocol\":1", "\"protocol\":\"1\""},
        {"\"protocol\":1", "\"p\":1"},        {"\"0.1.0\"", longer},
        {"\"0.1.0\"", "null"},                {"\"W\"", longer},
        {"\"10.0.1\"", "[]"},                 {"\"x86_64\"", "{}"},
        {"null", "7"},                        {"9000", "-9000"},
        {"9000", "1e300"},                    {"[\"exec\"]", "[7]"},
        {"[\"exec\"]", "{}"},                 {"{\"eventlog\":false}", "[]"},
        {"{\"name\":\"W\"", "{\"n\":\"W\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *hello = NULL;
        CLEANUP_FREE char *text = hello_with(cases[i][0], cases[i][1]);
        guest_says(text);
        int rc = agent_client_hello(client, soon(), &hello, &err);
        ck_assert_msg(rc < 0 && err.cls == ERR_PROTOCOL, "%s -> %s: %s", cases[i][0], cases[i][1],
                      err_text(&err));
        ck_assert_ptr_null(hello);
        ck_assert_uint_lt(strlen(err_text(&err)), 300);
    }
    json_t *hello = NULL;
    CLEANUP_FREE char *newer = hello_with("\"protocol\":1", "\"protocol\":42");
    guest_says(newer);
    ck_assert_int_lt(agent_client_hello(client, soon(), &hello, &err), 0);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "protocol 42"));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "protocol 1"));
}
END_TEST

START_TEST(deep_nesting_does_not_reach_the_parser) {
    CLEANUP_STR struct str s = STR_INIT;
    str_add(&s, RS "{\"id\":1,\"ok\":true,\"result\":");
    for (int i = 0; i < 30000; i++) {
        str_add(&s, "[");
    }
    str_add(&s, "\n" F("{\"id\":1,\"ok\":true,\"result\":{\"up_ms\":1,\"x\":\"[[[[\\\"{{{{\"}}"));
    guest_says(s.data);
    check_pings();
    ck_assert(!agent_schema_depth_ok("[[[", 3, 2));
    ck_assert(agent_schema_depth_ok("[[]][[]]\"[[[[\\\"[[\"", 19, 2));
}
END_TEST

START_TEST(a_request_too_long_for_a_frame_is_our_mistake) {
    CLEANUP_FREE char *x = mem_zalloc(1, 70000);
    memset(x, 'x', 69999);
    json_t *args = json_pack("{s:s}", "path", x);
    struct agent_call call = {.op = "stat", .args = args, .deadline = soon()};
    json_t *result = NULL;
    guest_says("");
    ck_assert_int_lt(agent_client_call(client, &call, &result, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_uint_eq(script.written.len, 0);
    json_decref(args);
}
END_TEST

START_TEST(ids_of_two_clients_do_not_meet) {
    uint64_t seen[2];
    for (int i = 0; i < 2; i++) {
        guest_says("");
        agent_client_free(client);
        client = agent_client_new(&script.stream, &vclock.clock, 0);
        check_fails("ping", ERR_TIMEOUT, "nothing came");
        ck_assert_int_eq(sscanf(str_get(&script.written), RS "{\"id\":%" SCNu64, &seen[i]), 1);
        ck_assert_uint_gt(seen[i], 0);
        ck_assert_uint_lt(seen[i], PROTO_MAX_ID);
    }
    ck_assert_uint_ne(seen[0], seen[1]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("agent_client");
    TCase *t = tcase_create("agent_client");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_request_is_framed_and_says_how_long_it_may_take);
    tcase_add_test(t, answers_come_through_any_noise_in_any_pieces);
    tcase_add_test(t, an_end_at_any_byte_is_closed);
    tcase_add_test(t, silence_at_any_byte_is_a_timeout_that_tells_what_came);
    tcase_add_test(t, a_flood_does_not_get_past_the_deadline);
    tcase_add_test(t, a_line_of_a_hundred_megabytes_is_skipped_in_constant_memory);
    tcase_add_test(t, an_answer_that_came_too_late_is_not_the_next_ones);
    tcase_add_test(t, wrong_types_are_protocol_errors_with_the_operations_name);
    tcase_add_test(t, a_refusal_begins_with_its_code);
    tcase_add_test(t, lists_are_collected_and_an_empty_one_is_a_list);
    tcase_add_test(t, more_items_than_bearable_are_an_error_not_memory);
    tcase_add_test(t, output_is_collected_within_its_bound);
    tcase_add_test(t, a_greeting_in_the_middle_means_nobody_will_answer);
    tcase_add_test(t, hello_comes_unasked_or_as_an_answer);
    tcase_add_test(t, a_malicious_hello_is_a_protocol_error);
    tcase_add_test(t, deep_nesting_does_not_reach_the_parser);
    tcase_add_test(t, a_request_too_long_for_a_frame_is_our_mistake);
    tcase_add_test(t, ids_of_two_clients_do_not_meet);
    suite_add_tcase(s, t);
    return suite_run(s);
}
