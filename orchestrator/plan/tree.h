/* The cells of a plan arranged by their common beginnings: a compressed trie. Pure.
 *
 * A segment is an unbranched run of steps that all cells below it have in common; where it ends the
 * tree branches, and there a state is worth keeping. Each cell ends in a segment of its own, the
 * leaf. Two cells share a step when they have the same image, and for every step up to it kind,
 * phase, product, and the update where the step uses one (apply, took, rollback) agree, and none is
 * fresh; repetitions of one cell part where the update comes (plan.c, plan_part). A cell's last step
 * is its own in any case. There are at most twice as many segments as cells.
 */
#ifndef COEXIST_PLAN_TREE_H
#define COEXIST_PLAN_TREE_H

#include <stdint.h>

#include "plan/plan.h"

#define TREE_NONE UINT32_MAX

struct tree_segment {
    uint32_t parent; /* index of a segment; TREE_NONE: begins from nothing */
    uint32_t child;  /* first one, TREE_NONE: this is a cell's leaf */
    uint32_t next;   /* next child of the same parent (or next root), TREE_NONE: the last one */
    uint32_t cell;   /* the first cell of the plan that goes through here; a leaf's only one */
    uint32_t order;  /* tree.order[order] .. tree.order[order + cells - 1] are the cells below */
    uint32_t cells;  /* how many go through here */
    uint32_t first;  /* the steps [first, end) of each of these cells */
    uint32_t end;
};

struct tree {
    const struct plan *plan; /* borrowed */
    struct tree_segment *segments; /* a parent before its children, depth first, in plan order */
    size_t count;
    uint32_t *order; /* cells (indexes into the plan) from left to right */
    uint32_t *leaf;  /* by cell: its leaf segment */
    size_t steps;    /* of all cells */
    size_t unique;   /* of all segments: what is executed when everything is shared */
};

/* Never fails: O(n log n) in the number of cells. The plan must outlive the tree. */
struct tree *tree_build(const struct plan *plan);
void tree_free(struct tree *t); /* NULL is fine */
/* How many leading steps two cells have in common. */
size_t tree_common(const struct plan_cell *a, const struct plan_cell *b);
/* The segment on the cell's way that ends after `steps` steps; TREE_NONE when none does. */
uint32_t tree_find(const struct tree *t, size_t cell, size_t steps);
/* How many segments lie above this one. */
size_t tree_depth(const struct tree *t, uint32_t segment);

#endif
