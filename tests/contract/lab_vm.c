#include "lab_vm.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "guest/remote.h"
#include "images/image.h"
#include "vm/libvirt.h"

static void lab_vm_die(const char *what, const struct err *err) {
    fprintf(stderr, "%s: %s\n", what, err_text(err));
    exit(1);
}

static struct vm *lab_vm_create(const struct image *image, const char *dir) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct vm_spec spec = {.name = "contract",
                           .work_dir = dir,
                           .disk = image->disk,
                           .disk_format = "qcow2",
                           .kernel = image->kernel,
                           .initrd = image->initrd,
                           .cmdline = image->cmdline,
                           .profile = image->profile,
                           .ssh_guest_port = 22};
    struct vm *vm = vm_libvirt_create(&spec, NULL, NULL, &err);
    if (!vm || vm_start(vm, clock_after(vm_clock(vm), 60 * CLOCK_S), &err) < 0) {
        lab_vm_die("start the VM", &err);
    }
    return vm;
}

struct lab_vm *lab_vm_boot(char why[256]) {
    const char *env = getenv("COEXIST_TEST_IMAGE");
    CLEANUP_ERR struct err err = ERR_INIT;
    char tmpl[] = "/tmp/coexist-guest-XXXXXX";
    struct image *image = image_open_dir(env ? env : "lab/images/winelab", &err);
    if (!image) {
        snprintf(why, 256, "%.200s (make image)", err_text(&err));
        return NULL;
    }
    if (!mkdtemp(tmpl)) {
        snprintf(why, 256, "no temporary folder");
        image_free(image);
        return NULL;
    }
    struct lab_vm *v = mem_zalloc(1, sizeof(*v));
    v->dir = str_dup(tmpl);
    v->image = image;
    v->vm = lab_vm_create(image, v->dir);
    return v;
}

void lab_vm_shut(struct lab_vm *v) {
    if (!v) {
        return;
    }
    vm_destroy(v->vm);
    fs_remove_tree(v->dir, NULL);
    image_free(v->image);
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
                                     .ssh_user = v->image->ssh_user,
                                     .ssh_host_key = v->image->ssh_host_key,
                                     .ssh_key_file = v->image->ssh_client_key,
                                     .agent_path = v->image->agent_path,
                                     .interrupt_fd = -1};
    struct guest *g = guest_remote_create(&spec, vm_clock(v->vm), log, &err);
    if (!g) {
        lab_vm_die("the guest", &err);
    }
    return g;
}
