/* The inside of the install state machine; for install/ only. */
#ifndef COEXIST_INSTALL_MACHINE_H
#define COEXIST_INSTALL_MACHINE_H

#include "install/install.h"

/* Whether the table allows this move. */
bool install_phase_may(enum install_phase from, enum install_phase to);

#endif
