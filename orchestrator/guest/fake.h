/* The guest's twin in a simulated world; for simulation and unit tests only. */
#ifndef COEXIST_GUEST_FAKE_H
#define COEXIST_GUEST_FAKE_H

#include "guest/guest.h"
#include "sim/world.h"

/* world is borrowed and must outlive the guest. */
struct guest *guest_fake_create(struct sim_world *world, struct log *log);

#endif
