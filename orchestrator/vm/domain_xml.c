#include "vm/domain_xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "vm/domain_profile.h"

#define X(s) ((const xmlChar *)(s))

/* User networking gives every guest a world of its own, so all may have one address; a constant one
 * keeps Windows from seeing a new network adapter after each start. 52:54:00 is QEMU's prefix. */
#define DOMAIN_MAC "52:54:00:c0:e1:57"

static void domain_free_doc(xmlDocPtr *doc) {
    xmlFreeDoc(*doc);
}

static xmlNodePtr domain_add(xmlNodePtr parent, const char *name) {
    return xmlNewChild(parent, NULL, X(name), NULL);
}

static xmlNodePtr domain_add_text(xmlNodePtr parent, const char *name, const char *text) {
    return xmlNewTextChild(parent, NULL, X(name), X(text)); /* escapes, unlike xmlNewChild */
}

static void domain_attr(xmlNodePtr node, const char *name, const char *value) {
    xmlSetProp(node, X(name), X(value));
}

static xmlNodePtr domain_add_with(xmlNodePtr parent, const char *name, const char *attr,
                                  const char *value) {
    xmlNodePtr node = domain_add(parent, name);
    domain_attr(node, attr, value);
    return node;
}

static xmlNodePtr domain_add_number(xmlNodePtr parent, const char *name, json_int_t n) {
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)n);
    return domain_add_text(parent, name, text);
}

static void domain_set_number(xmlNodePtr node, const char *name, json_int_t n) {
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)n);
    domain_attr(node, name, text);
}

static bool domain_is(const char *value, const char *what) {
    return strcmp(value, what) == 0;
}

static bool domain_has_uefi(const struct domain_profile *p) {
    return !domain_is(p->firmware, "bios");
}

static void domain_add_memory(xmlNodePtr root, const struct domain_profile *p) {
    domain_attr(domain_add_number(root, "memory", p->memory_mib), "unit", "MiB");
    domain_add_number(root, "vcpu", p->vcpus);
}

/* libvirt finds the files by what its host's descriptors say of them (QEMU's docs/interop/firmware.json). */
static void domain_add_firmware(xmlNodePtr os, const struct domain_paths *paths,
                                const struct domain_profile *p) {
    const char *secure = domain_is(p->firmware, "uefi-secure") ? "yes" : "no";
    xmlNodePtr firmware = domain_add(os, "firmware");
    domain_attr(domain_add_with(firmware, "feature", "enabled", secure), "name", "enrolled-keys");
    domain_attr(domain_add_with(firmware, "feature", "enabled", secure), "name", "secure-boot");
    if (paths->nvram) {
        domain_add_text(os, "nvram", paths->nvram);
    }
}

static void domain_add_os(xmlNodePtr root, const struct vm_spec *spec,
                          const struct domain_paths *paths, const struct domain_profile *p) {
    xmlNodePtr os = domain_add(root, "os");
    if (domain_has_uefi(p)) {
        domain_attr(os, "firmware", "efi");
    }
    xmlNodePtr type = domain_add_text(os, "type", "hvm");
    domain_attr(type, "arch", "x86_64");
    domain_attr(type, "machine", p->machine);
    if (domain_has_uefi(p)) {
        domain_add_firmware(os, paths, p);
    }
    if (!spec->kernel) {
        if (spec->cdrom_count > 0) {
            domain_add_with(os, "boot", "dev", "cdrom");
        }
        domain_add_with(os, "boot", "dev", "hd");
        return;
    }
    domain_add_text(os, "kernel", spec->kernel);
    if (spec->initrd) {
        domain_add_text(os, "initrd", spec->initrd);
    }
    if (spec->cmdline) {
        domain_add_text(os, "cmdline", spec->cmdline);
    }
}

