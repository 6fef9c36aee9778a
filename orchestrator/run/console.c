#include "run/console.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum {
    CONSOLE_MAX = 256 * 1024, /* bytes: the end of what came, whatever floods it */
    CONSOLE_COMM_LEN = 15,    /* of a program's name, Linux keeps so many (TASK_COMM_LEN - 1) */
};

/* "[   40.2] Out of memory: Killed process 193 (a.exe) total-vm:9kB, anon-rss:254880kB, ...": Linux 6.1, mm/oom_kill.c,
 * __oom_kill_process. */
#define CONSOLE_OOM "Out of memory: Killed process "
#define CONSOLE_OOM_HELD "anon-rss:"

/* As images/winelab/init.c says it: without that server no Windows program of the stand-in does anything any more. */
#define CONSOLE_SERVER "winelab init: Wine's server ended: "

static bool console_server(struct cell *c, const char *line) {
    const char *mark = strstr(line, CONSOLE_SERVER);
    if (mark) {
        const char *how = mark + strlen(CONSOLE_SERVER);
        int n = (int)strcspn(how, "\r\n");
        cell_fail(c, FAILURE_IMAGE, NULL,
                  "the stand-in itself gave way, which Windows would not: Wine's server ended (%.*s)", n < 40 ? n : 40,
                  how);
    }
    return mark != NULL;
}

static bool console_line(struct cell *c, const char *line) {
    char name[CONSOLE_COMM_LEN + 1];
    if (console_server(c, line)) {
        return true;
    }
    const char *mark = strstr(line, CONSOLE_OOM);
    if (!mark || sscanf(mark + strlen(CONSOLE_OOM), "%*d (%15[^)\r\n])", name) != 1) {
        return false;
    }
    const char *held = strstr(mark, CONSOLE_OOM_HELD);
    const struct model_product *owner = cell_module_owner(c, name, CONSOLE_COMM_LEN);
    cell_fail(c, FAILURE_RESOURCE_RUNAWAY, owner ? owner->id : NULL,
              "the guest ran out of memory, and its system ended %s, which held %lld MiB", name,
              held ? strtoll(held + strlen(CONSOLE_OOM_HELD), NULL, 10) / 1024 : -1LL);
    return true;
}

bool console_look(struct cell *c) {
    CLEANUP_FILE FILE *f = c->console ? fopen(c->console, "re") : NULL;
    if (!f || fseek(f, 0, SEEK_END) < 0) {
        return false; /* a machine without that port */
    }
    long end = ftell(f), from = c->console_read > end ? 0 : c->console_read;
    from = end - from > CONSOLE_MAX ? end - CONSOLE_MAX : from;
    if (end <= from || fseek(f, from, SEEK_SET) < 0) {
        return false;
    }
    CLEANUP_FREE char *text = mem_zalloc(1, (size_t)(end - from) + 1);
    size_t len = fread(text, 1, (size_t)(end - from), f);
    for (size_t i = 0; i < len; i++) {
        text[i] = text[i] ? text[i] : ' ';
    }
    char *rest = strrchr(text, '\n'); /* a line half written is looked at when it is whole */
    if (!rest) {
        return false;
    }
    *rest = '\0';
    c->console_read = from + (rest - text) + 1;
    char *saved = NULL;
    bool told = false;
    for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
        told |= console_line(c, line);
    }
    return told;
}
