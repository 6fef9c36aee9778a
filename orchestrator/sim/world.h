/* A simulated Windows machine on a virtual clock: the one world that vm/fake.c and guest/fake.c
 * both look at, so that cell and run logic can be proven by the thousand before a real VM is
 * booted.
 *
 * A world knows facts (services, processes, files, registry, drivers), what commands do to them,
 * how long things take, and which faults are due. It is deterministic: same calls, same answers.
 */
#ifndef COEXIST_SIM_WORLD_H
#define COEXIST_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "vm/vm.h"

enum sim_fault_kind {
    SIM_FAULT_NONE,
    SIM_FAULT_CRASH,        /* the guest's kernel panics */
    SIM_FAULT_CRASH_ON_BOOT, /* from now on every boot ends in a panic */
    SIM_FAULT_HANG,         /* the guest stops answering on both ways, QEMU runs on */
    SIM_FAULT_FREEZE,       /* the same, but SSH still lets in: a kernel that lives, and no program that does */
    SIM_FAULT_NETWORK_LOST, /* SSH dies, serial answers */
    SIM_FAULT_SERIAL_LOST,  /* serial dies, SSH answers */
    SIM_FAULT_DISK_FULL,    /* the host's disk: writes fail with ERR_NOSPACE, VM_EVENT_IO_ERROR */
    SIM_FAULT_QEMU_DIED,    /* VM_EVENT_DIED */
    SIM_FAULT_SLOW,         /* the call takes 100 times as long */
    SIM_FAULT_LAB_BUG,      /* the call fails with ERR_BUG */
    SIM_FAULT_KIND_COUNT
};
const char *sim_fault_name(enum sim_fault_kind kind);

struct sim_world; /* opaque */

struct sim_world *sim_world_new(void);
void sim_world_free(struct sim_world *w);
struct clock *sim_world_clock(struct sim_world *w);

/* The fault strikes at the nth call (1-based) of vm_* and guest_* taken together, counted from now.
 * What destroys, disconnects or only reads a member is not a call. A guest's fault that is due
 * while the machine is off waits for the next power-on. How long a fault lasts: CRASH, HANG and FREEZE
 * until reset or start; CRASH_ON_BOOT, NETWORK_LOST and SERIAL_LOST across boots until a restore;
 * DISK_FULL for good; QEMU_DIED, SLOW and LAB_BUG for that call. */
void sim_world_fault_at(struct sim_world *w, int nth_call, enum sim_fault_kind kind);
int sim_world_calls(const struct sim_world *w); /* calls made so far */

/* Facts. A thing is named like "service:AlderSvc", "process:x.exe", "driver:alderflt",
 * "file:C:\\x\\y" (case-insensitive), "registry:HKLM\\Software\\X|Value", "product:KEY". Data is
 * its state or content: "running", a version ("1.2.3.4" is what file_version of a file answers), a
 * value; NULL removes the fact. A process' data may hold what it uses: "cpu_percent=100", "threads=9", "handles=9",
 * "private_bytes=9", "restarts_every_ms=9". "system:memory_available_mib" and "system:disk_free_mib" are what the
 * system has left; "refused:copy-small" says how many times more the system refuses that workload or operation of
 * the agent; where there is "unknown-op:look", the agent does not know that operation; "system:stays_up_ms" is
 * how long the machine answers on after it agreed to go down. Facts outlive a reboot as they are. */
void sim_world_set(struct sim_world *w, const char *thing, const char *data);
/* The same, and set again at the end of every boot (an auto-start service that somebody stopped
 * comes back). NULL forgets that and removes the fact. */
void sim_world_set_boot(struct sim_world *w, const char *thing, const char *data);
const char *sim_world_get(const struct sim_world *w, const char *thing); /* borrowed or NULL */

/* What a command does: exec of a command line containing `match` takes `ms`, changes the facts by
 * calling effect (may be NULL), and ends with exit_code. Later additions win. */
typedef void sim_effect(struct sim_world *w, void *ctx);
void sim_world_on_exec(struct sim_world *w, const char *match, int64_t ms, uint32_t exit_code,
                       sim_effect *effect, void *ctx);
/* Called at the end of each successful boot, before "ready": products start, neighbours bite.
 * Striking from there (SIM_FAULT_CRASH) makes this very boot end in a panic. */
void sim_world_on_boot(struct sim_world *w, sim_effect *effect, void *ctx);
/* Called after_ms after the lab put a file whose path or content holds `match` (EICAR and friends):
 * may remove the fact again. */
void sim_world_on_file(struct sim_world *w, const char *match, int64_t after_ms,
                       sim_effect *effect, void *ctx);
/* Lets something happen in the guest after a while, unless it goes down before. */
void sim_world_later(struct sim_world *w, int64_t ms, sim_effect *effect, void *ctx);
/* Mean milliseconds of one repetition of a workload, and its spread in percent (deterministic
 * noise). */
void sim_world_workload(struct sim_world *w, const char *name, double mean_ms,
                        double spread_percent);
/* Another seed, another noise; worlds with equal seeds are equal. */
void sim_world_seed(struct sim_world *w, uint64_t seed);
/* What the VM takes of one processor of the host, in percent; 50 when not set. To be set before it is switched on. */
void sim_world_set_load(struct sim_world *w, int percent);
int sim_world_load(const struct sim_world *w);
/* From now until then the host has no processor for the VM in so many percent of the time. */
void sim_world_starve(struct sim_world *w, double percent, int64_t until);
void sim_world_boot_ms(struct sim_world *w, int64_t ms);
/* Makes faults strike from inside an effect (a driver that crashes at boot, say). */
void sim_world_strike(struct sim_world *w, enum sim_fault_kind kind);
/* Ends a NETWORK_LOST: of a network that comes and goes. */
void sim_world_network_back(struct sim_world *w);

/* From now on every vm_save (vm_restore) of this world fails with an error of this class, ERR_NOSPACE for
 * a host's disk that fills up halfway, though nothing is wrong with the machine. ERR_NONE: they succeed
 * again. */
void sim_world_fail_saves(struct sim_world *w, enum err_class cls);
void sim_world_fail_restores(struct sim_world *w, enum err_class cls);

#endif
