/* The scheduler's two small structures against naive twins: who is first, and what is due first. */
#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "run/sched_rank.h"
#include "run/sched_timers.h"
#include "support/suite.h"

enum { PLACES = 77, ROUNDS = 20000 };

static uint32_t draw(uint32_t *seed, uint32_t below) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % below;
}

struct naive {
    double ms[PLACES]; /* negative: does not wait */
    int claims[PLACES];
};

static bool naive_best(const struct naive *n, size_t from, size_t to, size_t *at) {
    bool any = false;
    for (size_t i = from; i < to; i++) {
        if (n->ms[i] >= 0 &&
            (!any || n->claims[i] < n->claims[*at] ||
             (n->claims[i] == n->claims[*at] && n->ms[i] > n->ms[*at]))) {
            *at = i;
            any = true;
        }
    }
    return any;
}

START_TEST(rank_is_the_naive_search) {
    uint32_t seed = 7;
    struct naive n = {{0}, {0}};
    struct sched_rank *r = sched_rank_new(PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        n.ms[i] = -1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t from = draw(&seed, PLACES), to = from + draw(&seed, (uint32_t)(PLACES - from) + 1);
        uint32_t what = draw(&seed, 3);
        if (what == 0) {
            n.ms[from] = draw(&seed, 4) ? draw(&seed, 9) * 1000.0 : -1;
            sched_rank_set(r, from, n.ms[from]);
        } else if (what == 1 && from < to) {
            int claims = n.claims[from] > 0 && draw(&seed, 2) ? -1 : 1;
            to = claims < 0 ? from + 1 : to;
            sched_rank_claim(r, from, to, claims);
            for (size_t i = from; i < to; i++) {
                n.claims[i] += claims;
            }
        }
        struct sched_best best;
        size_t at = 0;
        bool any = naive_best(&n, from, to, &at);
        ck_assert_int_eq(sched_rank_best(r, from, to, &best), any);
        if (any) {
            ck_assert_uint_eq(best.at, at);
            ck_assert_int_eq(best.claims, n.claims[at]);
        }
    }
    sched_rank_free(r);
}
END_TEST

START_TEST(rank_of_few_places) {
    struct sched_best best;
    struct sched_rank *r = sched_rank_new(0);
    ck_assert(!sched_rank_best(r, 0, 0, &best));
    sched_rank_free(r);
    r = sched_rank_new(1);
    ck_assert(!sched_rank_best(r, 0, 1, &best));
    sched_rank_set(r, 0, 0);
    sched_rank_claim(r, 0, 1, 1000);
    ck_assert(sched_rank_best(r, 0, 1, &best));
    ck_assert_int_eq(best.claims, 1000);
    sched_rank_free(r);
}
END_TEST

START_TEST(timers_are_the_naive_search) {
    uint32_t seed = 11;
    int64_t at[PLACES];
    struct sched_timers *t = sched_timers_new(PLACES);
    int slot;
    ck_assert(sched_timers_first(t, &slot) == CLOCK_NEVER);
    for (int i = 0; i < PLACES; i++) {
        at[i] = CLOCK_NEVER;
    }
    for (int round = 0; round < ROUNDS; round++) {
        int which = (int)draw(&seed, PLACES);
        at[which] = draw(&seed, 5) ? (int64_t)draw(&seed, 1000) : CLOCK_NEVER;
        sched_timers_set(t, which, at[which]);
        int64_t least = CLOCK_NEVER;
        for (int i = 0; i < PLACES; i++) {
            least = at[i] < least ? at[i] : least;
        }
        ck_assert_int_eq(sched_timers_first(t, &slot), least);
        ck_assert_int_eq(at[slot], least);
    }
    sched_timers_free(t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sched_parts");
    TCase *t = tcase_create("parts");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, rank_is_the_naive_search);
    tcase_add_test(t, rank_of_few_places);
    tcase_add_test(t, timers_are_the_naive_search);
    suite_add_tcase(s, t);
    return suite_run(s);
}
