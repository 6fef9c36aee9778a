/* guest/ssh: against OpenSSH's own server, and against servers that want to do harm. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/agent_client.h"
#include "guest/guest_path.h"
#include "guest/ssh.h"
#include "guest/ssh_key.h"
#include "support/skip.h"
#include "support/ssh_server.h"
#include "support/suite.h"

/* libssh2 1.10 forgets a few hundred bytes of a key exchange that was cut off (its own and libcrypto's). Leaks of
 * ours would show in the tests whose sessions come to their end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libssh2.so\nleak:libcrypto.so\n";
}

static char dir[] = "/tmp/coexist-ssh-XXXXXX";
static struct ssh_server *server;
static const char *why_not;

static void setup(void) {
    ck_assert_ptr_nonnull(mkdtemp(dir));
    server = ssh_server_start(dir, &why_not);
}

static void teardown(void) {
    ssh_server_stop(server);
    fs_remove_tree(dir, NULL);
}

#define NEED_SERVER()                 \
    do {                              \
        if (!server) {                \
            TEST_SKIP("%s", why_not); \
        }                             \
    } while (0)

static int64_t in_ms(int64_t ms) {
    return clock_after(clock_monotonic(), ms * CLOCK_MS);
}

static struct waiter no_interrupt(void) {
    return (struct waiter){clock_monotonic(), -1};
}

static struct ssh_spec good_spec(void) {
    return (struct ssh_spec){ssh_server_port(server), ssh_server_user(server),
                             ssh_server_host_key(server), ssh_server_key_file(server),
                             ssh_server_root(server)};
}

static struct ssh *connect_with(const struct ssh_spec *spec, int64_t ms, struct err *err) {
    struct waiter w = no_interrupt();
    return ssh_connect(spec, &w, in_ms(ms), err);
}

static struct ssh *connected(void) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh_spec spec = good_spec();
    struct ssh *ssh = connect_with(&spec, 20000, &err);
    ck_assert_msg(ssh != NULL, "%s", err_text(&err));
    return ssh;
}

static long resident_kib(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* All a command says until it ends. */
static void read_all(struct stream *stream, struct str *out, struct err *err) {
    char buf[4096];
    ssize_t n;
    while ((n = stream->read(stream, buf, sizeof(buf), in_ms(10000), err)) > 0) {
        str_add_bytes(out, buf, (size_t)n);
    }
}

START_TEST(a_command_is_a_stream_clean_for_any_byte) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_STR struct str got = STR_INIT;
    char bytes[3 * 256];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)i;
    }
    struct ssh *ssh = connected();
    struct stream *s = ssh_exec(ssh, "head -c 768", in_ms(10000), &err);
    ck_assert_msg(s != NULL, "%s", err_text(&err));
    ck_assert_int_eq(s->write(s, bytes, sizeof(bytes), in_ms(10000), &err), 0);
    read_all(s, &got, &err);
    ck_assert_int_eq(err.cls, ERR_CLOSED); /* the command came to its end */
    ck_assert_uint_eq(got.len, sizeof(bytes));
    ck_assert_mem_eq(got.data, bytes, sizeof(bytes));
    stream_close(s);
    ck_assert(!ssh_is_dead(ssh));
    ssh_close(ssh);
}
END_TEST

START_TEST(another_host_key_is_refused_with_both_fingerprints) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh_spec spec = good_spec();
    struct ssh_key real;
    struct ssh_key expected;
    char fp[2][SSH_KEY_FINGERPRINT];
    spec.host_key = ssh_server_other_key(server);
    ck_assert_ptr_null(connect_with(&spec, 20000, &err));
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_int_eq(ssh_key_parse(ssh_server_host_key(server), &real, NULL), 0);
    ck_assert_int_eq(ssh_key_parse(spec.host_key, &expected, NULL), 0);
    ssh_key_fingerprint(real.blob, real.len, fp[0]);
    ssh_key_fingerprint(expected.blob, expected.len, fp[1]);
    ck_assert_msg(strstr(err_text(&err), fp[0]) && strstr(err_text(&err), fp[1]), "%s",
                  err_text(&err));
}
END_TEST

