/* What runs machines here. */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "vm/domain_xml.h"
#include "vm/libvirt.h"

#define VERSION_QEMU "qemu-system-x86_64" /* libvirt looks for it in PATH, too */
enum { VERSION_CPUINFO_MAX = 4 << 20 };

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

/* The first processor as /proc/cpuinfo has it, but for what changes as it runs. */
static void version_add_processor(struct str *s) {
    static const char *const lines[] = {"model name\t", "microcode\t", "flags\t"};
    CLEANUP_FREE char *text = fs_read("/proc/cpuinfo", VERSION_CPUINFO_MAX, NULL, NULL);
    for (size_t i = 0; text && i < ARRAY_LEN(lines); i++) {
        const char *at = strstr(text, lines[i]);
        str_addf(s, "%.*s\n", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
    }
}

/* The machine's own name and paths are other ones each time. Caller frees. */
static char *version_machine(const struct vm_spec *spec, struct err *err) {
    static const struct domain_paths paths = {"/disk", "/console", "/agent", "/vnc", "/nvram"};
    struct vm_spec named = *spec;
    named.name = "machine";
    return domain_xml_build(&named, &paths, err);
}

int vm_libvirt_may_save(const struct vm_spec *spec, struct err *err) {
    CLEANUP_FREE char *xml = version_machine(spec, err);
    const char *thing = xml ? domain_xml_unsavable(xml) : NULL;
    if (thing) {
        err_set(err, ERR_REFUSED, "the machine has %s, which states do not keep", thing);
    }
    return xml && !thing ? 0 : -1;
}

int vm_libvirt_hardware(const struct vm_spec *spec, char hex[65], struct err *err) {
    CLEANUP_FREE char *disk = fs_absolute(spec->disk);
    CLEANUP_FREE char *xml = version_machine(spec, err);
    unsigned long version = 0;
    struct stat qemu;
    if (!xml) {
        return -1;
    }
    if (virGetVersion(&version, NULL, NULL) < 0) {
        return err_set(err, ERR_SYSTEM, "libvirt does not say its version");
    }
    CLEANUP_FREE char *program = proc_find(VERSION_QEMU);
    if (!program || stat(program, &qemu) < 0) {
        return err_set(err, ERR_SYSTEM, "%s is not installed", VERSION_QEMU);
    }
    CLEANUP_STR struct str all = STR_INIT;
    str_addf(&all, "%s\n%s\n%lu\n%lld %lld\n", xml, disk, version, (long long)qemu.st_size, (long long)qemu.st_mtime);
    if (spec->kvm) {
        version_add_processor(&all);
    }
    fs_sha256_bytes(str_get(&all), all.len, hex);
    return 0;
}
