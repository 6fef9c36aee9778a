#include "vm_contract_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

/* Check's test functions take no argument; set once before the first test. */
static const struct vm_contract_backend *bench_backend;
static const char *bench_cannot;
static char bench_root[] = "/tmp/coexist-test-XXXXXX"; /* every test's folder lies in it */

const struct vm_contract_backend *contract(void) {
    return bench_backend;
}

const char *contract_cannot(void) {
    return bench_cannot;
}

char *bench_dir(void) {
    CLEANUP_FREE char *tmpl = fs_join(bench_root, "test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tmpl));
    return STEAL(tmpl);
}

static int bench_no_overlay(const char *name, void *ctx) {
    (void)ctx;
    return strncmp(name, "overlay", 7) == 0;
}

void bench_close(struct bench *b) {
    if (b->self) {
        contract()->close(b->self);
        ck_assert_msg(!contract()->left_over(b->dir), "something of the VM is left");
        CLEANUP_FREE char *work = fs_join(b->dir, "work");
        ck_assert_int_eq(fs_each(work, bench_no_overlay, NULL, NULL), 0);
    }
    fs_remove_tree(b->dir, NULL);
    free(b->dir);
}

void bench_open(struct bench *b, bool small, char why[256]) {
    b->dir = bench_dir();
    b->self = contract()->open(b->dir, small, why);
    b->vm = b->self ? contract()->vm(b->self) : NULL;
}

int64_t in_s(struct vm *vm, int64_t seconds) {
    return clock_after(vm_clock(vm), seconds * CLOCK_S);
}

void bench_up(struct bench *b) {
    OK(vm_start(b->vm, in_s(b->vm, 60), err));
    ck_assert(contract()->answers(b->self));
}

void expect_event(struct bench *b, enum vm_event_type type, enum vm_state leads_to) {
    struct vm_event ev = {.type = VM_EVENT_TYPE_COUNT};
    int rc = vm_next_event(b->vm, in_s(b->vm, 60), &ev, NULL);
    ck_assert_int_eq(rc, 1);
    ck_assert_str_eq(vm_event_name(ev.type), vm_event_name(type));
    ck_assert_str_eq(vm_state_name(vm_state(b->vm)), vm_state_name(leads_to));
}

void expect_silence(struct bench *b) {
    struct vm_event ev = {.type = VM_EVENT_TYPE_COUNT};
    int rc = vm_next_event(b->vm, in_s(b->vm, 1), &ev, NULL);
    ck_assert_msg(rc == 0, "an event nobody expected: %s %s", vm_event_name(ev.type), ev.detail);
}

void look_at_the_crash(struct bench *b) {
    CLEANUP_FREE char *picture = fs_join(b->dir, "screen.png");
    CLEANUP_FREE char *memory = fs_join(b->dir, "memory.dump");
    OK(vm_screenshot(b->vm, picture, err));
    CLEANUP_FREE char *png = fs_read(picture, 64 << 20, NULL, NULL);
    ck_assert_ptr_nonnull(png);
    ck_assert_int_eq(memcmp(png, "\x89PNG", 4), 0);
    OK(vm_dump(b->vm, memory, in_s(b->vm, 120), err));
    ck_assert_int_gt(fs_size(memory), 0);
    struct vm_diagnostics d;
    OK(vm_diagnose(b->vm, &d, err));
    ck_assert_int_gt(d.cpu_ns, 0);
    ck_assert_int_gt(d.balloon_bytes, 0);
    ck_assert_int_ge(d.starved_ns, 0);
    ck_assert_int_eq(vm_state(b->vm), VM_CRASHED);
}

/* A test that failed left its VM: whoever failed, the host is clean afterwards. */
static int bench_sweep(const char *name, void *ctx) {
    (void)ctx;
    CLEANUP_FREE char *dir = fs_join(bench_root, name);
    contract()->sweep(dir);
    return 0;
}

void bench_clean(void) {
    fs_each(bench_root, bench_sweep, NULL, NULL);
    fs_remove_tree(bench_root, NULL);
}

bool bench_prepare(const struct vm_contract_backend *backend, bool (*prepare)(char why[256])) {
    static char why[256];
    bench_backend = backend;
    if (!mkdtemp(bench_root)) {
        perror(bench_root);
        return false;
    }
    bench_cannot = prepare && !prepare(why) ? why : NULL;
    return true;
}
