/* The hosts of a run: URIs and what they carry, files with every error at its place, the command line, the
 * lab's id, whose a machine or file on a host is. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/host_links.h"
#include "run/hosts.h"
#include "support/suite.h"
#include "vm/host_uri.h"
#include "vm/libvirt_remote.h"

/* ---- URIs -------------------------------------------------------------------------------------- */

START_TEST(uris_say_how_a_host_is_reached) {
    static const struct {
        const char *text, *host, *user;
        enum host_way way;
        int port;
    } cases[] = {
        {"qemu:///embed", NULL, NULL, HOST_EMBED, 0},
        {"qemu:///system", NULL, NULL, HOST_LOCAL, 0},
        {"qemu:///system?socket=/run/x", NULL, NULL, HOST_LOCAL, 0},
        {"qemu+ssh://lab1/system", "lab1", NULL, HOST_SSH, 0},
        {"qemu+ssh://root@lab1.example:2222/system", "lab1.example", "root", HOST_SSH, 2222},
        {"qemu+tls://10.0.0.2/system?pkipath=/p", "10.0.0.2", NULL, HOST_TLS, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        struct host_uri u;
        ck_assert_msg(host_uri_parse(cases[i].text, &u, &err) == 0, "%s", err_text(&err));
        ck_assert_int_eq(u.way, cases[i].way);
        ck_assert_int_eq(u.port, cases[i].port);
        ck_assert(str_eq(u.host, cases[i].host));
        ck_assert(str_eq(u.user, cases[i].user));
        ck_assert_str_eq(u.text, cases[i].text);
        host_uri_clear(&u);
    }
}
END_TEST

static const char *const bad_uris[] = {
    "", "lab1", "qemu:///session", "qemu://lab1/system", "qemu+ssh:///system", "qemu+tcp://lab1/system",
    "qemu+ssh://lab1/session", "xen:///system", "qemu+tls:///system", "qemu:///embed/..",
    "qemu+ssh://-oProxyCommand=x/system", "qemu+ssh://-l@lab1/system", "qemu+ssh://lab 1/system",
};

START_TEST(other_uris_are_refused) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct host_uri u;
    ck_assert_msg(host_uri_parse(bad_uris[_i], &u, &err) < 0, "%s", bad_uris[_i]);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_null(u.text);
}
END_TEST

static char *command_of(const char *uri) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct str all = STR_INIT;
    struct host_uri u;
    const char *argv[HOST_URI_ARGS];
    char port[16];
    ck_assert_msg(host_uri_parse(uri, &u, &err) == 0, "%s", err_text(&err));
    snprintf(port, sizeof(port), "%d", u.port);
    host_uri_ssh_command(&u, "127.0.0.1:20022", port, argv);
    for (size_t i = 0; argv[i]; i++) {
        str_addf(&all, "%s%s", i ? " " : "", argv[i]);
    }
    host_uri_clear(&u);
    return str_take(&all);
}

START_TEST(ssh_goes_the_way_libvirt_goes) {
    CLEANUP_FREE char *plain = command_of("qemu+ssh://lab1/system");
    CLEANUP_FREE char *full =
        command_of("qemu+ssh://root@lab1:2222/system?command=/b/my%20ssh&keyfile=/k/id&no_verify=1");
    ck_assert_str_eq(plain, "ssh -T -o BatchMode=yes -o ConnectTimeout=10 -o LogLevel=ERROR -W "
                            "127.0.0.1:20022 -- lab1");
    ck_assert_str_eq(full, "/b/my ssh -T -o BatchMode=yes -o ConnectTimeout=10 -o LogLevel=ERROR -W "
                           "127.0.0.1:20022 -p 2222 -l root -i /k/id -o StrictHostKeyChecking=no -- lab1");
}
END_TEST

/* ---- files -------------------------------------------------------------------------------------- */

static char dir[64];

