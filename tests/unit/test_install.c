/* What is made of an installed machine: what it says of itself, and that it goes off when asked. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "install/seal.h"
#include "support/suite.h"

/* ---- a guest that says what it is told to, and a machine that goes off ------------------------ */

struct told {
    const char *secure_boot; /* of the registry; NULL: no such value */
    const char *powershell;  /* what it prints; NULL: there is none */
    bool deaf;               /* to shutdown */
    int64_t off_after;       /* ns after it was asked to */
    enum vm_event_type ends_by;
    int64_t off_at;
    int executed;
    struct clock_virtual clock;
};

static int told_call(void *self, const char *op, const json_t *args, int64_t deadline, json_t **result,
                     struct err *err) {
    struct told *t = self;
    (void)deadline;
    if (strcmp(op, "shutdown") == 0) {
        t->off_at = t->deaf ? CLOCK_NEVER : t->clock.now_ns + t->off_after;
        *result = json_object();
        return 0;
    }
    if (strcmp(op, "registry") != 0 ||
        !str_eq(json_string_value(json_object_get(args, "value")), "UEFISecureBootEnabled")) {
        return err_set(err, ERR_REFUSED, "unsupported: %s", op);
    }
    *result = t->secure_boot ? json_pack("{s:b, s:s, s:s}", "exists", 1, "type", "dword", "data", t->secure_boot)
                             : json_pack("{s:b}", "exists", 0);
    return 0;
}

static int told_exec(void *self, const char *command, int64_t limit_ms, size_t max_output, int64_t deadline,
                     struct guest_exec *out, struct err *err) {
    struct told *t = self;
    (void)limit_ms;
    (void)max_output;
    (void)deadline;
    t->executed++;
    if (!t->powershell || strncmp(command, "powershell", 10) != 0) {
        return err_set(err, ERR_REFUSED, "not-found: %s", command);
    }
    str_add(&out->out, t->powershell);
    return 0;
}

static void told_nothing(void *self) {
    (void)self;
}

static const struct guest_ops told_guest = {.backend = "told", .call = told_call, .exec = told_exec,
                                            .destroy = told_nothing};

static int told_start(void *self, int64_t deadline, struct err *err) {
    (void)self;
    (void)deadline;
    (void)err;
    return 0;
}

static int told_event(void *self, int64_t deadline, struct vm_event *ev, struct err *err) {
    struct told *t = self;
    (void)err;
    if (t->off_at > deadline) {
        t->clock.now_ns = deadline;
        return 0;
    }
    t->clock.now_ns = t->off_at;
    *ev = (struct vm_event){.type = t->ends_by, .at_ns = t->off_at};
    return 1;
}

static const struct vm_ops told_vm = {.backend = "told", .start = told_start, .next_event = told_event,
                                      .destroy = told_nothing};

static struct guest *new_guest(struct told *t) {
    clock_virtual_init(&t->clock);
    return guest_wrap(&told_guest, t, &t->clock.clock, NULL);
}

/* ---- attesting ------------------------------------------------------------------------------- */

static json_t *attest(struct told *t, const char *wine) {
    struct guest *g = new_guest(t);
    json_t *hello = json_pack("{s:{s:s, s:s?}}", "os", "name", "Windows", "wine", wine);
    json_t *said = install_attest(g, hello, CLOCK_NEVER);
    json_decref(hello);
    guest_destroy(g);
    ck_assert_ptr_nonnull(said);
    return said;
}

static void expect_text(const json_t *said, const char *want) {
    json_t *copy = json_copy((json_t *)said);
    json_object_del(copy, "os");
    CLEANUP_FREE char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    ck_assert_str_eq(text, want);
}

START_TEST(windows_says_what_it_has) {
    struct told t = {.secure_boot = "1", .powershell = "vbs=True\r\nhvci=False\r\ntpm=True\r\nupdate=KB5044284\r\n"
                                                       "update=KB5045935\r\n"};
    json_t *said = attest(&t, NULL);
    expect_text(said, "{\"hvci\":false,\"secure_boot\":true,\"stand_in\":false,\"tpm\":true,"
                      "\"updates\":[\"KB5044284\",\"KB5045935\"],\"vbs\":true}");
    json_decref(said);
}
END_TEST

START_TEST(what_a_guest_does_not_tell_is_not_made_up) {
    struct told silent = {.powershell = NULL};
    struct told odd = {.secure_boot = "0", .powershell = "Access denied\r\nvbs=\r\n"};
    json_t *a = attest(&silent, NULL), *b = attest(&odd, NULL);
    expect_text(a, "{\"hvci\":null,\"secure_boot\":null,\"stand_in\":false,\"tpm\":null,\"updates\":null,"
                   "\"vbs\":null}");
    expect_text(b, "{\"hvci\":null,\"secure_boot\":false,\"stand_in\":false,\"tpm\":null,\"updates\":[],"
                   "\"vbs\":null}");
    json_decref(a);
    json_decref(b);
}
END_TEST