START_TEST(a_key_that_may_not_log_in_is_refused) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh_spec spec = good_spec();
    spec.key_file = ssh_server_other_key_file(server);
    ck_assert_ptr_null(connect_with(&spec, 20000, &err));
    ck_assert_msg(err.cls == ERR_REFUSED, "%s: %s", err_class_name(err.cls), err_text(&err));
}
END_TEST

START_TEST(a_key_file_that_is_absent_or_no_key_is_told) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh_spec spec = good_spec();
    spec.key_file = "/nonexistent/key";
    ck_assert_ptr_null(connect_with(&spec, 20000, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "/nonexistent/key"));
    CLEANUP_FREE char *junk = fs_join(dir, "junk");
    ck_assert_int_eq(fs_write_atomic(junk, "not a key\n", 10, 0600, NULL), 0);
    spec.key_file = junk;
    ck_assert_ptr_null(connect_with(&spec, 20000, &err));
    ck_assert_int_ne(err.cls, ERR_NONE);
}
END_TEST

START_TEST(nobody_listening_is_closed_not_a_hang) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh_spec spec = good_spec();
    spec.port = 1;
    ck_assert_ptr_null(connect_with(&spec, 5000, &err));
    ck_assert_int_eq(err.cls, ERR_CLOSED);
}
END_TEST

/* ---- files ---- */

static void check_round_trip(struct ssh *ssh, const char *guest_path, const void *data,
                             size_t len) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *from = fs_join(dir, "from");
    CLEANUP_FREE char *to = fs_join(dir, "to");
    size_t got_len = 0;
    unlink(to);
    ck_assert_int_eq(fs_write_atomic(from, data, len, 0600, NULL), 0);
    int rc = ssh_put(ssh, from, guest_path, in_ms(20000), &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    rc = ssh_get(ssh, guest_path, to, (int64_t)len, in_ms(20000), &err);
    ck_assert_msg(rc == 0, "%s", err_text(&err));
    CLEANUP_FREE char *got = fs_read(to, len + 1, &got_len, NULL);
    ck_assert_uint_eq(got_len, len);
    ck_assert(memcmp(got, data, len) == 0);
}

START_TEST(files_go_there_and_back) {
    NEED_SERVER();
    enum { BIG = 3 << 20 };
    CLEANUP_FREE char *data = mem_zalloc(1, BIG);
    for (size_t i = 0; i < BIG; i++) {
        data[i] = (char)(i * 2654435761u >> 13);
    }
    struct ssh *ssh = connected();
    check_round_trip(ssh, "C:\\empty", "", 0);
    check_round_trip(ssh, "C:\\a\\b c\\Zażółć.bin", data, 77);
    check_round_trip(ssh, "C:\\a\\big.bin", data, BIG);
    check_round_trip(ssh, "C:\\a\\big.bin", data, 5); /* replaced, not overwritten in part */
    CLEANUP_FREE char *real = str_printf("%s/C:/a/b c/Zażółć.bin", ssh_server_root(server));
    ck_assert_int_eq(fs_size(real), 77);
    ssh_close(ssh);
}
END_TEST

START_TEST(a_file_that_is_absent_is_not_found_and_the_connection_lives) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *to = fs_join(dir, "to");
    struct ssh *ssh = connected();
    ck_assert_int_lt(ssh_get(ssh, "C:\\no\\such", to, 100, in_ms(10000), &err), 0);
    ck_assert_int_eq(err.cls, ERR_REFUSED);
    ck_assert_int_eq(strncmp(err_text(&err), "not-found: ", 11), 0);
    ck_assert(!fs_exists(to));
    check_round_trip(ssh, "C:\\x", "abc", 3);
    ssh_close(ssh);
}
END_TEST

