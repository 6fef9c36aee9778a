/* What a schema cannot say: names that must exist, files that must be there, combinations that make no
 * sense. Every error is to be told at once, so these checks also run on documents that break their schema: what
 * has the wrong type is passed over, the schema has complained about it.
 * Private to model/. */
#ifndef COEXIST_MODEL_CHECK_H
#define COEXIST_MODEL_CHECK_H

#include "model/input.h"

/* All checks of an input. */
void check_input(const struct input *in);

/* Its parts. */
void check_product(const struct input *in, const struct input_doc *d);
void check_update(const struct input *in, const struct input_doc *d);
void check_matrix(const struct input *in);
void check_sets(const struct input *in);
void check_steps(const struct input *in);
void check_workloads(const struct input *in); /* and the gates about them */
/* The name of an item of "steps", however it is written; NULL when it has none (the schema complains). */
const char *check_step_name(const json_t *item);

/* Placeholders a command may use, "{installer}" or "{files}"; allowed NULL: none. other_hint is told when
 * the other one is used. */
void check_command(const struct input *in, const struct input_doc *d, const char *pointer,
                   const json_t *o, const char *allowed, const char *other_hint);
bool check_uses(const json_t *command, const char *placeholder);

/* {"services","drivers",...}: at least one, with names and paths that can be. */
void check_checks(const struct input *in, const struct input_doc *d, const char *pointer,
                  const json_t *o);
void check_guest_path(const struct input *in, const struct input_doc *d, const char *pointer,
                      const char *path);
/* The name that {"file"} of the object at pointer has in the guest: the last part of its path here. */
void check_guest_name(const struct input *in, const struct input_doc *d, const char *pointer, const json_t *object);
/* A list of guest paths whose last part may hold '*' and '?'; list may be NULL. */
void check_guest_patterns(const struct input *in, const struct input_doc *d, const char *pointer,
                          const json_t *list);

#endif
