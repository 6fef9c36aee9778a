/* The VM contract over the fake backend. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "guest/fake.h"
#include "sim/machine.h"
#include "vm/fake.h"
#include "vm_contract.h"

struct fake_bench {
    struct sim_world *world;
    struct clock *clock;
    struct guest *guest;
    struct vm *vm;
    char *work;
};

static void *fake_open(const char *dir, bool small, char why[256]) {
    (void)why;
    struct fake_bench *b = mem_zalloc(1, sizeof(*b));
    b->world = sim_world_new();
    b->clock = sim_world_clock(b->world);
    b->guest = guest_fake_create(b->world, NULL);
    if (small) {
        sim_world_fail_saves(b->world, ERR_NOSPACE);
    }
    b->work = fs_join(dir, "work");
    mkdir(b->work, 0700);
    struct vm_spec spec = {.name = "contract", .work_dir = b->work};
    b->vm = vm_fake_create(&spec, b->world, NULL, NULL);
    return b;
}

static struct vm *fake_vm(void *self) {
    return ((struct fake_bench *)self)->vm;
}

static bool fake_answers(void *self) {
    struct fake_bench *b = self;
    json_t *hello = NULL;
    bool ok = guest_wait_ready(b->guest, clock_after(b->clock, 120 * CLOCK_S), &hello, NULL) == 0;
    json_decref(hello);
    return ok;
}

/* What a running guest remembers is gone at its next boot: a process does. */
static void fake_forget(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set(w, "process:word", NULL);
}

static void fake_remember(void *self, const char *word) {
    struct fake_bench *b = self;
    sim_world_set(b->world, "process:word", word);
    sim_world_on_boot(b->world, fake_forget, NULL);
}

static bool fake_remembers(void *self, const char *word) {
    return str_eq(sim_world_get(((struct fake_bench *)self)->world, "process:word"), word);
}

static void fake_write_disk(void *self, const char *word) {
    sim_world_set(((struct fake_bench *)self)->world, "file:C:\\word", word);
}

static bool fake_disk_holds(void *self, const char *word) {
    return str_eq(sim_world_get(((struct fake_bench *)self)->world, "file:C:\\word"), word);
}

static bool fake_talk_unheard(void *self) {
    (void)self; /* its port is never full */
    return true;
}

static bool fake_has_process(void *self) {
    return sim_machine_power(((struct fake_bench *)self)->world) != SIM_POWER_OFF;
}

static bool fake_favoured(void *self) {
    return sim_world_favoured(((struct fake_bench *)self)->world);
}

static void fake_shutdown(struct fake_bench *b, bool reboot) {
    json_t *args = json_pack("{s:b}", "reboot", reboot);
    json_t *result = NULL;
    guest_call(b->guest, "shutdown", args, clock_after(b->clock, 10 * CLOCK_S), &result, NULL);
    json_decref(args);
    json_decref(result);
}

static void fake_order(void *self, enum vm_contract_order order) {
    struct fake_bench *b = self;
    switch (order) {
    case VM_ORDER_PANIC:
        b->clock->wait_until(b->clock, clock_after(b->clock, CLOCK_MS));
        sim_world_strike(b->world, SIM_FAULT_CRASH);
        break;
    case VM_ORDER_REBOOT:
    case VM_ORDER_POWEROFF:
        fake_shutdown(b, order == VM_ORDER_REBOOT);
        break;
    case VM_ORDER_FILL:
        sim_world_strike(b->world, SIM_FAULT_DISK_FULL);
        break;
    case VM_ORDER_KILL:
        sim_world_strike(b->world, SIM_FAULT_QEMU_DIED);
        break;
    }
}

static void fake_close(void *self) {
    struct fake_bench *b = self;
    vm_destroy(b->vm);
    guest_destroy(b->guest);
    sim_world_free(b->world);
    free(b->work);
    free(b);
}

static bool fake_left_over(const char *dir) {
    (void)dir; /* it never had anything on the host but files in dir */
    return false;
}

static void fake_sweep(const char *dir) {
    (void)dir;
}

int main(void) {
    static const struct vm_contract_backend fake = {
        .name = "fake",
        .open = fake_open,
        .vm = fake_vm,
        .answers = fake_answers,
        .remember = fake_remember,
        .remembers = fake_remembers,
        .write_disk = fake_write_disk,
        .disk_holds = fake_disk_holds,
        .order = fake_order,
        .talk_unheard = fake_talk_unheard,
        .has_process = fake_has_process,
        .favoured = fake_favoured,
        .close = fake_close,
        .left_over = fake_left_over,
        .sweep = fake_sweep,
    };
    return vm_contract_run(&fake, NULL);
}
