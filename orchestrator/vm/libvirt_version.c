#include <libvirt/libvirt.h>
#include <stdio.h>

#include "base/fs.h"
#include "vm/libvirt.h"

int vm_libvirt_version(char out[64], struct err *err) {
    unsigned long v = 0;
    if (virGetVersion(&v, NULL, NULL) < 0) {
        return err_set(err, ERR_SYSTEM, "libvirt does not say its version");
    }
    /* The embedded driver is a module that libvirt loads when it is asked for. */
    static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu/libvirt/connection-driver",
                                          "/usr/lib64/libvirt/connection-driver",
                                          "/usr/lib/libvirt/connection-driver"};
    bool driver = false;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/libvirt_driver_qemu.so", folders[i]);
        driver = driver || fs_exists(path);
    }
    if (!driver) {
        return err_set(err, ERR_SYSTEM, "libvirt's QEMU driver is not installed");
    }
    snprintf(out, 64, "libvirt %lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
    return 0;
}
