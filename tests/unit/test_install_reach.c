/* SSH to a machine just installed: the key that its sshd makes is waited for, checked, and somebody logs in; whatever
 * does not come to that is told. On the virtual clock. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/keys.h"
#include "install/reach.h"
#include "media/answer.h"
#include "support/cds.h"
#include "support/suite.h"

/* Of RFC 8709's form: 32 bytes of zeros. */
#define REACH_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

struct far_guest {
    struct clock_virtual clock;
    const char *key;         /* what its file says; NULL: never there */
    int64_t key_at, up_at;   /* when the file is there, when sshd listens; ns */
    enum err_class refuses;  /* a login when it listens; ERR_NONE: lets in */
    unsigned exit_code;      /* of the command */
    int64_t dies_at;         /* the machine; 0: never */
    enum vm_event_type ends_by;
    bool off;
    char host_key[128];      /* the one the login was told to expect */
    int logins;
};

static int far_get(void *self, const char *guest_path, const char *host_path, int64_t max, int64_t deadline,
                   struct err *err) {
    struct far_guest *g = self;
    (void)deadline;
    ck_assert_str_eq(guest_path, ANSWER_SSH_HOST_KEY);
    if (!g->key || g->clock.now_ns < g->key_at) {
        return err_set(err, ERR_REFUSED, "not-found: %s", guest_path);
    }
    ck_assert_int_gt(max, (int64_t)strlen(g->key));
    return fs_write_atomic(host_path, g->key, strlen(g->key), 0600, err);
}

static int far_exec(void *self, const char *command, int64_t limit_ms, size_t max_output, int64_t deadline,
                    struct guest_exec *out, struct err *err) {
    struct far_guest *g = self;
    (void)command;
    (void)limit_ms;
    (void)max_output;
    (void)deadline;
    g->logins++;
    if (g->clock.now_ns < g->up_at) {
        return err_set(err, ERR_CLOSED, "nobody listens");
    }
    if (g->refuses != ERR_NONE) {
        return err_set(err, g->refuses, "the key is not let in");
    }
    out->exit_code = g->exit_code;
    return 0;
}

static void far_nothing(void *self) {
    (void)self;
}

static const struct guest_ops far_ops = {.backend = "far", .get = far_get, .exec = far_exec,
                                         .disconnect = far_nothing, .destroy = far_nothing};

static int far_start(void *self, int64_t deadline, struct err *err) {
    (void)self;
    (void)deadline;
    (void)err;
    return 0;
}

static int far_event(void *self, int64_t deadline, struct vm_event *ev, struct err *err) {
    struct far_guest *g = self;
    (void)err;
    if (g->off || g->dies_at == 0 || g->dies_at > deadline) {
        g->clock.now_ns = deadline;
        return 0;
    }
    g->clock.now_ns = g->dies_at;
    g->off = true;
    *ev = (struct vm_event){.type = VM_EVENT_DIED, .at_ns = g->dies_at, .detail = "killed"};
    return 1;
}

static int far_fd(void *self) {
    (void)self;
    return -1;
}

static const struct vm_ops far_vm_ops = {.backend = "far", .start = far_start, .next_event = far_event,
                                         .event_fd = far_fd, .destroy = far_nothing};

static struct guest *far_open(void *ctx, struct vm *vm, const char *host_key, struct err *err) {
    struct far_guest *g = ctx;
    (void)err;
    strncpy(g->host_key, host_key, sizeof(g->host_key) - 1);
    return guest_wrap(&far_ops, g, vm_clock(vm), NULL);
}

/* NULL with err. */
static json_t *reach(struct far_guest *g, struct err *err) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    clock_virtual_init(&g->clock);
    struct vm *vm = vm_wrap(&far_vm_ops, g, "far", &g->clock.clock, NULL);
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, err), 0);
    struct guest *serial = guest_wrap(&far_ops, g, &g->clock.clock, NULL);
    struct install_reach r = {.vm = vm, .guest = serial, .open_ssh = far_open, .ctx = g, .user = "lab",
                              .work_dir = dir};
    json_t *ssh = install_reach_ssh(&r, g->clock.now_ns + 300 * CLOCK_S, err);
    guest_destroy(serial);
    vm_destroy(vm);
    return ssh;
}