START_TEST(a_file_larger_than_allowed_is_refused_and_leaves_nothing) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *to = fs_join(dir, "out/to");
    CLEANUP_FREE char *folder = fs_join(dir, "out");
    ck_assert_int_eq(fs_mkdirs(folder, NULL), 0);
    struct ssh *ssh = connected();
    check_round_trip(ssh, "C:\\x", "0123456789", 10);
    ck_assert_int_lt(ssh_get(ssh, "C:\\x", to, 9, in_ms(10000), &err), 0);
    ck_assert_int_eq(err.cls, ERR_PROTOCOL);
    ck_assert_int_eq(rmdir(folder), 0); /* empty: no temporary file either */
    ck_assert(!ssh_is_dead(ssh));
    ssh_close(ssh);
}
END_TEST

START_TEST(paths_that_are_not_plain_are_refused) {
    static const char *const bad[] = {"", "x", "C:", "C:x", "\\\\host\\share\\x", "C:\\a\\..\\b",
                                      "C:\\..", "C:\\a:stream", "C:\\a\nb", "C:\\a*"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_msg(guest_path_to_sftp(bad[i], "", &err) == NULL, "%s", bad[i]);
        ck_assert_int_eq(err.cls, ERR_INPUT);
    }
    CLEANUP_FREE char *good = guest_path_to_sftp("C:\\Users\\..x\\y.. z", "", NULL);
    ck_assert_str_eq(good, "/C:/Users/..x/y.. z");
}
END_TEST

/* ---- servers that want to do harm ---- */

/* What a whole session with a command and a file does; false when any of it failed. */
static bool whole_session(int64_t ms, struct err *err) {
    struct ssh_spec spec = good_spec();
    CLEANUP_FREE char *from = fs_join(dir, "from");
    CLEANUP_FREE char *to = fs_join(dir, "to");
    char buf[16];
    fs_write_atomic(from, "hello", 5, 0600, NULL);
    int64_t deadline = in_ms(ms);
    struct waiter w = no_interrupt();
    struct ssh *ssh = ssh_connect(&spec, &w, deadline, err);
    struct stream *s = ssh ? ssh_exec(ssh, "echo x", deadline, err) : NULL;
    bool ok = s && s->read(s, buf, sizeof(buf), deadline, err) > 0 &&
              ssh_put(ssh, from, "C:\\f", deadline, err) == 0 &&
              ssh_get(ssh, "C:\\f", to, 5, deadline, err) == 0;
    stream_close(s);
    ssh_close(ssh);
    return ok;
}

/* Bytes a server sends in a whole session. How much of its closing words is on its way when the session
 * has succeeded differs from one to the next: only the first half is sure to be needed. */
static size_t session_length(void) {
    const char *bytes = NULL;
    ssh_server_plan(server, &(struct ssh_server_plan){.end = SSH_SERVER_PASS});
    ck_assert(whole_session(20000, NULL));
    size_t n = ssh_server_sent(server, &bytes);
    ck_assert_uint_gt(n, 2000);
    return n;
}

/* A session with a server that ends so after n bytes: fails with this class, in time. */
static void check_session_cut(enum ssh_server_end end, size_t n, bool needed, int64_t ms,
                              enum err_class cls) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ssh_server_plan(server, &(struct ssh_server_plan){.end = end, .after = n});
    int64_t begin = clock_now(clock_monotonic());
    bool ok = whole_session(ms, &err);
    ck_assert_msg(!ok || !needed, "succeeded after %zu bytes", n);
    ck_assert_msg(ok || err.cls == cls, "after %zu bytes: %s: %s", n, err_class_name(err.cls),
                  err_text(&err));
    /* A second more: closing a channel waits for 300 ms, and machines are busy. */
    ck_assert_int_lt(clock_now(clock_monotonic()) - begin, (ms + 1000) * CLOCK_MS);
}

