/* Domain XML from an image's profile: valid by libvirt's own schema, escaped, refusing what is
 * wrong. */
#include <check.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/schemas.h"
#include "support/shipped.h"
#include "support/skip.h"
#include "support/suite.h"
#include "vm/domain_xml.h"
#include "vm/libvirt.h"

#define SCHEMA "/usr/share/libvirt/schemas/domain.rng"

static const struct domain_paths paths = {"/w/overlay.qcow2", "/w/console.log", "/r/agent.sock",
                                          "/r/vnc.sock", "/w/nvram.fd"};
static const struct domain_paths elsewhere = {"/w2/overlay.qcow2", "/w2/console.log",
                                              "/r2/agent.sock", "/r2/vnc.sock", "/w2/nvram.fd"};

/* The machine of that profile, the rest as the spec says. */
static char *build_of(const char *profile, struct vm_spec spec, struct err *err) {
    json_t *j = json_loads(profile, 0, NULL);
    ck_assert_ptr_nonnull(j);
    spec.profile = j;
    char *xml = domain_xml_build(&spec, &paths, err);
    json_decref(j);
    return xml;
}

static char *build(const char *profile, bool kvm, const char *cmdline, struct err *err) {
    struct vm_spec spec = {.name = "cell-1",
                           .kernel = cmdline ? "/i/vmlinuz" : NULL,
                           .initrd = cmdline ? "/i/initrd" : NULL,
                           .cmdline = cmdline,
                           .kvm = kvm};
    return build_of(profile, spec, err);
}

/* String value of an XPath; caller frees. */
static char *ask(const char *xml, const char *xpath) {
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, 0);
    xmlXPathContextPtr ctx = xmlXPathNewContext(doc);
    xmlXPathObjectPtr o = xmlXPathEvalExpression((const xmlChar *)xpath, ctx);
    xmlChar *text = xmlXPathCastToString(o);
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    xmlXPathFreeObject(o);
    xmlXPathFreeContext(ctx);
    xmlFreeDoc(doc);
    return copy;
}

static void expect(const char *xml, const char *xpath, const char *want) {
    CLEANUP_FREE char *got = ask(xml, xpath);
    ck_assert_msg(strcmp(got, want) == 0, "%s: '%s', not '%s'", xpath, got, want);
}

/* xmlRelaxNGFree. */
static xmlRelaxNGPtr libvirts_schema(void) {
    xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(SCHEMA);
    xmlRelaxNGPtr schema = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    ck_assert_ptr_nonnull(schema);
    return schema;
}

static void expect_valid(xmlRelaxNGPtr schema, const char *xml) {
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, 0);
    xmlRelaxNGValidCtxtPtr v = xmlRelaxNGNewValidCtxt(schema);
    int rc = xmlRelaxNGValidateDoc(v, doc);
    xmlRelaxNGFreeValidCtxt(v);
    xmlFreeDoc(doc);
    ck_assert_msg(rc == 0, "libvirt's schema refuses:\n%s", xml);
}

static const char *const profiles[] = {
    "{}",
    "{\"machine\":\"pc\",\"cpu\":\"qemu64\",\"memory_mib\":640,\"vcpus\":1}",
    "{\"machine\":\"q35\",\"disk\":\"sata\",\"net\":\"e1000e\",\"video\":\"qxl\",\"vcpus\":4}",
    "{\"disk\":\"ide\",\"net\":\"rtl8139\",\"video\":\"bochs\",\"panic\":\"none\"}",
    "{\"net\":\"none\",\"video\":\"none\",\"clock\":\"localtime\",\"cpu\":\"Haswell-noTSX\"}",
};

START_TEST(every_profile_is_valid_by_libvirts_schema) {
    if (!fs_exists(SCHEMA)) {
        TEST_SKIP("%s is not there (libvirt0)", SCHEMA);
    }
    xmlRelaxNGPtr schema = libvirts_schema();
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        CLEANUP_FREE char *kernel = build(profiles[i], false, "console=ttyS0", NULL);
        CLEANUP_FREE char *disk = build(profiles[i], false, NULL, NULL);
        expect_valid(schema, kernel);
        expect_valid(schema, disk);
    }
    CLEANUP_FREE char *host = build("{\"cpu\":\"host\",\"panic\":\"hyperv\"}", true, NULL, NULL);
    expect_valid(schema, host);
    xmlRelaxNGFree(schema);
}
END_TEST

