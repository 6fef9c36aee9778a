/* Whole files by the agent's put and get, for guests without SSH. */
#ifndef COEXIST_GUEST_FILE_CHUNKS_H
#define COEXIST_GUEST_FILE_CHUNKS_H

#include "guest/agent_client.h"

int file_chunks_put(struct agent_client *c, const char *host_path, const char *guest_path,
                    int64_t deadline, struct err *err);
int file_chunks_get(struct agent_client *c, const char *guest_path, const char *host_path,
                    int64_t max_bytes, int64_t deadline, struct err *err);

#endif
