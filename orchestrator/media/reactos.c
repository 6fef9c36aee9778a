#include "media/reactos.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer.h"
#include "media/answer_impl.h"
#include "media/labcd.h"
#include "media/media.h"

enum { REACTOS_INI_MAX = 64 << 10 /* bytes */ };

/* Without a password: the one account is logged on by itself then, and nobody outside reaches the machine. */
char *reactos_unattend(const struct reactos_spec *s) {
    struct str out = STR_INIT;
    str_add(&out, "[Unattend]\r\nSignature = \"$ReactOS$\"\r\nUnattendSetupEnabled = yes\r\n"
                  "DestinationDiskNumber = 0\r\nDestinationPartitionNumber = 1\r\nInstallationDirectory = ReactOS\r\n"
                  "BootLoaderLocation = 2\r\nMBRInstallType = 2\r\n" /* the same, as it was called earlier */
                  "FullName = \"lab\"\r\nOrgName = \"coexist\"\r\n");
    str_addf(&out, "ComputerName = \"%s\"\r\n", s->computer);
    str_add(&out, "TimeZoneIndex = 85\r\nDisableAutoDaylightTimeSet = 1\r\nFormatPartition = 1\r\nAutoPartition = 1\r\n"
                  "FsType = 0\r\nDisableGeckoInst = yes\r\nDisableVmwInst = yes\r\nProductOption = 0\r\n");
    str_addf(&out, "LocaleID = %x\r\n\r\n[GuiRunOnce]\r\n", (unsigned)s->locale);
    for (int letter = 'D'; letter < 'H'; letter++) { /* no loop: '%' would be looked up as a string of the file */
        str_addf(&out, "cmd.exe /c %c:\\coexist\\install.cmd %c:\r\n", letter, letter);
    }
    return str_take(&out);
}

/* Run with the CD's drive as its argument; the second one finds the work done. */
static char *reactos_script(const struct reactos_spec *s) {
    return str_printf("@echo off\r\n"
                      "if exist " ANSWER_DONE " goto end\r\n"
                      "mkdir " ANSWER_HOME "\r\n"
                      "copy /y %%1\\coexist\\agent.exe " ANSWER_HOME "\\agent.exe\r\n"
                      "attrib -r " ANSWER_HOME "\\agent.exe\r\n"
                      "reg.exe add HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl /v AutoReboot /t REG_DWORD "
                      "/d 1 /f\r\n" ANSWER_HOME "\\agent.exe --install --port %s\r\n"
                      "net.exe start coexist-agent\r\n"
                      "echo done> " ANSWER_DONE "\r\n"
                      ":end\r\n",
                      s->agent_port);
}

/* ---- the boot menu ------------------------------------------------------------------------------------------ */

/* "[Name]" at the beginning of a line. Caller frees; NULL when it is none. */
static char *reactos_section(const char *line, size_t len) {
    const char *close = len > 2 && line[0] == '[' ? memchr(line, ']', len) : NULL;
    return close ? str_printf("%.*s", (int)(close - line - 1), line + 1) : NULL;
}

static bool reactos_has_key(const char *line, size_t len, const char *key) {
    size_t n = strlen(key);
    if (len <= n || strncasecmp(line, key, n) != 0) {
        return false;
    }
    while (n < len && (line[n] == ' ' || line[n] == '\t')) {
        n++;
    }
    return n < len && line[n] == '=';
}

/* The section whose BootType is the text setup. Caller frees; NULL without one. */
static char *reactos_setup_entry(const char *ini) {
    char *section = NULL;
    for (const char *line = ini; *line;) {
        size_t len = strcspn(line, "\r\n");
        char *name = reactos_section(line, len);
        if (name) {
            free(section);
            section = name;
        }
        CLEANUP_FREE char *text = str_printf("%.*s", (int)len, line);
        if (section && reactos_has_key(line, len, "BootType") && strcasestr(text, "ReactOSSetup")) {
            return section;
        }
        line += len;
        line += strspn(line, "\r\n");
    }
    free(section);
    return NULL;
}