START_TEST(a_server_may_hang_up_at_any_stage) {
    NEED_SERVER();
    size_t total = session_length();
    for (size_t n = 0; n < total; n += 61) {
        check_session_cut(SSH_SERVER_HANG_UP, n, n < total / 2, 20000, ERR_CLOSED);
    }
}
END_TEST

START_TEST(a_server_may_fall_silent_at_any_stage) {
    NEED_SERVER();
    size_t total = session_length();
    for (size_t n = 0; n < total; n += 251) {
        check_session_cut(SSH_SERVER_STALL, n, n < total / 2, 300, ERR_TIMEOUT);
    }
}
END_TEST

START_TEST(canned_bytes_cut_at_every_one_never_wedge) {
    NEED_SERVER();
    const char *bytes = NULL;
    char canned[4096];
    session_length();
    size_t len = ssh_server_sent(server, &bytes);
    len = len < sizeof(canned) ? len : sizeof(canned);
    memcpy(canned, bytes, len);
    for (size_t n = 0; n <= len; n++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ssh_server_plan(server, &(struct ssh_server_plan){
            .end = SSH_SERVER_HANG_UP, .canned = canned, .canned_len = n});
        ck_assert_msg(!whole_session(10000, &err), "after %zu bytes", n);
        ck_assert_msg(err.cls == ERR_CLOSED || err.cls == ERR_PROTOCOL, "after %zu bytes: %s: %s",
                      n, err_class_name(err.cls), err_text(&err));
    }
    ssh_server_plan(server, &(struct ssh_server_plan){0});
}
END_TEST

static void check_flood(const char *bytes, size_t len) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ssh_server_plan(server, &(struct ssh_server_plan){
        .canned = bytes, .canned_len = len, .repeat = true});
    long before = resident_kib();
    int64_t begin = clock_now(clock_monotonic());
    ck_assert(!whole_session(600, &err));
    ssh_server_plan(server, &(struct ssh_server_plan){0});
    ck_assert_msg(err_is_set(&err), "no reason given");
    ck_assert_int_lt(clock_now(clock_monotonic()) - begin, 4 * CLOCK_S);
    ck_assert_int_lt(resident_kib() - before, 2 * (SSH_MEMORY_MAX >> 10));
}

START_TEST(a_flood_before_the_key_exchange_ends_at_the_deadline) {
    NEED_SERVER();
    CLEANUP_FREE char *lines = mem_zalloc(1, 65536);
    memset(lines, 'x', 65536);
    check_flood(lines, 65536); /* one line without end */
    for (size_t i = 63; i < 65536; i += 64) {
        lines[i] = '\n';
    }
    check_flood(lines, 65536); /* lines without end before the banner: RFC 4253, section 4.2 */
}
END_TEST

START_TEST(a_flood_of_packets_is_bounded) {
    NEED_SERVER();
    /* Banner once, then SSH_MSG_IGNORE or user banners, unencrypted, for ever: length, padding length,
     * type, a string, padding (RFC 4253, section 6). A repeated banner is just a broken packet, so the whole
     * is one long run of packets after a first part that is large enough. */
    enum { PACKETS = 20000, SIZE = 16 };
    static const unsigned char types[] = {2, 53, 80, 99};
    for (size_t t = 0; t < sizeof(types); t++) {
        CLEANUP_STR struct str s = STR_INIT;
        unsigned char packet[SIZE] = {0, 0, 0, SIZE - 4, 4, types[t], 0, 0, 0, 2, 'h', 'i'};
        str_add(&s, "SSH-2.0-flood\r\n");
        for (int i = 0; i < PACKETS; i++) {
            str_add_bytes(&s, packet, SIZE);
        }
        check_flood(s.data, s.len);
    }
}
END_TEST