/* The shipped ones, as the installer and a run use them: with CD drives and without, with KVM and without. */
static int validate_shipped(const char *name, void *ctx) {
    static const char *const cds[] = {"/c/setup.iso", "/c/lab.iso", "/c/virtio.iso"};
    CLEANUP_FREE char *id = str_printf("%.*s", (int)strcspn(name, "."), name);
    CLEANUP(shipped_profile_drop) struct image_profile *p = shipped_profile(id);
    for (size_t i = 0; i < 4; i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        struct vm_spec spec = {.name = "x", .profile = p->hardware, .kvm = i & 1,
                               .cdroms = cds, .cdrom_count = i & 2 ? 3 : 0};
        CLEANUP_FREE char *xml = domain_xml_build(&spec, &paths, &err);
        bool refused = !spec.kvm && json_object_get(p->hardware, "needs_kvm");
        ck_assert_msg((xml == NULL) == refused, "%s: %s", name, err_text(&err));
        if (xml) {
            expect_valid(ctx, xml);
            expect(xml, "count(/domain/devices/serial)", "2");
            expect(xml, "/domain/devices/video/model/@type", "vga");
        }
    }
    return 0;
}

START_TEST(every_shipped_profile_is_valid_by_libvirts_schema) {
    if (!fs_exists(SCHEMA)) {
        TEST_SKIP("%s is not there (libvirt0)", SCHEMA);
    }
    xmlRelaxNGPtr schema = libvirts_schema();
    ck_assert_int_eq(fs_each("images/profiles", validate_shipped, schema, NULL), 0);
    xmlRelaxNGFree(schema);
}
END_TEST

/* Two schemas say what hardware is: they must say the same. */
START_TEST(recipes_and_profiles_agree_on_hardware) {
    json_t *image = json_loads(schemas_text(SCHEMA_IMAGE, &(size_t){0}), 0, NULL);
    json_t *profile = json_loads(schemas_text(SCHEMA_PROFILE, &(size_t){0}), 0, NULL);
    const json_t *a = json_object_get(json_object_get(json_object_get(image, "properties"), "profile"), "properties");
    const json_t *b =
        json_object_get(json_object_get(json_object_get(profile, "properties"), "hardware"), "properties");
    ck_assert_ptr_nonnull(a);
    ck_assert(json_equal(a, b));
    json_decref(image);
    json_decref(profile);
}
END_TEST

START_TEST(the_machine_is_what_the_profile_says) {
    CLEANUP_FREE char *xml = build(profiles[2], false, NULL, NULL);
    expect(xml, "/domain/@type", "qemu");
    expect(xml, "/domain/features/tcg/tb-cache", "256");
    expect(xml, "/domain/features/tcg/tb-cache/@unit", "MiB");
    expect(xml, "/domain/os/type/@machine", "q35");
    expect(xml, "/domain/os/boot/@dev", "hd");
    expect(xml, "/domain/vcpu", "4");
    expect(xml, "/domain/memory", "1024");
    expect(xml, "/domain/devices/disk/target/@bus", "sata");
    expect(xml, "/domain/devices/interface/model/@type", "e1000e");
    expect(xml, "/domain/devices/video/model/@type", "qxl");
    expect(xml, "/domain/on_crash", "preserve");
    expect(xml, "/domain/on_reboot", "restart");
    expect(xml, "/domain/devices/panic/@model", "isa");
    expect(xml, "/domain/devices/serial[1]/source/@path", "/w/console.log");
    expect(xml, "/domain/devices/serial[2]/source/@path", "/r/agent.sock");
    expect(xml, "/domain/devices/serial[2]/source/@mode", "bind");
    expect(xml, "/domain/devices/disk/driver/@error_policy", "stop");
}
END_TEST

