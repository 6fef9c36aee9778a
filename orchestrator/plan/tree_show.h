/* The tree of a plan for people and programs: indented text, a graphviz drawing, JSON. Pure. */
#ifndef COEXIST_PLAN_TREE_SHOW_H
#define COEXIST_PLAN_TREE_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "plan/estimate.h"

/* One line for each segment, below the one it continues. Leaves that differ in their repetition
 * only are one line. When that makes more than max_lines (0: no limit), as many children of each
 * branch are shown as fit, the others counted. */
void tree_print(const struct tree *t, const struct estimate *e, size_t max_lines, FILE *out);
/* In the DOT language (https://graphviz.org/doc/info/lang.html), every segment a node. */
void tree_print_dot(const struct tree *t, FILE *out);
/* {"steps","unique_steps","segments":[{"id","parent":id|null,"first","end","cells","ms",
 * "cell":id of a leaf's cell?}]}: steps [first, end) of the cells below. New reference. */
json_t *tree_to_json(const struct tree *t, const struct estimate *e);
/* "3 h 05 min", "4 min 10 s", "12 s". */
const char *tree_time(double ms, char buf[32]);

#endif
