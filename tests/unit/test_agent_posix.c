/* The agent as a program (its Linux build): one real process behind two pipes, every wait with an end. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base64.h"
#include "proto/proto.h"
#include "support/agent_process.h"
#include "support/suite.h"

#define RS "\x1e"

START_TEST(it_greets_and_answers) {
    struct agent a;
    agent_start(&a);
    json_t *j = agent_frame(&a), *hello = json_object_get(j, "hello");
    ck_assert_int_eq(number(hello, "protocol"), PROTO_VERSION);
    ck_assert_int_eq(number(hello, "max_frame"), PROTO_MAX_FRAME);
    ck_assert_str_eq(json_string_value(json_object_get(hello, "transport")), "stdio");
    agent_send(&a, "{'id':1,'op':'hello'}");
    json_t *again = agent_ok(&a, 1);
    ck_assert(json_equal(json_object_get(again, "ops"), json_object_get(hello, "ops")));
    json_decref(again);
    json_decref(j);
    agent_send(&a, "{'id':9007199254740992,'op':'ping','args':{},'deadline_ms':1000}");
    j = agent_frame(&a);
    ck_assert(json_integer_value(json_object_get(j, "id")) == 9007199254740992);
    json_decref(j);
    agent_send(&a, "{'id':2,'op':'system'}");
    j = agent_ok(&a, 2);
    ck_assert_int_gt(number(j, "memory_total"), 1 << 20);
    json_decref(j);
    agent_stop(&a);
}
END_TEST

START_TEST(what_is_no_request_is_told_apart) {
    struct agent a;
    agent_start(&a);
    agent_send(&a, "{'id':0,'op':'ping'}");
    agent_error(&a, 0, "bad-frame");
    agent_send(&a, "{'id':9007199254740993,'op':'ping'}");
    agent_error(&a, 0, "bad-frame");
    agent_send(&a, "{'op':'ping'}");
    agent_error(&a, 0, "bad-frame");
    agent_send(&a, "[1]");
    agent_error(&a, 0, "bad-frame");
    agent_send(&a, "{'id':1,'op':'nosuch'}");
    agent_error(&a, 1, "unknown-op");
    agent_send(&a, "{'id':2}");
    agent_error(&a, 2, "unknown-op");
    agent_send(&a, "{'id':3,'op':'services'}");
    agent_error(&a, 3, "unsupported");
    agent_send(&a, "{'id':4,'op':'exec','args':[]}");
    agent_error(&a, 4, "bad-args");
    agent_send(&a, "{'id':5,'op':'exec','args':{'command':7}}");
    agent_error(&a, 5, "bad-args");
    agent_send(&a, "{'id':6,'op':'clock'}");
    agent_error(&a, 6, "bad-args");
    agent_send(&a, "{'id':7,'op':'clock','args':{'unix_ms':32503680000001}}");
    agent_error(&a, 7, "bad-args");
    agent_send(&a, "{'id':6,'op':'exec','args':{'command':'x','timeout_ms':0}}");
    agent_error(&a, 6, "bad-args");
    agent_send(&a, "{'id':7,'op':'ping','deadline_ms':-1}");
    agent_error(&a, 7, "bad-args");
    agent_send(&a, "{'id':8,'op':'cancel','args':{'id':99}}");
    agent_error(&a, 8, "not-found");
    agent_stop(&a);
}
END_TEST

START_TEST(a_command_gives_output_and_exit_code) {
    struct agent a;
    agent_start(&a);
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'echo hi; echo no >&2; cat; exit 7','shell':true}}");
    json_t *r = agent_ok(&a, 1);
    ck_assert_int_eq(number(r, "exit_code"), 7);
    ck_assert_int_eq(number(r, "out_bytes"), 3);
    ck_assert_int_eq(number(r, "err_bytes"), 3);
    ck_assert(json_is_false(json_object_get(r, "timed_out")));
    ck_assert(json_is_false(json_object_get(r, "truncated")));
    ck_assert_str_eq(a.output, "hi\n");
    json_decref(r);
    agent_send(&a, "{'id':2,'op':'exec','args':{'command':'pwd','cwd':'/usr'}}");
    agent_ok_drop(&a, 2);
    ck_assert_str_eq(a.output, "/usr\n");
    agent_send(&a, "{'id':3,'op':'exec','args':{'command':'/no/such/program'}}");
    r = agent_ok(&a, 3);
    ck_assert_int_eq(number(r, "exit_code"), 127);
    json_decref(r);
    agent_stop(&a);
}
END_TEST

START_TEST(output_beyond_the_limit_is_counted_not_sent) {
    struct agent a;
    agent_start(&a);
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'head -c 3000000 /dev/zero','max_output':40000}}");
    json_t *r = agent_ok(&a, 1);
    ck_assert_int_eq(number(r, "out_bytes"), 3000000);
    ck_assert_int_eq(number(r, "exit_code"), 0);
    ck_assert(json_is_true(json_object_get(r, "truncated")));
    ck_assert_uint_eq(a.output_len, 40000);
    json_decref(r);
    agent_stop(&a);
}
END_TEST

START_TEST(a_timeout_ends_the_whole_tree) {
    struct agent a;
    agent_start(&a);
    int64_t begin = now_ms();
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'(sleep 600 & echo $!; wait); sleep 600',"
                   "'shell':true,'timeout_ms':500}}");
    json_t *r = agent_ok(&a, 1);
    ck_assert(json_is_true(json_object_get(r, "timed_out")));
    ck_assert_int_ge(now_ms() - begin, 500);
    json_decref(r);
    check_process_ends(atoll(a.output));
    agent_stop(&a);
}
END_TEST

START_TEST(cancel_deadline_and_the_end_of_input_end_it_too) {
    struct agent a;
    agent_start(&a);
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'sleep 600 & echo $!; wait','shell':true}}");
    json_t *j;
    do {
        j = agent_frame(&a);
        if (json_object_get(j, "event")) {
            agent_keep_event(&a, j);
        }
        json_decref(j);
    } while (a.events == 0);
    int64_t pid = atoll(a.output);
    agent_send(&a, "{'id':2,'op':'cancel','args':{'id':1}}");
    bool cancelled = false, answered = false;
    while (!cancelled || !answered) {
        j = agent_frame(&a);
        int64_t id = number(j, "id");
        answered |= id == 2 && json_is_true(json_object_get(j, "ok"));
        if (id == 1) {
            ck_assert_str_eq(json_string_value(json_object_get(json_object_get(j, "error"), "code")), "cancelled");
            cancelled = true;
        }
        json_decref(j);
    }
    check_process_ends(pid);
    int64_t begin = now_ms();
    agent_send(&a, "{'id':3,'op':'exec','deadline_ms':300,'args':{'command':'sleep 600'}}");
    agent_error(&a, 3, "deadline");
    ck_assert_int_ge(now_ms() - begin, 300);
    agent_send(&a, "{'id':4,'op':'exec','deadline_ms':0,'args':{'command':'sleep 600'}}");
    agent_error(&a, 4, "deadline");
    agent_send(&a, "{'id':5,'op':'exec','args':{'command':'echo $$; exec sleep 600','shell':true}}");
    a.events = a.output_len = 0;
    j = agent_frame(&a);
    agent_keep_event(&a, j);
    json_decref(j);
    pid = atoll(a.output);
    agent_stop(&a);
    check_process_ends(pid);
}
END_TEST

START_TEST(an_orphan_that_holds_the_output_does_not_hold_the_answer) {
    struct agent a;
    agent_start(&a);
    int64_t begin = now_ms();
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'setsid sleep 5 & echo $!','shell':true}}");
    agent_ok_drop(&a, 1);
    ck_assert_int_lt(now_ms() - begin, 4000);
    int64_t pid = atoll(a.output);
    ck_assert_int_gt(pid, 1); /* or the kill below is for somebody else */
    ck_assert(!process_gone(pid)); /* what a command leaves behind lives on */
    kill((pid_t)pid, SIGKILL);
    /* This one ends by itself when nobody reads its pipe any more. */
    agent_send(&a, "{'id':2,'op':'exec','args':{'command':'setsid yes & true','shell':true,'max_output':100}}");
    json_t *r = agent_ok(&a, 2);
    ck_assert_int_lt(now_ms() - begin, 12000);
    json_decref(r);
    agent_stop(&a);
}
END_TEST

