/* The program under test, as a user calls it. */
#ifndef COEXIST_TESTS_SUPPORT_PROGRAM_H
#define COEXIST_TESTS_SUPPORT_PROGRAM_H

#include "base/proc.h"

/* Runs it with these arguments (NULL ends them) for two minutes at most and asserts that it was started; the build is
 * that of COEXIST_BUILD. proc_result_free. */
struct proc_result program_run(const char *const arguments[]);

#endif
