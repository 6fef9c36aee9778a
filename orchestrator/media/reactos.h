/* ReactOS' boot CD, made to install without hands and to start the lab's 32-bit agent. After its own sources
 * (boot/bootdata/bootcd/unattend.inf; base/setup/lib/setuplib.c, dll/win32/syssetup/wizard.c, which read it; freeldr's
 * freeldr.ini) and what facts of a run showed:
 *  - Setup reads unattend.inf beside its txtsetup.sif: in reactos/ on some CDs, in I386/ on others.
 *  - A [GuiRunOnce] line becomes a RunOnce value at the first desktop: what stands before a comma or '=' of it.
 *  - The boot menu of released CDs has a live system as its default. */
#ifndef COEXIST_MEDIA_REACTOS_H
#define COEXIST_MEDIA_REACTOS_H

#include "base/err.h"

struct reactos_spec { /* borrowed */
    const char *agent;      /* host file: the agent for i686 */
    const char *agent_port; /* "COM2" */
    const char *computer;   /* at most 15 letters, digits, hyphens */
    int locale;             /* Windows' language id: 0x409 */
};

/* The answer file; CRLF. Caller frees. */
char *reactos_unattend(const struct reactos_spec *s);
/* freeldr.ini with the text setup as its default, after one second. Caller frees; NULL when it has no setup entry. */
char *reactos_freeldr(const char *ini);
/* The CD `from` with these on it, written to `to`, by labcd_rewrite. ERR_INPUT when `from` is not ReactOS' boot CD: the
 * message says what it is. */
int reactos_cd(const char *from, const struct reactos_spec *s, const char *to, struct err *err);

#endif
