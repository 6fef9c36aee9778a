/* Processor time that the machines of a lab take, read from /proc while they run. */
#ifndef COEXIST_TESTS_BENCH_VM_CPU_H
#define COEXIST_TESTS_BENCH_VM_CPU_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_cpu_machine;

struct vm_cpu { /* all 0 but for lab_dir at first; vm_cpu_clear at the end */
    const char *lab_dir; /* absolute, borrowed: machines are the QEMU processes that name it */
    struct vm_cpu_machine *machines; /* seen so far */
    size_t count;
    int64_t looked_at;
};

/* on_tick of lab_run_matrix, ctx: struct vm_cpu. Looks four times a second: of each machine at most a quarter of a
 * second goes uncounted. */
void vm_cpu_tick(pid_t orchestrator, void *ctx);
double vm_cpu_seconds(const struct vm_cpu *v); /* of all machines seen, their start and restore included */
void vm_cpu_clear(struct vm_cpu *v);

#endif