static void domain_add_hyperv(xmlNodePtr features) {
    static const char *const on[] = {"relaxed", "vapic", "vpindex", "runtime", "synic", "reset", "frequencies"};
    xmlNodePtr hyperv = domain_add_with(features, "hyperv", "mode", "custom");
    for (size_t i = 0; i < ARRAY_LEN(on); i++) {
        domain_add_with(hyperv, on[i], "state", "on");
    }
    domain_attr(domain_add_with(hyperv, "spinlocks", "state", "on"), "retries", "8191");
    domain_add_with(hyperv, "stimer", "state", "on");
}

static void domain_add_features(xmlNodePtr root, const struct domain_profile *p, bool kvm) {
    xmlNodePtr features = domain_add(root, "features");
    domain_add(features, "acpi");
    domain_add(features, "apic");
    if (domain_is(p->hyperv, "windows")) {
        domain_add_hyperv(features);
    }
    if (domain_is(p->firmware, "uefi-secure")) {
        domain_add_with(features, "smm", "state", "on"); /* keeps the guest from writing the variables itself */
    }
    if (domain_is(p->vmcoreinfo, "on")) {
        domain_add_with(features, "vmcoreinfo", "state", "on");
    }
    if (domain_is(p->iommu, "intel") && kvm) {
        domain_add_with(features, "ioapic", "driver", "qemu"); /* KVM's own cannot remap interrupts */
    }
    if (!kvm) {
        xmlNodePtr tcg = domain_add(features, "tcg");
        domain_attr(domain_add_number(tcg, "tb-cache", DOMAIN_TCG_CACHE_MIB), "unit", "MiB");
    }
}

static void domain_add_cpu(xmlNodePtr root, const struct domain_profile *p) {
    xmlNodePtr cpu = domain_add(root, "cpu");
    if (domain_is(p->cpu, "host")) {
        domain_attr(cpu, "mode", "host-passthrough"); /* its virtualisation with it, which VBS needs */
    } else {
        domain_attr(cpu, "mode", "custom");
        domain_attr(cpu, "match", "exact");
        domain_attr(cpu, "check", "none"); /* emulation leaves features out */
        domain_attr(domain_add_text(cpu, "model", p->cpu), "fallback", "forbid");
    }
    if (p->vcpus > 1) {
        xmlNodePtr topology = domain_add(cpu, "topology");
        domain_set_number(topology, "sockets", p->vcpus / (p->cores * p->threads));
        domain_set_number(topology, "cores", p->cores);
        domain_set_number(topology, "threads", p->threads);
    }
}

/* Without a high precision timer's interrupts Windows idles cheaper; its own clock comes with the enlightenments. */
static void domain_add_clock(xmlNodePtr root, const struct domain_profile *p) {
    xmlNodePtr clock = domain_add_with(root, "clock", "offset", p->clock);
    if (domain_is(p->hyperv, "windows")) {
        domain_attr(domain_add_with(clock, "timer", "name", "hpet"), "present", "no");
        domain_attr(domain_add_with(clock, "timer", "name", "hypervclock"), "present", "yes");
    }
}

static void domain_add_life(xmlNodePtr root, const struct domain_profile *p) {
    domain_add_clock(root, p);
    domain_add_text(root, "on_poweroff", "destroy");
    domain_add_text(root, "on_reboot", "restart");
    domain_add_text(root, "on_crash", "preserve"); /* the evidence is still in memory */
}

static void domain_add_disk(xmlNodePtr devices, const struct domain_paths *paths,
                            const struct domain_profile *p) {
    xmlNodePtr disk = domain_add_with(devices, "disk", "type", "file");
    domain_attr(disk, "device", "disk");
    xmlNodePtr driver = domain_add_with(disk, "driver", "name", "qemu");
    domain_attr(driver, "type", "qcow2");
    /* The overlay is thrown away, and what a crash of the guest must not lose lies in the host's
     * page cache as soon as the guest flushed it. Only a crash of the host loses it, and with it
     * the run. */
    domain_attr(driver, "cache", "unsafe");
    domain_attr(driver, "error_policy", "stop");
    domain_attr(driver, "discard", "unmap");
    domain_add_with(disk, "source", "file", paths->disk);
    static const char *const targets[][2] = {{"virtio", "vda"}, {"sata", "sda"}, {"ide", "hda"}};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (strcmp(targets[i][0], p->disk) == 0) {
            xmlNodePtr target = domain_add_with(disk, "target", "dev", targets[i][1]);
            domain_attr(target, "bus", p->disk);
        }
    }
}