START_TEST(eight_run_at_once_and_ping_answers_beside_them) {
    struct agent a;
    json_t *j;
    agent_start(&a);
    for (int i = 1; i <= PROTO_MAX_REQUESTS; i++) {
        agent_send(&a, "{'id':%d,'op':'exec','args':{'command':'sleep 600'}}", i);
    }
    agent_send(&a, "{'id':3,'op':'stat','args':{'path':'/'}}");
    agent_error(&a, 3, "bad-args"); /* that id runs */
    agent_send(&a, "{'id':90,'op':'stat','args':{'path':'/'}}");
    agent_error(&a, 90, "busy");
    agent_send(&a, "{'id':91,'op':'ping'}");
    agent_ok_drop(&a, 91);
    agent_send(&a, "{'id':92,'op':'hello','args':{'reset':true}}");
    unsigned cancelled = 0;
    bool hello = false;
    while (cancelled != 0x1fe || !hello) { /* bits 1 to 8, each once */
        j = agent_frame(&a);
        int64_t id = number(j, "id");
        hello |= id == 92;
        if (id != 92) {
            ck_assert(id >= 1 && id <= 8 && !(cancelled & 1u << id));
            ck_assert_str_eq(json_string_value(json_object_get(json_object_get(j, "error"), "code")), "cancelled");
            cancelled |= 1u << id;
        }
        json_decref(j);
    }
    agent_stop(&a);
}
END_TEST