START_TEST(a_command_that_never_stops_talking_ends_at_the_deadline) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    struct ssh *ssh = connected();
    struct stream *s = ssh_exec(ssh, "cat /dev/zero", in_ms(10000), &err);
    ck_assert_ptr_nonnull(s);
    struct agent_client *c = agent_client_new(s, clock_monotonic(), 0);
    long before = resident_kib();
    json_t *hello = NULL;
    /* A busy host may let little come in the first moment. */
    for (int i = 0; i == 0 || (i < 40 && agent_client_seen(c).noise <= 1 << 20); i++) {
        int64_t begin = clock_now(clock_monotonic());
        err_clear(&err);
        ck_assert_int_lt(agent_client_hello(c, in_ms(700), &hello, &err), 0);
        ck_assert_msg(err.cls == ERR_TIMEOUT, "%s", err_text(&err));
        ck_assert_int_lt(clock_now(clock_monotonic()) - begin, 10 * CLOCK_S);
    }
    ck_assert_uint_gt(agent_client_seen(c).noise, 1 << 20);
    /* Hundreds of megabytes came; sanitizers keep some of what was freed. */
    ck_assert_int_lt(resident_kib() - before, 3 * (SSH_MEMORY_MAX >> 10));
    agent_client_free(c);
    ssh_close(ssh);
}
END_TEST

START_TEST(a_command_that_reads_nothing_ends_at_the_deadline) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    enum { BIG = 32 << 20 };
    CLEANUP_FREE char *data = mem_zalloc(1, BIG);
    struct ssh *ssh = connected();
    struct stream *s = ssh_exec(ssh, "sleep 60", in_ms(10000), &err);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_lt(s->write(s, data, BIG, in_ms(700), &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    stream_close(s);
    ssh_close(ssh);
}
END_TEST

START_TEST(an_endless_file_is_cut_off) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *link = str_printf("%s/C:", ssh_server_root(server));
    CLEANUP_FREE char *to = fs_join(dir, "to");
    ck_assert_int_eq(symlink("/dev", link), 0);
    struct ssh *ssh = connected();
    ck_assert_int_lt(ssh_get(ssh, "C:\\zero", to, 8 << 20, in_ms(20000), &err), 0);
    ck_assert_msg(err.cls == ERR_PROTOCOL, "%s", err_text(&err));
    ssh_close(ssh);
}
END_TEST

START_TEST(an_interrupt_ends_any_call_at_once) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    int fds[2];
    char buf[16];
    ck_assert_int_eq(pipe(fds), 0);
    struct ssh_spec spec = good_spec();
    struct waiter w = {clock_monotonic(), fds[0]};
    struct ssh *ssh = ssh_connect(&spec, &w, in_ms(20000), &err);
    ck_assert_msg(ssh != NULL, "%s", err_text(&err));
    struct stream *s = ssh_exec(ssh, "sleep 60", in_ms(10000), &err);
    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    int64_t begin = clock_now(clock_monotonic());
    ck_assert_int_lt(s->read(s, buf, sizeof(buf), in_ms(20000), &err), 0);
    ck_assert_int_eq(err.cls, ERR_INTERRUPT);
    ck_assert_int_lt(ssh_get(ssh, "C:\\x", "/dev/null", 1, in_ms(20000), &err), 0);
    ck_assert_int_eq(err.cls, ERR_INTERRUPT);
    ck_assert_ptr_null(ssh_connect(&spec, &w, in_ms(20000), &err));
    ck_assert_int_eq(err.cls, ERR_INTERRUPT);
    stream_close(s);
    ssh_close(ssh);
    ck_assert_int_lt(clock_now(clock_monotonic()) - begin, 2 * CLOCK_S);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(keys_that_are_no_keys_are_refused) {
    static const char *const bad[] = {"", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA",
                                      "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA=="};
    struct ssh_key key;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_int_lt(ssh_key_parse(bad[i], &key, &err), 0);
        ck_assert_int_eq(err.cls, ERR_INPUT);
    }
}
END_TEST

