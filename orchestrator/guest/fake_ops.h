/* What the simulated agent answers, operation by operation; for guest/fake.c only. */
#ifndef COEXIST_GUEST_FAKE_OPS_H
#define COEXIST_GUEST_FAKE_OPS_H

#include <jansson.h>

#include "base/err.h"
#include "sim/world.h"

/* The hello object of the simulated agent (new reference). */
json_t *guest_fake_hello(struct sim_world *w);
/* Answers one operation: the result's object (new reference), or NULL with ERR_REFUSED and the
 * protocol's error code at the start of the text. */
json_t *guest_fake_answer(struct sim_world *w, const char *op, const json_t *args,
                          struct err *err);
/* Virtual milliseconds the operation takes. */
int64_t guest_fake_op_ms(const char *op, const json_t *args);

#endif
