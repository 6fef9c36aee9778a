/* guest/serial and the real guest over serial alone: a unix socket as QEMU's, with a scripted guest or the
 * agent built for Linux behind it. */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/remote.h"
#include "guest/serial.h"
#include "support/skip.h"
#include "support/suite.h"

#define F(json) "\x1e" json "\n"
#define HELLO(protocol, boot_ms)                                                             \
    "{\"protocol\":" #protocol ",\"agent\":\"0.1.0\",\"transport\":\"serial\",\"os\":{\"name\":\"W\"," \
    "\"version\":\"10\",\"arch\":\"x\"},\"boot_ms\":" #boot_ms ",\"max_frame\":65536,\"ops\":[],\"can\":{}}"

enum { LINE_CONNECTIONS = 4 };

/* What the far end does on its nth connection. */
struct line_part {
    const char *greets;   /* said at once, NULL for nothing */
    const char *answers;  /* result of every request, NULL: no answers */
    bool hangs_up;        /* after the greeting */
};

struct line {
    char dir[64];
    char path[80];
    int listener, stop[2];
    pthread_t thread;
    struct line_part parts[LINE_CONNECTIONS];
    const char *agent; /* instead of parts: this program with --stdio */
};

static struct line line;

static void line_answer(int fd, const struct line_part *part, const char *got) {
    for (const char *p = strstr(got, "{\"id\":"); p; p = strstr(p + 1, "{\"id\":")) {
        CLEANUP_FREE char *text = str_printf(F("{\"id\":%llu,\"ok\":true,\"result\":%s}"),
                                             strtoull(p + 6, NULL, 10), part->answers);
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
            return;
        }
    }
}

static void line_play(int fd, const struct line_part *part) {
    char buf[4096];
    if (part->greets && send(fd, part->greets, strlen(part->greets), MSG_NOSIGNAL) < 0) {
        return;
    }
    while (!part->hangs_up) {
        struct pollfd p[2] = {{line.stop[0], POLLIN, 0}, {fd, POLLIN, 0}};
        poll(p, 2, -1);
        ssize_t n = p[0].revents ? 0 : recv(fd, buf, sizeof(buf) - 1, 0);
        if (n <= 0) {
            return;
        }
        buf[n] = '\0';
        if (part->answers) {
            line_answer(fd, part, buf);
        }
    }
}

static void line_run_agent(int fd) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd, 0);
        dup2(fd, 1);
        if (chdir(line.dir) == 0) {
            execl(line.agent, line.agent, "--stdio", (char *)NULL);
        }
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static void *line_serve(void *arg) {
    (void)arg;
    for (int n = 0;;) {
        struct pollfd p[2] = {{line.stop[0], POLLIN, 0}, {line.listener, POLLIN, 0}};
        poll(p, 2, -1);
        if (p[0].revents) {
            return NULL;
        }
        int fd = accept4(line.listener, NULL, NULL, SOCK_CLOEXEC);
        if (line.agent) {
            line_run_agent(fd);
        } else {
            line_play(fd, &line.parts[n < LINE_CONNECTIONS - 1 ? n : LINE_CONNECTIONS - 1]);
        }
        n++;
        close(fd);
    }
}

static void line_up(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, line.path, strlen(line.path) + 1);
    line.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(line.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(line.listener, 4), 0);
    ck_assert_int_eq(pthread_create(&line.thread, NULL, line_serve, NULL), 0);
}

static void setup(void) {
    strcpy(line.dir, "/tmp/coexist-serial-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(line.dir));
    snprintf(line.path, sizeof(line.path), "%s/agent.sock", line.dir);
    line.listener = -1;
    ck_assert_int_eq(pipe(line.stop), 0);
}

static void teardown(void) {
    if (line.listener >= 0) {
        ck_assert_int_eq(write(line.stop[1], "x", 1), 1);
        pthread_join(line.thread, NULL);
        close(line.listener);
    }
    fs_remove_tree(line.dir, NULL);
}

static int64_t in_ms(int64_t ms) {
    return clock_after(clock_monotonic(), ms * CLOCK_MS);
}

static struct serial *serial_here(int interrupt_fd) {
    struct waiter w = {clock_monotonic(), interrupt_fd};
    struct serial *s = serial_new(line.path, &w, NULL, NULL);
    ck_assert_ptr_nonnull(s);
    return s;
}

static void check_ready(struct serial *s, int64_t ms, int64_t boot_ms) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *hello = NULL;
    int rc = serial_wait_ready(s, in_ms(ms), &hello, &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    ck_assert_int_eq(json_integer_value(json_object_get(hello, "boot_ms")), boot_ms);
    json_decref(hello);
}

static void check_not_ready(struct serial *s, int64_t ms, enum err_class cls, const char *text) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *hello = NULL;
    int64_t begin = clock_now(clock_monotonic());
    ck_assert_int_lt(serial_wait_ready(s, in_ms(ms), &hello, &err), 0);
    ck_assert_msg(err.cls == cls && strstr(err_text(&err), text), "%s: %s",
                  err_class_name(err.cls), err_text(&err));
    ck_assert_int_lt(clock_now(clock_monotonic()) - begin, (ms + 1000) * CLOCK_MS);
}

