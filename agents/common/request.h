/*
 * One running request, as its handler sees it: arguments in, events out, and the question whether
 * it should still go on. All calls are made by the handler's own thread.
 */
#ifndef COEXIST_COMMON_REQUEST_H
#define COEXIST_COMMON_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/jsonw.h"
#include "common/op_error.h"
#include "common/plat.h"

struct request;

/*
 * Does the op. Success: writes the members of the result object to result, returns 0. Failure:
 * fills *err, returns -1 (whatever was written to result is thrown away). Exactly one answer
 * follows from the return; a handler never sends it itself.
 */
typedef int op_handler(struct request *rq, struct jsonw *result, struct op_error *err);

/* Required arguments fail with bad-args when missing; optional ones keep what *out held. */
int request_arg_string(struct request *rq, const char *key, char **out, struct op_error *err);
/* Optional: *out becomes NULL when absent. The caller frees in both cases. */
int request_opt_string(struct request *rq, const char *key, char **out, struct op_error *err);
int request_arg_u64(struct request *rq, const char *key, uint64_t *out, struct op_error *err);
int request_opt_u64(struct request *rq, const char *key, uint64_t *out, struct op_error *err);
int request_opt_bool(struct request *rq, const char *key, bool *out, struct op_error *err);
/* From the object args."params", clamped to min..max (outside: bad-args). */
int request_param_u64(struct request *rq, const char *key, uint64_t min, uint64_t max,
                      uint64_t *out, struct op_error *err);
/* From args."params", optional as request_opt_string. */
int request_param_string(struct request *rq, const char *key, char **out, struct op_error *err);

/*
 * True, with *err filled (deadline or cancelled), when the request must end now. Handlers ask it
 * at least once per bounded piece of work. request_wake is set at the same moment, for waits.
 */
bool request_stopped(struct request *rq, struct op_error *err);
struct plat_event *request_wake(struct request *rq);

/* Sends up to PROTO_MAX_CHUNK raw bytes as event "out" or "err". */
void request_send_chunk(struct request *rq, const char *event, const void *bytes, size_t n);

/* An "item" event: the writer stands inside the row object between begin and end. end returns -1
 * with too-long when the row did not fit. Not nested. */
struct jsonw *request_item_begin(struct request *rq);
int request_item_end(struct request *rq, struct op_error *err);

#endif
