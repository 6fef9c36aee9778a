/* Inside media/ only: what builder and checker of answer files share. */
#ifndef COEXIST_MEDIA_ANSWER_IMPL_H
#define COEXIST_MEDIA_ANSWER_IMPL_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "media/answer.h"

#define ANSWER_NAMESPACE "urn:schemas-microsoft-com:unattend"
#define ANSWER_WCM "http://schemas.microsoft.com/WMIConfig/2002/State"
#define ANSWER_TOKEN "31bf3856ad364e35" /* of Microsoft's components */

enum {
    ANSWER_BYTES_MAX = 4 << 20,
    ANSWER_ELEMENTS_MAX = 10000, /* large ones have some hundred; lists are compared each with each */
    ANSWER_PATH_MAX = 259,     /* characters of RunSynchronousCommand's Path */
    ANSWER_LINE_MAX = 1024,    /* of SynchronousCommand's CommandLine */
    ANSWER_COMPUTER_MAX = 15,  /* NetBIOS */
    ANSWER_ACCOUNT_MAX = 20
};

bool answer_is_language(const char *text);  /* "de-DE", "sr-Latn-RS"; letter case does not matter */
bool answer_is_key(const char *text);       /* XXXXX-XXXXX-XXXXX-XXXXX-XXXXX */
bool answer_is_computer(const char *text);  /* or "*" */
bool answer_is_account(const char *text);
bool answer_is_placeholder(const char *text); /* "{{ name }}", "${name}", "@NAME@": of a template yet to be filled */

/* ---- the tables (answer_known.c) ---------------------------------------------------------------------- */

enum { PASS_PE = 1, PASS_OFFLINE = 2, PASS_GENERALIZE = 4, PASS_SPECIALIZE = 8, PASS_AUDIT_SYSTEM = 16,
       PASS_AUDIT_USER = 32, PASS_OOBE = 64 };

enum { ANSWER_PASS_COUNT = 7 };
const char *const *answer_pass_names(void); /* in the order of Setup; bit i of the above */

struct answer_known { /* one component */
    const char *name;
    unsigned passes;       /* of PASS_*; 0: any */
    const char *settings;  /* direct children, each between blanks: " A B C "; NULL: not listed here */
};
const struct answer_known *answer_known_find(const char *name); /* NULL: not in the table */
/* All names, for hints. Caller frees the list. */
const char **answer_known_names(size_t *count);

/* Children of a setting that has any, by the setting's own name: " Order Path "; NULL: not listed. */
const char *answer_known_children(const char *setting);

/* ---- the checks --------------------------------------------------------------------------------------- */

struct answer_ctx {
    const char *name, *text; /* of the file */
    size_t len;
    struct diags *errors, *warnings;
    struct answer_facts *facts; /* never NULL */
};

void answer_error(struct answer_ctx *c, xmlNodePtr at, const char *code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void answer_warn(struct answer_ctx *c, xmlNodePtr at, const char *code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

xmlNodePtr answer_child(xmlNodePtr parent, const char *name); /* first element of that name, or NULL */
xmlNodePtr answer_next(xmlNodePtr node, const char *name);    /* next sibling; name NULL: any element */
xmlNodePtr answer_path(xmlNodePtr from, const char *path);    /* "OSImage/InstallTo/DiskID", or NULL */
char *answer_content(xmlNodePtr node);                        /* trimmed, never NULL; caller frees */
int answer_int(xmlNodePtr node, int otherwise);
bool answer_true(xmlNodePtr node);

void answer_check_disks(struct answer_ctx *c, xmlNodePtr setup);      /* component Microsoft-Windows-Setup */
void answer_check_setup(struct answer_ctx *c, xmlNodePtr setup);
void answer_check_shell(struct answer_ctx *c, xmlNodePtr shell, const char *pass);
void answer_check_languages(struct answer_ctx *c, xmlNodePtr international);
void answer_check_values(struct answer_ctx *c, xmlNodePtr component); /* of all components */

#endif