static void set_up(void) {
    snprintf(dir, sizeof(dir), "/tmp/coexist-test-hosts-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void tear_down(void) {
    fs_remove_tree(dir, NULL);
}

static int load(const char *text, struct hosts *h, struct diags *d) {
    CLEANUP_FREE char *path = fs_join(dir, "hosts.json");
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    return hosts_load(h, path, d);
}

START_TEST(a_file_of_hosts_is_read) {
    struct hosts h = {NULL, 0};
    struct diags d = DIAGS_INIT;
    int rc = load("{\"format\": \"coexist-hosts/1\", \"hosts\": ["
                  "{\"uri\": \"qemu:///embed\", \"slots\": 3},"
                  "{\"uri\": \"qemu+ssh://root@lab1/system\"},"
                  "{\"uri\": \"qemu+tls://lab2/system\", \"name\": \"two\", \"memory_mib\": 4096, "
                  "\"vcpus\": 4, \"folder\": \"/srv/x\", \"images\": \"copy\"}]}", &h, &d);
    ck_assert_msg(rc == 0, "%s", d.count ? d.items[0].message : "");
    ck_assert_uint_eq(h.count, 3);
    ck_assert_str_eq(h.items[0].name, HOSTS_HERE);
    ck_assert_int_eq(h.items[0].slots, 3);
    ck_assert_str_eq(h.items[1].name, "lab1");
    ck_assert_int_eq(h.items[1].slots, HOSTS_SLOTS);
    ck_assert_str_eq(h.items[1].folder, HOSTS_FOLDER);
    ck_assert(!h.items[1].copy);
    ck_assert_str_eq(h.items[2].name, "two");
    ck_assert_int_eq(h.items[2].memory, INT64_C(4096) << 20);
    ck_assert_int_eq(h.items[2].vcpus, 4);
    ck_assert_str_eq(h.items[2].folder, "/srv/x");
    ck_assert(h.items[2].copy);
    struct hosts same = {NULL, 0};
    hosts_copy(&h, &same); /* by way of what the processes are told */
    ck_assert_uint_eq(same.count, 3);
    ck_assert_str_eq(same.items[2].uri.text, h.items[2].uri.text);
    ck_assert_int_eq(same.items[2].memory, h.items[2].memory);
    ck_assert_int_eq(same.items[2].vcpus, 4);
    ck_assert(same.items[2].copy && !same.items[1].copy);
    hosts_clear(&same);
    hosts_clear(&h);
    diags_free(&d);
}
END_TEST

START_TEST(every_error_of_a_file_is_told_at_its_place) {
    struct hosts h = {NULL, 0};
    struct diags d = DIAGS_INIT;
    ck_assert_int_lt(load("{\"format\": \"coexist-hosts/1\",\n \"hosts\": [\n"
                          "  {\"uri\": \"qemu+tcp://lab1/system\"},\n"
                          "  {\"uri\": \"qemu+ssh://lab1/system\"},\n"
                          "  {\"uri\": \"qemu+tls://lab1/system\"},\n"
                          "  {\"uri\": \"qemu+ssh://lab1/system\", \"name\": \"x\"},\n"
                          "  {\"uri\": \"qemu:///system\", \"slots\": 63}]}", &h, &d), 0);
    static const struct {
        int line, column;
        const char *code;
    } wanted[] = {{3, 11, "bad-uri"}, {5, 3, "duplicate"}, {6, 11, "duplicate"}, {7, 3, "too-many"}};
    ck_assert_uint_eq(d.count, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_int_eq(d.items[i].pos.line, wanted[i].line);
        ck_assert_int_eq(d.items[i].pos.column, wanted[i].column);
        ck_assert_str_eq(d.items[i].code, wanted[i].code);
    }
    hosts_clear(&h);
    diags_free(&d);
}
END_TEST

START_TEST(the_schema_holds_for_files_of_hosts) {
    static const char *const bad[] = {
        "[]", "{\"format\": \"coexist-hosts/1\", \"hosts\": []}",
        "{\"format\": \"coexist-hosts/2\", \"hosts\": [{\"uri\": \"qemu:///embed\"}]}",
        "{\"format\": \"coexist-hosts/1\", \"hosts\": [{\"slots\": 2}]}",
        "{\"format\": \"coexist-hosts/1\", \"hosts\": [{\"uri\": \"qemu:///embed\", \"slots\": 0}]}",
        "{\"format\": \"coexist-hosts/1\", \"hosts\": [{\"uri\": \"qemu:///embed\", \"slot\": 1}]}",
        "{\"format\": \"coexist-hosts/1\", \"hosts\": [{\"uri\": \"qemu:///system\", \"folder\": \"x\"}]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct hosts h = {NULL, 0};
        struct diags d = DIAGS_INIT;
        ck_assert_msg(load(bad[i], &h, &d) < 0, "%s", bad[i]);
        ck_assert_uint_ge(d.count, 1);
        ck_assert_int_ge(d.items[0].pos.line, 1);
        hosts_clear(&h);
        diags_free(&d);
    }
}
END_TEST

/* ---- the command line ---------------------------------------------------------------------------- */

START_TEST(hosts_of_the_command_line) {
    struct hosts h = {NULL, 0};
    struct diags d = DIAGS_INIT;
    ck_assert_int_eq(hosts_add_text(&h, "qemu+ssh://root@lab1/system,slots=4,memory=8192,vcpus=6,folder=/x,"
                                        "images=copy,name=one", &d), 0);
    ck_assert_int_eq(hosts_add_text(&h, "qemu:///system", &d), 0);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_int_eq(h.items[0].slots, 4);
    ck_assert_int_eq(h.items[0].memory, INT64_C(8192) << 20);
    ck_assert_str_eq(h.items[0].name, "one");
    ck_assert(h.items[0].copy);
    ck_assert_str_eq(h.items[1].name, "local");
    static const char *const bad[] = {"", "qemu+ssh://lab9/system,slots=x", "qemu+ssh://lab9/system,slots=0",
                                      "qemu+ssh://lab9/system,slot=1", "qemu+ssh://lab9/system,name=",
                                      "nonsense", "qemu:///system", "\xff\xfe"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct diags why = DIAGS_INIT;
        ck_assert_msg(hosts_add_text(&h, bad[i], &why) < 0, "%s", bad[i]);
        ck_assert_uint_ge(why.count, 1);
        ck_assert_uint_eq(h.count, 2);
        diags_free(&why);
    }
    hosts_clear(&h);
    diags_free(&d);
}
END_TEST

/* ---- names --------------------------------------------------------------------------------------- */

START_TEST(a_lab_keeps_its_id) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *first = hosts_lab_id(dir, &err);
    CLEANUP_FREE char *again = hosts_lab_id(dir, &err);
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(strlen(first), 8);
    ck_assert_str_eq(first, again);
    CLEANUP_FREE char *path = fs_join(dir, "id");
    ck_assert_int_eq(fs_write_atomic(path, "../../..", 8, 0644, NULL), 0);
    ck_assert_ptr_null(hosts_lab_id(dir, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
}
END_TEST

START_TEST(names_on_a_host_tell_whose_they_are) {
    static const struct {
        const char *name, *prefix, *owner; /* owner NULL: nobody's of ours */
    } cases[] = {
        {"coexist-0a1b2c3d-20261121-050000-demo-1a2b.3-1.2", "coexist-0a1b2c3d-", "20261121-050000-demo-1a2b.3-1"},
        {"coexist-0a1b2c3d-20261121-050000-demo-1a2b.3-0-1.2", "coexist-0a1b2c3d-",
         "20261121-050000-demo-1a2b.3-0-1"},
        {"coexist-ffffffff-20261121-050000-demo-1a2b.3-1.2", "coexist-0a1b2c3d-", NULL},
        {"20261121-050000-demo-1a2b.3-1.overlay.qcow2", "", "20261121-050000-demo-1a2b.3-1"},
        {"image-00ff", "", NULL},
        {"image-00ff.whole", "", NULL},
        {"windows10", "coexist-0a1b2c3d-", NULL},
        {"a..b", "", NULL},
        {".b.c", "", NULL},
        {"../x.y.z", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *owner = NULL;
        bool ours = vm_remote_owner(cases[i].name, cases[i].prefix, &owner);
        ck_assert_msg(ours == (cases[i].owner != NULL), "%s", cases[i].name);
        ck_assert(str_eq(owner, cases[i].owner));
    }
}
END_TEST

/* ---- links: with a program that plays the part of the process -------------------------------------- */

struct scene {
    struct hosts hosts;
    struct host_links *links;
    struct host_links_spec spec;
    char *program, *log_path;
    struct log log;
};

static void scene_begin(struct scene *s, const char *script) {
    struct diags d = DIAGS_INIT;
    *s = (struct scene){.log = log_stderr(LOG_LEVEL_ERROR)};
    ck_assert_int_eq(hosts_add_text(&s->hosts, "qemu+ssh://lab1/system,name=far", &d), 0);
    s->program = fs_join(dir, "program");
    s->log_path = fs_join(dir, "log");
    CLEANUP_FREE char *text = str_printf("#!/bin/sh\n%s\n", script);
    ck_assert_int_eq(fs_write_atomic(s->program, text, strlen(text), 0755, NULL), 0);
    s->spec = (struct host_links_spec){.program = s->program, .lab_dir = dir, .images = "x",
                                       .log_path = s->log_path, .hosts = &s->hosts, .log = &s->log};
    s->links = host_links_new(&s->spec);
}

static void scene_end(struct scene *s) {
    host_links_free(s->links);
    hosts_clear(&s->hosts);
    free(s->program);
    free(s->log_path);
}

#define UP "echo '{\"up\":{\"kvm\":true,\"why\":\"y\",\"seen\":false,\"version\":\"v\",\"cpus\":4}}' >&3\n"
#define BEAT "echo '{\"beat\":{\"memory_free\":5000,\"disk_free\":-1}}' >&3\n"

/* Serves until the host is told of by fn, at most half a minute. */
static bool served_until(struct scene *s, int (*fn)(struct host_links *l)) {
    struct clock *clock = clock_monotonic();
    int64_t end = clock_after(clock, 30 * CLOCK_S);
    while (clock_now(clock) < end) {
        struct pollfd p[4];
        int64_t deadline = end;
        nfds_t n = host_links_poll(s->links, p, ARRAY_LEN(p), &deadline);
        poll(p, n, clock_poll_ms(clock, deadline));
        host_links_serve(s->links);
        if (fn(s->links) >= 0) {
            return true;
        }
    }
    return false;
}

START_TEST(a_host_that_is_up_beats) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct scene s;
    scene_begin(&s, UP BEAT "exec tail -f /dev/null");
    ck_assert_msg(host_links_meet(s.links, -1, &err) == 0, "%s", err_text(&err));
    struct host_state st = host_links_state(s.links, 0);
    ck_assert(st.there && st.kvm && !st.seen);
    ck_assert_int_eq(st.cpus, 4);
    ck_assert_int_eq(host_links_gone(s.links), -1);
    ck_assert_int_eq(host_links_back(s.links), -1);
    scene_end(&s);
}
END_TEST

START_TEST(a_run_without_any_host_that_answers_does_not_begin) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct scene s;
    scene_begin(&s, "echo '{\"lost\":\"connect: no route\"}' >&3; exit 3");
    ck_assert_int_lt(host_links_meet(s.links, -1, &err), 0);
    ck_assert_int_eq(err.cls, ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "far: connect: no route"));
    scene_end(&s);
}
END_TEST

