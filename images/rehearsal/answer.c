/* The answer file as a tree, by expat: element names without prefix, no namespaces, no entities from outside. */
#include <ctype.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehearsal.h"

enum { ANSWER_MAX = 1 << 20, ANSWER_DEPTH = 32 };

struct answer_reader {
    struct answer_node *root, *at;
    int depth;
    bool broken;
};

static const char *answer_plain(const char *name) {
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static void answer_append(struct answer_node *parent, struct answer_node *n) {
    struct answer_node **end = &parent->child;
    while (*end) {
        end = &(*end)->next;
    }
    *end = n;
}

static void answer_start(void *ctx, const char *name, const char **attributes) {
    struct answer_reader *r = ctx;
    struct answer_node *n = calloc(1, sizeof(*n));
    if (!n || ++r->depth > ANSWER_DEPTH) {
        r->broken = true;
        free(n);
        return;
    }
    n->name = strdup(answer_plain(name));
    n->text = strdup("");
    n->parent = r->at;
    for (size_t i = 0; attributes[i]; i += 2) {
        if (strcmp(attributes[i], "pass") == 0 || strcmp(attributes[i], "name") == 0) {
            n->pass = strdup(attributes[i + 1]);
        }
    }
    if (r->at) {
        answer_append(r->at, n);
    } else {
        r->root = n;
    }
    r->at = n;
}

static void answer_trim(char *text) {
    size_t n = strlen(text);
    size_t from = strspn(text, " \t\r\n");
    while (n > from && isspace((unsigned char)text[n - 1])) {
        n--;
    }
    memmove(text, text + from, n - from);
    text[n - from] = '\0';
}

static void answer_end(void *ctx, const char *name) {
    struct answer_reader *r = ctx;
    (void)name;
    if (r->at && !r->broken) {
        answer_trim(r->at->text);
        r->at = r->at->parent;
        r->depth--;
    }
}

static void answer_chars(void *ctx, const char *text, int len) {
    struct answer_reader *r = ctx;
    size_t old = r->at ? strlen(r->at->text) : 0;
    char *longer = r->at && !r->broken ? realloc(r->at->text, old + (size_t)len + 1) : NULL;
    if (longer) {
        memcpy(longer + old, text, (size_t)len);
        longer[old + (size_t)len] = '\0';
        r->at->text = longer;
    }
}

struct answer_node *answer_read(const char *path) {
    char *text = malloc(ANSWER_MAX);
    FILE *f = fopen(path, "re");
    size_t len = text && f ? fread(text, 1, ANSWER_MAX, f) : 0;
    struct answer_reader r = {0};
    XML_Parser p = XML_ParserCreate(NULL);
    XML_SetUserData(p, &r);
    XML_SetElementHandler(p, answer_start, answer_end);
    XML_SetCharacterDataHandler(p, answer_chars);
    bool well = len > 0 && len < ANSWER_MAX && XML_Parse(p, text, (int)len, 1) == XML_STATUS_OK && !r.broken;
    XML_ParserFree(p);
    if (f) {
        fclose(f);
    }
    free(text);
    return well && r.root && strcmp(r.root->name, "unattend") == 0 ? r.root : NULL;
}

static const struct answer_node *answer_child(const struct answer_node *n, const char *name, size_t len, int nth) {
    for (const struct answer_node *c = n ? n->child : NULL; c; c = c->next) {
        if (strlen(c->name) == len && strncmp(c->name, name, len) == 0 && nth-- == 0) {
            return c;
        }
    }
    return NULL;
}

const struct answer_node *answer_find(const struct answer_node *n, const char *path, int nth) {
    while (n && *path) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';
        n = answer_child(n, path, len, last ? nth : 0);
        path += len + !last;
    }
    return n;
}

const char *answer_text(const struct answer_node *n, const char *path, const char *otherwise) {
    const struct answer_node *found = answer_find(n, path, 0);
    return found && *found->text ? found->text : otherwise;
}

const struct answer_node *answer_component(const struct answer_node *root, const char *pass, const char *component) {
    for (const struct answer_node *s = root->child; s; s = s->next) {
        if (strcmp(s->name, "settings") != 0 || !s->pass || strcmp(s->pass, pass) != 0) {
            continue;
        }
        for (const struct answer_node *c = s->child; c; c = c->next) {
            if (strcmp(c->name, "component") == 0 && c->pass && strcmp(c->pass, component) == 0) {
                return c;
            }
        }
    }
    return NULL;
}
