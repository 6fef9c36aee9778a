/* agents/common: the agent's reader, writer and UTF-8, against what a host may send it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/jsonw.h"
#include "common/utf8.h"
#include "proto/proto.h"
#include "support/suite.h"

static struct json *parse(const char *text) {
    const char *why;
    struct json *j = json_parse(text, strlen(text), &why);
    ck_assert_msg((j == NULL) == (why != NULL), "%s: %s", text, why ? why : "no reason");
    return j;
}

START_TEST(what_the_grammar_allows_is_taken) {
    static const char *const good[] = {
        "{}", " { } ", "{\"a\":1}", "{\"a\":[]}", "{\"a\":[1,2,{\"b\":null}],\"c\":true , \"d\" : false}",
        "{\"a\":-0.5e+10}", "{\"a\":0}", "{\"a\":1E5}", "{\"\":\"\"}", "{\"a\":\"\\u00e4\\n\\\\\\/\"}",
        "\t\r\n{\"a\":\"\xc3\xa4\"}\r\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct json *j = parse(good[i]);
        ck_assert_msg(j != NULL, "%s", good[i]);
        ck_assert_int_eq(json_type(j, json_root(j)), JSON_OBJECT);
        json_free(j);
    }
}
END_TEST

START_TEST(what_the_grammar_forbids_is_refused) {
    static const char *const bad[] = {
        "", " ", "1", "[]", "\"x\"", "null", "{", "}", "{}}", "{}{}", "{} x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":[1 2]}",
        "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1}", "{\"a\":nul}", "{\"a\":nullx}", "{\"a\":True}",
        "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":0x1}",
        "{\"a\":'b'}", "{\"a\":\"b}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\t\"}",
        "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":1}\x01", "{\"a\":{\"b\":1}",
        "{\"a\":1:2}", "{\"a\":\"b\"\"c\"}", "{[]:1}", "{\"a\":[\"b\":1]}", "{\"a\",\"b\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json *j = parse(bad[i]);
        ck_assert_msg(j == NULL, "taken: %s", bad[i]);
    }
    const char *why;
    ck_assert_ptr_null(json_parse("{\"a\":1}\0", 8, &why));
    ck_assert_ptr_null(json_parse("{\"a\0\":1}", 8, &why));
}
END_TEST

START_TEST(nesting_bombs_and_floods_are_refused) {
    char text[PROTO_MAX_FRAME + 1];
    for (int depth = 1; depth <= 40; depth++) {
        size_t n = 0;
        for (int i = 1; i < depth; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n, "{\"a\":");
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "{}");
        memset(text + n, '}', (size_t)depth - 1);
        text[n + (size_t)depth - 1] = '\0';
        struct json *j = parse(text);
        ck_assert_msg((j != NULL) == (depth <= PROTO_MAX_DEPTH), "depth %d", depth);
        json_free(j);
    }
    memset(text, '[', PROTO_MAX_FRAME);
    memcpy(text, "{\"a\":", 5);
    text[PROTO_MAX_FRAME] = '\0';
    ck_assert_ptr_null(parse(text));
    for (size_t i = 5; i + 1 < PROTO_MAX_FRAME; i += 2) {
        memcpy(text + i, "1,", 2);
    }
    text[5] = '[';
    ck_assert_ptr_null(parse(text));
}
END_TEST

START_TEST(a_text_cut_anywhere_is_refused) {
    static const char whole[] = "{\"id\":7,\"op\":\"exec\","
                                "\"args\":{\"command\":\"a \\\"b\\\" \\u00e4\",\"n\":[1,true]}}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        const char *why;
        ck_assert_msg(json_parse(whole, n, &why) == NULL, "%zu bytes", n);
    }
}
END_TEST

START_TEST(values_are_read_as_what_they_are) {
    struct json *j = parse("{\"u\":18446744073709551615,\"over\":18446744073709551616,\"neg\":-1,\"real\":1.0,"
                           "\"t\":true,\"f\":false,\"z\":null,\"s\":\"x\",\"o\":{\"u\":1},\"u\":2}");
    json_ref root = json_root(j);
    uint64_t u = 0;
    bool b = false;
    ck_assert_int_eq(json_read_u64(j, json_member(j, root, "u"), &u), 0);
    ck_assert(u == UINT64_MAX);
    ck_assert_int_lt(json_read_u64(j, json_member(j, root, "over"), &u), 0);
    ck_assert_int_lt(json_read_u64(j, json_member(j, root, "neg"), &u), 0);
    ck_assert_int_lt(json_read_u64(j, json_member(j, root, "real"), &u), 0);
    ck_assert_int_lt(json_read_u64(j, json_member(j, root, "s"), &u), 0);
    ck_assert_int_lt(json_read_u64(j, json_member(j, root, "none"), &u), 0);
    ck_assert_int_eq(json_read_bool(j, json_member(j, root, "t"), &b), 0);
    ck_assert(b);
    ck_assert_int_lt(json_read_bool(j, json_member(j, root, "u"), &b), 0);
    ck_assert_int_eq(json_type(j, json_member(j, root, "z")), JSON_NULL);
    ck_assert_int_eq(json_type(j, json_member(j, root, "none")), JSON_ABSENT);
    ck_assert_int_eq(json_read_u64(j, json_member(j, json_member(j, root, "o"), "u"), &u), 0);
    ck_assert_uint_eq(u, 1);
    ck_assert_int_eq(json_member(j, json_member(j, root, "s"), "u"), JSON_NONE);
    json_free(j);
}
END_TEST

static char *string_of(const char *literal) {
    char text[256];
    ck_assert_int_lt(snprintf(text, sizeof text, "{\"a\":%s}", literal), (int)sizeof text);
    struct json *j = parse(text);
    ck_assert_ptr_nonnull(j);
    char *s = json_read_string(j, json_member(j, json_root(j), "a"), NULL);
    json_free(j);
    return s;
}

START_TEST(strings_are_decoded_or_refused) {
    static const char *const pairs[][2] = {
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00E4\\u20ac\"", "A\xc3\xa4\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"C:\\\\x\"", "C:\\x"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *s = string_of(pairs[i][0]);
        ck_assert_str_eq(s, pairs[i][1]);
        free(s);
    }
    static const char *const bad[] = {"\"\\u0000\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"",
                                      "\"\\ud83d\\u0041\"", "1", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(string_of(bad[i]) == NULL, "%s", bad[i]);
    }
}
END_TEST

/* Writes s as a member and reads it back. */
static char *written_and_read(const char *s) {
    char buf[16384];
    struct jsonw w;
    jsonw_init(&w, buf, sizeof buf);
    jsonw_open(&w, '{');
    jsonw_put_string(&w, "a", s);
    jsonw_close(&w, '}');
    ck_assert(!w.overflow);
    for (size_t i = 0; i < w.len; i++) {
        ck_assert_int_ge((unsigned char)buf[i], ' ');
    }
    const char *why;
    struct json *j = json_parse(buf, w.len, &why);
    ck_assert_msg(j != NULL, "%.*s: %s", (int)w.len, buf, why);
    char *back = json_read_string(j, json_member(j, json_root(j), "a"), NULL);
    json_free(j);
    return back;
}