/* The first process ends when it is told to; the second one comes up again. */
START_TEST(a_host_that_goes_comes_back) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct scene s;
    CLEANUP_FREE char *second = fs_join(dir, "second");
    CLEANUP_FREE char *go = fs_join(dir, "go");
    CLEANUP_FREE char *script =
        str_printf("if [ -e %s ]; then\n" UP "exec cat %s\nfi\ntouch %s\n" UP "read x <%s", second, go, second, go);
    ck_assert_int_eq(mkfifo(go, 0600), 0);
    scene_begin(&s, script);
    ck_assert_msg(host_links_meet(s.links, -1, &err) == 0, "%s", err_text(&err));
    CLEANUP_FD int end = open(go, O_WRONLY | O_CLOEXEC); /* once somebody reads */
    ck_assert_int_eq(write(end, "\n", 1), 1);
    ck_assert(served_until(&s, host_links_gone));
    ck_assert(!host_links_state(s.links, 0).there);
    ck_assert_int_eq(host_links_gone(s.links), -1); /* told once */
    ck_assert(served_until(&s, host_links_back));
    ck_assert(host_links_state(s.links, 0).there);
    ck_assert_int_eq(host_links_back(s.links), -1);
    scene_end(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("hosts");
    TCase *t = tcase_create("hosts");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, uris_say_how_a_host_is_reached);
    tcase_add_loop_test(t, other_uris_are_refused, 0, ARRAY_LEN(bad_uris));
    tcase_add_test(t, ssh_goes_the_way_libvirt_goes);
    tcase_add_test(t, a_file_of_hosts_is_read);
    tcase_add_test(t, every_error_of_a_file_is_told_at_its_place);
    tcase_add_test(t, the_schema_holds_for_files_of_hosts);
    tcase_add_test(t, hosts_of_the_command_line);
    tcase_add_test(t, a_lab_keeps_its_id);
    tcase_add_test(t, names_on_a_host_tell_whose_they_are);
    tcase_add_test(t, a_host_that_is_up_beats);
    tcase_add_test(t, a_run_without_any_host_that_answers_does_not_begin);
    tcase_add_test(t, a_host_that_goes_comes_back);
    suite_add_tcase(s, t);
    return suite_run(s);
}
