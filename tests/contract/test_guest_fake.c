/* The simulated guest under the contract. */
#include <stdlib.h>

#include "base/fs.h"
#include "guest/fake.h"
#include "guest_contract.h"
#include "vm/fake.h"

static char scratch[] = "/tmp/coexist-guest-XXXXXX";
static struct sim_world *world;
static struct vm *vm;
static struct guest_rig rig = {
    .missing = "the simulated machine could not be made",
    .simulated = true,
    .exit_0 = "cmd /c exit 0",
    .exit_3 = "cmd /c exit 3",
    .endless = "ping -t localhost",
    .says_hello = "cmd /c echo hello",
    .says_much = "cmd /c more",
};

static int rig_reset(struct err *err) {
    return vm_reset(vm, clock_after(rig.clock, 60 * CLOCK_S), err);
}

static void rig_open(void) {
    ck_assert_ptr_nonnull(mkdtemp(scratch));
    world = sim_world_new();
    sim_world_on_exec(world, "exit 0", 10, 0, NULL, NULL);
    sim_world_on_exec(world, "exit 3", 10, 3, NULL, NULL);
    sim_world_on_exec(world, "ping -t", 1000000, 0, NULL, NULL);
    rig.clock = sim_world_clock(world);
    rig.scratch = scratch;
    rig.reset = rig_reset;
    vm = vm_fake_create(&(struct vm_spec){.name = "sim", .work_dir = scratch}, world, NULL, NULL);
    ck_assert_ptr_nonnull(vm);
    ck_assert_int_eq(vm_start(vm, clock_after(rig.clock, 60 * CLOCK_S), NULL), 0);
    rig.guest = guest_fake_create(world, NULL);
}

static void rig_shut(void) {
    guest_destroy(rig.guest);
    vm_destroy(vm);
    sim_world_free(world);
    fs_remove_tree(scratch, NULL);
}

int main(void) {
    return guest_contract_run(guest_contract_suite("guest fake", &rig, rig_open, rig_shut));
}
