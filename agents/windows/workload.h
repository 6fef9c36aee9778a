/* The workloads by name, and how one is run. */
#ifndef COEXIST_WINDOWS_WORKLOAD_H
#define COEXIST_WINDOWS_WORKLOAD_H

#include "windows/bench.h"

struct workload {
    const char *name;
    /* Reads the parameters and makes what stays for all repetitions; may be NULL. */
    int (*open)(struct bench *b, struct op_error *err);
    /* Makes what one repetition needs, untimed; may be NULL. */
    int (*prepare)(struct bench *b, uint64_t i, struct op_error *err);
    /* What is timed. */
    int (*run)(struct bench *b, uint64_t i, struct op_error *err);
    /* After the clock stopped: sends the rows. NULL: one row, the time in ms. */
    int (*report)(struct bench *b, uint64_t i, struct op_error *err);
    /* Removes what one repetition made, untimed; may be NULL. */
    void (*clean)(struct bench *b, uint64_t i);
    /* Frees b->state; also after a failed open; may be NULL. */
    void (*close)(struct bench *b);
};

extern const struct workload workload_copy_small, workload_copy_large, workload_archive,
    workload_unarchive, workload_launch, workload_registry, workload_idle, workload_load;

#endif
