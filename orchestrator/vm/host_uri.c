#include "vm/host_uri.h"

#include <libxml/uri.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

static void uri_free(xmlURIPtr *u) {
    xmlFreeURI(*u);
}

/* Value of NAME=VALUE in a query, unescaped; caller frees. NULL when it is not there. */
static char *uri_parameter(const char *query, const char *name) {
    size_t len = strlen(name);
    for (const char *p = query; p && *p; p += strcspn(p, "&;")) {
        p += strspn(p, "&;");
        if (strncmp(p, name, len) == 0 && p[len] == '=') {
            int value = (int)strcspn(p + len + 1, "&;");
            char *plain = value > 0 ? xmlURIUnescapeString(p + len + 1, value, NULL) : NULL;
            char *copy = str_dup(plain);
            xmlFree(plain);
            return copy;
        }
    }
    return NULL;
}

/* A word that begins with '-' would be an option to ssh. */
static int uri_check_word(const char *what, const char *word, struct err *err) {
    return word && (*word == '-' || !*word || strpbrk(word, " \t\n"))
               ? err_set(err, ERR_INPUT, "the %s '%s' makes no sense", what, word)
               : 0;
}

static int uri_take_way(const xmlURI *u, struct host_uri *out, struct err *err) {
    bool system = str_eq(u->path, "/system");
    bool remote = u->server && *u->server;
    if (str_eq(u->scheme, "qemu") && !remote && str_eq(u->path, "/embed")) {
        out->way = HOST_EMBED;
    } else if (str_eq(u->scheme, "qemu") && !remote && system) {
        out->way = HOST_LOCAL;
    } else if (str_eq(u->scheme, "qemu+ssh") && remote && system) {
        out->way = HOST_SSH;
    } else if (str_eq(u->scheme, "qemu+tls") && remote && system) {
        out->way = HOST_TLS;
    } else {
        return err_set(err, ERR_INPUT,
                       "'%s' is none of qemu:///embed, qemu:///system, qemu+ssh://[USER@]HOST/system, "
                       "qemu+tls://HOST/system", out->text);
    }
    return 0;
}

static int uri_take_parts(const xmlURI *u, struct host_uri *out, struct err *err) {
    CLEANUP_FREE char *no_verify = uri_parameter(u->query_raw, "no_verify");
    out->host = u->server && *u->server ? str_dup(u->server) : NULL;
    out->user = str_dup(u->user);
    out->port = u->port > 0 ? u->port : 0;
    out->command = uri_parameter(u->query_raw, "command");
    out->keyfile = uri_parameter(u->query_raw, "keyfile");
    out->no_verify = no_verify && !str_eq(no_verify, "0");
    return uri_check_word("host", out->host, err) < 0 || uri_check_word("user", out->user, err) < 0
               ? -1
               : 0;
}

int host_uri_parse(const char *text, struct host_uri *out, struct err *err) {
    *out = (struct host_uri){.text = str_dup(text)};
    CLEANUP(uri_free) xmlURIPtr u = xmlParseURI(text);
    int rc = -1;
    if (!u) {
        err_set(err, ERR_INPUT, "'%s' is no URI", text);
    } else {
        rc = uri_take_way(u, out, err) < 0 || uri_take_parts(u, out, err) < 0 ? -1 : 0;
    }
    if (rc < 0) {
        host_uri_clear(out);
    }
    return rc;
}

void host_uri_clear(struct host_uri *u) {
    free(u->text);
    free(u->host);
    free(u->user);
    free(u->command);
    free(u->keyfile);
    *u = (struct host_uri){.way = HOST_EMBED};
}

void host_uri_ssh_command(const struct host_uri *u, const char *to, const char *port_text,
                          const char *argv[HOST_URI_ARGS]) {
    /* No terminal, no questions, no long wait for a host that is not there. */
    const char *const fixed[] = {u->command ? u->command : "ssh", "-T", "-o", "BatchMode=yes",
                                 "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR", "-W", to};
    const struct {
        const char *option, *value;
    } more[] = {{"-p", u->port ? port_text : NULL}, {"-l", u->user}, {"-i", u->keyfile},
                {"-o", u->no_verify ? "StrictHostKeyChecking=no" : NULL}};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        argv[n++] = fixed[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        if (more[i].value) {
            argv[n++] = more[i].option;
            argv[n++] = more[i].value;
        }
    }
    argv[n++] = "--";
    argv[n++] = u->host;
    argv[n] = NULL;
}
