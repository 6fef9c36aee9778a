/* The components that decide whether Setup asks: languages, user data, accounts, commands, and values of all. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/answer_impl.h"
#include "media/media_impl.h"

void answer_check_languages(struct answer_ctx *c, xmlNodePtr international) {
    static const char *const settings[] = {"SystemLocale", "UILanguage", "UserLocale", "SetupUILanguage/UILanguage"};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        xmlNodePtr node = answer_path(international, settings[i]);
        CLEANUP_FREE char *text = answer_content(node);
        if (node && *text && !answer_is_language(text) && !answer_is_placeholder(text)) {
            answer_error(c, node, "wrong-language", "as en-US, de-DE", "'%s' is no language", text);
        }
        if (i > 0 && *text && !*c->facts->language) {
            free(c->facts->language);
            c->facts->language = str_dup(text);
        }
    }
}

void answer_check_setup(struct answer_ctx *c, xmlNodePtr setup) {
    xmlNodePtr key = answer_path(setup, "UserData/ProductKey/Key");
    CLEANUP_FREE char *text = answer_content(key);
    if (*text && !answer_is_key(text) && !answer_is_placeholder(text)) {
        answer_error(c, key, "wrong-key", "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "the product key is not one");
    }
    c->facts->key |= *text != 0;
    xmlNodePtr data = answer_child(setup, "UserData"), image = answer_child(setup, "ImageInstall");
    if ((data || image) && !answer_true(answer_path(setup, "UserData/AcceptEula"))) {
        answer_warn(c, data ? data : setup, "setup-asks", "<AcceptEula>true</AcceptEula>",
                    "the licence is not accepted: Setup will ask");
    }
}

/* ---- accounts ----------------------------------------------------------------------------------------- */

static bool parts_has_account(char *const *accounts, const char *name) {
    for (size_t i = 0; accounts[i]; i++) {
        if (str_eq_nocase(accounts[i], name)) {
            return true;
        }
    }
    return str_eq_nocase(name, "Administrator");
}

static void parts_check_accounts(struct answer_ctx *c, xmlNodePtr shell) {
    for (xmlNodePtr a = answer_path(shell, "UserAccounts/LocalAccounts/LocalAccount"); a;
         a = answer_next(a, "LocalAccount")) {
        char *name = answer_content(answer_child(a, "Name"));
        if (!answer_is_account(name) && !answer_is_placeholder(name)) {
            answer_error(c, a, "wrong-account", "1 to 20 characters, none of \" / \\ [ ] : ; | = , + * ? < > @",
                         "'%s' cannot be an account's name", name);
        } else if (parts_has_account(c->facts->accounts, name) && !str_eq_nocase(name, "Administrator")) {
            answer_error(c, a, "duplicate-account", NULL, "account '%s' is made twice", name);
        }
        texts_add_to_array(&c->facts->accounts, name);
    }
    xmlNodePtr logon = answer_child(shell, "AutoLogon");
    CLEANUP_FREE char *user = answer_content(answer_child(logon, "Username"));
    if (logon && answer_true(answer_child(logon, "Enabled")) && !answer_is_placeholder(user) &&
        !answer_child(logon, "Domain") && !parts_has_account(c->facts->accounts, user)) {
        answer_warn(c, logon, "no-account", NULL, "'%s' is to be logged on, and no such account is made here", user);
    }
}

static void parts_check_oobe(struct answer_ctx *c, xmlNodePtr shell) {
    xmlNodePtr node = answer_path(shell, "OOBE/ProtectYourPC");
    int protect = answer_int(node, -1);
    if (node && (protect < 1 || protect > 3)) {
        answer_error(c, node, "wrong-value", "1 recommended settings, 2 updates only, 3 none",
                     "ProtectYourPC is 1, 2 or 3");
    }
}

static void parts_check_computer(struct answer_ctx *c, xmlNodePtr shell) {
    xmlNodePtr node = answer_child(shell, "ComputerName");
    CLEANUP_FREE char *text = answer_content(node);
    if (*text && !answer_is_computer(text) && !answer_is_placeholder(text)) {
        answer_error(c, node, "wrong-name", "1 to 15 letters, digits, hyphens, not digits alone; or *",
                     "'%s' cannot be a computer's name", text);
    }
}

void answer_check_shell(struct answer_ctx *c, xmlNodePtr shell, const char *pass) {
    parts_check_computer(c, shell);
    parts_check_oobe(c, shell);
    if (str_eq(pass, "oobeSystem")) {
        parts_check_accounts(c, shell);
    }
    CLEANUP_FREE char *key = answer_content(answer_child(shell, "ProductKey"));
    if (*key && !answer_is_key(key) && !answer_is_placeholder(key)) {
        answer_error(c, answer_child(shell, "ProductKey"), "wrong-key", "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX",
                     "the product key is not one");
    }
    c->facts->key |= *key != 0;
}

/* ---- lists, booleans, commands ---------------------------------------------------------------------------- */

