/* One round of the small-file copy; the load workload keeps it running beside its window. */
#ifndef COEXIST_WINDOWS_WORKLOAD_COPY_H
#define COEXIST_WINDOWS_WORKLOAD_COPY_H

#include "windows/bench.h"

/* Writes, copies and reads back file number i of round round; then both files are there. */
int copy_one_file(const struct bench *b, uint64_t round, uint64_t i, struct op_error *err);
void copy_remove_file(const struct bench *b, uint64_t round, uint64_t i);

#endif