START_TEST(ready_by_a_greeting_or_by_an_answer) {
    line.parts[0] = (struct line_part){.greets = "boot noise" F("{\"hello\":" HELLO(1, 7000) "}")};
    line.parts[1] = (struct line_part){.answers = HELLO(1, 9000)};
    line_up();
    struct serial *s = serial_here(-1);
    check_ready(s, 5000, 7000);
    serial_free(s);
    s = serial_here(-1);
    check_ready(s, 5000, 9000);
    serial_free(s);
}
END_TEST

START_TEST(ready_though_the_socket_and_the_agent_come_late) {
    line.parts[0] = (struct line_part){.greets = "SeaBIOS", .hangs_up = true};
    line.parts[1] = (struct line_part){.answers = HELLO(1, 9000)};
    struct serial *s = serial_here(-1);
    check_not_ready(s, 500, ERR_TIMEOUT, "No such file");
    line_up();
    check_ready(s, 5000, 9000);
    serial_free(s);
}
END_TEST

START_TEST(what_was_seen_is_told_when_nobody_gets_ready) {
    line.parts[0] = (struct line_part){.greets = "Kernel \x1b[31mpanic" F("{\"beat\":{\"seq\":1,\"up_ms\":1}}")};
    line_up();
    struct serial *s = serial_here(-1);
    check_not_ready(s, 300, ERR_TIMEOUT, "Kernel \\x1b[31mpanic");
    check_not_ready(s, 300, ERR_TIMEOUT, "1 beats");
    serial_free(s);
}
END_TEST

START_TEST(another_protocol_is_told_at_once) {
    line.parts[0] = (struct line_part){.greets = F("{\"hello\":" HELLO(3, 7000) "}")};
    line_up();
    struct serial *s = serial_here(-1);
    check_not_ready(s, 20000 /* not waited for */, ERR_PROTOCOL, "protocol 3, this lab speaks protocol 1");
    serial_free(s);
}
END_TEST