/* Items of a list that are done in their Order: no two of one. */
static void parts_check_orders(struct answer_ctx *c, xmlNodePtr list) {
    for (xmlNodePtr a = answer_child(list, NULL); a; a = answer_next(a, NULL)) {
        int order = answer_int(answer_child(a, "Order"), -1);
        for (xmlNodePtr b = answer_next(a, NULL); b && order >= 0; b = answer_next(b, NULL)) {
            if (str_eq((const char *)a->name, (const char *)b->name) &&
                answer_int(answer_child(b, "Order"), -1) == order) {
                answer_error(c, b, "duplicate-order", NULL, "two %s have the Order %d", (const char *)a->name, order);
                break;
            }
        }
    }
}

static void parts_check_command(struct answer_ctx *c, xmlNodePtr node) {
    const char *name = (const char *)node->name;
    bool at_logon = str_eq(name, "SynchronousCommand") || str_eq(name, "AsynchronousCommand");
    if (!at_logon && !str_eq(name, "RunSynchronousCommand") && !str_eq(name, "RunAsynchronousCommand")) {
        return;
    }
    const char *setting = at_logon ? "CommandLine" : "Path";
    size_t max = at_logon ? ANSWER_LINE_MAX : ANSWER_PATH_MAX, len = 0;
    CLEANUP_FREE char *text = answer_content(answer_child(node, setting));
    for (const char *t = text; *t; t++) {
        len += ((unsigned char)*t & 0xc0) != 0x80;
    }
    if (len == 0) {
        answer_error(c, node, "no-command", NULL, "%s has no %s", name, setting);
    } else if (len > max) {
        answer_error(c, node, "too-long", "put it into a script", "%s of %zu characters, Setup takes %zu", setting,
                     len, max);
    }
    if (answer_int(answer_child(node, "Order"), -1) < 1) {
        answer_error(c, node, "wrong-order", NULL, "%s needs an Order of 1 or more", name);
    }
    c->facts->commands++;
}

static void parts_check_boolean(struct answer_ctx *c, xmlNodePtr node) {
    static const char booleans[] =
        " AcceptEula Active Extend WillWipeDisk InstallToAvailablePartition HideEULAPage HideLocalAccountScreen "
        "HideOEMRegistrationScreen HideOnlineAccountScreens HideWirelessSetupInOOBE SkipMachineOOBE SkipUserOOBE "
        "PlainText EnableLUA SkipAutoActivation RequiresUserInput OptIn UnattendEnableRetailDemo CopyProfile "
        "EnableFirewall EnableNetwork UseConfigurationSet DoNotOpenServerManagerAtLogon PersistAllDeviceInstalls "
        "fDenyTSConnections PreventDeviceEncryption ";
    CLEANUP_FREE char *wanted = str_printf(" %s ", (const char *)node->name);
    if (!strstr(booleans, wanted)) {
        return;
    }
    CLEANUP_FREE char *text = answer_content(node);
    if (!str_eq_nocase(text, "true") && !str_eq_nocase(text, "false") && !str_eq(text, "1") && !str_eq(text, "0") &&
        !answer_is_placeholder(text)) {
        answer_error(c, node, "wrong-value", "true or false", "'%s' is neither true nor false", text);
    }
}

static void parts_check_show_ui(struct answer_ctx *c, xmlNodePtr node) {
    bool asked = str_eq((const char *)node->name, "WillShowUI");
    CLEANUP_FREE char *text = asked ? answer_content(node) : NULL;
    if (asked && !str_eq_nocase(text, "Always") &&
        !str_eq_nocase(text, "OnError") && !str_eq_nocase(text, "Never") && !answer_is_placeholder(text)) {
        answer_error(c, node, "wrong-value", "Always, OnError or Never", "'%s' does not say when Setup shows a page",
                     text);
    }
    xmlChar *action = xmlGetNsProp(node, (const xmlChar *)"action", (const xmlChar *)ANSWER_WCM);
    if (action && !str_eq((char *)action, "add") && !str_eq((char *)action, "modify") &&
        !str_eq((char *)action, "remove")) {
        answer_error(c, node, "wrong-value", "add, modify or remove", "wcm:action is '%s'", (char *)action);
    }
    xmlFree(action);
}

static void parts_check_known(struct answer_ctx *c, xmlNodePtr node) {
    const char *children = answer_known_children((const char *)node->name);
    for (xmlNodePtr k = children ? answer_child(node, NULL) : NULL; k; k = answer_next(k, NULL)) {
        CLEANUP_FREE char *wanted = str_printf(" %s ", (const char *)k->name);
        if (!strstr(children, wanted)) {
            CLEANUP_FREE char *hint = str_printf("known are:%s", children);
            answer_warn(c, k, "unknown-setting", hint, "%s has no setting '%s' that is known here",
                        (const char *)node->name, (const char *)k->name);
        }
    }
}

/* Without recursion: depth is bounded by libxml2, but only at 256. */
void answer_check_values(struct answer_ctx *c, xmlNodePtr component) {
    xmlNodePtr node = component;
    while (node) {
        if (node->type == XML_ELEMENT_NODE && node != component) {
            parts_check_orders(c, node);
            parts_check_command(c, node);
            parts_check_boolean(c, node);
            parts_check_show_ui(c, node);
            parts_check_known(c, node);
        }
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            continue;
        }
        while (node != component && !node->next) {
            node = node->parent;
        }
        node = node == component ? NULL : node->next;
    }
}
