/* The VM contract (vm/vm.h) as one suite, run over every backend. */
#ifndef COEXIST_TESTS_VM_CONTRACT_H
#define COEXIST_TESTS_VM_CONTRACT_H

#include <stdbool.h>

#include "vm/vm.h"

enum vm_contract_order {
    VM_ORDER_PANIC,    /* the guest's kernel panics */
    VM_ORDER_REBOOT,   /* the guest reboots */
    VM_ORDER_POWEROFF, /* the guest powers off */
    VM_ORDER_FILL,     /* the guest writes 32 MiB to its disk */
    VM_ORDER_KILL,     /* QEMU is killed from outside */
};

struct vm_contract_backend {
    const char *name;
    bool far; /* keeps no states, and its host's disk is not ours to fill: no tests of these */
    /* A VM, DEFINED, in the new folder dir/work. small: the folder lies on a file system of a few
     * MiB, on which no state has room. NULL and why when the host cannot. */
    void *(*open)(const char *dir, bool small, char why[256]);
    struct vm *(*vm)(void *self);
    /* Until the guest answers; false when it does not within the time a boot takes. */
    bool (*answers)(void *self);
    /* Gives the running guest a word to remember, or asks for it. */
    void (*remember)(void *self, const char *word);
    bool (*remembers)(void *self, const char *word);
    /* The same with its disk, past every cache of the guest. */
    void (*write_disk)(void *self, const char *word);
    bool (*disk_holds)(void *self, const char *word);
    void (*order)(void *self, enum vm_contract_order order);
    /* The guest talks on its port until it is full, since nobody reads what it says. */
    bool (*talk_unheard)(void *self);
    bool (*has_process)(void *self); /* does a machine of this VM run? */
    bool (*favoured)(void *self);    /* does the running one go before others? NULL: its host has no say */
    /* Ends the VM if it still exists and frees self. */
    void (*close)(void *self);
    /* Is anything of a closed VM left on the host (processes, sockets)? */
    bool (*left_over)(const char *dir);
    /* Ends and removes what a VM opened in dir left there; for tests that failed. */
    void (*sweep)(const char *dir);
};

/* Runs the suite; an exit code for main. `prepare` (may be NULL) runs once before all tests, false
 * skips all of them with its reason. */
int vm_contract_run(const struct vm_contract_backend *backend,
                    bool (*prepare)(char why[256]));

#endif
