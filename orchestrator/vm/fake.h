/* The VM's twin in a simulated world; for simulation and unit tests only. */
#ifndef COEXIST_VM_FAKE_H
#define COEXIST_VM_FAKE_H

#include "sim/world.h"
#include "vm/vm.h"

/* world is borrowed and must outlive the vm. Files asked for (screenshot, save, dump) are really
 * written, small. work_dir is a real folder. */
struct vm *vm_fake_create(const struct vm_spec *spec, struct sim_world *world, struct log *log,
                          struct err *err);

#endif
