/* libvirt's domain XML (https://libvirt.org/formatdomain.html), built and changed as a libxml2
 * tree, never by formatting text: a name with a '<' in it stays a name.
 *
 * The hardware profile of an image ("profile" in its manifest) is an object with these members,
 * each with a default, anything else refused:
 *   machine     "pc" | "q35"                                   "pc"
 *   firmware    "bios" | "uefi" | "uefi-secure" (q35)          "bios"; secure: Secure Boot, Microsoft's keys
 *   cpu         a CPU model of QEMU, or "host" (KVM only)      "qemu64"
 *   memory_mib  16 .. 1048576                                  1024
 *   vcpus       1 .. 64                                        1
 *   cores       1 .. 64, of each socket                        all in one socket
 *   threads     1 .. 2, of each core                           1
 *   disk        "virtio" | "sata" | "ide" (pc)                 "virtio"
 *   net         "virtio" | "e1000" | "e1000e" | "rtl8139" | "none"   "virtio"
 *   video       "vga" | "bochs" | "qxl" | "none"               "vga" (virtio: black stop screens)
 *   panic       "isa" | "hyperv" (KVM only) | "none"           "isa"
 *   clock       "utc" | "localtime"                            "utc"
 *   tpm         "none" | "2.0" (swtpm, CRB interface)          "none"
 *   iommu       "none" | "intel" (q35)                         "none"; with interrupt remapping
 *   hyperv      "none" | "windows" (KVM only)                  "none"; the enlightenments that QEMU's
 *                                                              docs/system/i386/hyperv recommends for Windows
 *   vbs         "none" | "ready" (KVM only)                    "none"; what Windows needs to turn memory integrity on:
 *                                                              the host's CPU with its virtualisation, an IOMMU,
 *                                                              Secure Boot
 *   vmcoreinfo  "off" | "on"                                   "off"; lets the host write dumps in Windows' own form
 *   with_kvm    an object of the members above                 in their place where KVM works
 *   needs_kvm   a text, why                                    refused without KVM, with it
 */
#ifndef COEXIST_VM_DOMAIN_XML_H
#define COEXIST_VM_DOMAIN_XML_H

#include "base/err.h"
#include "vm/vm.h"

/* What QEMU's translated code may take when it emulates, <tb-cache>: by itself it takes up to 1 GiB. winelab's boots
 * took about as long with 256 MiB as without a bound (10.8, 14.4, 14.5 s against 10.9, 13.0, 14.2 s, one run each on
 * a host that was not quite idle), QEMU's peak was 761 MiB instead of 1371. */
#define DOMAIN_TCG_CACHE_MIB 256

/* Where this VM's files lie; borrowed. Socket paths must fit sockaddr_un (107 bytes). On another host: a serial
 * port with a NULL path is a pty there, for virDomainOpenConsole, and libvirt picks a NULL VNC socket itself. */
struct domain_paths {
    const char *disk;         /* the overlay, qcow2 */
    const char *console_log;  /* first serial port, appended to */
    const char *agent_socket; /* second serial port; QEMU listens */
    const char *vnc_socket;   /* a screen has pictures only when one could look at it */
    const char *nvram;        /* UEFI variables: made from the firmware's template when it is not there yet; NULL: where
                                 libvirt wants */
};

/* New domain's XML; caller frees with free(). NULL with ERR_INPUT when the profile is wrong. */
char *domain_xml_build(const struct vm_spec *spec, const struct domain_paths *paths,
                       struct err *err);

/* The XML of a saved state, made to run from other paths: the same machine (libvirt insists on its
 * name, UUID and devices), this VM's files. *name is the domain's name in that state. Caller frees
 * both. */
char *domain_xml_rebase(const char *xml, const struct vm_spec *spec,
                        const struct domain_paths *paths, char **name, struct err *err);

/* https://libvirt.org/formatsnapshot.html: memory to one file, the disk on to a new overlay that exists
 * already. Caller frees. */
char *domain_xml_snapshot(const char *memory, const char *disk, const char *next);

/* What the machine of this XML has that would be lost to a state: "more than one disk"; NULL when it has nothing of the
 * kind. */
const char *domain_xml_unsavable(const char *xml);

#endif
