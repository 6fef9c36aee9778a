/* The VM contract over libvirt and QEMU, with the micro guest. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "micro_guest.h"
#include "vm/libvirt.h"
#include "vm/libvirt_root.h"
#include "vm_contract.h"

struct real_bench {
    struct vm *vm;
    char *work;
    char *root; /* libvirt's private folder */
    bool mounted;
    int unheard; /* a connection nobody reads from, or -1 */
};

static void real_free(struct real_bench *b) {
    if (b->mounted) {
        umount2(b->work, MNT_DETACH);
    }
    if (b->unheard >= 0) {
        close(b->unheard);
    }
    free(b->work);
    free(b->root);
    free(b);
}

static char *real_root(const char *work) {
    CLEANUP_FREE char *link = fs_join(work, "embed");
    char target[4096];
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    return str_dup(target);
}

static void *real_open(const char *dir, bool small, char why[256]) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct real_bench *b = mem_zalloc(1, sizeof(*b));
    b->unheard = -1;
    b->work = fs_join(dir, "work");
    mkdir(b->work, 0700);
    if (small) {
        b->mounted = mount("coexist-test", b->work, "tmpfs", 0, "size=6m,mode=0700") == 0;
        if (!b->mounted) {
            snprintf(why, 256, "only root may mount a small file system");
            real_free(b);
            return NULL;
        }
    }
    b->vm = micro_guest_vm(b->work, NULL, &err);
    if (!b->vm) {
        snprintf(why, 256, "%.250s", err_text(&err));
        real_free(b);
        return NULL;
    }
    b->root = real_root(b->work);
    return b;
}

static struct vm *real_vm(void *self) {
    return ((struct real_bench *)self)->vm;
}

static bool real_answers(void *self) {
    CLEANUP_FREE char *line = micro_guest_ask(real_vm(self), "ping");
    return line && strncmp(line, "pong", 4) == 0;
}

static void real_remember(void *self, const char *word) {
    CLEANUP_FREE char *order = str_printf("mark %s", word);
    free(micro_guest_ask(real_vm(self), order));
}

static bool real_remembers(void *self, const char *word) {
    CLEANUP_FREE char *want = str_printf("pong %s", word);
    CLEANUP_FREE char *line = micro_guest_ask(real_vm(self), "ping");
    return str_eq(line, want);
}

static void real_write_disk(void *self, const char *word) {
    CLEANUP_FREE char *order = str_printf("write %s", word);
    free(micro_guest_ask(real_vm(self), order));
}

static bool real_disk_holds(void *self, const char *word) {
    CLEANUP_FREE char *want = str_printf("disk %s", word);
    CLEANUP_FREE char *line = micro_guest_ask(real_vm(self), "read");
    return str_eq(line, want);
}

static bool real_talk_unheard(void *self) {
    struct real_bench *b = self;
    b->unheard = micro_guest_talk_unheard(b->vm);
    return b->unheard >= 0;
}

static bool real_has_process(void *self) {
    return libvirt_root_signal_qemu(((struct real_bench *)self)->root, 0, 0) > 0;
}

/* Every thread of its QEMU, whatever the lab says it did. */
static bool real_favoured(void *self) {
    struct real_bench *b = self;
    int fd = -1, threads = 0, behind = 0;
    ck_assert_int_eq(libvirt_root_open_qemu(b->root, &fd, 1), 1);
    CLEANUP_FREE char *info = str_printf("/proc/self/fdinfo/%d", fd);
    CLEANUP_FREE char *text = fs_read(info, 4096, NULL, NULL);
    const char *pid = text ? strstr(text, "Pid:") : NULL;
    ck_assert_ptr_nonnull(pid);
    CLEANUP_FREE char *tasks = str_printf("/proc/%ld/task", strtol(pid + 4, NULL, 10));
    close(fd);
    DIR *dir = opendir(tasks);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        id_t thread = (id_t)strtoul(e->d_name, NULL, 10);
        errno = 0;
        int nice = thread > 0 ? getpriority(PRIO_PROCESS, thread) : 0;
        threads += thread > 0 && errno == 0;
        behind += thread > 0 && errno == 0 && nice == LIBVIRT_ROOT_NICE;
    }
    closedir(dir);
    ck_assert_int_gt(threads, 1);
    ck_assert_msg(behind == 0 || behind == threads, "%d of %d threads stand back", behind, threads);
    return behind == 0;
}

static void real_order(void *self, enum vm_contract_order order) {
    static const char *const orders[] = {
        [VM_ORDER_PANIC] = "panic",   [VM_ORDER_REBOOT] = "reboot",
        [VM_ORDER_POWEROFF] = "off", [VM_ORDER_FILL] = "fill",
        [VM_ORDER_KILL] = NULL,
    };
    struct real_bench *b = self;
    if (orders[order]) {
        free(micro_guest_ask(b->vm, orders[order]));
    } else {
        libvirt_root_signal_qemu(b->root, SIGKILL, 0);
    }
}

static void real_close(void *self) {
    struct real_bench *b = self;
    vm_destroy(b->vm);
    real_free(b);
}

/* Any process with the folder on its command line, or libvirt's folder still there. */
static bool real_left_over(const char *dir) {
    CLEANUP_FREE char *work = fs_join(dir, "work");
    CLEANUP_FREE char *link = fs_join(work, "embed");
    return fs_exists(link) || libvirt_root_signal_qemu(dir, 0, 0) > 0;
}

static void real_sweep(const char *dir) {
    CLEANUP_FREE char *work = fs_join(dir, "work");
    vm_libvirt_sweep(work, NULL);
    umount2(work, MNT_DETACH); /* fails harmlessly where nothing was mounted */
}

int main(void) {
    const struct vm_contract_backend real = {
        .name = "libvirt",
        .open = real_open,
        .vm = real_vm,
        .answers = real_answers,
        .remember = real_remember,
        .remembers = real_remembers,
        .write_disk = real_write_disk,
        .disk_holds = real_disk_holds,
        .order = real_order,
        .talk_unheard = real_talk_unheard,
        .has_process = real_has_process,
        .favoured = geteuid() == 0 ? real_favoured : NULL, /* only root may */
        .close = real_close,
        .left_over = real_left_over,
        .sweep = real_sweep,
    };
    return vm_contract_run(&real, micro_guest_prepare);
}