START_TEST(a_line_of_100_megabytes_is_one_error) {
    struct agent a;
    static char block[1 << 20];
    agent_start(&a);
    memset(block, 'x', sizeof block);
    agent_write(&a, RS, 1);
    for (int i = 0; i < 100; i++) {
        agent_write(&a, block, sizeof block);
    }
    agent_write(&a, "\n", 1);
    agent_error(&a, 0, "too-long");
    agent_send(&a, "{'id':1,'op':'ping'}");
    json_t *r = agent_ok(&a, 1);
    ck_assert_int_eq(number(r, "bad_frames"), 1);
    ck_assert_int_ge(number(r, "noise_bytes"), 100 << 20);
    json_decref(r);
    agent_stop(&a);
}
END_TEST

START_TEST(garbage_of_every_kind_leaves_it_answering) {
    static const char *const garbage[] = {
        "no frame at all\n\n", RS "{\"id\":1,\"op\":\"exec\",\"args\":{\"comm", RS RS RS "\n", RS "{\"id\":\n",
        RS "\xff\xfe\n", RS "{\"id\":1,\"op\":\"\xed\xa0\x80\"}\n", RS "[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
        "\x04\x03\x1b[A", RS "nullx\n", RS "{\"id\":1e9,\"op\":\"ping\"}\n",
    };
    struct agent a;
    agent_start(&a);
    for (int i = 0; i < 200; i++) {
        const char *g = garbage[(size_t)i * 7 % (sizeof garbage / sizeof garbage[0])];
        agent_write(&a, g, strlen(g));
        agent_send(&a, "{'id':%d,'op':'ping'}", i + 1000);
        for (;;) {
            json_t *j = agent_frame(&a);
            ck_assert_ptr_nonnull(j);
            bool mine = json_integer_value(json_object_get(j, "id")) == i + 1000;
            ck_assert_msg(mine || json_object_get(j, "error") || json_object_get(j, "hello"), "%s", json_dumps(j, 0));
            json_decref(j);
            if (mine) {
                break;
            }
        }
    }
    agent_stop(&a);
}
END_TEST

START_TEST(an_end_of_input_at_any_byte_ends_it) {
    static const char stream[] = "noise" RS "{\"id\":1,\"op\":\"exec\",\"args\":{\"command\":\"sleep 600\"}}\n" RS
        "{\"id\":2,\"op\":\"ping\"}\n" RS "x";
    for (size_t n = 0; n < sizeof stream; n++) {
        struct agent a;
        agent_start(&a);
        agent_write(&a, stream, n);
        agent_stop(&a);
    }
}
END_TEST

START_TEST(a_reader_that_is_gone_ends_it) {
    struct agent a;
    int status;
    agent_start(&a);
    close(a.out);
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'yes','timeout_ms':600000,'max_output':1000000000}}");
    close(a.in);
    int64_t end = now_ms() + WAIT_MS;
    while (waitpid(a.pid, &status, WNOHANG) == 0) {
        ck_assert_msg(now_ms() < end, "the agent does not end");
        poll(NULL, 0, 10);
    }
    ck_assert(WIFEXITED(status));
    frame_decoder_free(a.decoder);
}
END_TEST

