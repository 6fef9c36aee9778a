#include <string.h>

#include "base/cleanup.h"
#include "run/cell_state.h"

int step_provision(struct cell *c, struct err *err) {
    c->vm = c->env->machine->create_vm(c->env->machine_ctx, err);
    if (!c->vm) {
        c->side = CELL_SIDE_VM;
        c->handled = err_is_set(err) && err->cls == ERR_CLOSED;
        if (c->handled) {
            cell_fail_host_lost(c, err_text(err));
        }
        err_prefix(err, "make the VM");
        return -1;
    }
    return 0;
}

/* The bare image must answer on both ways, or nothing measured later could be trusted. SSH may come
 * up a little after the agent. */
static int boot_check_ways(struct cell *c, int64_t deadline, struct err *err) {
    for (;;) {
        struct guest_reach r = {0};
        if (cell_reach(c, &r, err) < 0) {
            return -1;
        }
        if (r.serial && r.no_ssh) {
            cell_note(c, "the guest is reached by its serial port alone: its image has no SSH, or the connection to "
                         "its host does not carry it. A product that breaks the guest's network goes unnoticed");
            return 0;
        }
        if (r.serial && r.ssh) {
            return 0;
        }
        if (clock_now(c->env->clock) >= deadline || cell_stop_now(c)) {
            c->side = CELL_SIDE_GUEST;
            return err_set(err, ERR_TIMEOUT, "the bare image does not answer on both ways: "
                           "serial port: %s; SSH: %s", r.serial ? "yes" : r.serial_why,
                           r.ssh ? "yes" : r.ssh_why);
        }
        c->env->clock->wait_until(c->env->clock, cell_in(c, c->env->limits.poll));
    }
}

/* Of a guest without any product: no boot to compare those of products with. */
static int boot_first(struct cell *c, struct err *err) {
    int64_t since = clock_now(c->env->clock);
    if (cell_vm_power_on(c, err) < 0) {
        return -1;
    }
    if (cell_wait_ready(c, since, err) < 0) {
        err_prefix(err, "first boot");
        return -1;
    }
    int64_t took = clock_now(c->env->clock) - since;
    cell_metric(c, &(struct cell_metric){.name = "first-boot", .unit = "ms", .source = "lab",
                                         .value = (double)took / (double)CLOCK_MS,
                                         .reference_ms = __builtin_nan("")});
    return 0;
}

int step_boot(struct cell *c, struct err *err) {
    int rc = cell_start_ready(c, err);
    if (rc < 0 || (rc == 0 && boot_first(c, err) < 0)) {
        return -1;
    }
    if (boot_check_ways(c, cell_in(c, c->env->limits.call), err) < 0) {
        return -1;
    }
    return cell_give_canaries(c, err) < 0 || cell_look_at_files(c, err) < 0 ? -1 : cell_look_into_files(c, err);
}

int step_reboot(struct cell *c, struct err *err) {
    return cell_reboot(c, err);
}

int step_teardown(struct cell *c, struct err *err) {
    (void)err;
    cell_vm_drop(c);
    return 0;
}
