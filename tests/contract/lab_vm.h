/* A real VM from an image folder, for contract tests: $COEXIST_TEST_IMAGE or lab/images/winelab. */
#ifndef COEXIST_TESTS_CONTRACT_LAB_VM_H
#define COEXIST_TESTS_CONTRACT_LAB_VM_H

#include "guest/guest.h"
#include "images/image.h"
#include "vm/vm.h"

struct lab_vm {
    char *dir;          /* host folder of this VM; also for the test's own files */
    struct vm *vm;
    struct image *image;
};

/* Boots it (does not wait for the guest). NULL with a reason in why when there is no image; a VM that
 * should start and does not ends the program. */
struct lab_vm *lab_vm_boot(char why[256]);
void lab_vm_shut(struct lab_vm *v); /* NULL is fine */

/* The guest in it. with_ssh false: only by serial. Caller destroys. */
struct guest *lab_vm_guest(struct lab_vm *v, bool with_ssh, struct log *log);

#endif
