/* What every guest must do (guest/guest.h), as one suite. A rig brings the machine: the simulated one, or a
 * real VM that is booted once for the whole suite. Tests run in the order they are listed in, in one
 * process (CK_NOFORK), since they share the machine. */
#ifndef COEXIST_TESTS_CONTRACT_GUEST_CONTRACT_H
#define COEXIST_TESTS_CONTRACT_GUEST_CONTRACT_H

#include <check.h>

#include "guest/guest.h"

struct guest_rig {
    struct guest *guest; /* NULL: no machine; `missing` says why */
    const char *missing;
    struct clock *clock;
    const char *scratch; /* existing host folder */
    bool serial_only;            /* SSH is not set up */
    bool simulated;      /* commands below are facts of a script, bytes of output do not come */
    int (*reset)(struct err *err); /* hard reset of the machine, as after a stop screen */
    /* Command lines of this machine. */
    const char *exit_0, *exit_3; /* end at once with that exit code */
    const char *endless;         /* runs until it is killed */
    const char *says_hello;      /* prints "hello" and a line end */
    const char *says_much;       /* prints more than 100000 bytes */
};

/* The rig must outlive the run. It may not be there yet: `open` is called before the first test and
 * `shut` after the last. */
Suite *guest_contract_suite(const char *name, struct guest_rig *rig, void (*open)(void),
                            void (*shut)(void));
/* Runs it; exit code for main. */
int guest_contract_run(Suite *s);

#endif
