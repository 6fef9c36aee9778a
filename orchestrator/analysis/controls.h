/* The cells of a run that serve as controls of one of them: same image, one thing less. A cell is a control only when
 * it came to a verdict; one failing repetition makes it a failing control. */
#ifndef COEXIST_ANALYSIS_CONTROLS_H
#define COEXIST_ANALYSIS_CONTROLS_H

#include "analysis/judge.h"

enum control {
    CONTROL_NONE, /* no such cell, or none with a verdict */
    CONTROL_PASS,
    CONTROL_FAIL /* it fails too, in a way that can have the same cause */
};

/* The same update on its product alone; for an OS update, on each of the cell's products alone. */
enum control controls_update_alone(const struct judgement *j, const struct judged *c);
/* The same products without any update. */
enum control controls_without_update(const struct judgement *j, const struct judged *c);
/* Each of the cell's products by itself, before any update. *broken (NULL before): one that was not well, if any
 * failed as this cell does then one of those. */
enum control controls_each_alone(const struct judgement *j, const struct judged *c,
                                 const struct model_product **broken);
/* The same update where only this product is beside its own, in the order that they have in the cell. */
enum control controls_pair(const struct judgement *j, const struct judged *c, const struct model_product *neighbour);
/* The same products with the same update, installed in another order. Of several orders, one that passes tells. */
enum control controls_other_order(const struct judgement *j, const struct judged *c);
bool controls_has(const struct judged *c, const struct model_product *p);

#endif
