/* Builds an answer file. Names, order of components and values after Microsoft's Unattended Windows Setup Reference;
 * partition layouts after "Configure UEFI/GPT-based hard drive partitions" and the same for BIOS/MBR. */
#include <ctype.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer.h"
#include "media/answer_impl.h"

#define X(text) ((const xmlChar *)(text))

enum {
    BUILD_WINDOWS_11 = 22000, /* the first one */
    EFI_MIB = 260,            /* what disks of 4 KiB sectors need, too */
    MSR_MIB = 16,
    SYSTEM_MIB = 500,
    RECOVERY_MIB = 1000
};

/* ---- the tree ------------------------------------------------------------------------------------ */

static xmlNodePtr build_add(xmlNodePtr parent, const char *name) {
    return xmlNewChild(parent, NULL, X(name), NULL);
}

static xmlNodePtr build_text(xmlNodePtr parent, const char *name, const char *text) {
    return xmlNewTextChild(parent, NULL, X(name), X(text));
}

static void build_number(xmlNodePtr parent, const char *name, long n) {
    char text[24];
    snprintf(text, sizeof(text), "%ld", n);
    build_text(parent, name, text);
}

/* An item of a list. */
static xmlNodePtr build_item(xmlNodePtr parent, const char *name) {
    xmlNodePtr node = build_add(parent, name);
    xmlNsPtr wcm = xmlSearchNs(node->doc, node, X("wcm"));
    xmlNewNsProp(node, wcm, X("action"), X("add"));
    return node;
}

static xmlNodePtr build_pass(xmlNodePtr root, const char *pass) {
    xmlNodePtr settings = build_add(root, "settings");
    xmlNewProp(settings, X("pass"), X(pass));
    return settings;
}

static xmlNodePtr build_component(xmlNodePtr settings, const struct answer_spec *s, const char *name) {
    xmlNodePtr c = build_add(settings, "component");
    xmlNewProp(c, X("name"), X(name));
    xmlNewProp(c, X("processorArchitecture"), X(media_arch_name(s->arch)));
    xmlNewProp(c, X("publicKeyToken"), X(ANSWER_TOKEN));
    xmlNewProp(c, X("language"), X("neutral"));
    xmlNewProp(c, X("versionScope"), X("nonSxS"));
    return c;
}

static void build_languages(xmlNodePtr component, const struct answer_spec *s) {
    build_text(component, "InputLocale", s->language);
    build_text(component, "SystemLocale", s->language);
    build_text(component, "UILanguage", s->language);
    build_text(component, "UserLocale", s->language);
}

/* ---- windowsPE ------------------------------------------------------------------------------------- */

struct build_partition {
    const char *type;   /* of CreatePartition */
    const char *format; /* NULL: none */
    const char *label;
    const char *type_id;
    int mib;            /* 0: the rest of the disk */
    bool active, windows;
};

#define BUILD_MAX 4

/* Returns how many. */
static int build_layout(const struct answer_spec *s, struct build_partition p[BUILD_MAX]) {
    int n = 0;
    bool gpt = s->firmware == ANSWER_UEFI;
    if (!gpt) {
        p[n++] = (struct build_partition){"Primary", "NTFS", "System", NULL, SYSTEM_MIB, true, false};
    }
    if (s->recovery) {
        const char *id = gpt ? "de94bba4-06d1-4d40-a16a-bfd50179d6ac" : "0x27";
        p[n++] = (struct build_partition){"Primary", "NTFS", "WinRE", id, RECOVERY_MIB, false, false};
    }
    if (gpt) {
        p[n++] = (struct build_partition){"EFI", "FAT32", "System", NULL, EFI_MIB, false, false};
        p[n++] = (struct build_partition){"MSR", NULL, NULL, NULL, MSR_MIB, false, false};
    }
    p[n++] = (struct build_partition){"Primary", "NTFS", "Windows", NULL, 0, false, true};
    return n;
}