START_TEST(an_interrupt_ends_the_waiting) {
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    line_up();
    struct serial *s = serial_here(fds[0]);
    check_not_ready(s, 300, ERR_TIMEOUT, "nothing came");
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    int64_t begin = clock_now(clock_monotonic());
    check_not_ready(s, 20000, ERR_INTERRUPT, "interrupted");
    ck_assert_int_lt(clock_now(clock_monotonic()) - begin, CLOCK_S);
    serial_free(s);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(the_old_boot_does_not_count_after_a_reset) {
    line.parts[0] = (struct line_part){.greets = F("{\"hello\":" HELLO(1, 100000) "}")};
    line.parts[1] = (struct line_part){.greets = F("{\"hello\":" HELLO(1, 100100) "}"), /* the same */
                                       .hangs_up = true};
    line.parts[2] = (struct line_part){.greets = F("{\"hello\":" HELLO(1, 8000) "}")};
    line_up();
    struct serial *s = serial_here(-1);
    check_ready(s, 5000, 100000);
    serial_disconnect(s, NULL);
    serial_disconnect(s, NULL); /* a second time changes nothing */
    check_ready(s, 20000, 8000);
    serial_free(s);
}
END_TEST

START_TEST(only_the_old_boot_is_no_boot) {
    line.parts[0] = (struct line_part){.greets = F("{\"hello\":" HELLO(1, 100000) "}")};
    line.parts[1] = (struct line_part){.answers = HELLO(1, 100100)};
    line_up();
    struct serial *s = serial_here(-1);
    check_ready(s, 5000, 100000);
    serial_disconnect(s, NULL);
    check_not_ready(s, 500, ERR_TIMEOUT, "has not been restarted");
    serial_free(s);
}
END_TEST

START_TEST(without_a_boundary_or_a_word_before_any_hello_counts) {
    line.parts[0] = (struct line_part){.answers = HELLO(1, 500000)}; /* restored from memory, say */
    line.parts[1] = (struct line_part){.answers = HELLO(1, 600000)};
    line_up();
    struct serial *s = serial_here(-1);
    serial_disconnect(s, NULL);
    check_ready(s, 5000, 500000);
    check_ready(s, 5000, 500000);
    serial_free(s);
}
END_TEST

START_TEST(a_path_no_socket_can_have_is_refused) {
    CLEANUP_ERR struct err err = ERR_INIT;
    char path[200];
    struct waiter w = {clock_monotonic(), -1};
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    ck_assert_ptr_null(serial_new(path, &w, NULL, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
}
END_TEST

/* ---- the real guest by serial alone, the real agent behind it ---- */

static struct guest *guest_here(struct err *err) {
    struct guest_remote_spec spec = {.serial_socket = line.path, .interrupt_fd = -1};
    return guest_remote_create(&spec, clock_monotonic(), NULL, err);
}

static void check_file(struct guest *g, const char *name, size_t len) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *from = fs_join(line.dir, "from");
    CLEANUP_FREE char *to = fs_join(line.dir, "to");
    CLEANUP_FREE char *data = mem_zalloc(1, len + 1);
    size_t got_len = 0;
    memset(data, 'd', len);
    ck_assert_int_eq(fs_write_atomic(from, data, len, 0600, NULL), 0);
    ck_assert_msg(guest_put(g, from, name, in_ms(20000), &err) == 0, "%s", err_text(&err));
    int rc = guest_get(g, name, to, (int64_t)len, in_ms(20000), &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    CLEANUP_FREE char *got = fs_read(to, len + 1, &got_len, NULL);
    ck_assert_uint_eq(got_len, len);
    ck_assert(memcmp(got, data, len) == 0);
    if (len > 0) {
        ck_assert_int_lt(guest_get(g, name, to, (int64_t)len - 1, in_ms(20000), &err), 0);
        ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    }
}

START_TEST(files_and_commands_go_by_serial_when_there_is_no_ssh) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *agent = fs_absolute(getenv("COEXIST_AGENT_POSIX")
                                               ? getenv("COEXIST_AGENT_POSIX")
                                               : "build/agents/agent-posix");
    if (access(agent, X_OK) < 0) {
        TEST_SKIP("%s is not built", agent);
    }
    line.agent = agent;
    line_up();
    struct guest *g = guest_here(&err);
    ck_assert_ptr_nonnull(g);
    json_t *hello = NULL;
    ck_assert_msg(guest_wait_ready(g, in_ms(10000), &hello, &err) == 0, "%s", err_text(&err));
    json_decref(hello);
    /* To a Linux agent these are plain names in its own folder. */
    check_file(g, "C:\\empty", 0);
    check_file(g, "C:\\one chunk", 32768);
    check_file(g, "C:\\chunks", 200001);
    struct guest_exec x;
    ck_assert_msg(guest_exec(g, "false", 5000, 100, in_ms(10000), &x, &err) == 0, "%s",
                  err_text(&err));
    ck_assert_uint_eq(x.exit_code, 1);
    guest_exec_free(&x);
    struct guest_reach reach;
    ck_assert_int_eq(guest_reach(g, in_ms(10000), &reach, &err), 0);
    ck_assert(reach.serial && !reach.ssh);
    ck_assert_str_eq(reach.ssh_why, "SSH is not set up");
    guest_disconnect(g);
    check_file(g, "C:\\again", 10);
    guest_destroy(g);
}
END_TEST

START_TEST(a_line_lost_in_a_call_is_closed_and_the_next_call_connects_again) {
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *result = NULL;
    line.parts[0] = (struct line_part){.greets = "x", .hangs_up = true};
    line.parts[1] = (struct line_part){.answers = "{\"up_ms\":5}"};
    line_up();
    struct guest *g = guest_here(&err);
    ck_assert_int_lt(guest_call(g, "ping", NULL, in_ms(5000), &result, &err), 0);
    ck_assert_msg(err.cls == ERR_CLOSED, "%s", err_text(&err));
    err_clear(&err);
    ck_assert_msg(guest_call(g, "ping", NULL, in_ms(5000), &result, &err) == 0, "%s", err_text(&err));
    json_decref(result);
    guest_destroy(g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("serial");
    TCase *t = tcase_create("serial");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, ready_by_a_greeting_or_by_an_answer);
    tcase_add_test(t, ready_though_the_socket_and_the_agent_come_late);
    tcase_add_test(t, what_was_seen_is_told_when_nobody_gets_ready);
    tcase_add_test(t, another_protocol_is_told_at_once);
    tcase_add_test(t, an_interrupt_ends_the_waiting);
    tcase_add_test(t, the_old_boot_does_not_count_after_a_reset);
    tcase_add_test(t, only_the_old_boot_is_no_boot);
    tcase_add_test(t, without_a_boundary_or_a_word_before_any_hello_counts);
    tcase_add_test(t, a_path_no_socket_can_have_is_refused);
    tcase_add_test(t, files_and_commands_go_by_serial_when_there_is_no_ssh);
    tcase_add_test(t, a_line_lost_in_a_call_is_closed_and_the_next_call_connects_again);
    suite_add_tcase(s, t);
    return suite_run(s);
}