/* On another host nothing of this machine's paths may be named. */
START_TEST(on_another_host_ports_are_ptys) {
    static const struct domain_paths far = {.disk = "/far/overlay.qcow2"};
    struct vm_spec spec = {.name = "coexist-0a1b2c3d-run.1-1.1", .profile = NULL};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *xml = domain_xml_build(&spec, &far, &err);
    ck_assert_msg(xml != NULL, "%s", err_text(&err));
    expect(xml, "/domain/devices/disk/source/@file", "/far/overlay.qcow2");
    expect(xml, "/domain/devices/serial[1]/@type", "pty");
    expect(xml, "/domain/devices/serial[2]/@type", "pty");
    expect(xml, "/domain/devices/serial[2]/target/@port", "1");
    expect(xml, "count(/domain/devices/serial/source)", "0");
    expect(xml, "/domain/devices/graphics/listen/@type", "socket");
    expect(xml, "count(/domain/devices/graphics/listen/@socket)", "0");
}
END_TEST

START_TEST(kvm_changes_the_type_and_allows_the_hosts_cpu) {
    CLEANUP_FREE char *xml = build("{\"cpu\":\"host\"}", true, NULL, NULL);
    expect(xml, "/domain/@type", "kvm");
    expect(xml, "/domain/cpu/@mode", "host-passthrough");
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(build("{\"cpu\":\"host\"}", false, NULL, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
}
END_TEST

START_TEST(text_stays_text) {
    CLEANUP_FREE char *xml = build("{\"cpu\":\"a<b&\\\"c\"}", false, "a<b>&amp; \"'", NULL);
    expect(xml, "/domain/cpu/model", "a<b&\"c");
    expect(xml, "/domain/os/cmdline", "a<b>&amp; \"'");
}
END_TEST

START_TEST(wrong_profiles_are_refused) {
    static const char *const wrong[] = {
        "{\"machine\":\"virt\"}",  "{\"cpu\":\"\"}",         "{\"memory_mib\":15}",
        "{\"memory_mib\":\"x\"}",  "{\"memory_mib\":512.5}", "{\"vcpus\":0}",
        "{\"vcpus\":65}",          "{\"disk\":\"scsi\"}",    "{\"net\":7}",
        "{\"colour\":\"blue\"}",   "[]",                     "{\"panic\":\"hyperv\"}",
        "{\"firmware\":\"uefi-secure\"}", "{\"iommu\":\"intel\"}", "{\"tpm\":\"1.2\"}",
        "{\"machine\":\"q35\",\"disk\":\"ide\"}", "{\"vcpus\":3,\"cores\":2}", "{\"hyperv\":\"windows\"}",
        "{\"with_kvm\":{\"colour\":1}}", "{\"with_kvm\":{\"with_kvm\":{}}}", "{\"with_kvm\":7}",
        "{\"needs_kvm\":\"it does\"}", "{\"needs_kvm\":1}", "{\"vbs\":\"ready\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        char *xml = build(wrong[i], false, NULL, &err);
        ck_assert_msg(!xml && err.cls == ERR_INPUT, "%s was taken", wrong[i]);
    }
}
END_TEST

START_TEST(firmware_tpm_and_cds_stand_where_they_belong) {
    static const char *const cds[] = {"/c/setup & co.iso", "/c/lab.iso"};
    static const char profile[] = "{\"machine\":\"q35\",\"firmware\":\"uefi-secure\",\"tpm\":\"2.0\",\"disk\":\"sata\","
                                  "\"vmcoreinfo\":\"on\",\"vcpus\":4,\"cores\":2}";
    struct vm_spec spec = {.name = "x", .cdroms = cds, .cdrom_count = 2};
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *xml = build_of(profile, spec, &err);
    ck_assert_msg(xml != NULL, "%s", err_text(&err));
    expect(xml, "/domain/os/@firmware", "efi");
    expect(xml, "/domain/os/firmware/feature[@name='secure-boot']/@enabled", "yes");
    expect(xml, "/domain/os/firmware/feature[@name='enrolled-keys']/@enabled", "yes");
    expect(xml, "/domain/os/nvram", "/w/nvram.fd");
    expect(xml, "/domain/os/boot[1]/@dev", "cdrom");
    expect(xml, "/domain/os/boot[2]/@dev", "hd");
    expect(xml, "/domain/features/smm/@state", "on");
    expect(xml, "/domain/features/vmcoreinfo/@state", "on");
    expect(xml, "/domain/cpu/topology/@sockets", "2");
    expect(xml, "/domain/devices/tpm/@model", "tpm-crb");
    expect(xml, "/domain/devices/tpm/backend/@version", "2.0");
    expect(xml, "/domain/devices/disk[2]/@device", "cdrom");
    expect(xml, "/domain/devices/disk[2]/source/@file", "/c/setup & co.iso");
    expect(xml, "/domain/devices/disk[2]/target/@bus", "sata");
    expect(xml, "/domain/devices/disk[3]/target/@dev", "sdc");
    expect(xml, "count(/domain/devices/disk[@device='cdrom']/readonly)", "2");
    spec = (struct vm_spec){.name = "x", .cdroms = cds, .cdrom_count = VM_CDROMS_MAX + 1};
    ck_assert_ptr_null(domain_xml_build(&spec, &paths, &err));
}
END_TEST

START_TEST(a_cd_is_never_on_virtio) {
    static const char *const cds[] = {"/c/setup.iso"};
    static const char *const machines[][2] = {{"{\"machine\":\"q35\"}", "sata"}, {"{}", "ide"}};
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        struct vm_spec spec = {.name = "x", .cdroms = cds, .cdrom_count = 1};
        CLEANUP_FREE char *xml = build_of(machines[i][0], spec, NULL);
        expect(xml, "/domain/devices/disk[@device='disk']/target/@bus", "virtio");
        expect(xml, "/domain/devices/disk[@device='cdrom']/target/@bus", machines[i][1]);
    }
}
END_TEST

START_TEST(with_kvm_the_profile_has_other_members) {
    static const char profile[] = "{\"cpu\":\"Nehalem\",\"machine\":\"q35\",\"iommu\":\"intel\",\"with_kvm\":"
                                  "{\"cpu\":\"host\",\"hyperv\":\"windows\"}}";
    CLEANUP_FREE char *without = build(profile, false, NULL, NULL);
    CLEANUP_FREE char *with = build(profile, true, NULL, NULL);
    expect(without, "/domain/cpu/model", "Nehalem");
    expect(without, "count(/domain/features/hyperv)", "0");
    expect(with, "/domain/cpu/@mode", "host-passthrough");
    expect(with, "/domain/features/hyperv/spinlocks/@retries", "8191");
    expect(with, "/domain/clock/timer[@name='hypervclock']/@present", "yes");
    expect(with, "/domain/features/ioapic/@driver", "qemu");
    expect(with, "/domain/devices/iommu/driver/@intremap", "on");
}
END_TEST

START_TEST(what_needs_kvm_is_refused_with_its_cause) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(build("{\"needs_kvm\":\"because of the moon\"}", false, NULL, &err));
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err_text(&err), "because of the moon"));
    CLEANUP_FREE char *with = build("{\"needs_kvm\":\"because of the moon\"}", true, NULL, NULL);
    ck_assert_ptr_nonnull(with);
}
END_TEST