char *reactos_freeldr(const char *ini) {
    CLEANUP_FREE char *entry = reactos_setup_entry(ini);
    if (!entry) {
        return NULL;
    }
    struct str out = STR_INIT;
    for (const char *line = ini; *line;) {
        size_t len = strcspn(line, "\r\n"), end = strspn(line + len, "\r\n");
        CLEANUP_FREE char *section = reactos_section(line, len);
        bool ours = reactos_has_key(line, len, "DefaultOS") || reactos_has_key(line, len, "TimeOut");
        if (!ours) {
            str_addf(&out, "%.*s\r\n", (int)len, line);
        }
        if (section && strcasecmp(section, "FREELOADER") == 0) {
            str_addf(&out, "DefaultOS=%s\r\nTimeOut=1\r\n", entry);
        }
        line += len + end;
    }
    return str_take(&out);
}

/* ---- the CD --------------------------------------------------------------------------------------------------- */

static int reactos_check(const char *from, const struct reactos_spec *s, struct err *err) {
    CLEANUP(media_free_ptr) struct media *m = media_inspect(from, err);
    if (!m) {
        return -1;
    }
    if (m->kind != MEDIA_REACTOS || m->trouble) {
        return err_set(err, ERR_INPUT, "%s is %s%s%s; ReactOS' boot CD is needed", from, m->what,
                       m->trouble ? ": " : "", m->trouble ? m->trouble : "");
    }
    return answer_is_computer(s->computer) && strspn(s->agent_port, "COM0123456789") == strlen(s->agent_port)
               ? 0
               : err_set(err, ERR_INPUT, "'%s' or '%s' cannot be a computer's name and a serial port", s->computer,
                         s->agent_port);
}

static void reactos_add(struct labcd_file *files, size_t *count, const char *path, const char *text) {
    files[(*count)++] = (struct labcd_file){path, NULL, text, strlen(text)};
}

/* The menu that starts Setup; *out NULL: the CD has no menu, or Setup is not in it. */
static int reactos_menu(const char *from, char **out, struct err *err) {
    CLEANUP_ERR struct err trouble = ERR_INIT;
    CLEANUP_FREE char *ini = media_read(from, "freeldr.ini", REACTOS_INI_MAX, NULL, &trouble);
    *out = ini ? reactos_freeldr(ini) : NULL;
    if (err_is_set(&trouble)) {
        err_move(err, &trouble);
        return -1;
    }
    return 0;
}

/* The answer file goes where Setup looks for it. */
static int reactos_add_answer(const char *from, const char *unattend, struct labcd_file *files, size_t *count,
                              struct err *err) {
    static const char *const names[] = {"reactos/txtsetup.sif", "reactos/unattend.inf", "I386/txtsetup.sif",
                                        "I386/unattend.inf"};
    bool there[ARRAY_LEN(names)];
    if (media_has(from, names, ARRAY_LEN(names), there, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i += 2) {
        if (there[i] || there[i + 1]) {
            reactos_add(files, count, names[i + 1], unattend);
        }
    }
    return there[0] || there[2]
               ? 0
               : err_set(err, ERR_INPUT, "%s has no text setup: it is a live CD; the boot CD is needed", from);
}

int reactos_cd(const char *from, const struct reactos_spec *s, const char *to, struct err *err) {
    CLEANUP_FREE char *unattend = reactos_unattend(s), *script = reactos_script(s), *menu = NULL;
    struct labcd_file files[8];
    size_t count = 0;
    if (reactos_check(from, s, err) < 0 || reactos_add_answer(from, unattend, files, &count, err) < 0 ||
        reactos_menu(from, &menu, err) < 0) {
        return -1;
    }
    if (menu) {
        reactos_add(files, &count, "freeldr.ini", menu);
    }
    reactos_add(files, &count, ANSWER_MARK, "reactos\r\n");
    reactos_add(files, &count, "coexist/install.cmd", script);
    files[count++] = (struct labcd_file){"coexist/agent.exe", s->agent, NULL, 0};
    return labcd_rewrite(from, to, files, count, err);
}