/* Always where the machine's own controller is: recent Windows builds cannot read a CD on virtio-scsi. The overlay has
 * the first place of that bus when it is on it. */
static void domain_add_cdroms(xmlNodePtr devices, const struct vm_spec *spec,
                              const struct domain_profile *p) {
    const char *bus = domain_is(p->machine, "q35") ? "sata" : "ide";
    for (size_t i = 0; i < spec->cdrom_count; i++) {
        const char dev[] = {*bus == 's' ? 's' : 'h', 'd', (char)('b' + i), '\0'};
        xmlNodePtr disk = domain_add_with(devices, "disk", "type", "file");
        domain_attr(disk, "device", "cdrom");
        domain_attr(domain_add_with(disk, "driver", "name", "qemu"), "type", "raw");
        domain_add_with(disk, "source", "file", spec->cdroms[i]);
        domain_attr(domain_add_with(disk, "target", "dev", dev), "bus", bus);
        domain_add(disk, "readonly");
    }
}

/* libvirt starts swtpm beside QEMU; its state is made anew for every start. */
static void domain_add_tpm(xmlNodePtr devices, const struct domain_profile *p) {
    if (domain_is(p->tpm, "none")) {
        return;
    }
    xmlNodePtr tpm = domain_add_with(devices, "tpm", "model", "tpm-crb");
    domain_attr(domain_add_with(tpm, "backend", "type", "emulator"), "version", p->tpm);
}

static void domain_add_iommu(xmlNodePtr devices, const struct domain_profile *p, bool kvm) {
    if (domain_is(p->iommu, "none")) {
        return;
    }
    xmlNodePtr driver = domain_add(domain_add_with(devices, "iommu", "model", p->iommu), "driver");
    domain_attr(driver, "intremap", kvm ? "on" : "off"); /* libvirt: only with a split irqchip, which is KVM's */
    domain_attr(driver, "caching_mode", "on");
}

static void domain_add_net(xmlNodePtr devices, const struct domain_profile *p) {
    if (strcmp(p->net, "none") == 0) {
        return;
    }
    xmlNodePtr net = domain_add_with(devices, "interface", "type", "user");
    domain_add_with(net, "mac", "address", DOMAIN_MAC);
    domain_add_with(net, "model", "type", p->net);
    domain_add_with(net, "rom", "enabled", "no"); /* nothing boots from the network */
}

static void domain_add_serial(xmlNodePtr devices, const char *type, const char *path,
                              const char *port) {
    bool file = strcmp(type, "file") == 0;
    xmlNodePtr serial = domain_add_with(devices, "serial", "type", path ? type : "pty");
    if (path) {
        xmlNodePtr source = domain_add_with(serial, "source", "path", path);
        domain_attr(source, file ? "append" : "mode", file ? "on" : "bind");
    }
    xmlNodePtr target = domain_add_with(serial, "target", "type", "isa-serial");
    domain_attr(target, "port", port);
}

static void domain_add_screen(xmlNodePtr devices, const struct domain_paths *paths,
                              const struct domain_profile *p) {
    xmlNodePtr graphics = domain_add_with(devices, "graphics", "type", "vnc");
    xmlNodePtr listen = domain_add_with(graphics, "listen", "type", "socket");
    if (paths->vnc_socket) {
        domain_attr(listen, "socket", paths->vnc_socket);
    }
    domain_add_with(devices, "audio", "type", "none");
    domain_attr(xmlGetLastChild(devices), "id", "1");
    xmlNodePtr video = domain_add(devices, "video");
    domain_add_with(video, "model", "type", p->video);
}

