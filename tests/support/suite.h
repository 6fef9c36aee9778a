/* The end of every test program: its suite is run. */
#ifndef COEXIST_TESTS_SUPPORT_SUITE_H
#define COEXIST_TESTS_SUPPORT_SUITE_H

#include <check.h>

/* Runs and frees it; what it said goes to standard output, as much of it as CK_VERBOSITY asks for. The program's exit
 * code. */
int suite_run(Suite *s);
/* With a temporary folder for all its tests: dir ends with XXXXXX, as of mkdtemp(3), and is removed afterwards. */
int suite_run_in(char *dir, Suite *s);
/* A new empty folder for what a simulation writes: in memory where the system has a place for that, as to sync a
 * simulated disk shows nothing. Caller removes it and frees the name. */
char *suite_scratch(void);

#endif