static void build_create(xmlNodePtr list, int order, const struct build_partition *p) {
    xmlNodePtr c = build_item(list, "CreatePartition");
    build_number(c, "Order", order);
    build_text(c, "Type", p->type);
    if (p->mib) {
        build_number(c, "Size", p->mib);
    } else {
        build_text(c, "Extend", "true");
    }
}

static void build_modify(xmlNodePtr list, int order, const struct build_partition *p) {
    xmlNodePtr m = build_item(list, "ModifyPartition");
    build_number(m, "Order", order);
    build_number(m, "PartitionID", order);
    if (p->active) {
        build_text(m, "Active", "true");
    }
    if (p->format) {
        build_text(m, "Format", p->format);
        build_text(m, "Label", p->label);
    }
    if (p->windows) {
        build_text(m, "Letter", "C");
    }
    if (p->type_id) {
        build_text(m, "TypeID", p->type_id);
    }
}

/* Returns the number of the partition that Windows goes to. */
static int build_disk(xmlNodePtr setup, const struct answer_spec *s) {
    struct build_partition p[BUILD_MAX];
    int n = build_layout(s, p);
    xmlNodePtr configuration = build_add(setup, "DiskConfiguration");
    build_text(configuration, "WillShowUI", "OnError");
    xmlNodePtr disk = build_item(configuration, "Disk");
    build_number(disk, "DiskID", s->disk);
    build_text(disk, "WillWipeDisk", "true");
    xmlNodePtr create = build_add(disk, "CreatePartitions"), modify = build_add(disk, "ModifyPartitions");
    for (int i = 0; i < n; i++) {
        build_create(create, i + 1, &p[i]);
        build_modify(modify, i + 1, &p[i]);
    }
    return n;
}

static void build_image(xmlNodePtr setup, const struct answer_spec *s, int partition) {
    xmlNodePtr image = build_add(build_add(setup, "ImageInstall"), "OSImage");
    xmlNodePtr meta = build_item(build_add(image, "InstallFrom"), "MetaData");
    if (s->image_index > 0) {
        build_text(meta, "Key", "/IMAGE/INDEX");
        build_number(meta, "Value", s->image_index);
    } else {
        build_text(meta, "Key", "/IMAGE/NAME");
        build_text(meta, "Value", s->image_name);
    }
    xmlNodePtr to = build_add(image, "InstallTo");
    build_number(to, "DiskID", s->disk);
    build_number(to, "PartitionID", partition);
    build_text(image, "WillShowUI", "OnError");
}

static void build_user_data(xmlNodePtr setup, const struct answer_spec *s) {
    xmlNodePtr data = build_add(setup, "UserData");
    build_text(data, "AcceptEula", "true");
    build_text(data, "FullName", s->account);
    build_text(data, "Organization", "coexist");
    if (s->key) { /* an evaluation takes none: Setup would stop at it */
        xmlNodePtr key = build_add(data, "ProductKey");
        build_text(key, "Key", s->key);
        build_text(key, "WillShowUI", "OnError");
    }
}

static void build_command(xmlNodePtr list, int order, const char *path, const char *why) {
    xmlNodePtr c = build_item(list, "RunSynchronousCommand");
    build_number(c, "Order", order);
    build_text(c, "Description", why);
    build_text(c, "Path", path);
}

/* Microsoft, "Ways to install Windows 11": what Setup looks at, under HKLM\SYSTEM\Setup\LabConfig. */
static void build_bypass(xmlNodePtr setup) {
    static const char *const checks[] = {"BypassTPMCheck", "BypassSecureBootCheck", "BypassRAMCheck"};
    xmlNodePtr list = build_add(setup, "RunSynchronous");
    for (int i = 0; i < (int)ARRAY_LEN(checks); i++) {
        CLEANUP_FREE char *line =
            str_printf("reg.exe add HKLM\\SYSTEM\\Setup\\LabConfig /v %s /t REG_DWORD /d 1 /f", checks[i]);
        build_command(list, i + 1, line, "the profile has none; the recipe says so");
    }
}

/* Setup searches every drive for ANSWER_DRIVERS by itself; the paths name the same folders for what does not. A path
 * that is not there is passed over, and so is a drive. */