START_TEST(a_socket_path_too_long_is_refused) {
    char longer[200];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    struct domain_paths p = paths;
    p.agent_socket = longer;
    struct vm_spec spec = {.name = "x"};
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(domain_xml_build(&spec, &p, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "too long"));
}
END_TEST

START_TEST(rebase_moves_the_files_and_keeps_the_machine) {
    CLEANUP_FREE char *xml = build(profiles[1], false, "console=ttyS0", NULL);
    struct vm_spec spec = {.name = "another", .kernel = "/j/vmlinuz", .initrd = "/j/initrd"};
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *moved = domain_xml_rebase(xml, &spec, &elsewhere, &name, NULL);
    ck_assert_str_eq(name, "cell-1"); /* the state's own: libvirt insists on it */
    expect(moved, "/domain/name", "cell-1");
    expect(moved, "/domain/devices/disk/source/@file", "/w2/overlay.qcow2");
    expect(moved, "/domain/devices/serial[1]/source/@path", "/w2/console.log");
    expect(moved, "/domain/devices/serial[2]/source/@path", "/r2/agent.sock");
    expect(moved, "/domain/devices/graphics/listen/@socket", "/r2/vnc.sock");
    expect(moved, "/domain/os/kernel", "/j/vmlinuz");
    expect(moved, "/domain/os/cmdline", "console=ttyS0");
    expect(moved, "/domain/memory", "640");
}
END_TEST

