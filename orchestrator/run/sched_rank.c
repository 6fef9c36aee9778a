#include "run/sched_rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/str.h"

/* One claim outweighs every time there can be. */
#define RANK_CLAIM 1e12

struct rank_node {
    double max; /* the best below, with the claims from here on down; -INFINITY: nobody */
    int claims; /* on everything below, not handed down */
};

struct sched_rank {
    struct rank_node *nodes; /* [1] is the root, the leaves are the last `size` */
    size_t size;
};

struct sched_rank *sched_rank_new(size_t n) {
    struct sched_rank *r = mem_zalloc(1, sizeof(*r));
    for (r->size = 1; r->size < n; r->size *= 2) {
    }
    r->nodes = mem_zalloc(2 * r->size, sizeof(*r->nodes));
    for (size_t i = 0; i < 2 * r->size; i++) {
        r->nodes[i].max = -INFINITY;
    }
    return r;
}

void sched_rank_free(struct sched_rank *r) {
    if (r) {
        free(r->nodes);
        free(r);
    }
}

static void rank_join(struct sched_rank *r, size_t node) {
    double a = r->nodes[2 * node].max, b = r->nodes[2 * node + 1].max;
    r->nodes[node].max = (a >= b ? a : b) - r->nodes[node].claims * RANK_CLAIM;
}

void sched_rank_set(struct sched_rank *r, size_t at, double ms) {
    size_t node = r->size + at;
    r->nodes[node].max = ms < 0 ? -INFINITY : ms - r->nodes[node].claims * RANK_CLAIM;
    for (node /= 2; node > 0; node /= 2) {
        rank_join(r, node);
    }
}

static void rank_add(struct sched_rank *r, size_t node, int claims) {
    r->nodes[node].claims += claims;
    r->nodes[node].max -= claims * RANK_CLAIM;
}

/* Bottom-up over the nodes that make up [from, to), then the ways above its two ends. */
void sched_rank_claim(struct sched_rank *r, size_t from, size_t to, int claims) {
    size_t left = r->size + from, right = r->size + to;
    for (; left < right; left /= 2, right /= 2) {
        if (left & 1) {
            rank_add(r, left++, claims);
        }
        if (right & 1) {
            rank_add(r, --right, claims);
        }
    }
    size_t ends[2] = {(r->size + from) / 2, (r->size + to - 1) / 2};
    for (int i = 0; from < to && i < 2; i++) {
        for (size_t node = ends[i]; node > 0; node /= 2) {
            rank_join(r, node);
        }
    }
}

struct rank_search {
    const struct sched_rank *r;
    size_t from, to;
    double max;
    size_t node; /* the highest node whose best is the best; 0: none */
};

static void rank_search(struct rank_search *s, size_t node, size_t from, size_t to, double above) {
    double max = s->r->nodes[node].max + above;
    if (to <= s->from || from >= s->to || max <= s->max) {
        return;
    }
    if (from >= s->from && to <= s->to) {
        s->max = max;
        s->node = node;
        return;
    }
    size_t middle = from + (to - from) / 2;
    above -= s->r->nodes[node].claims * RANK_CLAIM;
    rank_search(s, 2 * node, from, middle, above);
    rank_search(s, 2 * node + 1, middle, to, above);
}

bool sched_rank_best(const struct sched_rank *r, size_t from, size_t to, struct sched_best *out) {
    struct rank_search s = {r, from, to, -INFINITY, 0};
    rank_search(&s, 1, 0, r->size, 0);
    if (s.node == 0) {
        return false;
    }
    while (s.node < r->size) {
        s.node = 2 * s.node + (r->nodes[2 * s.node].max < r->nodes[2 * s.node + 1].max);
    }
    out->at = s.node - r->size;
    out->claims = 0;
    for (; s.node > 0; s.node /= 2) {
        out->claims += r->nodes[s.node].claims;
    }
    return true;
}
