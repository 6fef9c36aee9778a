/* What the parts of the VM contract share: a VM on a bench, and what is expected of it. */
#ifndef COEXIST_TESTS_VM_CONTRACT_BENCH_H
#define COEXIST_TESTS_VM_CONTRACT_BENCH_H

#include <check.h>

#include "base/cleanup.h"
#include "vm_contract.h"

const struct vm_contract_backend *contract(void);
const char *contract_cannot(void); /* why the backend cannot be had on this host; NULL: it can */

struct bench {
    char *dir;
    void *self;
    struct vm *vm;
};

/* Before the first test and after the last; false when no test can be run. */
bool bench_prepare(const struct vm_contract_backend *backend, bool (*prepare)(char why[256]));
void bench_clean(void);

char *bench_dir(void); /* a new empty folder; caller frees */
void bench_open(struct bench *b, bool small, char why[256]);
void bench_close(struct bench *b); /* also checks that nothing of the VM is left on the host */

#define BENCH_ON(small)                                         \
    CLEANUP(bench_close) struct bench b = {NULL, NULL, NULL};   \
    char cannot[256] = "";                                      \
    bench_open(&b, (small), cannot);                            \
    if (!b.self) {                                              \
        TEST_SKIP("%s: %s", contract()->name, cannot);          \
    }
#define NEEDS_BACKEND                                           \
    if (contract_cannot()) {                                    \
        TEST_SKIP("%s: %s", contract()->name, contract_cannot()); \
    }
#define BENCH                                                   \
    NEEDS_BACKEND                                               \
    BENCH_ON(false)

#define OK(call)                                                          \
    do {                                                                  \
        CLEANUP_ERR struct err ok_err = ERR_INIT;                         \
        struct err *err = &ok_err;                                        \
        int ok_rc = (call);                                               \
        ck_assert_msg(ok_rc >= 0, "%s: %s", #call, err_text(err));        \
    } while (0)

int64_t in_s(struct vm *vm, int64_t seconds);
void bench_up(struct bench *b); /* starts it and waits until it answers */
void expect_event(struct bench *b, enum vm_event_type type, enum vm_state leads_to);
void expect_silence(struct bench *b);   /* no event within a second */
void look_at_the_crash(struct bench *b); /* picture, memory, figures of a CRASHED machine */

/* The tests about saved states (vm_contract_states.c). */
void vm_contract_add_states(TCase *t);

#endif
