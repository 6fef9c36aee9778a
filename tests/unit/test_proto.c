/* proto/proto and proto/base64: the words of the protocol and its encoding of bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/proto.h"
#include "support/suite.h"

START_TEST(every_word_leads_back_to_its_number) {
    for (int i = 0; i < PROTO_OP_COUNT; i++) {
        const char *word = proto_op_name((enum proto_op)i);
        ck_assert_int_eq(proto_op_find(word, strlen(word)), i);
        ck_assert_int_eq(proto_op_find(word, strlen(word) - 1) == i, 0);
    }
    for (int i = 0; i < PROTO_ERR_COUNT; i++) {
        const char *word = proto_error_name((enum proto_error)i);
        ck_assert_int_eq(proto_error_find(word, strlen(word)), i);
    }
    ck_assert_int_eq(proto_op_find("", 0), -1);
    ck_assert_int_eq(proto_op_find("execute", 7), -1);
    ck_assert_int_eq(proto_op_find("EXEC", 4), -1);
    ck_assert_str_eq(proto_op_name(PROTO_OP_COUNT), "?");
    ck_assert_str_eq(proto_error_name(PROTO_ERR_COUNT), "?");
}
END_TEST

START_TEST(words_on_the_wire_do_not_change) {
    ck_assert_str_eq(proto_op_name(PROTO_OP_FILE_VERSION), "file_version");
    ck_assert_str_eq(proto_op_name(PROTO_OP_WORKLOAD), "workload");
    ck_assert_str_eq(proto_error_name(PROTO_ERR_BAD_FRAME), "bad-frame");
    ck_assert_str_eq(proto_error_name(PROTO_ERR_UNSUPPORTED), "unsupported");
    ck_assert_uint_eq(PROTO_MAX_FRAME, 65536);
    /* A full chunk must fit into a frame with room for its frame's other members. */
    ck_assert_uint_lt(BASE64_ENCODED_SIZE(PROTO_MAX_CHUNK) + 4096, PROTO_MAX_FRAME);
}
END_TEST

/* RFC 4648, section 10. */
START_TEST(base64_gives_the_standards_examples) {
    static const char *const pairs[][2] = {
        {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char out[16];
        size_t n = base64_encode(pairs[i][0], strlen(pairs[i][0]), out);
        ck_assert_uint_eq(n, strlen(pairs[i][1]));
        ck_assert_mem_eq(out, pairs[i][1], n);
        ck_assert_int_eq(base64_decode(pairs[i][1], n, out, sizeof out, &n), 0);
        ck_assert_uint_eq(n, strlen(pairs[i][0]));
        ck_assert_mem_eq(out, pairs[i][0], n);
    }
}
END_TEST

START_TEST(base64_keeps_every_byte_at_every_length) {
    unsigned char bytes[256], back[256];
    char text[BASE64_ENCODED_SIZE(256)];
    for (size_t i = 0; i < 256; i++) {
        bytes[i] = (unsigned char)(i * 167 + 13);
    }
    for (size_t n = 0; n <= 256; n++) {
        size_t len = base64_encode(bytes, n, text), got = 0;
        ck_assert_uint_eq(len, BASE64_ENCODED_SIZE(n));
        ck_assert_int_eq(base64_decode(text, len, back, n, &got), 0);
        ck_assert_uint_eq(got, n);
        ck_assert_mem_eq(back, bytes, n);
        if (n > 0) {
            ck_assert_int_lt(base64_decode(text, len, back, n - 1, &got), 0);
            ck_assert_uint_le(got, n - 1);
        }
    }
}
END_TEST

START_TEST(base64_refuses_what_is_not_canonical) {
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",      "Zh==",     "Zm9=", "====", "Z===",
                                      "Zg==Zg==", "Zm9v\n", "Zm9v\n\n\n\n", "Zm-v", "Zm_v", "Zm v", "=m9v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char out[16];
        size_t n;
        ck_assert_msg(base64_decode(bad[i], strlen(bad[i]), out, sizeof out, &n) < 0, "%s", bad[i]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("proto");
    TCase *t = tcase_create("proto");
    tcase_add_test(t, every_word_leads_back_to_its_number);
    tcase_add_test(t, words_on_the_wire_do_not_change);
    tcase_add_test(t, base64_gives_the_standards_examples);
    tcase_add_test(t, base64_keeps_every_byte_at_every_length);
    tcase_add_test(t, base64_refuses_what_is_not_canonical);
    suite_add_tcase(s, t);
    return suite_run(s);
}