START_TEST(it_waits_for_key_and_server_and_logs_in) {
    struct far_guest g = {.key = REACH_KEY " SYSTEM@COEXIST-LAB\r\n", .key_at = 40 * CLOCK_S, .up_at = 90 * CLOCK_S};
    CLEANUP_ERR struct err err = ERR_INIT;
    json_t *ssh = reach(&g, &err);
    ck_assert_msg(ssh != NULL, "%s", err_text(&err));
    ck_assert_str_eq(g.host_key, REACH_KEY);
    ck_assert_str_eq(json_string_value(json_object_get(ssh, "host_key")), REACH_KEY);
    ck_assert_str_eq(json_string_value(json_object_get(ssh, "user")), "lab");
    ck_assert_str_eq(json_string_value(json_object_get(ssh, "client_key")), IMAGE_CLIENT_KEY);
    ck_assert_int_gt(g.logins, 1);
    ck_assert_int_ge(g.clock.now_ns, 90 * CLOCK_S);
    json_decref(ssh);
}
END_TEST

static void check_not_reached(struct far_guest g, enum err_class cls, const char *word) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(reach(&g, &err));
    ck_assert_msg(err.cls == cls && strstr(err_text(&err), word), "%d, no '%s': %s", (int)err.cls, word,
                  err_text(&err));
    ck_assert_int_le(g.clock.now_ns, 310 * CLOCK_S);
}

START_TEST(what_is_not_reached_is_told) {
    check_not_reached((struct far_guest){.key = NULL}, ERR_REFUSED, "made no host key");
    check_not_reached((struct far_guest){.key = REACH_KEY, .up_at = CLOCK_NEVER}, ERR_REFUSED, "nobody listens");
    check_not_reached((struct far_guest){.key = REACH_KEY, .refuses = ERR_REFUSED}, ERR_REFUSED, "not let in");
    check_not_reached((struct far_guest){.key = REACH_KEY, .exit_code = 1}, ERR_REFUSED, "did not come to its end");
    check_not_reached((struct far_guest){.dies_at = 9 * CLOCK_S}, ERR_SYSTEM, "killed");
    check_not_reached((struct far_guest){.key = REACH_KEY, .up_at = CLOCK_NEVER, .dies_at = 9 * CLOCK_S}, ERR_SYSTEM,
                      "killed");
}
END_TEST

START_TEST(a_guest_is_not_believed_any_key) {
    static const char *const wrong[] = {
        "", "\n", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAA", /* too short */
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* too long */
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE4AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* another name in it */
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        check_not_reached((struct far_guest){.key = wrong[i]}, ERR_PROTOCOL, "not an ed25519 public key");
    }
}
END_TEST

START_TEST(the_labs_keys_are_made_once) {
    CLEANUP(cds_remove) char *lab = cds_dir();
    CLEANUP_FREE char *keys = image_keys_dir(lab), *public = fs_join(keys, IMAGE_HOST_KEY ".pub");
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(image_keys_make(keys, &err) == 0, "%s", err_text(&err));
    CLEANUP_FREE char *line = fs_read(public, 4096, NULL, NULL);
    ck_assert_int_eq(image_keys_make(keys, &err), 0);
    CLEANUP_FREE char *again = fs_read(public, 4096, NULL, NULL);
    ck_assert_str_eq(line, again);
    json_t *ssh = image_keys_ssh("lab", line, &err);
    ck_assert_msg(ssh != NULL, "%s", err_text(&err));
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(ssh, "host_key_sha256"))), 7 + 43);
    json_decref(ssh);
}
END_TEST

int main(void) {
    Suite *s = suite_create("install reach");
    TCase *t = tcase_create("install reach");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, it_waits_for_key_and_server_and_logs_in);
    tcase_add_test(t, what_is_not_reached_is_told);
    tcase_add_test(t, a_guest_is_not_believed_any_key);
    tcase_add_test(t, the_labs_keys_are_made_once);
    suite_add_tcase(s, t);
    return suite_run(s);
}
