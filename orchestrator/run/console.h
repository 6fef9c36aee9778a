/* What the boot console of the stand-in, whose kernel is Linux, tells of failures. A guest that ran out of memory ends
 * the greediest program: without a dump, an event or an exit code of its own that program is merely gone. (Windows
 * refuses the memory instead, and leaves the program to crash.) The stand-in says there as well that it gave way
 * itself. */
#ifndef COEXIST_RUN_CONSOLE_H
#define COEXIST_RUN_CONSOLE_H

#include "run/cell_state.h"

/* Records a failure for each that the console tells of since the last look; true: there was one. Reads the
 * host's file only. */
bool console_look(struct cell *c);

#endif
