/* proto/frame: the framing in both directions; whatever comes, in whatever pieces. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"
#include "support/suite.h"

#define RS "\x1e"

/* What a stream came to: its texts, each followed by '|', and a letter for each other event. */
struct seen {
    char text[4096];
    size_t n;
};

static void seen_add(struct seen *s, const char *p, size_t n) {
    ck_assert_uint_lt(s->n + n + 1, sizeof s->text);
    memcpy(s->text + s->n, p, n);
    s->n += n;
}

static void feed(struct frame_decoder *d, struct seen *s, const char *p, size_t n) {
    while (n > 0) {
        enum frame_event event;
        size_t len, used = frame_decoder_feed(d, p, n, &event);
        ck_assert_uint_ge(used, 1);
        ck_assert_uint_le(used, n);
        p += used;
        n -= used;
        if (event == FRAME_READY) {
            const char *text = frame_decoder_text(d, &len);
            ck_assert_int_eq(text[len], '\0');
            seen_add(s, text, len);
            seen_add(s, "|", 1);
        } else if (event == FRAME_TOO_LONG) {
            seen_add(s, "L", 1);
        } else if (event == FRAME_TRUNCATED) {
            seen_add(s, "T", 1);
        } else {
            ck_assert_uint_eq(n, 0);
        }
    }
}

/* Feeds the stream whole, byte by byte, and split in two at every byte: always the same. */
static struct frame_counts check_stream(const char *stream, size_t n, size_t max,
                                        const char *expected) {
    struct frame_counts counts = {0};
    for (size_t cut = 0; cut <= n + 1; cut++) {
        struct frame_decoder *d = frame_decoder_new(max);
        struct seen s = {.n = 0};
        for (size_t i = 0; cut == n + 1 && i < n; i++) {
            feed(d, &s, stream + i, 1);
        }
        if (cut <= n) {
            feed(d, &s, stream, cut);
            feed(d, &s, stream + cut, n - cut);
        }
        ck_assert_msg(s.n == strlen(expected) && memcmp(s.text, expected, s.n) == 0,
                      "cut at %zu: %.*s", cut, (int)s.n, s.text);
        if (cut > 0) {
            struct frame_counts now = frame_decoder_counts(d);
            ck_assert_mem_eq(&now, &counts, sizeof now);
        }
        counts = frame_decoder_counts(d);
        frame_decoder_free(d);
    }
    return counts;
}

#define CHECK_STREAM(stream, max, expected) check_stream(stream, sizeof(stream) - 1, max, expected)

START_TEST(texts_come_out_however_the_stream_is_cut) {
    struct frame_counts c = CHECK_STREAM(RS "{\"a\":1}\n" RS "{}\n" RS "{\"b\":\"\xc3\xa4\"}\n", 64,
                                         "{\"a\":1}|{}|{\"b\":\"\xc3\xa4\"}|");
    ck_assert_uint_eq(c.ready, 3);
    ck_assert_uint_eq(c.noise + c.too_long + c.truncated, 0);
}
END_TEST

START_TEST(noise_is_skipped_and_counted) {
    struct frame_counts c = CHECK_STREAM("login: \n\n" RS "{}\n[ 1.0] \xff\x00 x\n" RS "[]\nend", 8, "{}|[]|");
    ck_assert_uint_eq(c.noise, 9 + 12 + 3);
}
END_TEST

START_TEST(a_text_without_its_end_is_lost_alone) {
    struct frame_counts c = CHECK_STREAM(RS "{\"lost\":" RS "{}\n" RS RS RS "{}\n" RS "\n" RS "{}\n", 64,
                                         "T{}|{}|{}|");
    ck_assert_uint_eq(c.truncated, 1);
    ck_assert_uint_eq(c.ready, 3);
}
END_TEST

START_TEST(the_limit_is_exact) {
    CHECK_STREAM(RS "12345678\n", 8, "12345678|");
    struct frame_counts c = CHECK_STREAM(RS "123456789\n" RS "{}\n", 8, "L{}|");
    ck_assert_uint_eq(c.too_long, 1);
    ck_assert_uint_eq(c.noise, 10); /* its nine bytes and the LF that ends nothing */
    CHECK_STREAM(RS "123456789 and more without end" RS "{}\n", 8, "L{}|");
}
END_TEST

START_TEST(an_endless_line_costs_no_memory_and_is_told_once) {
    struct frame_decoder *d = frame_decoder_new(65536);
    struct seen s = {.n = 0};
    char *block = malloc(1 << 20);
    memset(block, 'x', 1 << 20);
    feed(d, &s, RS, 1);
    for (int i = 0; i < 100; i++) {
        feed(d, &s, block, 1 << 20);
    }
    feed(d, &s, "\n" RS "{}\n", 5);
    ck_assert_uint_eq(s.n, 4);
    ck_assert_mem_eq(s.text, "L{}|", 4);
    ck_assert_uint_eq(frame_decoder_counts(d).noise, 100u * (1u << 20) + 1);
    free(block);
    frame_decoder_free(d);
}
END_TEST

START_TEST(reset_forgets_half_a_text_but_not_the_counts) {
    struct frame_decoder *d = frame_decoder_new(64);
    struct seen s = {.n = 0};
    feed(d, &s, "no" RS "{\"half\"", 10);
    frame_decoder_reset(d);
    feed(d, &s, ":1}\n" RS "{}\n", 8);
    ck_assert_uint_eq(s.n, 3);
    ck_assert_uint_eq(frame_decoder_counts(d).noise, 2 + 4);
    ck_assert_uint_eq(frame_decoder_counts(d).truncated, 0);
    frame_decoder_free(d);
}
END_TEST

START_TEST(what_is_encoded_is_decoded) {
    char out[64];
    ck_assert_uint_eq(frame_encode("{}", 2, out, sizeof out), 4);
    ck_assert_mem_eq(out, RS "{}\n", 4);
    ck_assert_uint_eq(frame_encode("{}", 2, out, 4), 4);
    ck_assert_uint_eq(frame_encode("{}", 2, out, 3), 0);
    ck_assert_uint_eq(frame_encode("{}", 2, out, 0), 0);
    ck_assert_uint_eq(frame_encode("", 0, out, 2), 2);
    ck_assert_uint_eq(frame_encode("{\n}", 3, out, sizeof out), 0);
    ck_assert_uint_eq(frame_encode("{" RS "}", 3, out, sizeof out), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("frame");
    TCase *t = tcase_create("frame");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, texts_come_out_however_the_stream_is_cut);
    tcase_add_test(t, noise_is_skipped_and_counted);
    tcase_add_test(t, a_text_without_its_end_is_lost_alone);
    tcase_add_test(t, the_limit_is_exact);
    tcase_add_test(t, an_endless_line_costs_no_memory_and_is_told_once);
    tcase_add_test(t, reset_forgets_half_a_text_but_not_the_counts);
    tcase_add_test(t, what_is_encoded_is_decoded);
    suite_add_tcase(s, t);
    return suite_run(s);
}
