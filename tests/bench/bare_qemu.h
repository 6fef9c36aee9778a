/* QEMU without libvirt, made to load the same machine: the measure that restores are held against. */
#ifndef COEXIST_TESTS_BENCH_BARE_QEMU_H
#define COEXIST_TESTS_BENCH_BARE_QEMU_H

#include <sys/types.h>

#include "base/err.h"

/* The command line of the QEMU that has `inside` (its libvirt root) on it, as /proc tells it: arguments that
 * end in NUL, *len bytes in all. Caller frees; NULL with err. */
char *bare_qemu_command_line(const char *inside, size_t *len, struct err *err);

struct bare_qemu_spec { /* borrowed */
    const char *command_line; /* of the saved machine */
    size_t command_line_len;
    const char *golden; /* golden disk as it stands in there, */
    const char *disk;   /* and the saved disk that takes its place, with its own chain */
    const char *work;   /* folder for the overlay, sockets and console log; made when missing */
};

/* The spec's overlay, on top of its disk. */
int bare_qemu_make_overlay(const struct bare_qemu_spec *spec, struct err *err);

/* Writes a plain migration stream, of the running machine, from the memory file of a state: QEMU loads that
 * one, lets the guest go on and migrates to the file. */
int bare_qemu_make_stream(const struct bare_qemu_spec *spec, const char *memory, const char *stream,
                          struct err *err);

/* Starts QEMU with -incoming of that stream; the agent's port will be work/agent.sock. */
pid_t bare_qemu_start(const struct bare_qemu_spec *spec, const char *stream, struct err *err);
void bare_qemu_end(pid_t pid); /* kills and reaps it */

#endif