static void build_drivers(xmlNodePtr pass, const struct answer_spec *s) {
    xmlNodePtr component = build_component(pass, s, "Microsoft-Windows-PnpCustomizationsWinPE");
    xmlNodePtr list = build_add(component, "DriverPaths");
    xmlNsPtr wcm = xmlSearchNs(component->doc, component, X("wcm"));
    int n = 0;
    for (int letter = 'D'; letter <= 'K'; letter++) {
        char path[64], key[12];
        snprintf(path, sizeof(path), "%c:\\%s", letter, ANSWER_DRIVERS);
        snprintf(key, sizeof(key), "%d", ++n);
        xmlNodePtr item = build_item(list, "PathAndCredentials");
        xmlNewNsProp(item, wcm, X("keyValue"), X(key));
        build_text(item, "Path", path);
    }
}

static void build_windows_pe(xmlNodePtr root, const struct answer_spec *s) {
    xmlNodePtr pass = build_pass(root, "windowsPE");
    xmlNodePtr international = build_component(pass, s, "Microsoft-Windows-International-Core-WinPE");
    build_text(build_add(international, "SetupUILanguage"), "UILanguage", s->language);
    build_languages(international, s);
    if (s->drivers) {
        build_drivers(pass, s);
    }
    xmlNodePtr setup = build_component(pass, s, "Microsoft-Windows-Setup");
    build_text(build_add(setup, "Diagnostics"), "OptIn", "false");
    build_image(setup, s, build_disk(setup, s));
    xmlNodePtr update = build_add(setup, "DynamicUpdate"); /* the medium's build, and no other */
    build_text(update, "Enable", "false");
    build_text(update, "WillShowUI", "Never");
    if (s->bypass) {
        build_bypass(setup);
    }
    build_user_data(setup, s);
}

/* ---- specialize, oobeSystem -------------------------------------------------------------------------- */

/* Finds the lab's CD by what is on it. Setup takes 259 characters at most. */
static void build_first_script(xmlNodePtr deployment) {
    xmlNodePtr list = build_add(deployment, "RunSynchronous");
    build_command(list, 1,
                  "cmd.exe /c \"for %d in (D E F G H I J K) do @if exist %d:\\coexist\\lab.cd "
                  "call %d:\\coexist\\specialize.cmd\"",
                  "settings, agent: from the lab's CD, whatever its letter");
}

static void build_specialize(xmlNodePtr root, const struct answer_spec *s) {
    xmlNodePtr pass = build_pass(root, "specialize");
    build_first_script(build_component(pass, s, "Microsoft-Windows-Deployment"));
    build_text(build_component(pass, s, "Microsoft-Windows-Security-SPP-UX"), "SkipAutoActivation", "true");
    if (s->server && s->desktop) {
        xmlNodePtr manager = build_component(pass, s, "Microsoft-Windows-ServerManager-SvrMgrNc");
        build_text(manager, "DoNotOpenServerManagerAtLogon", "true");
    }
    xmlNodePtr shell = build_component(pass, s, "Microsoft-Windows-Shell-Setup");
    build_text(shell, "ComputerName", s->computer);
    build_text(shell, "TimeZone", "UTC");
}

static void build_password(xmlNodePtr parent, const char *name, const char *password) {
    xmlNodePtr p = build_add(parent, name);
    build_text(p, "Value", password);
    build_text(p, "PlainText", "true");
}

static void build_accounts(xmlNodePtr shell, const struct answer_spec *s) {
    xmlNodePtr logon = build_add(shell, "AutoLogon");
    build_text(logon, "Enabled", "true");
    build_number(logon, "LogonCount", 1);
    build_password(logon, "Password", s->password);
    build_text(logon, "Username", s->account);
    xmlNodePtr accounts = build_add(shell, "UserAccounts");
    if (s->server) { /* else its first screen asks for it */
        build_password(accounts, "AdministratorPassword", s->password);
    }
    xmlNodePtr local = build_item(build_add(accounts, "LocalAccounts"), "LocalAccount");
    build_text(local, "DisplayName", s->account);
    build_text(local, "Group", "Administrators");
    build_text(local, "Name", s->account);
    build_password(local, "Password", s->password);
}

