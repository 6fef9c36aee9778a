/* What each operation of the agent may answer (agents/proto/PROTOCOL.md), as a table, so that nobody
 * after this reads a member whose type the guest chose. Members the table does not know pass: a newer
 * agent may say more. Operations it does not know are not checked. */
#ifndef COEXIST_GUEST_AGENT_SCHEMA_H
#define COEXIST_GUEST_AGENT_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Longest string in a hello, bytes; most words in its lists. */
#define AGENT_HELLO_STRING 256
#define AGENT_HELLO_OPS 256

/* All complain with ERR_PROTOCOL and the operation's name. Integers are 0..2^53 unless told. */
int agent_schema_result(const char *op, const json_t *result, struct err *err);
int agent_schema_item(const char *op, const json_t *item, struct err *err);
/* Also ERR_PROTOCOL, naming both versions, when the agent speaks another protocol. */
int agent_schema_hello(const json_t *hello, struct err *err);

bool agent_schema_is_list(const char *op);    /* answers by item events */
bool agent_schema_has_output(const char *op); /* answers by out and err events */

/* Nesting of arrays and objects in a text, at most `limit` (looks no further than that): keeps a
 * parser that recurses off texts made to exhaust its stack. Knows strings, does not validate. */
bool agent_schema_depth_ok(const char *text, size_t len, int limit);

#endif
