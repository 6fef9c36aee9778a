/* The VM contract over a libvirt daemon of the test's own (lab_daemon.h), with the micro guest: serial ports by
 * libvirt's streams, files by its storage API. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "lab_daemon.h"
#include "micro_guest.h"
#include "vm/libvirt.h"
#include "vm/libvirt_root.h"
#include "vm_contract.h"

struct far_bench {
    struct vm *vm;
    struct host_uri uri;
    char *work, *dir, *pool, *owner;
};

static void far_free(struct far_bench *b) {
    host_uri_clear(&b->uri);
    free(b->work);
    free(b->dir);
    free(b->pool);
    free(b->owner);
    free(b);
}

static char *far_owner(const char *dir) {
    return str_printf("run.%s", fs_basename(dir));
}

static void *far_open(const char *dir, bool small, char why[256]) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct far_bench *b = mem_zalloc(1, sizeof(*b));
    (void)small;
    b->dir = lab_daemon_dir(getppid());
    b->work = fs_join(dir, "work");
    b->pool = fs_join(b->dir, "pool");
    b->owner = far_owner(dir);
    mkdir(b->work, 0700);
    CLEANUP_FREE char *uri = lab_daemon_uri(b->dir);
    struct vm_remote_spec at = {.uri = &b->uri, .lab = LAB_DAEMON_LAB, .folder = b->pool, .owner = b->owner};
    if (host_uri_parse(uri, &b->uri, &err) == 0) {
        b->vm = micro_guest_vm(b->work, &at, &err);
    }
    if (!b->vm) {
        snprintf(why, 256, "%.250s", err_text(&err));
        far_free(b);
        return NULL;
    }
    return b;
}

static struct vm *far_vm(void *self) {
    return ((struct far_bench *)self)->vm;
}

/* A line that was cut while the guest's port came up is no answer: asked again. */
static bool far_answers(void *self) {
    struct clock *clock = clock_monotonic();
    int64_t end = clock_after(clock, 60 * CLOCK_S);
    do {
        CLEANUP_FREE char *line = micro_guest_ask(far_vm(self), "ping");
        if (!line || strncmp(line, "pong", 4) == 0) {
            return line != NULL;
        }
    } while (clock_now(clock) < end);
    return false;
}

static bool far_has_process(void *self) {
    return libvirt_root_signal_qemu(((struct far_bench *)self)->pool, 0, 0) > 0;
}

static void far_order(void *self, enum vm_contract_order order) {
    static const char *const orders[] = {
        [VM_ORDER_PANIC] = "panic",   [VM_ORDER_REBOOT] = "reboot", [VM_ORDER_POWEROFF] = "off",
        [VM_ORDER_FILL] = "fill",     [VM_ORDER_KILL] = NULL,
    };
    struct far_bench *b = self;
    if (orders[order]) {
        free(micro_guest_ask(b->vm, orders[order]));
    } else {
        libvirt_root_signal_qemu(b->pool, SIGKILL, 0);
    }
}

static void far_close(void *self) {
    struct far_bench *b = self;
    vm_destroy(b->vm);
    far_free(b);
}

/* A machine, its overlay there, or its folder here. */
static bool far_left_over(const char *dir) {
    CLEANUP_FREE char *link = str_printf("%s/work/embed", dir);
    CLEANUP_FREE char *daemon = lab_daemon_dir(getppid());
    CLEANUP_FREE char *pool = fs_join(daemon, "pool");
    CLEANUP_FREE char *owner = far_owner(dir);
    CLEANUP_FREE char *overlay = str_printf("%s/" LAB_DAEMON_LAB "/%s.overlay.qcow2", pool, owner);
    return fs_exists(link) || fs_exists(overlay) || libvirt_root_signal_qemu(pool, 0, 0) > 0;
}

static void far_sweep(const char *dir) {
    CLEANUP_FREE char *work = fs_join(dir, "work");
    vm_libvirt_sweep(work, NULL);
}

static void far_remember(void *self, const char *word) {
    CLEANUP_FREE char *order = str_printf("mark %s", word);
    free(micro_guest_ask(far_vm(self), order));
}

static bool far_remembers(void *self, const char *word) {
    CLEANUP_FREE char *want = str_printf("pong %s", word);
    CLEANUP_FREE char *line = micro_guest_ask(far_vm(self), "ping");
    return str_eq(line, want);
}

int main(void) {
    static const struct vm_contract_backend far = {
        .name = "libvirt daemon", .far = true, .open = far_open, .vm = far_vm,
        .answers = far_answers, .remember = far_remember, .remembers = far_remembers,
        .order = far_order, .has_process = far_has_process, .close = far_close,
        .left_over = far_left_over, .sweep = far_sweep,
    };
    int rc = vm_contract_run(&far, lab_daemon_prepare);
    lab_daemon_end();
    return rc;
}
