/* The agent's command line. */
#ifndef COEXIST_WINDOWS_OPTIONS_H
#define COEXIST_WINDOWS_OPTIONS_H

#include <wchar.h>

#define OPTIONS_STAY_MAX 60000

enum options_mode {
    OPTIONS_NONE, /* nothing usable: show the synopsis */
    OPTIONS_STDIO,
    OPTIONS_SERIAL,
    OPTIONS_SERVICE,
    OPTIONS_INSTALL,
    OPTIONS_UNINSTALL,
    OPTIONS_STAY,
    OPTIONS_VERSION,
    OPTIONS_HELP,
};

struct options {
    enum options_mode mode;
    const wchar_t *port; /* into args; "COM2" when not told */
    unsigned stay_ms;    /* of OPTIONS_STAY, at most OPTIONS_STAY_MAX */
    wchar_t **args;
};

/* Reads the process's own command line. */
void options_read(struct options *o);
void options_free(struct options *o);

#endif