static void build_oobe_screens(xmlNodePtr shell, const struct answer_spec *s) {
    xmlNodePtr oobe = build_add(shell, "OOBE");
    build_text(oobe, "HideEULAPage", "true");
    if (s->server) {
        build_text(oobe, "HideLocalAccountScreen", "true");
    }
    build_text(oobe, "HideOEMRegistrationScreen", "true");
    build_text(oobe, "HideOnlineAccountScreens", "true");
    build_text(oobe, "HideWirelessSetupInOOBE", "true");
    build_number(oobe, "ProtectYourPC", 3);
    if (!s->server) {
        build_text(oobe, "UnattendEnableRetailDemo", "false");
    }
}

static void build_oobe_system(xmlNodePtr root, const struct answer_spec *s) {
    xmlNodePtr pass = build_pass(root, "oobeSystem");
    build_languages(build_component(pass, s, "Microsoft-Windows-International-Core"), s);
    if (s->build >= BUILD_WINDOWS_11) { /* a golden disk encrypted by itself could not be looked into */
        build_text(build_component(pass, s, "Microsoft-Windows-SecureStartup-FilterDriver"), "PreventDeviceEncryption",
                   "true");
    }
    xmlNodePtr shell = build_component(pass, s, "Microsoft-Windows-Shell-Setup");
    build_accounts(shell, s);
    xmlNodePtr list = build_add(shell, "FirstLogonCommands"); /* one: long chains were seen to break off */
    xmlNodePtr c = build_item(list, "SynchronousCommand");
    build_text(c, "CommandLine", "cmd.exe /c " ANSWER_HOME "\\logon.cmd");
    build_text(c, "Description", "OpenSSH, and the mark that all is done");
    build_number(c, "Order", 1);
    build_oobe_screens(shell, s);
    build_text(shell, "RegisteredOrganization", "coexist");
    build_text(shell, "RegisteredOwner", s->account);
    build_text(shell, "TimeZone", "UTC");
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static int build_check(const struct answer_spec *s, struct err *err) {
    if (s->arch != MEDIA_AMD64 && s->arch != MEDIA_ARM64 && s->arch != MEDIA_X86) {
        return err_set(err, ERR_INPUT, "no architecture an answer file could name");
    }
    if (!answer_is_language(s->language)) {
        return err_set(err, ERR_INPUT, "'%s' is no language as Setup names them", s->language ? s->language : "");
    }
    if (s->image_index < 1 && (!s->image_name || !*s->image_name)) {
        return err_set(err, ERR_INPUT, "neither number nor name of the image to install");
    }
    if (s->key && !answer_is_key(s->key)) {
        return err_set(err, ERR_INPUT, "the product key is not five times five letters and digits");
    }
    if (!answer_is_computer(s->computer) || !answer_is_account(s->account)) {
        return err_set(err, ERR_INPUT, "'%s' or '%s' cannot be a computer's and an account's name",
                       s->computer ? s->computer : "", s->account ? s->account : "");
    }
    return s->password && *s->password ? 0 : err_set(err, ERR_INPUT, "no password");
}

char *answer_build(const struct answer_spec *s, struct err *err) {
    if (build_check(s, err) < 0) {
        err_prefix(err, "answer file");
        return NULL;
    }
    xmlDocPtr doc = xmlNewDoc(X("1.0"));
    xmlNodePtr root = xmlNewDocNode(doc, NULL, X("unattend"), NULL);
    xmlDocSetRootElement(doc, root);
    xmlSetNs(root, xmlNewNs(root, X(ANSWER_NAMESPACE), NULL));
    xmlNewNs(root, X(ANSWER_WCM), X("wcm"));
    build_windows_pe(root, s);
    build_specialize(root, s);
    build_oobe_system(root, s);
    xmlChar *text = NULL;
    int len = 0;
    xmlDocDumpFormatMemoryEnc(doc, &text, &len, "utf-8", 1);
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    xmlFreeDoc(doc);
    return copy;
}