START_TEST(a_fingerprint_is_the_one_ssh_keygen_prints) {
    NEED_SERVER();
    struct ssh_key key;
    char fp[SSH_KEY_FINGERPRINT];
    CLEANUP_FREE char *cmd = str_printf("ssh-keygen -l -f %s/host.pub", dir);
    char line[256] = "";
    FILE *f = popen(cmd, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
    pclose(f);
    ck_assert_int_eq(ssh_key_parse(ssh_server_host_key(server), &key, NULL), 0);
    ssh_key_fingerprint(key.blob, key.len, fp);
    ck_assert_msg(strstr(line, fp) != NULL, "%s is not in %s", fp, line);
}
END_TEST

/* The agent itself, built for Linux, behind the real protocol. */
START_TEST(the_agent_answers_over_ssh) {
    NEED_SERVER();
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *agent = fs_absolute(getenv("COEXIST_AGENT_POSIX")
                                               ? getenv("COEXIST_AGENT_POSIX")
                                               : "build/agents/agent-posix");
    if (access(agent, X_OK) < 0) {
        TEST_SKIP("%s is not built", agent);
    }
    CLEANUP_FREE char *command = str_printf("%s --stdio", agent);
    struct ssh *ssh = connected();
    struct stream *s = ssh_exec(ssh, command, in_ms(10000), &err);
    ck_assert_ptr_nonnull(s);
    struct agent_client *c = agent_client_new(s, clock_monotonic(), 0);
    json_t *hello = NULL;
    ck_assert_msg(agent_client_hello(c, in_ms(10000), &hello, &err) == 0, "%s", err_text(&err));
    json_decref(hello);
    CLEANUP_STR struct str out = STR_INIT;
    CLEANUP_STR struct str errors = STR_INIT;
    json_t *args = json_pack("{s:s, s:b, s:i, s:i}", "command", "echo hi; exit 3", "shell", 1,
                             "timeout_ms", 5000, "max_output", 100);
    struct agent_call call = {"exec", args, in_ms(10000), &out, &errors, 100};
    json_t *result = NULL;
    ck_assert_msg(agent_client_call(c, &call, &result, &err) == 0, "%s", err_text(&err));
    ck_assert_int_eq(json_integer_value(json_object_get(result, "exit_code")), 3);
    ck_assert_str_eq(str_get(&out), "hi\n");
    json_decref(args);
    json_decref(result);
    agent_client_free(c);
    ssh_close(ssh);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ssh");
    TCase *t = tcase_create("ssh");
    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_command_is_a_stream_clean_for_any_byte);
    tcase_add_test(t, another_host_key_is_refused_with_both_fingerprints);
    tcase_add_test(t, a_key_that_may_not_log_in_is_refused);
    tcase_add_test(t, a_key_file_that_is_absent_or_no_key_is_told);
    tcase_add_test(t, nobody_listening_is_closed_not_a_hang);
    tcase_add_test(t, files_go_there_and_back);
    tcase_add_test(t, a_file_that_is_absent_is_not_found_and_the_connection_lives);
    tcase_add_test(t, a_file_larger_than_allowed_is_refused_and_leaves_nothing);
    tcase_add_test(t, paths_that_are_not_plain_are_refused);
    tcase_add_test(t, a_server_may_hang_up_at_any_stage);
    tcase_add_test(t, a_server_may_fall_silent_at_any_stage);
    tcase_add_test(t, canned_bytes_cut_at_every_one_never_wedge);
    tcase_add_test(t, a_flood_before_the_key_exchange_ends_at_the_deadline);
    tcase_add_test(t, a_flood_of_packets_is_bounded);
    tcase_add_test(t, a_command_that_never_stops_talking_ends_at_the_deadline);
    tcase_add_test(t, a_command_that_reads_nothing_ends_at_the_deadline);
    tcase_add_test(t, an_endless_file_is_cut_off);
    tcase_add_test(t, an_interrupt_ends_any_call_at_once);
    tcase_add_test(t, keys_that_are_no_keys_are_refused);
    tcase_add_test(t, a_fingerprint_is_the_one_ssh_keygen_prints);
    tcase_add_test(t, the_agent_answers_over_ssh);
    suite_add_tcase(s, t);
    return suite_run(s);
}
