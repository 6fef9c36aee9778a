/* Answer files: what is built passes the checker in every variant, what is wrong is found where it stands, and real
 * ones that nobody here wrote are read. */
#include <check.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "media/answer.h"
#include "support/cds.h"
#include "support/skip.h"
#include "support/suite.h"

static struct answer_spec sample(void) {
    return (struct answer_spec){.firmware = ANSWER_UEFI, .arch = MEDIA_AMD64, .build = 26100, .desktop = true,
                                .language = "de-DE", .image_index = 3, .image_name = "Windows 11 Pro",
                                .key = "W269N-WFGWX-YVC9B-4J6C9-T83GX", .computer = "LAB", .account = "lab",
                                .password = "Pass-1<&>\"word"};
}

struct checked {
    struct answer_facts facts;
    struct diags errors, warnings;
    char *first; /* complaint, with its place and code */
};

static void checked_clear(struct checked *c) {
    answer_facts_clear(&c->facts);
    diags_free(&c->errors);
    diags_free(&c->warnings);
    free(c->first);
}

static char *said(const struct diags *d) {
    return d->count ? str_printf("%d:%d %s: %s", d->items[0].pos.line, d->items[0].pos.column, d->items[0].code,
                                 d->items[0].message)
                    : str_dup("");
}

static struct checked check_text(const char *text) {
    struct checked c = {.errors = DIAGS_INIT, .warnings = DIAGS_INIT};
    ck_assert_uint_eq(answer_check("file.xml", text, strlen(text), &c.facts, &c.errors, &c.warnings), c.errors.count);
    c.first = said(c.errors.count ? &c.errors : &c.warnings);
    return c;
}

START_TEST(every_variant_is_valid) {
    static const int builds[] = {14393, 17763, 19045, 20348, 22631, 26100, 26200};
    for (unsigned v = 0; v < ARRAY_LEN(builds) * 64; v++) {
        struct answer_spec s = sample();
        s.build = builds[v / 64];
        s.firmware = v & 1 ? ANSWER_BIOS : ANSWER_UEFI;
        s.server = v & 2;
        s.desktop = !(v & 4);
        s.drivers = v & 8;
        s.bypass = v & 16;
        s.recovery = v & 32;
        s.key = v % 3 ? s.key : NULL;
        s.image_index = v % 5 ? 3 : 0;
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *text = answer_build(&s, &err);
        ck_assert_msg(text != NULL, "%s", err_text(&err));
        CLEANUP(checked_clear) struct checked c = check_text(text);
        ck_assert_msg(c.errors.count == 0 && c.warnings.count == 0, "variant %u: %s", v, c.first);
        ck_assert_str_eq(c.facts.partitioning, s.firmware == ANSWER_UEFI ? "gpt" : "mbr");
        ck_assert_int_eq(c.facts.install_partition, (s.firmware == ANSWER_UEFI ? 3 : 2) + s.recovery);
        ck_assert_str_eq(c.facts.language, "de-DE");
        ck_assert_str_eq(c.facts.image, s.image_index ? "INDEX 3" : "NAME Windows 11 Pro");
        ck_assert_str_eq(c.facts.accounts[0], "lab");
        ck_assert_int_eq(c.facts.key, s.key != NULL);
    }
}
END_TEST

/* What stands at an XPath-like chain of local names in a parsed file. */
static char *content_of(const char *text, const char *component, const char *const *path) {
    xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), "x", NULL, XML_PARSE_NONET);
    ck_assert_ptr_nonnull(doc);
    char *result = NULL;
    for (xmlNodePtr s = xmlDocGetRootElement(doc)->children; s && !result; s = s->next) {
        for (xmlNodePtr c = s->children; c && !result; c = c->next) {
            xmlChar *name = c->type == XML_ELEMENT_NODE ? xmlGetProp(c, (const xmlChar *)"name") : NULL;
            xmlNodePtr at = str_eq((char *)name, component) ? c : NULL;
            xmlFree(name);
            for (size_t i = 0; at && path[i]; i++) {
                xmlNodePtr k = at->children;
                while (k && !str_eq((const char *)k->name, path[i])) {
                    k = k->next;
                }
                at = k;
            }
            xmlChar *content = at ? xmlNodeGetContent(at) : NULL;
            result = str_dup((char *)content);
            xmlFree(content);
        }
    }
    xmlFreeDoc(doc);
    return result;
}