START_TEST(rebase_refuses_what_is_no_machine_of_ours) {
    struct vm_spec spec = {.name = "x"};
    static const char *const others[] = {"", "garbage", "<domain/>",
                                         "<domain><name>x</name><devices/></domain>"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *name = NULL;
        ck_assert_ptr_null(domain_xml_rebase(others[i], &spec, &elsewhere, &name, &err));
        ck_assert_int_eq(err.cls, ERR_INPUT);
    }
}
END_TEST

/* What virt-install makes for Windows Server 2022 has the same bones; a profile of ours gives them
 * too. */
START_TEST(the_bones_are_those_of_virt_install) {
    static const char *const bones[] = {
        "/domain/os/type/@arch",        "/domain/os/type",
        "/domain/devices/disk/@type",   "/domain/devices/disk/@device",
        "/domain/devices/disk/driver/@name", "/domain/devices/disk/driver/@type"};
    if (!test_cases_dir()) {
        TEST_SKIP("no folder of cases");
    }
    CLEANUP_FREE char *path = str_printf("%s/libvirt/q_win2k22.xml", test_cases_dir());
    CLEANUP_FREE char *theirs = fs_read(path, 1 << 20, NULL, NULL);
    if (!theirs) {
        TEST_SKIP("no %s", path);
    }
    CLEANUP_FREE char *ours = build("{\"machine\":\"q35\",\"disk\":\"sata\"}", false, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bones); i++) {
        CLEANUP_FREE char *want = ask(theirs, bones[i]);
        expect(ours, bones[i], want);
    }
}
END_TEST

/* What virt-install makes for Windows 11, member by member of what matters to it. */
START_TEST(windows_11_gets_what_virt_install_gives_it) {
    static const char *const same[] = {
        "/domain/os/@firmware", "/domain/os/type/@machine", "/domain/os/type/@arch",
        "/domain/devices/tpm/@model", "/domain/devices/tpm/backend/@type", "/domain/devices/tpm/backend/@version",
        "/domain/devices/disk[1]/target/@bus", "/domain/devices/disk[2]/target/@bus",
        "/domain/devices/disk[2]/@device", "/domain/devices/disk[2]/driver/@type",
        "/domain/devices/interface/model/@type", "/domain/os/boot[1]/@dev", "/domain/os/boot[2]/@dev",
        "/domain/features/hyperv/spinlocks/@retries", "/domain/features/hyperv/vapic/@state",
        "/domain/features/hyperv/relaxed/@state", "/domain/clock/timer[@name='hpet']/@present",
        "/domain/clock/timer[@name='hypervclock']/@present"};
    static const char *const cds[] = {"/c/setup.iso"};
    CLEANUP_FREE char *path = str_printf("%s/libvirt/q_win11_uefi_tpm.xml", test_cases_dir() ? test_cases_dir() : "");
    CLEANUP_FREE char *theirs = fs_read(path, 1 << 20, NULL, NULL);
    if (!theirs) {
        TEST_SKIP("no %s", path);
    }
    CLEANUP(shipped_profile_drop) struct image_profile *p = shipped_profile("uefi-secure-tpm");
    struct vm_spec spec = {.name = "x", .profile = p->hardware, .kvm = true, .cdroms = cds, .cdrom_count = 1};
    CLEANUP_FREE char *ours = domain_xml_build(&spec, &paths, NULL);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        CLEANUP_FREE char *want = ask(theirs, same[i]);
        ck_assert_msg(*want, "%s is not in %s", same[i], path);
        expect(ours, same[i], want);
    }
}
END_TEST

