/*
 * The protection itself: watches, waits until a change has settled, scans, quarantines. At
 * start it also looks through the programs installed under Program Files.
 */
#ifndef SAMPLES_GUARD_H
#define SAMPLES_GUARD_H

#include "err.h"

struct guard;

struct guard *guard_open(struct err *err);
void guard_close(struct guard *guard);

#endif
