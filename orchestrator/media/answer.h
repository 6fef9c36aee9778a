/* Answer files of Windows Setup (namespace urn:schemas-microsoft-com:unattend): built as a libxml2 tree, and read and
 * checked, our own and others'. After Microsoft's "Unattended Windows Setup Reference" (components, settings, the
 * passes they are valid in) and "Windows Setup Automation Overview" (where Setup looks for Autounattend.xml). */
#ifndef COEXIST_MEDIA_ANSWER_H
#define COEXIST_MEDIA_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/err.h"
#include "media/media.h"

enum answer_firmware { ANSWER_BIOS, ANSWER_UEFI };

/* What the lab's CD holds, and where. The file ANSWER_MARK is how its drive is found, whatever its letter. */
#define ANSWER_LABEL "COEXIST"
#define ANSWER_MARK "coexist/lab.cd"
#define ANSWER_DRIVERS "$WinPEDriver$"  /* Setup searches every drive for a folder of this name */
#define ANSWER_HOME "C:\\coexist"       /* where its content is copied to */
#define ANSWER_DONE "C:\\coexist\\installed" /* is there when everything was done */

/* The public host key of OpenSSH for Windows, which it makes at its first start. */
#define ANSWER_SSH_HOST_KEY "C:\\ProgramData\\ssh\\ssh_host_ed25519_key.pub"
#define ANSWER_LOGON_LOG ANSWER_HOME "\\logon.log"

struct answer_spec { /* all borrowed; build after a recipe, a profile and the medium */
    enum answer_firmware firmware;
    enum media_arch arch;
    int build;              /* 14393 ...: what differs from version to version */
    bool server;
    bool desktop;           /* false: Server Core */
    const char *language;   /* "de-DE": of Setup, system, keyboard, formats */
    int image_index;        /* of the medium; 0: by image_name */
    const char *image_name;
    const char *key;        /* product key; NULL: none, of evaluation media */
    const char *computer;   /* at most 15 letters, digits, hyphens */
    const char *account;    /* local administrator, logged on once */
    const char *password;   /* of it and of Administrator; stands in the file as Windows wants it */
    bool drivers;           /* the CD holds drivers Setup needs to see the disk */
    bool bypass;            /* Setup's checks of TPM, Secure Boot and memory: Windows 11 on other machines */
    bool recovery;          /* a recovery partition of its own */
    int disk;               /* number of the disk to install to: 0 */
};

/* The file as text, UTF-8. Caller frees. NULL with ERR_INPUT when the spec is not right. */
char *answer_build(const struct answer_spec *spec, struct err *err);

/* Scripts on the CD, by the answer file's two commands: in the pass specialize as SYSTEM (settings, agent), and at the
 * first logon (OpenSSH; then ANSWER_DONE is written). */
struct answer_script_spec {
    bool server;
    bool defender_passive;
    bool test_signing;
    const char *agent_port; /* "COM2" */
    bool openssh;           /* coexist/openssh.msi or .zip and coexist/authorized_key are on the CD */
};
char *answer_script_specialize(const struct answer_script_spec *s); /* CRLF. Caller frees. */
char *answer_script_logon(const struct answer_script_spec *s);

/* What an answer file says, for people and scripts. */
struct answer_facts { /* answer_facts_clear; texts are "" when it does not say */
    char **passes, **components;   /* in their order: "windowsPE", "windowsPE/Microsoft-Windows-Setup/amd64" */
    char *language;                /* UILanguage of Setup, else of Windows */
    char *image;                   /* "index 3", "name Windows 11 Pro" */
    char *partitioning;            /* "gpt", "mbr" */
    int install_disk, install_partition; /* -1: not said */
    char **accounts;               /* local accounts */
    bool key;                      /* a product key, not empty */
    int commands;                  /* run by Setup and at the first logon */
};
void answer_facts_clear(struct answer_facts *f);
json_t *answer_facts_json(const struct answer_facts *f); /* new reference */

/* Reads a file or a text (name: for messages). Errors are what Setup stops at, or what makes it ask; warnings what it
 * ignores. facts may be NULL. Returns the number of errors. Nothing outside the text is loaded. */
size_t answer_check(const char *name, const char *text, size_t len, struct answer_facts *facts, struct diags *errors,
                    struct diags *warnings);

#endif