static const struct {
    const char *profile;
    size_t cds;
    const char *cannot; /* NULL: it can */
} kept[] = {
    {"bios", 0, NULL}, {"bios-virtio", 0, NULL}, {"bios-ide", 0, NULL},
    {"uefi", 0, NULL}, {"uefi-secure-tpm", 0, NULL}, {"uefi", 1, "more than one disk"},
};

START_TEST(what_no_state_can_hold_is_known_before_it_runs) {
    CLEANUP(shipped_profile_drop) struct image_profile *p = shipped_profile(kept[_i].profile);
    static const char *const cds[] = {"/c/setup.iso"};
    struct vm_spec spec = {.name = "x", .profile = p->hardware, .disk = "/images/disk.qcow2", .cdroms = cds,
                           .cdrom_count = kept[_i].cds};
    CLEANUP_ERR struct err err = ERR_INIT;
    int rc = vm_libvirt_may_save(&spec, &err);
    ck_assert_int_eq((int)err.cls, kept[_i].cannot ? ERR_REFUSED : ERR_NONE);
    ck_assert(kept[_i].cannot ? rc < 0 && strstr(err_text(&err), kept[_i].cannot) : rc == 0);
}
END_TEST

static void digest_of(const struct vm_spec *spec, char hex[65]) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(vm_libvirt_hardware(spec, hex, &err) == 0, "%s", err_text(&err));
    ck_assert_uint_eq(strlen(hex), 64);
}

/* Who runs it, and under which name, is no part of the machine. */
START_TEST(hardware_is_known_by_its_digest) {
    json_t *small = json_pack("{s:i}", "memory_mib", 512), *large = json_pack("{s:i}", "memory_mib", 513);
    struct vm_spec spec = {.name = "x", .work_dir = "/a", .profile = small, .disk = "/images/disk.qcow2"};
    char first[65], other[65];
    digest_of(&spec, first);
    spec.name = "another";
    spec.work_dir = "/b";
    digest_of(&spec, other);
    ck_assert_str_eq(first, other);
    struct vm_spec changed[] = {spec, spec, spec, spec};
    changed[0].profile = large;
    changed[1].disk = "/other/disk.qcow2";
    changed[2].kernel = "/images/vmlinuz";
    changed[3].kvm = true;
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        digest_of(&changed[i], other);
        ck_assert_msg(!str_eq(first, other), "change %zu goes unnoticed", i);
    }
    json_decref(small);
    json_decref(large);
}
END_TEST

int main(void) {
    Suite *s = suite_create("domain xml");
    TCase *t = tcase_create("domain xml");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_profile_is_valid_by_libvirts_schema);
    tcase_add_test(t, every_shipped_profile_is_valid_by_libvirts_schema);
    tcase_add_test(t, recipes_and_profiles_agree_on_hardware);
    tcase_add_test(t, the_machine_is_what_the_profile_says);
    tcase_add_test(t, on_another_host_ports_are_ptys);
    tcase_add_test(t, kvm_changes_the_type_and_allows_the_hosts_cpu);
    tcase_add_test(t, text_stays_text);
    tcase_add_test(t, wrong_profiles_are_refused);
    tcase_add_test(t, firmware_tpm_and_cds_stand_where_they_belong);
    tcase_add_test(t, a_cd_is_never_on_virtio);
    tcase_add_test(t, with_kvm_the_profile_has_other_members);
    tcase_add_test(t, what_needs_kvm_is_refused_with_its_cause);
    tcase_add_test(t, a_socket_path_too_long_is_refused);
    tcase_add_test(t, rebase_moves_the_files_and_keeps_the_machine);
    tcase_add_test(t, rebase_refuses_what_is_no_machine_of_ours);
    tcase_add_test(t, the_bones_are_those_of_virt_install);
    tcase_add_loop_test(t, what_no_state_can_hold_is_known_before_it_runs, 0, (int)ARRAY_LEN(kept));
    tcase_add_test(t, hardware_is_known_by_its_digest);
    tcase_add_test(t, windows_11_gets_what_virt_install_gives_it);
    suite_add_tcase(s, t);
    return suite_run(s);
}
