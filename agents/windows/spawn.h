/* Starting a process whose output is read without ever blocking, and which can be ended whole. */
#ifndef COEXIST_WINDOWS_SPAWN_H
#define COEXIST_WINDOWS_SPAWN_H

#include <stdbool.h>
#include <windows.h>

#include "common/op_error.h"

struct spawn {
    HANDLE process;
    HANDLE job;  /* NULL when the process could not be put into one (nested jobs before NT 6.2) */
    DWORD pid;
    HANDLE out;  /* overlapped read ends */
    HANDLE errs;
};

/*
 * Starts command (UTF-8; through %ComSpec% /c when shell) in cwd (NULL: the agent's). Input is NUL.
 * Should the agent die, the system ends the tree. On failure *s holds nothing.
 */
int spawn_start(struct spawn *s, const char *command, bool shell, const char *cwd,
                struct op_error *err);
/* Ends the process and everything it started. */
void spawn_kill(struct spawn *s, UINT exit_code);
/* From now on what the process started lives on by itself: background work of installers. */
void spawn_release_tree(struct spawn *s);
void spawn_close(struct spawn *s);

#endif
