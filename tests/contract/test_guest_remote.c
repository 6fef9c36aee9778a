/* The real guest in a real VM under the contract, once over SSH and once over the serial port alone. */
#include <stdlib.h>

#include "base/log.h"
#include "guest_contract.h"
#include "lab_vm.h"

#define FIVE(s) s s s s s

static struct lab_vm *machine;
static struct log trace;
static char missing[256];
static struct guest_rig rig = {
    .missing = missing,
    .exit_0 = "cmd /c exit 0",
    .exit_3 = "cmd /c exit 3",
    .endless = "cmd /c \"for /L %i in (1,0,2) do @rem\"",
    .says_hello = "cmd /c echo hello",
    .says_much = "cmd /c \"for /L %i in (1,1,500) do @echo " FIVE(FIVE("0123456789"))
                 " %i\"",
};
static bool with_ssh;

static int rig_reset(struct err *err) {
    return vm_reset(machine->vm, clock_after(rig.clock, 60 * CLOCK_S), err);
}

static void rig_open(void) {
    trace = log_stderr(LOG_LEVEL_DEBUG);
    if (!machine) {
        machine = lab_vm_boot(missing);
    }
    if (machine) {
        rig.clock = vm_clock(machine->vm);
        rig.scratch = machine->dir;
        rig.reset = rig_reset;
        rig.guest = lab_vm_guest(machine, with_ssh, getenv("COEXIST_TEST_TRACE") ? &trace : NULL);
        ck_assert_ptr_nonnull(rig.guest);
    }
}

static void rig_shut(void) {
    guest_destroy(rig.guest);
    rig.guest = NULL;
}

int main(void) {
    with_ssh = true;
    int over_ssh = guest_contract_run(
        guest_contract_suite("guest remote, SSH", &rig, rig_open, rig_shut));
    with_ssh = false; /* the same machine, still up */
    rig.serial_only = true;
    int over_serial = guest_contract_run(
        guest_contract_suite("guest remote, serial", &rig, rig_open, rig_shut));
    lab_vm_shut(machine);
    return over_ssh | over_serial;
}
