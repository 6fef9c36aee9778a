/* The simulated lab: 100,000 cells on 1,000 hosts with random faults. One line for each figure:
 * "bench NAME ratio=MEASURED/WANTED a=MEASURED b=WANTED". Exit 1 when one is missed or a cell is not
 * accounted for. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "support/fleet.h"
#include "support/grove.h"

enum { BENCH_CELLS = 100000, BENCH_HOSTS = 1000, BENCH_SLOTS = 2, BENCH_GONE = 50 };
#define BENCH_EVENTS 20000.0
#define BENCH_MIB 200.0

/* Twelve products in pairs and triples in every order, 12 updates and a control, repeated. */
static struct plan *bench_plan(struct grove *g) {
    static const enum step_kind steps[] = {
        STEP_INSTALL, STEP_VERIFY, STEP_DETECT, STEP_REBOOT, STEP_VERIFY, STEP_MEASURE, STEP_APPLY,
        STEP_TOOK,    STEP_REBOOT, STEP_VERIFY, STEP_DETECT, STEP_MEASURE, STEP_KIND_COUNT};
    grove_steps(g, steps);
    for (int i = 0; i < 12; i++) {
        for (int k = 1; k <= 2; k++) {
            char products[4] = {(char)('a' + i), (char)('a' + (i + k) % 12),
                                (char)('a' + (i + k + 3) % 12), '\0'};
            grove_set(g, products, 12, true);
        }
    }
    g->model.all_orders = true;
    g->model.repetitions = 18;
    g->model.image_count = 3; /* 24 sets x 6 orders x 13 x 18 x 3 = 101,088 */
    return grove_plan(g, true);
}

static bool bench_chance(size_t a, size_t b, size_t c, unsigned of_10000) {
    uint64_t h = a * 0xbf58476d1ce4e5b9u + b * 0x94d049bb133111ebu + c * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 31)) * 0xff51afd7ed558ccdu;
    h = (h ^ (h >> 29)) * 0xc4ceb9fe1a85ec53u;
    return (h >> 33) % 10000 < of_10000;
}

static enum fleet_fault bench_step(void *ctx, size_t cell, int attempt, size_t step) {
    (void)ctx;
    return bench_chance(cell, (size_t)attempt, step, 50)
               ? (enum fleet_fault)(1 + (cell + step) % (FLEET_FAULT_COUNT - 1))
               : FLEET_FINE;
}

static bool bench_save(void *ctx, size_t cell, int attempt, size_t steps) {
    (void)ctx;
    return bench_chance(cell, (size_t)attempt, steps + 1000, 200);
}

static bool bench_restore(void *ctx, size_t cell, int attempt, size_t steps) {
    (void)ctx;
    return bench_chance(cell, (size_t)attempt, steps + 2000, 100);
}

static bool bench_spawn(void *ctx, size_t cell, int attempt) {
    (void)ctx;
    return bench_chance(cell, (size_t)attempt, 3000, 20);
}

static double bench_seconds(int64_t since) {
    return (double)(clock_now(clock_monotonic()) - since) / CLOCK_S;
}

int main(void) {
    struct grove *g = grove_new();
    struct plan *p = bench_plan(g);
    int64_t at = clock_now(clock_monotonic());
    struct tree *t = tree_build(p);
    printf("sim: %zu cells, %zu steps, %zu of them unique, tree built in %.2f s\n", p->cell_count,
           t->steps, t->unique, bench_seconds(at));
    struct fleet_spec spec = {
        .plan = p, .hosts = BENCH_HOSTS, .slots = BENCH_SLOTS, .sharing = true,
        .states_max = 20 * FLEET_STATE_BYTES,
        .faults = {.step = bench_step, .save = bench_save, .restore = bench_restore,
                   .spawn = bench_spawn},
    };
    struct fleet *f = fleet_new(&spec);
    for (int i = 0; i < BENCH_GONE; i++) {
        fleet_host_gone_at(f, i * 17, (100 + i * 61) * CLOCK_S);
    }
    at = clock_now(clock_monotonic());
    struct sched_result res = fleet_run(f);
    double seconds = bench_seconds(at);
    struct fleet_counts n = fleet_count(f);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double rate = (double)n.events / seconds, mib = (double)use.ru_maxrss / 1024;
    printf("sim: %.0f s virtual in %.1f s, %zu workers, %zu steps executed, %zu states, "
           "%zu done, %zu failed\n", (double)n.ms / 1000, seconds, n.attempts, n.executed, n.states,
           res.done, res.failed);
    printf("bench sim ratio=%.2f a=%.0f b=%.0f\n", rate / BENCH_EVENTS, rate, BENCH_EVENTS);
    printf("bench sim-memory ratio=%.2f a=%.0f b=%.0f\n", mib / BENCH_MIB, mib, BENCH_MIB);
    bool good = p->cell_count >= BENCH_CELLS && res.done + res.failed == p->cell_count &&
                n.left == 0 && rate >= BENCH_EVENTS && mib <= BENCH_MIB;
    fleet_free(f);
    tree_free(t);
    plan_free(p);
    free(g);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