START_TEST(a_host_that_reads_late_loses_nothing) {
    struct agent a;
    json_t *j;
    agent_start(&a);
    agent_send(&a, "{'id':1,'op':'exec','args':{'command':'head -c 2000000 /dev/zero','max_output':9000000}}");
    for (int i = 2; i < 500; i++) {
        agent_send(&a, "{'id':%d,'op':'ping'}", i);
    }
    size_t answers = 0, bytes = 0;
    while (answers < 499) {
        j = agent_frame(&a);
        const char *data = json_string_value(json_object_get(j, "data"));
        bytes += data ? strlen(data) / 4 * 3 : 0;
        answers += json_object_get(j, "ok") != NULL;
        json_decref(j);
    }
    ck_assert_uint_ge(bytes, 2000000);
    agent_stop(&a);
}
END_TEST

START_TEST(files_go_there_and_back) {
    struct agent a;
    char lines[101 * 4 + 1] = "";
    char dir[] = "/tmp/coexist-agent-XXXXXX", chunk[BASE64_ENCODED_SIZE(PROTO_MAX_CHUNK) + 1];
    static char bytes[PROTO_MAX_CHUNK];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    memset(bytes, 'a', sizeof bytes);
    chunk[base64_encode(bytes, sizeof bytes, chunk)] = '\0';
    agent_start(&a);
    agent_send(&a, "{'id':1,'op':'put','args':{'path':'%s/x/y/f \xc3\xa4','offset':0,'data':'%s'}}", dir, chunk);
    agent_ok_drop(&a, 1);
    agent_send(&a, "{'id':2,'op':'put','args':{'path':'%s/x/y/f \xc3\xa4','offset':32769,'data':'YQ=='}}", dir);
    agent_error(&a, 2, "bad-args"); /* a chunk is missing */
    agent_send(&a, "{'id':3,'op':'put','args':{'path':'%s/x/y/f \xc3\xa4','offset':32768,'data':'YQ==','final':true,"
                   "'size':32770}}", dir);
    agent_error(&a, 3, "bad-args"); /* not what was promised */
    agent_send(&a, "{'id':4,'op':'put','args':{'path':'%s/x/y/f \xc3\xa4','offset':32768,'data':'YQ==','final':true,"
                   "'size':32769}}", dir);
    agent_ok_drop(&a, 4);
    agent_send(&a, "{'id':5,'op':'hash','args':{'path':'%s/x/y/f \xc3\xa4'}}", dir);
    json_t *r = agent_ok(&a, 5);
    /* printf 'a%.0s' $(seq 32769) | sha256sum */
    ck_assert_str_eq(json_string_value(json_object_get(r, "sha256")),
                     "94c9394bd6ee8fcad7b37332529186fd12354dc39b0109db7e1bce510e25048d");
    json_decref(r);
    agent_send(&a, "{'id':6,'op':'get','args':{'path':'%s/x/y/f \xc3\xa4','offset':32768}}", dir);
    r = agent_ok(&a, 6);
    ck_assert_str_eq(json_string_value(json_object_get(r, "data")), "YQ==");
    ck_assert(json_is_true(json_object_get(r, "eof")));
    ck_assert_int_eq(number(r, "size"), 32769);
    json_decref(r);
    agent_send(&a, "{'id':7,'op':'list','args':{'path':'%s/x'}}", dir);
    agent_ok_drop(&a, 7);
    ck_assert_uint_eq(a.events, 1);
    agent_send(&a, "{'id':8,'op':'remove','args':{'path':'%s/x'}}", dir);
    agent_error(&a, 8, "os"); /* not empty */
    agent_send(&a, "{'id':9,'op':'get','args':{'path':'%s'}}", dir);
    agent_error(&a, 9, "bad-args"); /* no file */
    agent_send(&a, "{'id':10,'op':'stat','args':{'path':'%s/none'}}", dir);
    r = agent_ok(&a, 10);
    ck_assert(json_is_false(json_object_get(r, "exists")));
    json_decref(r);
    agent_send(&a, "{'id':11,'op':'hash','args':{'path':'%s/none'}}", dir);
    agent_error(&a, 11, "not-found");
    a.events = 0;
    agent_send(&a, "{'id':14,'op':'look','args':{'paths':'%s/none\\n%s/x/y','digest':true}}", dir, dir);
    r = agent_ok(&a, 14);
    ck_assert_int_eq(number(r, "count"), 2);
    ck_assert_uint_eq(a.events, 2);
    json_decref(r);
    agent_send(&a, "{'id':16,'op':'look','args':{'paths':'%s/x/y/f \xc3\xa4','crc':true}}", dir);
    r = agent_ok(&a, 16);
    ck_assert_int_eq(number(r, "count"), 1);
    json_decref(r);
    for (int i = 0; i < 101; i++) {
        strcat(lines, "/q\\n");
    }
    agent_send(&a, "{'id':15,'op':'look','args':{'paths':'%s'}}", lines);
    agent_error(&a, 15, "bad-args"); /* more than it takes */
    agent_send(&a, "{'id':12,'op':'put','args':{'path':'%s/z','offset':0,'data':'a'}}", dir);
    agent_error(&a, 12, "bad-args");
    agent_send(&a, "{'id':13,'op':'mkdir','args':{'path':'%s/m/n'}}", dir);
    agent_ok_drop(&a, 13);
    static const char *const rest[] = {"x/y/f \xc3\xa4", "x/y", "x", "m/n", "m", ""};
    for (int i = 0; i < 6; i++) {
        agent_send(&a, "{'id':%d,'op':'remove','args':{'path':'%s/%s'}}", 20 + i, dir, rest[i]);
        agent_ok_drop(&a, 20 + i);
    }
    agent_stop(&a);
    ck_assert_int_lt(access(dir, F_OK), 0);
}
END_TEST