static void domain_add_devices(xmlNodePtr root, const struct vm_spec *spec,
                               const struct domain_paths *paths, const struct domain_profile *p) {
    xmlNodePtr devices = domain_add(root, "devices");
    domain_add_disk(devices, paths, p);
    domain_add_cdroms(devices, spec, p);
    xmlNodePtr usb = domain_add_with(devices, "controller", "type", "usb");
    domain_attr(usb, "model", "none");
    domain_add_net(devices, p);
    domain_add_serial(devices, "file", paths->console_log, "0");
    domain_add_serial(devices, "unix", paths->agent_socket, "1");
    domain_add_tpm(devices, p);
    domain_add_screen(devices, paths, p);
    domain_add_with(devices, "memballoon", "model", "none");
    if (strcmp(p->panic, "none") != 0) {
        domain_add_with(devices, "panic", "model", p->panic);
    }
    domain_add_iommu(devices, p, spec->kvm);
}

static int domain_check_paths(const struct domain_paths *paths, struct err *err) {
    const char *sockets[] = {paths->agent_socket, paths->vnc_socket};
    for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
        if (sockets[i] && strlen(sockets[i]) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
            return err_set(err, ERR_SYSTEM, "%s: too long for a unix socket", sockets[i]);
        }
    }
    return 0;
}

static int domain_check_cdroms(const struct vm_spec *spec, struct err *err) {
    return spec->cdrom_count > VM_CDROMS_MAX
               ? err_set(err, ERR_BUG, "%zu CD drives, %d are possible", spec->cdrom_count, VM_CDROMS_MAX)
               : 0;
}

static char *domain_doc_text(xmlDocPtr doc) {
    xmlChar *text = NULL;
    int len = 0;
    xmlDocDumpFormatMemory(doc, &text, &len, 1);
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    return copy;
}

char *domain_xml_build(const struct vm_spec *spec, const struct domain_paths *paths,
                       struct err *err) {
    struct domain_profile p;
    if (domain_profile_read(spec->profile, spec->kvm, &p, err) < 0 ||
        domain_check_paths(paths, err) < 0 || domain_check_cdroms(spec, err) < 0) {
        return NULL;
    }
    CLEANUP(domain_free_doc) xmlDocPtr doc = xmlNewDoc(X("1.0"));
    xmlNodePtr root = xmlNewDocNode(doc, NULL, X("domain"), NULL);
    xmlDocSetRootElement(doc, root);
    domain_attr(root, "type", spec->kvm ? "kvm" : "qemu");
    domain_add_text(root, "name", spec->name);
    domain_add_memory(root, &p);
    domain_add_os(root, spec, paths, &p);
    domain_add_features(root, &p, spec->kvm);
    domain_add_cpu(root, &p);
    domain_add_life(root, &p);
    domain_add_devices(root, spec, paths, &p);
    return domain_doc_text(doc);
}

/* ---- rebase ---------------------------------------------------------------------------------- */

/* The one element an XPath names, or NULL. */
static xmlNodePtr domain_find(xmlDocPtr doc, const char *xpath) {
    xmlXPathContextPtr ctx = xmlXPathNewContext(doc);
    xmlXPathObjectPtr found = xmlXPathEvalExpression(X(xpath), ctx);
    xmlNodePtr node = NULL;
    if (found && found->nodesetval && found->nodesetval->nodeNr > 0) {
        node = found->nodesetval->nodeTab[0];
    }
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(ctx);
    return node;
}

static int domain_move_path(xmlDocPtr doc, const char *xpath, const char *attr, const char *path,
                            struct err *err) {
    xmlNodePtr node = domain_find(doc, xpath);
    if (!node) {
        return err_set(err, ERR_INPUT, "saved state: its description lacks %s", xpath);
    }
    domain_attr(node, attr, path);
    return 0;
}

static void domain_move_text(xmlDocPtr doc, const char *xpath, const char *text) {
    xmlNodePtr node = domain_find(doc, xpath);
    if (node && text) {
        xmlNodeSetContent(node, X("")); /* then as a text node, which escapes */
        xmlNodeAddContent(node, X(text));
    }
}

