#include "lab_vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/remote.h"
#include "vm/libvirt.h"

#define LAB_CMDLINE \
    "console=ttyS0,115200 quiet panic=0 mitigations=off tsc=reliable no_timer_check"

static void lab_vm_die(const char *what, const struct err *err) {
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    exit(1);
}

static struct vm *lab_vm_create(const char *image, const char *dir) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *disk = fs_join(image, "disk.qcow2");
    CLEANUP_FREE char *kernel = fs_join(image, "vmlinuz");
    CLEANUP_FREE char *initrd = fs_join(image, "initrd");
    json_t *profile = json_pack("{s:i}", "memory_mib", 512);
    struct vm_spec spec = {.name = "contract",
                           .work_dir = dir,
                           .disk = disk,
                           .disk_format = "qcow2",
                           .kernel = kernel,
                           .initrd = initrd,
                           .cmdline = LAB_CMDLINE,
                           .profile = profile,
                           .ssh_guest_port = 22};
    struct vm *vm = vm_libvirt_create(&spec, NULL, NULL, &err);
    json_decref(profile);
    if (!vm || vm_start(vm, clock_after(vm_clock(vm), 60 * CLOCK_S), &err) < 0) {
        lab_vm_die("start the VM", &err);
    }
    return vm;
}

/* The client's key with the rights ssh wants, the host's key as text. */
static void lab_vm_take_keys(struct lab_vm *v, const char *image) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *host = fs_join(image, "host_key.pub");
    CLEANUP_FREE char *client = fs_join(image, "client_key");
    v->owned[0] = fs_read(host, 4096, NULL, &err);
    v->owned[1] = fs_absolute(client);
    if (!v->owned[0]) {
        lab_vm_die("the image's host key", &err);
    }
    v->host_key = v->owned[0];
    v->key_file = v->owned[1];
}

struct lab_vm *lab_vm_boot(char why[256]) {
    const char *env = getenv("COEXIST_TEST_IMAGE");
    CLEANUP_FREE char *image = fs_absolute(env ? env : "lab/images/winelab");
    CLEANUP_FREE char *disk = fs_join(image, "disk.qcow2");
    char tmpl[] = "/tmp/coexist-guest-XXXXXX";
    if (!fs_exists(disk)) {
        snprintf(why, 256, "no image in %.200s (make image)", image);
        return NULL;
    }
    if (!mkdtemp(tmpl)) {
        snprintf(why, 256, "no temporary folder");
        return NULL;
    }
    struct lab_vm *v = mem_zalloc(1, sizeof(*v));
    v->dir = str_dup(tmpl);
    lab_vm_take_keys(v, image);
    v->vm = lab_vm_create(image, v->dir);
    return v;
}

void lab_vm_shut(struct lab_vm *v) {
    if (!v) {
        return;
    }
    vm_destroy(v->vm);
    fs_remove_tree(v->dir, NULL);
    free(v->owned[0]);
    free(v->owned[1]);
    free(v->dir);
    free(v);
}

struct guest *lab_vm_guest(struct lab_vm *v, bool with_ssh, struct log *log) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm_endpoints at;
    if (vm_endpoints(v->vm, &at, &err) < 0) {
        lab_vm_die("where the guest is", &err);
    }
    struct guest_remote_spec spec = {.serial_socket = at.agent_socket,
                                     .ssh_port = with_ssh ? at.ssh_port : 0,
                                     .ssh_user = "lab",
                                     .ssh_host_key = v->host_key,
                                     .ssh_key_file = v->key_file,
                                     .agent_path = "C:\\coexist\\agent.exe",
                                     .interrupt_fd = -1};
    struct guest *g = guest_remote_create(&spec, vm_clock(v->vm), log, &err);
    if (!g) {
        lab_vm_die("the guest", &err);
    }
    return g;
}