START_TEST(it_says_what_was_asked_for) {
    struct answer_spec s = sample();
    s.server = true;
    CLEANUP_FREE char *text = answer_build(&s, NULL);
    static const char shell[] = "Microsoft-Windows-Shell-Setup";
    const char *const admin[] = {"UserAccounts", "AdministratorPassword", "Value", NULL};
    const char *const local[] = {"UserAccounts", "LocalAccounts", "LocalAccount", "Password", "Value", NULL};
    const char *const online[] = {"OOBE", "HideOnlineAccountScreens", NULL};
    const char *const zone[] = {"TimeZone", NULL};
    const char *const key[] = {"UserData", "ProductKey", "Key", NULL};
    CLEANUP_FREE char *a = content_of(text, shell, admin), *l = content_of(text, shell, local);
    CLEANUP_FREE char *o = content_of(text, shell, online), *z = content_of(text, shell, zone);
    CLEANUP_FREE char *k = content_of(text, "Microsoft-Windows-Setup", key);
    ck_assert_str_eq(a, s.password); /* whatever characters it has */
    ck_assert_str_eq(l, s.password);
    ck_assert_str_eq(o, "true");
    ck_assert_str_eq(z, "UTC");
    ck_assert_str_eq(k, s.key);
    ck_assert_ptr_nonnull(strstr(text, "\\coexist\\lab.cd"));
    ck_assert_ptr_null(strstr(text, "LabConfig"));
    ck_assert_ptr_null(strstr(text, "DriverPaths"));
    s.drivers = s.bypass = true;
    s.key = NULL;
    CLEANUP_FREE char *more = answer_build(&s, NULL);
    ck_assert_ptr_nonnull(strstr(more, "BypassTPMCheck"));
    ck_assert_ptr_nonnull(strstr(more, "<Path>D:\\$WinPEDriver$</Path>"));
    ck_assert_ptr_nonnull(strstr(more, "<Path>K:\\$WinPEDriver$</Path>"));
    ck_assert_ptr_null(strstr(more, "ProductKey"));
}
END_TEST

START_TEST(what_cannot_be_built_is_refused) {
    struct answer_spec specs[8];
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        specs[i] = sample();
    }
    specs[0].language = "german";
    specs[1].key = "12345";
    specs[2].computer = "A-NAME-OF-16-CHR";
    specs[3].account = "a/b";
    specs[4].password = "";
    specs[5].image_index = 0;
    specs[5].image_name = NULL;
    specs[6].arch = MEDIA_ARCH_OTHER;
    specs[7].computer = "12345";
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_ptr_null(answer_build(&specs[i], &err));
        ck_assert_int_eq(err.cls, ERR_INPUT);
        ck_assert_ptr_null(strstr(err_text(&err), specs[i].key ? specs[i].key : "-")); /* no secret in a message */
    }
}
END_TEST

/* ---- what is wrong --------------------------------------------------------------------------------------- */

