/* Texts in answer files: what they may be, and finding them in the tree. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer_impl.h"

/* BCP 47 as Windows uses it: language, script and region. */
bool answer_is_language(const char *text) {
    size_t part = 0, len = 0;
    for (const char *c = text ? text : "";; c++) {
        if (isalnum((unsigned char)*c)) {
            len++;
            continue;
        }
        bool good = part == 0 ? len == 2 || len == 3 : len >= 2 && len <= 8;
        if (!good || (*c && *c != '-')) {
            return false;
        }
        if (!*c) {
            return true;
        }
        part++;
        len = 0;
    }
}

bool answer_is_key(const char *text) {
    if (strlen(text) != 29) {
        return false;
    }
    for (size_t i = 0; i < 29; i++) {
        bool dash = i % 6 == 5;
        if (dash ? text[i] != '-' : !isalnum((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

bool answer_is_computer(const char *text) {
    size_t len = text ? strlen(text) : 0, digits = text ? strspn(text, "0123456789") : 0;
    if (len == 0 || len > ANSWER_COMPUTER_MAX || digits == len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && (unsigned char)text[i] < 0x80 && text[i] != '_') {
            return str_eq(text, "*");
        }
    }
    return true;
}

bool answer_is_account(const char *text) {
    size_t len = text ? strlen(text) : 0;
    return len > 0 && len <= ANSWER_ACCOUNT_MAX && !strpbrk(text, "\"/\\[]:;|=,+*?<>@") &&
           strspn(text, ". ") < len;
}

bool answer_is_placeholder(const char *text) {
    static const char *const inside[] = {"{{", "${", "$(", "__", "@@"};
    size_t len = strlen(text);
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        if (strstr(text, inside[i])) {
            return true;
        }
    }
    bool framed = len > 2 && text[0] == text[len - 1] && (text[0] == '@' || text[0] == '%');
    return framed || text[0] == '$' || text[0] == '[' || strncmp(text, "#{", 2) == 0;
}

/* ---- the tree --------------------------------------------------------------------------------------- */

xmlNodePtr answer_next(xmlNodePtr node, const char *name) {
    for (node = node ? node->next : NULL; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && (!name || str_eq((const char *)node->name, name))) {
            return node;
        }
    }
    return NULL;
}

xmlNodePtr answer_child(xmlNodePtr parent, const char *name) {
    for (xmlNodePtr node = parent ? parent->children : NULL; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && (!name || str_eq((const char *)node->name, name))) {
            return node;
        }
    }
    return NULL;
}

xmlNodePtr answer_path(xmlNodePtr from, const char *path) {
    while (from && *path) {
        size_t len = strcspn(path, "/");
        CLEANUP_FREE char *name = str_printf("%.*s", (int)len, path);
        from = answer_child(from, name);
        path += len + (path[len] == '/');
    }
    return from;
}

char *answer_content(xmlNodePtr node) {
    xmlChar *raw = node ? xmlNodeGetContent(node) : NULL;
    const char *begin = raw ? (const char *)raw : "";
    begin += strspn(begin, " \t\r\n");
    size_t len = strlen(begin);
    while (len > 0 && strchr(" \t\r\n", begin[len - 1])) {
        len--;
    }
    char *text = str_printf("%.*s", (int)len, begin);
    xmlFree(raw);
    return text;
}

int answer_int(xmlNodePtr node, int otherwise) {
    CLEANUP_FREE char *text = answer_content(node);
    char *end = NULL;
    long n = strtol(text, &end, 10);
    return *text && !*end && n >= 0 && n <= 1 << 30 ? (int)n : otherwise;
}

bool answer_true(xmlNodePtr node) {
    CLEANUP_FREE char *text = answer_content(node);
    return str_eq_nocase(text, "true") || str_eq(text, "1");
}

/* ---- complaints --------------------------------------------------------------------------------------- */

/* libxml2 keeps lines; the column is that of the element's first "<name" or "<prefix:name" in its line. */
static struct diag_pos answer_position(const struct answer_ctx *c, xmlNodePtr at) {
    long line = at ? xmlGetLineNo(at) : 1;
    const char *p = c->text, *end = c->text + c->len;
    for (long i = 1; i < line && p && p < end; i++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    struct diag_pos pos = {line > 0 ? (int)line : 1, 1};
    if (!p || p >= end || !at) {
        return pos;
    }
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    size_t len = (size_t)((stop ? stop : end) - p);
    CLEANUP_FREE char *tag = str_printf("<%s", (const char *)at->name);
    const char *found = memmem(p, len, tag, strlen(tag));
    found = found ? found : memchr(p, '<', len);
    for (const char *q = p; found && q < found; q++) {
        pos.column += ((unsigned char)*q & 0xc0) != 0x80;
    }
    return pos;
}

__attribute__((format(printf, 6, 0))) static void answer_say(struct answer_ctx *c, struct diags *to, xmlNodePtr at,
                                                             const char *code, const char *hint, const char *fmt,
                                                             va_list args) {
    char *message = NULL;
    if (vasprintf(&message, fmt, args) >= 0) {
        diags_add(to, c->name, answer_position(c, at), code, hint, "%s", message);
        free(message);
    }
}

void answer_error(struct answer_ctx *c, xmlNodePtr at, const char *code, const char *hint, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    answer_say(c, c->errors, at, code, hint, fmt, args);
    va_end(args);
}

void answer_warn(struct answer_ctx *c, xmlNodePtr at, const char *code, const char *hint, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    answer_say(c, c->warnings, at, code, hint, fmt, args);
    va_end(args);
}