START_TEST(the_stand_in_is_called_one_and_not_asked_for_windows_own) {
    struct told t = {.secure_boot = "1", .powershell = "vbs=True\r\n"};
    json_t *said = attest(&t, "8.0");
    expect_text(said, "{\"hvci\":null,\"secure_boot\":true,\"stand_in\":true,\"tpm\":null,\"updates\":null,"
                      "\"vbs\":null}");
    ck_assert_int_eq(t.executed, 0);
    json_decref(said);
}
END_TEST

static const struct {
    const char *attested, *profile;
    const char *word; /* of the complaint; NULL: they fit */
} promises[] = {
    {"{\"secure_boot\":true}", "{\"firmware\":\"uefi-secure\"}", NULL},
    {"{\"secure_boot\":false}", "{\"firmware\":\"uefi-secure\"}", "is off"},
    {"{\"secure_boot\":null}", "{\"firmware\":\"uefi-secure\"}", "not there"},
    {"{\"secure_boot\":false}", "{\"firmware\":\"uefi\"}", NULL},
    {"{\"secure_boot\":true}", "{\"firmware\":\"uefi\"}", "no Secure Boot"},
    {"{\"secure_boot\":null}", "{\"firmware\":\"bios\"}", NULL},
    {"{\"secure_boot\":null}", "{}", NULL},
    {"{\"secure_boot\":true,\"tpm\":true}", "{\"firmware\":\"uefi-secure\",\"tpm\":\"2.0\"}", NULL},
    {"{\"secure_boot\":true,\"tpm\":null}", "{\"firmware\":\"uefi-secure\",\"tpm\":\"2.0\"}", NULL},
    {"{\"secure_boot\":true,\"tpm\":false}", "{\"firmware\":\"uefi-secure\",\"tpm\":\"2.0\"}", "TPM"},
    {"{\"secure_boot\":null,\"tpm\":false}", "{\"firmware\":\"bios\",\"tpm\":\"none\"}", NULL},
};

START_TEST(what_the_profile_promises_the_guest_must_have) {
    json_t *attested = json_loads(promises[_i].attested, 0, NULL), *profile = json_loads(promises[_i].profile, 0, NULL);
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = install_attest_check(attested, profile, &err);
    ck_assert_msg((rc < 0) == (promises[_i].word != NULL), "%d: %s", _i, err_text(&err));
    ck_assert_msg(!promises[_i].word || (err.cls == ERR_REFUSED && strstr(err_text(&err), promises[_i].word)), "%s",
                  err_text(&err));
    json_decref(attested);
    json_decref(profile);
}
END_TEST

/* ---- switching off --------------------------------------------------------------------------- */

static int shut_down(struct told *t, struct err *err) {
    struct guest *g = new_guest(t);
    struct vm *vm = vm_wrap(&told_vm, t, "told", &t->clock.clock, NULL);
    ck_assert_int_eq(vm_start(vm, CLOCK_NEVER, NULL), 0);
    t->clock.now_ns = 1;
    int rc = install_shut_down(vm, g, clock_after(&t->clock.clock, 60 * CLOCK_S), err);
    vm_destroy(vm);
    guest_destroy(g);
    return rc;
}

START_TEST(a_guest_goes_off_when_asked_or_that_is_told) {
    struct told well = {.off_after = 30 * CLOCK_S, .ends_by = VM_EVENT_SHUTDOWN};
    struct told slow = {.off_after = 61 * CLOCK_S, .ends_by = VM_EVENT_SHUTDOWN};
    struct told deaf = {.deaf = true};
    struct told dies = {.off_after = CLOCK_S, .ends_by = VM_EVENT_DIED};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(shut_down(&well, &err) == 0, "%s", err_text(&err));
    ck_assert_int_lt(shut_down(&slow, &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    err_clear(&err);
    ck_assert_int_lt(shut_down(&deaf, &err), 0);
    ck_assert_int_eq(err.cls, ERR_TIMEOUT);
    err_clear(&err);
    ck_assert_int_lt(shut_down(&dies, &err), 0);
    ck_assert_int_eq(err.cls, ERR_SYSTEM);
}
END_TEST

int main(void) {
    Suite *s = suite_create("install");
    TCase *t = tcase_create("install");
    tcase_add_test(t, windows_says_what_it_has);
    tcase_add_test(t, what_a_guest_does_not_tell_is_not_made_up);
    tcase_add_test(t, the_stand_in_is_called_one_and_not_asked_for_windows_own);
    tcase_add_loop_test(t, what_the_profile_promises_the_guest_must_have, 0, (int)ARRAY_LEN(promises));
    tcase_add_test(t, a_guest_goes_off_when_asked_or_that_is_told);
    suite_add_tcase(s, t);
    return suite_run(s);
}
