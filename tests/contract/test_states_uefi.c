/* States of machines with UEFI and a TPM, on real libvirt, QEMU and swtpm: what the firmware wrote and what the TPM
 * measured is kept with memory and disk. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "micro_guest.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/libvirt.h"

enum { ASKS = 5 }; /* of a minute each: the firmware takes long under emulation */

static char dir[] = "/tmp/coexist-test-XXXXXX"; /* as short as libvirt's sockets need */
static char missing[256];

static int64_t in_seconds(int64_t s) {
    return clock_after(clock_monotonic(), s * CLOCK_S);
}

static char *folder(const char *name) {
    char *path = fs_join(dir, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    return path;
}

/* Caller frees. */
static char *ask(struct vm *vm, const char *order) {
    char *answer = NULL;
    for (int i = 0; i < ASKS && !answer; i++) {
        answer = micro_guest_ask(vm, order);
    }
    ck_assert_msg(answer != NULL, "no answer to %s", order);
    return answer;
}

static void expect(struct vm *vm, const char *order, const char *want) {
    CLEANUP_FREE char *answer = ask(vm, order);
    ck_assert_str_eq(answer, want);
}

/* Eight registers, each as sysfs writes one that nothing was measured into. */
static void expect_measured(const char *pcrs) {
    CLEANUP_STR struct str zeros = STR_INIT;
    char hex[FS_SHA256_HEX];
    for (int i = 0; i < 8; i++) {
        str_addf(&zeros, "%064d\n", 0);
    }
    fs_sha256_bytes(str_get(&zeros), zeros.len, hex);
    CLEANUP_FREE char *untouched = str_printf("pcrs %s", hex);
    fs_sha256_bytes("", 0, hex);
    CLEANUP_FREE char *none = str_printf("pcrs %s", hex);
    ck_assert_str_ne(pcrs, untouched);
    ck_assert_str_ne(pcrs, none);
}

/* The tests follow one upon the other, each in a process of its own, which may have one machine. */
#define NEEDS_GUEST                  \
    if (missing[0]) {                \
        TEST_SKIP("%s", missing);    \
    }                                \
    CLEANUP_ERR struct err err = ERR_INIT;

START_TEST(a_machine_with_uefi_and_a_tpm_is_saved) {
    NEEDS_GUEST
    CLEANUP_FREE char *work = folder("a"), *state = folder("state"), *note = fs_join(dir, "measured");
    struct vm *vm = micro_guest_tpm_vm(work, &err);
    ck_assert_msg(vm && vm_start(vm, in_seconds(120), &err) == 0, "%s", err_text(&err));
    expect(vm, "getvar", "var ");
    expect(vm, "setvar saved", "set");
    expect(vm, "mark saved", "remembered");
    CLEANUP_FREE char *measured = ask(vm, "pcrs");
    expect_measured(measured);
    ck_assert_msg(vm_save(vm, state, in_seconds(120), &err) == 0, "%s", err_text(&err));
    expect(vm, "getvar", "var saved"); /* it goes on */
    expect(vm, "pcrs", measured);
    vm_destroy(vm);
    ck_assert_int_eq(fs_write_atomic(note, measured, strlen(measured), 0600, NULL), 0);
}
END_TEST

START_TEST(it_goes_on_with_its_variables_and_what_was_measured) {
    NEEDS_GUEST
    CLEANUP_FREE char *work = folder("b"), *state = fs_join(dir, "state"), *note = fs_join(dir, "measured");
    CLEANUP_FREE char *kept = fs_join(state, VM_STATE_NVRAM);
    CLEANUP_FREE char *measured = fs_read(note, 200, NULL, &err);
    char before[FS_SHA256_HEX], after[FS_SHA256_HEX];
    ck_assert_msg(measured && fs_sha256_file(kept, before, &err) == 0, "%s", err_text(&err));
    struct vm *vm = micro_guest_tpm_vm(work, &err);
    ck_assert_msg(vm && vm_restore(vm, state, in_seconds(120), &err) == 0, "%s", err_text(&err));
    expect(vm, "ping", "pong saved");
    expect(vm, "getvar", "var saved");
    expect(vm, "pcrs", measured);
    ck_assert_msg(vm_stop(vm, in_seconds(60), &err) == 0 && vm_start(vm, in_seconds(120), &err) == 0, "%s",
                  err_text(&err));
    expect(vm, "ping", "pong none");   /* begun anew, */
    expect(vm, "getvar", "var saved"); /* with the variables of its own file */
    expect(vm, "pcrs", measured);      /* and the same things measured by a TPM begun anew */
    vm_destroy(vm);
    ck_assert_int_eq(fs_sha256_file(kept, after, &err), 0);
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(without_its_variables_it_is_no_whole_state) {
    NEEDS_GUEST
    CLEANUP_FREE char *work = folder("c"), *state = fs_join(dir, "state");
    CLEANUP_FREE char *kept = fs_join(state, VM_STATE_NVRAM);
    ck_assert_int_eq(remove(kept), 0);
    struct vm *vm = micro_guest_tpm_vm(work, &err);
    ck_assert_msg(vm != NULL, "%s", err_text(&err));
    ck_assert_int_eq(vm_restore(vm, state, in_seconds(60), &err), -1);
    ck_assert_msg(err.cls == ERR_INPUT && strstr(err_text(&err), VM_STATE_NVRAM), "%s", err_text(&err));
    vm_destroy(vm);
}
END_TEST

int main(void) {
    if (micro_guest_prepare(missing)) {
        missing[0] = '\0';
    }
    Suite *s = suite_create("states with UEFI");
    TCase *t = tcase_create("states");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, a_machine_with_uefi_and_a_tpm_is_saved);
    tcase_add_test(t, it_goes_on_with_its_variables_and_what_was_measured);
    tcase_add_test(t, without_its_variables_it_is_no_whole_state);
    suite_add_tcase(s, t);
    return suite_run_in(dir, s);
}
