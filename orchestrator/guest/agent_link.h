/* JSON objects over a byte stream, framed as RFC 7464 asks (proto/frame.h): the layer below the agent
 * client's requests. Reads nothing but whole, shallow JSON objects; counts everything else. */
#ifndef COEXIST_GUEST_AGENT_LINK_H
#define COEXIST_GUEST_AGENT_LINK_H

#include "guest/agent_client.h"

struct agent_link; /* opaque */

struct agent_link *agent_link_new(struct stream *stream); /* takes stream */
void agent_link_free(struct agent_link *l);
bool agent_link_is_dead(const struct agent_link *l);
struct agent_seen *agent_link_seen(struct agent_link *l); /* borrowed; noise is set by _describe */
char *agent_link_describe(struct agent_link *l);          /* caller frees */

/* Next object (new reference) and the length of its text. -1 as stream.read says. */
int agent_link_read(struct agent_link *l, int64_t deadline, json_t **object, size_t *len,
                    struct err *err);
/* ERR_INPUT when the object is longer than a frame may be. */
int agent_link_write(struct agent_link *l, const json_t *object, int64_t deadline,
                     struct err *err);

#endif
