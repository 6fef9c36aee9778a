/* The side of the simulated world that vm/fake.c and guest/fake.c drive: power, time, calls and
 * events. Tests and run logic use sim/world.h instead. */
#ifndef COEXIST_SIM_MACHINE_H
#define COEXIST_SIM_MACHINE_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "sim/world.h"

enum sim_power {
    SIM_POWER_OFF,
    SIM_POWER_BOOTING,  /* switched on, the agent has not said hello yet */
    SIM_POWER_UP,       /* the agent answers (unless hung or cut off) */
    SIM_POWER_GOING_DOWN, /* asked to reboot or power off, agent already gone */
    SIM_POWER_PANICKED, /* stopped at a panic */
    SIM_POWER_PAUSED,   /* stopped by an I/O error of the host's disk */
    SIM_POWER_COUNT
};

enum sim_way { SIM_WAY_HOST, SIM_WAY_SERIAL, SIM_WAY_SSH };

/* Every fallible vm_* and guest_* call of the fakes begins here: counts it, lets a due fault strike
 * and spends `ms` of virtual time (100 times as much under SIM_FAULT_SLOW), letting everything due
 * meanwhile happen. A guest way fails with ERR_INTERRUPT as soon as an event waits, as the
 * interrupt fd does for the real guest, with ERR_TIMEOUT at the deadline when nobody answers. */
int sim_machine_call(struct sim_world *w, enum sim_way way, int64_t ms, int64_t deadline,
                     struct err *err);
/* More time within a call already begun; same rules. */
int sim_machine_spend(struct sim_world *w, enum sim_way way, int64_t ms, int64_t deadline,
                      struct err *err);
/* Does this way answer right now? Text says what was seen when it does not; may be NULL. */
bool sim_machine_frozen(const struct sim_world *w); /* SSH lets in, nothing else answers */
bool sim_machine_answers(const struct sim_world *w, enum sim_way way, const char **why);
/* Host writes fail while the host's disk is full. */
int sim_machine_host_write(const struct sim_world *w, const char *path, struct err *err);
/* Was this world told that saves or restores fail (sim/world.h)? Then with err. */
bool sim_machine_save_fails(const struct sim_world *w, struct err *err);
bool sim_machine_restore_fails(const struct sim_world *w, struct err *err);

enum sim_power sim_machine_power(const struct sim_world *w);
/* Power on (or reset): a boot begins; pending faults strike right after. */
void sim_machine_boot(struct sim_world *w);
void sim_machine_off(struct sim_world *w);
/* The guest was asked to go down: RESET or SHUTDOWN follows in its own time. */
void sim_machine_go_down(struct sim_world *w, bool reboot);
void sim_machine_go_down_in(struct sim_world *w, int64_t ms, bool reboot);
/* Goes on from a saved state: up at once. */
void sim_machine_resume(struct sim_world *w);
int64_t sim_machine_up_ms(const struct sim_world *w); /* since the boot began */

/* The guest's wall clock, ms since 1970: as far as the world's clock, plus what it was shifted by. A saved
 * state holds it, and brings it back as it stood. */
int64_t sim_machine_wall_ms(const struct sim_world *w);
void sim_machine_shift_wall(struct sim_world *w, int64_t by_ms);

/* Until `ready` of this boot, an event or the deadline. Guest rules as above. */
int sim_machine_wait_up(struct sim_world *w, int64_t deadline, struct err *err);
/* Next event in virtual time: 1, or 0 at the deadline. */
int sim_machine_next_event(struct sim_world *w, int64_t deadline, struct vm_event *ev,
                           struct err *err);

/* Facts and workloads as JSON, for save and restore; effects and faults are not part of a state. */
json_t *sim_world_to_json(const struct sim_world *w);
int sim_world_from_json(struct sim_world *w, const json_t *j, struct err *err);

/* What an exec does: -1 when no command matches. */
int sim_world_find_exec(const struct sim_world *w, const char *command);
int64_t sim_world_exec_ms(const struct sim_world *w, int index);
uint32_t sim_world_exec_finish(struct sim_world *w, int index); /* applies the effect */

/* Facts with their bytes, for files. */
void sim_world_set_bytes(struct sim_world *w, const char *thing, const void *data, size_t len);
const void *sim_world_get_bytes(const struct sim_world *w, const char *thing, size_t *len);
/* Calls fn for every fact whose name begins with prefix, in the order they were first set. */
void sim_world_each(const struct sim_world *w, const char *prefix,
                    void (*fn)(const char *rest, const char *data, size_t len, void *ctx),
                    void *ctx);
/* The lab has put a file: its on_file effects become due. */
void sim_world_file_put(struct sim_world *w, const char *guest_path);

/* One repetition of a workload: milliseconds, and the reference loop beside it, which shares the
 * part of the noise that the host makes. */
void sim_world_sample(struct sim_world *w, const char *name, double *ms, double *reference_ms);
int64_t sim_world_starved(const struct sim_world *w); /* ns without a processor so far */
void sim_world_favour(struct sim_world *w, bool on); /* vm_favour; a start ends it */
bool sim_world_favoured(const struct sim_world *w);
int sim_world_unfavoured(const struct sim_world *w); /* samples taken so far while it was not */
double sim_world_noise(struct sim_world *w); /* about normal, mean 0, standard deviation 1 */

#endif
