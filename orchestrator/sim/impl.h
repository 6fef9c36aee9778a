/* The inside of a simulated world; for the sim folder only. */
#ifndef COEXIST_SIM_IMPL_H
#define COEXIST_SIM_IMPL_H

#include "sim/machine.h"

struct sim_fact {
    char *name;
    char *data; /* NUL-terminated after len bytes; NULL while the fact does not hold */
    size_t len;
    char *boot; /* what each boot sets it to; NULL: nothing */
};

struct sim_command {
    char *match;
    int64_t ms;
    uint32_t exit_code;
    sim_effect *effect;
    void *ctx;
};

struct sim_hook { /* on_boot (match NULL) and on_file */
    char *match;
    int64_t after_ms;
    sim_effect *effect;
    void *ctx;
};

struct sim_timer { /* something the guest has yet to do; gone when its power goes */
    int64_t at;
    sim_effect *effect;
    void *ctx;
};

struct sim_workload {
    char *name;
    double mean_ms, spread_percent;
};

struct sim_due_fault {
    int call;
    enum sim_fault_kind kind;
};

enum { SIM_EVENTS_MAX = 64 };

struct sim_world {
    struct clock clock; /* first: the clock's functions find the world by it */
    int64_t now;

    struct sim_fact *facts;
    size_t fact_count;
    struct sim_command *commands;
    size_t command_count;
    struct sim_hook *boots;
    size_t boot_count;
    struct sim_hook *files;
    size_t file_count;
    struct sim_timer *timers;
    size_t timer_count;
    struct sim_workload *workloads;
    size_t workload_count;
    struct sim_due_fault *faults;
    size_t fault_count;

    int calls;
    bool slow_call;       /* the running call takes 100 times as long */
    unsigned waiting;     /* bit per sim_fault_kind: strikes at the next power-on */
    enum sim_power power;
    int64_t boot_ms;
    int64_t wall_shift_ms; /* of the guest's clock against `now` */
    int64_t boot_began;
    int64_t power_due;    /* end of booting or of going down; CLOCK_NEVER when nothing is due */
    bool reboot;          /* going down in order to come up again */
    bool crash_on_boot, hung, frozen, network_lost, serial_lost, disk_full;
    enum err_class save_fails, restore_fails; /* ERR_NONE: they do not */

    struct vm_event events[SIM_EVENTS_MAX];
    size_t event_count;
    uint64_t noise;
    double starve_percent;
    int load_percent;
    int64_t starve_from, starve_until, starved_ns; /* starved_ns: until starve_from */
    bool favoured;
    int unfavoured; /* samples taken while it was not */
};

void sim_world_boot_facts(struct sim_world *w); /* facts and effects of a boot's end */
void sim_machine_init(struct sim_world *w);

#endif