/* What libvirt found out about the old overlay's backing files: it shall look again. */
static void domain_forget_backing(xmlDocPtr doc) {
    xmlNodePtr node;
    while ((node = domain_find(doc, "/domain/devices/disk/backingStore"))) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

/* The VNC socket stands twice: as an attribute of graphics and in its listen element. */
static int domain_move_vnc(xmlDocPtr doc, const char *socket, struct err *err) {
    xmlNodePtr graphics = domain_find(doc, "/domain/devices/graphics[@type='vnc']");
    if (graphics && xmlHasProp(graphics, X("socket"))) {
        domain_attr(graphics, "socket", socket);
    }
    return domain_move_path(doc, "/domain/devices/graphics[@type='vnc']/listen[@type='socket']",
                            "socket", socket, err);
}

/* Each serial port stands twice as well: libvirt shows the first one as a console, too. */
static int domain_move_ports(xmlDocPtr doc, const struct domain_paths *paths, struct err *err) {
    xmlNodePtr console = domain_find(doc, "/domain/devices/console[@type='file']/source");
    if (console) {
        domain_attr(console, "path", paths->console_log);
    }
    if (domain_move_path(doc, "/domain/devices/serial[@type='file']/source", "path",
                         paths->console_log, err) < 0) {
        return -1;
    }
    return domain_move_path(doc, "/domain/devices/serial[@type='unix']/source", "path",
                            paths->agent_socket, err);
}

/* Caller frees with xmlFreeDoc; NULL when it is no XML. */
static xmlDocPtr domain_parse(const char *xml) {
    return xmlReadMemory(xml, (int)strlen(xml), "state.xml", NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

char *domain_xml_rebase(const char *xml, const struct vm_spec *spec,
                        const struct domain_paths *paths, char **name, struct err *err) {
    if (domain_check_paths(paths, err) < 0) {
        return NULL;
    }
    CLEANUP(domain_free_doc) xmlDocPtr doc = domain_parse(xml);
    xmlNodePtr name_node = doc ? domain_find(doc, "/domain/name") : NULL;
    if (!name_node) {
        err_set(err, ERR_INPUT, "saved state: its description is not a domain");
        return NULL;
    }
    domain_forget_backing(doc);
    domain_move_text(doc, "/domain/os/kernel", spec->kernel);
    domain_move_text(doc, "/domain/os/initrd", spec->initrd);
    domain_move_text(doc, "/domain/os/nvram", paths->nvram);
    if (domain_move_path(doc, "/domain/devices/disk[@device='disk']/source", "file", paths->disk,
                         err) < 0 ||
        domain_move_ports(doc, paths, err) < 0 ||
        domain_move_vnc(doc, paths->vnc_socket, err) < 0) {
        return NULL;
    }
    xmlChar *text = xmlNodeGetContent(name_node);
    *name = str_dup((const char *)text);
    xmlFree(text);
    return domain_doc_text(doc);
}

/* ---- states ---------------------------------------------------------------------------------- */

char *domain_xml_snapshot(const char *memory, const char *disk, const char *next) {
    CLEANUP(domain_free_doc) xmlDocPtr doc = xmlNewDoc(X("1.0"));
    xmlNodePtr root = xmlNewDocNode(doc, NULL, X("domainsnapshot"), NULL);
    xmlDocSetRootElement(doc, root);
    domain_attr(domain_add_with(root, "memory", "snapshot", "external"), "file", memory);
    xmlNodePtr node = domain_add_with(domain_add(root, "disks"), "disk", "name", disk);
    domain_attr(node, "snapshot", "external");
    domain_attr(node, "type", "file");
    domain_add_with(node, "driver", "type", "qcow2");
    domain_add_with(node, "source", "file", next);
    return domain_doc_text(doc);
}

const char *domain_xml_unsavable(const char *xml) {
    CLEANUP(domain_free_doc) xmlDocPtr doc = domain_parse(xml);
    if (!doc) {
        return "no description that can be read";
    }
    return domain_find(doc, "/domain/devices/disk[2]") ? "more than one disk" : NULL;
}
