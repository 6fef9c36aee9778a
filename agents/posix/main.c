/*
 * The agent's dispatcher as a Linux program: a true peer for tests of the orchestrator, and what
 * the dispatcher itself is tested with. It speaks over its standard input and output.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/op_clock.h"
#include "common/op_files.h"
#include "common/plat.h"
#include "common/session.h"
#include "common/version.h"
#include "posix/ops.h"

/* How long requests may take to stop after the end of the input. */
#define MAIN_CLOSE_MS 10000

static void main_describe(struct jsonw *w)
{
    struct utsname u;

    if (uname(&u) < 0)
        memset(&u, 0, sizeof u);
    jsonw_key(w, "os");
    jsonw_open(w, '{');
    jsonw_put_string(w, "name", u.sysname);
    jsonw_put_string(w, "version", u.release);
    jsonw_put_string(w, "arch", u.machine);
    jsonw_put_string(w, "wine", NULL);
    jsonw_close(w, '}');
    jsonw_key(w, "can");
    jsonw_open(w, '{');
    jsonw_put_bool(w, "eventlog", false);
    jsonw_put_bool(w, "drivers", false);
    jsonw_close(w, '}');
}

static int main_write(void *ctx, const char *bytes, size_t n)
{
    int fd = *(int *)ctx;
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        n -= (size_t)put;
    }
    return 0;
}

static void main_read(struct session *s, int fd)
{
    char buf[65536];

    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n > 0)
            session_feed(s, buf, (size_t)n);
        else if (n == 0 || errno != EINTR)
            return;
    }
}

static int main_stdio(void)
{
    static const struct session_agent agent = {
        .transport = "stdio",
        .describe = main_describe,
        .handler = {[PROTO_OP_EXEC] = op_exec,
                    [PROTO_OP_PUT] = op_put,
                    [PROTO_OP_GET] = op_get,
                    [PROTO_OP_STAT] = op_stat,
                    [PROTO_OP_HASH] = op_hash,
                    [PROTO_OP_LOOK] = op_look,
                    [PROTO_OP_LIST] = op_list,
                    [PROTO_OP_REMOVE] = op_remove,
                    [PROTO_OP_MKDIR] = op_mkdir,
                    [PROTO_OP_SYSTEM] = op_system,
                    [PROTO_OP_CLOCK] = op_clock},
    };
    int out = STDOUT_FILENO;
    struct wire *wire = wire_new((struct wire_sink){.write = main_write, .ctx = &out});
    struct session *s = wire == NULL ? NULL : session_new(&agent, wire);

    if (s == NULL) {
        wire_free(wire);
        fputs("agent-posix: out of memory\n", stderr);
        return 1;
    }
    session_greet(s);
    main_read(s, STDIN_FILENO);
    /* Should the output be blocked for good, nothing below would ever end. */
    alarm(MAIN_CLOSE_MS / 1000 + 1);
    if (session_close(s, MAIN_CLOSE_MS) < 0)
        _exit(1);
    wire_free(wire);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("coexist agent-posix %s, protocol %d\n", AGENT_VERSION, PROTO_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--stdio") == 0)
        return main_stdio();
    fputs("usage: agent-posix --stdio | --version\n", stderr);
    return 2;
}