#ifndef COEXIST_SANITIZED /* whose shadow is address space, too */
/* Room for what it says, none for the stack of a thread (8 MiB by default). */
static void agent_limit(pid_t pid) {
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "re");
    ck_assert(f && fscanf(f, "%lu", &pages) == 1 && fclose(f) == 0);
    rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)1 << 20);
    struct rlimit limit = {most, most};
    ck_assert_int_eq(prlimit(pid, RLIMIT_AS, &limit, NULL), 0);
}

START_TEST(without_a_thread_it_answers_all_the_same) {
    struct agent a;
    agent_start(&a);
    json_decref(agent_frame(&a)); /* hello */
    agent_limit(a.pid);
    for (int i = 1; i < 4; i++) {
        agent_send(&a, "{'id':%d,'op':'stat','args':{'path':'/'}}", i);
        json_t *r = agent_ok(&a, i);
        ck_assert(json_is_true(json_object_get(r, "exists")));
        json_decref(r);
    }
    agent_stop(&a);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("agent_posix");
    TCase *t = tcase_create("agent_posix");
    tcase_set_timeout(t, 120);
    signal(SIGPIPE, SIG_IGN);
    tcase_add_test(t, it_greets_and_answers);
    tcase_add_test(t, what_is_no_request_is_told_apart);
    tcase_add_test(t, a_command_gives_output_and_exit_code);
    tcase_add_test(t, output_beyond_the_limit_is_counted_not_sent);
    tcase_add_test(t, a_timeout_ends_the_whole_tree);
    tcase_add_test(t, cancel_deadline_and_the_end_of_input_end_it_too);
    tcase_add_test(t, an_orphan_that_holds_the_output_does_not_hold_the_answer);
    tcase_add_test(t, eight_run_at_once_and_ping_answers_beside_them);
    tcase_add_test(t, a_line_of_100_megabytes_is_one_error);
    tcase_add_test(t, garbage_of_every_kind_leaves_it_answering);
    tcase_add_test(t, an_end_of_input_at_any_byte_ends_it);
    tcase_add_test(t, a_reader_that_is_gone_ends_it);
    tcase_add_test(t, a_host_that_reads_late_loses_nothing);
    tcase_add_test(t, files_go_there_and_back);
#ifndef COEXIST_SANITIZED
    tcase_add_test(t, without_a_thread_it_answers_all_the_same);
#endif
    suite_add_tcase(s, t);
    return suite_run(s);
}