START_TEST(any_bytes_are_written_as_good_json) {
    char all[256], *back;
    for (int i = 1; i < 256; i++) {
        all[i - 1] = (char)i;
    }
    all[255] = '\0';
    back = written_and_read(all);
    ck_assert_mem_eq(back, all, 127);
    ck_assert(utf8_valid(back, strlen(back)));
    free(back);
    back = written_and_read("\xc3\xa4\xc3(\xed\xa0\x80\xf0\x9f\x98\x80");
    ck_assert_str_eq(back, "\xc3\xa4\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80");
    free(back);
}
END_TEST

START_TEST(long_text_is_cut_between_characters) {
    char text[JSONW_MAX_TEXT + 10];
    for (size_t i = 0; i + 2 <= sizeof text - 1; i += 2) {
        memcpy(text + i, "\xc3\xa4", 2);
    }
    memmove(text + 1, text, sizeof text - 2); /* now the limit falls into a character */
    text[0] = 'x';
    text[sizeof text - 1] = '\0';
    char *back = written_and_read(text);
    ck_assert_uint_eq(strlen(back), JSONW_MAX_TEXT - 1);
    free(back);
}
END_TEST

START_TEST(a_full_buffer_stays_full_and_inside_its_bounds) {
    for (size_t cap = 0; cap < 64; cap++) {
        char buf[65];
        struct jsonw w;
        memset(buf, 0x55, sizeof buf);
        jsonw_init(&w, buf, cap);
        jsonw_open(&w, '{');
        jsonw_put_u64(&w, "n", UINT64_MAX);
        jsonw_key(&w, "b");
        jsonw_base64(&w, "bytes", 5);
        jsonw_put_number(&w, "x", -1.5);
        jsonw_close(&w, '}');
        ck_assert_uint_le(w.len, cap);
        ck_assert_int_eq(buf[cap], 0x55);
        ck_assert_int_eq(w.overflow, cap < strlen("{\"n\":18446744073709551615,\"b\":\"Ynl0ZXM=\",\"x\":-1.500}"));
    }
}
END_TEST

START_TEST(numbers_that_are_none_become_null) {
    char buf[64];
    struct jsonw w;
    jsonw_init(&w, buf, sizeof buf);
    jsonw_open(&w, '[');
    jsonw_number(&w, 0.0 / 0.0);
    jsonw_number(&w, 1.0 / 0.0);
    jsonw_number(&w, 1e300);
    jsonw_number(&w, 2);
    jsonw_close(&w, ']');
    ck_assert_uint_eq(w.len, strlen("[null,null,null,2.000]"));
    ck_assert_mem_eq(buf, "[null,null,null,2.000]", w.len);
}
END_TEST

int main(void) {
    Suite *s = suite_create("agent_json");
    TCase *t = tcase_create("agent_json");
    tcase_add_test(t, what_the_grammar_allows_is_taken);
    tcase_add_test(t, what_the_grammar_forbids_is_refused);
    tcase_add_test(t, nesting_bombs_and_floods_are_refused);
    tcase_add_test(t, a_text_cut_anywhere_is_refused);
    tcase_add_test(t, values_are_read_as_what_they_are);
    tcase_add_test(t, strings_are_decoded_or_refused);
    tcase_add_test(t, any_bytes_are_written_as_good_json);
    tcase_add_test(t, long_text_is_cut_between_characters);
    tcase_add_test(t, a_full_buffer_stays_full_and_inside_its_bounds);
    tcase_add_test(t, numbers_that_are_none_become_null);
    suite_add_tcase(s, t);
    return suite_run(s);
}