/* Sample with one piece exchanged. */
static char *broken(const char *from, const char *to) {
    struct answer_spec s = sample();
    CLEANUP_FREE char *text = answer_build(&s, NULL);
    char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no '%s' in it", from);
    return str_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

START_TEST(what_setup_stops_at_is_found) {
    static const struct { const char *from, *to, *code; } cases[] = {
        {"</unattend>", "", "not-xml"},
        {"<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"", "<unattend", "wrong-namespace"},
        {"pass=\"windowsPE\"", "pass=\"windowsPe\"", "unknown-pass"},
        {"pass=\"specialize\"", "", "unknown-pass"},
        {"processorArchitecture=\"amd64\"", "processorArchitecture=\"x64\"", "wrong-architecture"},
        {"publicKeyToken=\"31bf3856ad364e35\" ", "", "missing-attribute"},
        {"name=\"Microsoft-Windows-Deployment\"", "name=\"Microsoft-Windows-Shell-Setup\"", "duplicate-component"},
        {"<PartitionID>3</PartitionID>\n          </InstallTo>", "<PartitionID>4</PartitionID></InstallTo>",
         "no-partition"},
        {"<PartitionID>3</PartitionID>\n          </InstallTo>", "<PartitionID>2</PartitionID></InstallTo>",
         "wrong-partition"},
        {"<DiskID>0</DiskID>\n            <PartitionID>3", "<DiskID>1</DiskID><PartitionID>3", "no-disk"},
        {"<Order>2</Order>\n              <Type>MSR", "<Order>1</Order><Type>MSR", "duplicate-order"},
        {"<Size>260</Size>", "<Size>260</Size><Extend>true</Extend>", "wrong-partition"},
        {"<Size>260</Size>", "<Extend>true</Extend>", "no-room"},
        {"<Size>260</Size>", "", "wrong-partition"},
        {"<Type>MSR</Type>", "<Type>Msr2</Type>", "wrong-partition"},
        {"<Format>FAT32</Format>", "<Format>ext4</Format>", "wrong-format"},
        {"<Letter>C</Letter>", "<Active>true</Active>", "wrong-partition"},
        {"/IMAGE/INDEX", "/IMAGE/NUMBER", "wrong-image"},
        {"W269N-WFGWX", "W269N", "wrong-key"},
        {"<AcceptEula>true", "<AcceptEula>yes", "wrong-value"},
        {"<WillShowUI>OnError", "<WillShowUI>Sometimes", "wrong-value"},
        {"<ProtectYourPC>3", "<ProtectYourPC>4", "wrong-value"},
        {"<ComputerName>LAB", "<ComputerName>A:B", "wrong-name"},
        {"<Name>lab</Name>", "<Name>l@b</Name>", "wrong-account"},
        {"<UILanguage>de-DE", "<UILanguage>German", "wrong-language"},
        {"wcm:action=\"add\"", "wcm:action=\"append\"", "wrong-value"},
        {"<CommandLine>", "<CommandLine></CommandLine><Ignored>", "not-xml"},
        {"<Order>1</Order>\n          <Description>settings", "<Description>settings", "wrong-order"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *text = broken(cases[i].from, cases[i].to);
        CLEANUP(checked_clear) struct checked c = check_text(text);
        ck_assert_msg(c.errors.count > 0, "'%s' -> '%s': no error", cases[i].from, cases[i].to);
        bool found = false;
        for (size_t k = 0; k < c.errors.count; k++) {
            found |= str_eq(c.errors.items[k].code, cases[i].code);
            ck_assert_int_ge(c.errors.items[k].pos.line, 1);
            ck_assert_int_ge(c.errors.items[k].pos.column, 1);
        }
        ck_assert_msg(found, "'%s' -> '%s': %s", cases[i].from, cases[i].to, c.first);
    }
}
END_TEST

START_TEST(places_are_exact) {
    CLEANUP_FREE char *text = broken("<Type>MSR</Type>", "<Type>Swap</Type>");
    const char *at = strstr(text, "<CreatePartition wcm");
    at = strstr(at + 1, "<CreatePartition wcm");
    int line = 1, column = 1;
    for (const char *c = text; c < at; c++) {
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + 1;
    }
    CLEANUP(checked_clear) struct checked c = check_text(text);
    ck_assert_uint_eq(c.errors.count, 1);
    ck_assert_int_eq(c.errors.items[0].pos.line, line);
    ck_assert_int_eq(c.errors.items[0].pos.column, column);
}
END_TEST

/* However many disks come before the one that Windows goes to. */
START_TEST(every_disk_is_looked_at) {
    CLEANUP_STR struct str disks = STR_INIT;
    for (int i = 1; i < 12; i++) {
        str_addf(&disks, "<Disk wcm:action=\"add\"><DiskID>%d</DiskID><WillWipeDisk>true</WillWipeDisk></Disk>", i);
    }
    str_add(&disks, "<Disk wcm:action=\"add\">\n          <DiskID>0");
    CLEANUP_FREE char *text = broken("<Disk wcm:action=\"add\">\n          <DiskID>0", str_get(&disks));
    CLEANUP(checked_clear) struct checked c = check_text(text);
    ck_assert_msg(c.errors.count == 0, "%s", c.first);
}
END_TEST

/* Lists are compared each with each: a file made for that would take hours. */
START_TEST(a_flood_of_elements_is_no_answer_file) {
    CLEANUP_STR struct str text = STR_INIT;
    str_add(&text, "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"><settings pass=\"windowsPE\">");
    while (text.len < 4000000) {
        str_add(&text, "<component/>");
    }
    str_add(&text, "</settings></unattend>");
    CLEANUP(checked_clear) struct checked c = check_text(str_get(&text));
    ck_assert_uint_eq(c.errors.count, 1);
    ck_assert_str_eq(c.errors.items[0].code, "too-many");
}
END_TEST

START_TEST(what_setup_ignores_is_a_warning) {
    static const struct { const char *from, *to, *code; } cases[] = {
        {"<TimeZone>UTC</TimeZone>", "<TimeZone>UTC</TimeZone><Timezone>UTC</Timezone>", "unknown-setting"},
        {"<HideEULAPage>", "<HideEulaPages>true</HideEulaPages><HideEULAPage>", "unknown-setting"},
        {"name=\"Microsoft-Windows-Deployment\"", "name=\"Microsoft-Windows-Deploiment\"", "unknown-component"},
        {"<Username>lab</Username>", "<Username>labb</Username>", "no-account"},
        {"name=\"Microsoft-Windows-Security-SPP-UX\"", "name=\"Microsoft-Windows-PnpCustomizationsWinPE\"",
         "wrong-pass"},
        {"<AcceptEula>true</AcceptEula>", "", "setup-asks"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP_FREE char *text = broken(cases[i].from, cases[i].to);
        CLEANUP(checked_clear) struct checked c = check_text(text);
        ck_assert_msg(c.errors.count == 0, "'%s': %s", cases[i].to, c.first);
        bool found = false;
        for (size_t k = 0; k < c.warnings.count; k++) {
            found |= str_eq(c.warnings.items[k].code, cases[i].code);
        }
        ck_assert_msg(found, "'%s' -> '%s': %s", cases[i].from, cases[i].to, c.first);
    }
}
END_TEST

START_TEST(no_answer_files_are_refused) {
    static const char *const texts[] = {"", "<html><body>not found</body></html>", "{}", "<unattend/>",
                                        ("<?xml version=\"1.0\"?><!DOCTYPE unattend [<!ENTITY a \"b\">]><unattend "
                                         "xmlns=\"urn:schemas-microsoft-com:unattend\">&a;</unattend>"),
                                        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(checked_clear) struct checked c = check_text(texts[i]);
        ck_assert_msg(c.errors.count > 0, "%s", texts[i]);
    }
}
END_TEST

/* ---- real ones --------------------------------------------------------------------------------------------- */

static char *real(const char *dir, const char *name) {
    CLEANUP_FREE char *path = str_printf("%s/unattend/%s", dir, name);
    return fs_read(path, 1 << 20, NULL, NULL);
}

START_TEST(a_real_one_for_windows_11_is_read) {
    const char *dir = test_cases_dir();
    CLEANUP_FREE char *text = dir ? real(dir, "rgl_windows-11-24h2-uefi.autounattend.xml") : NULL;
    if (!text) {
        TEST_SKIP("the cases are not here");
    }
    CLEANUP(checked_clear) struct checked c = check_text(text);
    ck_assert_msg(c.errors.count == 0 && c.warnings.count == 0, "%s", c.first);
    ck_assert_str_eq(c.facts.passes[0], "windowsPE");
    ck_assert_str_eq(c.facts.passes[1], "oobeSystem");
    ck_assert_str_eq(c.facts.passes[2], "offlineServicing");
    ck_assert_str_eq(c.facts.components[1], "windowsPE/Microsoft-Windows-Setup/amd64");
    ck_assert_str_eq(c.facts.image, "INDEX 1");
    ck_assert_str_eq(c.facts.partitioning, "gpt");
    ck_assert_int_eq(c.facts.install_partition, 3);
    ck_assert_str_eq(c.facts.accounts[0], "vagrant");
    ck_assert_str_eq(c.facts.language, "en-US");
    ck_assert(!c.facts.key); /* it stands in a comment */
    ck_assert_int_eq(c.facts.commands, 6);
}
END_TEST

START_TEST(a_real_one_of_osinfo_is_read) {
    const char *dir = test_cases_dir();
    CLEANUP_FREE char *text = dir ? real(dir, "osinfo_win10/autounattend.xml") : NULL;
    if (!text) {
        TEST_SKIP("the cases are not here");
    }
    CLEANUP(checked_clear) struct checked c = check_text(text);
    ck_assert_msg(c.errors.count == 0, "%s", c.first);
    ck_assert_str_eq(c.facts.partitioning, "mbr");
    ck_assert_int_eq(c.facts.install_partition, 1);
    ck_assert_str_eq(c.facts.accounts[0], "lab");
    ck_assert_str_eq(c.facts.image, "");
    ck_assert(!c.facts.key);
    ck_assert_int_eq(c.facts.commands, 2);
}
END_TEST

/* What libosinfo writes for virt-install: all versions it has such scripts for. */
START_TEST(those_that_osinfo_writes_are_read) {
    static const char *const systems[] = {"win7", "win8", "win8.1", "win10", "win2k8r2"};
    CLEANUP_FREE char *program = proc_find("osinfo-install-script");
    if (!program) {
        TEST_SKIP("libosinfo-bin is not installed");
    }
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *path = fs_join(dir, "autounattend.xml");
    for (size_t i = 0; i < 2 * ARRAY_LEN(systems); i++) {
        const char *args[] = {program, "-p", i % 2 ? "jeos" : "desktop", "-d", dir, "-c", "admin-password=x1Y2z3", "-c",
                              "user-login=lab", "-c", "target-disk=0", "-c", "hardware-arch=x86_64", "-c",
                              "reg-product-key=W269N-WFGWX-YVC9B-4J6C9-T83GX", systems[i / 2], NULL};
        struct proc_opts opts = {.timeout_ns = 60 * CLOCK_S};
        CLEANUP_ERR struct err err = ERR_INIT;
        ck_assert_msg(proc_check(args, &opts, &err) == 0, "%s", err_text(&err));
        CLEANUP_FREE char *text = fs_read(path, 1 << 20, NULL, &err);
        ck_assert_ptr_nonnull(text);
        CLEANUP(checked_clear) struct checked c = check_text(text);
        ck_assert_msg(c.errors.count == 0, "%s: %s", systems[i / 2], c.first);
        ck_assert_str_eq(c.facts.partitioning, "mbr");
        ck_assert(c.facts.key);
    }
}
END_TEST

/* The lines of OpenSSH, each after the one before it: installed, the key let in, nobody else able to write it, started;
 * and only then is everything done. */
static void check_openssh_lines(const char *logon) {
    static const char *const lines[] = {
        "if exist C:\\coexist\\openssh.msi msiexec.exe /i C:\\coexist\\openssh.msi /qn /norestart",
        "if not exist C:\\coexist\\openssh.zip goto key\r\n",
        "install-sshd.ps1",
        ":key\r\n",
        "copy /y C:\\coexist\\authorized_key %ProgramData%\\ssh\\administrators_authorized_keys\r\n",
        "icacls.exe %ProgramData%\\ssh\\administrators_authorized_keys /setowner *S-1-5-32-544\r\n",
        ("icacls.exe %ProgramData%\\ssh\\administrators_authorized_keys /inheritance:r /grant:r *S-1-5-32-544:F "
         "/grant:r *S-1-5-18:F\r\n"),
        "localport=22\r\n",
        "sc.exe config sshd start= auto\r\n",
        "net.exe start sshd\r\n",
        "echo done> C:\\coexist\\installed\r\n",
    };
    const char *at = logon;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        const char *found = strstr(at, lines[i]);
        ck_assert_msg(found != NULL, "not there, or too early: %s", lines[i]);
        at = found + strlen(lines[i]);
    }
}

START_TEST(scripts_do_what_the_recipe_says) {
    struct answer_script_spec s = {.agent_port = "COM2", .openssh = true};
    CLEANUP_FREE char *specialize = answer_script_specialize(&s), *logon = answer_script_logon(&s);
    ck_assert_ptr_nonnull(strstr(specialize, "C:\\coexist\\agent.exe --install --port COM2\r\n"));
    ck_assert_ptr_nonnull(strstr(specialize, "/v AutoReboot /t REG_DWORD /d 1 /f"));
    ck_assert_ptr_nonnull(strstr(specialize, "/v CrashDumpEnabled /t REG_DWORD /d 2 /f"));
    ck_assert_ptr_nonnull(strstr(specialize, "/v RealTimeIsUniversal /t REG_DWORD /d 1 /f"));
    ck_assert_ptr_nonnull(strstr(specialize, "/v NoAutoUpdate /t REG_DWORD /d 1 /f"));
    ck_assert_ptr_null(strstr(specialize, "testsigning"));
    ck_assert_ptr_null(strstr(specialize, "ForceDefenderPassiveMode"));
    check_openssh_lines(logon);
    for (const char *c = specialize; *c; c++) {
        ck_assert(*c != '\n' || (c > specialize && c[-1] == '\r'));
    }
    s = (struct answer_script_spec){
        .agent_port = "COM2", .server = true, .defender_passive = true, .test_signing = true};
    CLEANUP_FREE char *other = answer_script_specialize(&s), *plain = answer_script_logon(&s);
    ck_assert_ptr_nonnull(strstr(other, "bcdedit.exe /set testsigning on\r\n"));
    ck_assert_ptr_nonnull(strstr(other, "ForceDefenderPassiveMode"));
    ck_assert_ptr_nonnull(strstr(other, "ShutdownReasonOn"));
    ck_assert_ptr_null(strstr(plain, "ssh"));
    ck_assert_ptr_nonnull(strstr(plain, "echo done> C:\\coexist\\installed\r\n"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("answer");
    TCase *t = tcase_create("answer");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_variant_is_valid);
    tcase_add_test(t, it_says_what_was_asked_for);
    tcase_add_test(t, what_cannot_be_built_is_refused);
    tcase_add_test(t, what_setup_stops_at_is_found);
    tcase_add_test(t, places_are_exact);
    tcase_add_test(t, every_disk_is_looked_at);
    tcase_add_test(t, a_flood_of_elements_is_no_answer_file);
    tcase_add_test(t, what_setup_ignores_is_a_warning);
    tcase_add_test(t, no_answer_files_are_refused);
    tcase_add_test(t, a_real_one_for_windows_11_is_read);
    tcase_add_test(t, a_real_one_of_osinfo_is_read);
    tcase_add_test(t, those_that_osinfo_writes_are_read);
    tcase_add_test(t, scripts_do_what_the_recipe_says);
    suite_add_tcase(s, t);
    return suite_run(s);
}
