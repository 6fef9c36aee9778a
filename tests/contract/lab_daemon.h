/* A libvirt daemon for a test program alone, in a mount namespace of its own (tests/e2e/host_daemon.sh): nothing of the
 * machine's own libvirt is seen or changed. It ends with the program. */
#ifndef COEXIST_TESTS_LAB_DAEMON_H
#define COEXIST_TESTS_LAB_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#define LAB_DAEMON_LAB "0badcafe" /* the id of the lab that uses it */

/* Its folder, by the process that prepared it: the forked tests' parent. Its pools' folder is DIR/pool. Caller
 * frees. */
char *lab_daemon_dir(pid_t owner);
char *lab_daemon_uri(const char *dir);
pid_t lab_daemon_pid(const char *dir); /* 0: none */

/* Also the micro guest's files. False and why when the host lacks something. */
bool lab_daemon_prepare(char why[256]);
void lab_daemon_end(void); /* also when it never began */

#endif
