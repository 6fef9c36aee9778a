/* Commands, health checks and guest paths: what products and updates have in common. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/nearest.h"
#include "base/str.h"
#include "model/check.h"
#include "model/guestpath.h"
#include "model/health_words.h"

static const char *const check_placeholders[] = {"installer", "files"};

bool check_uses(const json_t *command, const char *placeholder) {
    const char *text = json_string_value(json_object_get(command, "command"));
    return text && strstr(text, placeholder);
}

/* Looks like a placeholder: letters only between the braces. A GUID (MSI product codes, 36 characters) or
 * a script block does not. */
static size_t check_placeholder_length(const char *p) {
    enum { LONGEST = 24 };
    size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");
    return n > 0 && n <= LONGEST && p[n + 1] == '}' ? n : 0;
}

static void check_placeholder(const struct input *in, const struct input_doc *d,
                              const char *pointer, const char *name, const char *allowed,
                              const char *other_hint) {
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(check_placeholders); i++) {
        known |= str_eq(name, check_placeholders[i]);
    }
    if (allowed && str_eq(name, allowed)) {
        return;
    }
    if (known) {
        json_doc_complain(d->doc, pointer, 0, in->diags, "misplaced-placeholder", other_hint,
                          "{%s} has no meaning in this command", name);
        return;
    }
    CLEANUP_FREE char *hint = allowed ? str_printf("only {%s} is replaced here", allowed)
                                      : str_dup("no placeholder is replaced here");
    const char *near = nearest_name(name, &allowed, allowed ? 1 : 0);
    CLEANUP_FREE char *meant = near ? str_printf("did you mean {%s}?", near) : NULL;
    json_doc_complain(d->doc, pointer, 0, in->diags, "unknown-placeholder", meant ? meant : hint,
                      "unknown placeholder {%s}", name);
}

void check_command(const struct input *in, const struct input_doc *d, const char *pointer,
                   const json_t *o, const char *allowed, const char *other_hint) {
    const char *text = json_string_value(json_object_get(o, "command"));
    if (!text) {
        return;
    }
    CLEANUP_FREE char *at = str_printf("%s/command", pointer);
    if (*text && text[strspn(text, " ")] == '\0') {
        json_doc_complain(d->doc, at, 0, in->diags, "empty-value", NULL,
                          "the command line is blank");
    }
    for (const char *p = text; (p = strchr(p, '{')) != NULL; p++) {
        size_t n = check_placeholder_length(p);
        CLEANUP_FREE char *name = str_printf("%.*s", (int)n, p + 1);
        if (n > 0) {
            check_placeholder(in, d, at, name, allowed, other_hint);
        }
    }
}

void check_guest_path(const struct input *in, const struct input_doc *d, const char *pointer,
                      const char *path) {
    const char *hint = NULL;
    CLEANUP_FREE char *fault = guestpath_fault(path, &hint);
    if (fault) {
        json_doc_complain(d->doc, pointer, 0, in->diags, "guest-path", hint,
                          "guest path \"%s\" %s", path, fault);
    }
}

void check_guest_name(const struct input *in, const struct input_doc *d, const char *pointer, const json_t *object) {
    const char *file = json_string_value(json_object_get(object, "file"));
    if (file && *fs_basename(file)) {
        CLEANUP_FREE char *at = str_printf("%s/file", pointer);
        CLEANUP_FREE char *path = str_printf("C:\\coexist\\in\\%s", fs_basename(file));
        check_guest_path(in, d, at, path);
    }
}

void check_guest_patterns(const struct input *in, const struct input_doc *d, const char *pointer,
                          const json_t *list) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)list, i, item) {
        const char *pattern = json_string_value(item), *hint = NULL;
        CLEANUP_FREE char *fault = pattern && *pattern ? guestpath_pattern_fault(pattern, &hint) : NULL;
        if (fault) {
            CLEANUP_FREE char *at = str_printf("%s/%zu", pointer, i);
            json_doc_complain(d->doc, at, 0, in->diags, "guest-path", hint, "guest path \"%s\" %s",
                              pattern, fault);
        }
    }
}

static void check_registry_key(const struct input *in, const struct input_doc *d,
                               const char *pointer, const char *key) {
    const char *hint = NULL;
    CLEANUP_FREE char *fault = guestpath_key_fault(key, &hint);
    if (fault) {
        json_doc_complain(d->doc, pointer, 0, in->diags, "registry-key", hint,
                          "registry key \"%s\" %s", key, fault);
    }
}

/* The same thing checked twice is a slip of copying: the second was meant to be another. */
static void check_repeated(const struct input *in, const struct input_doc *d, const char *pointer,
                           const json_t *list, size_t i, const struct health_words *w) {
    const json_t *item = json_array_get(list, i);
    for (size_t k = 0; k < i; k++) {
        if (health_words_same_thing(w, item, json_array_get(list, k))) {
            json_doc_complain(d->doc, pointer, 0, in->diags, "duplicate",
                              "remove one of them, or correct the name",
                              "\"%s\" is checked twice",
                              health_words_name(w, item));
            return;
        }
    }
}

void check_checks(const struct input *in, const struct input_doc *d, const char *pointer,
                  const json_t *o) {
    size_t count = 0;
    size_t lists = 0;
    const struct health_words *w;
    for (size_t t = 0; (w = health_words(t)) != NULL; t++) {
        const json_t *list = json_object_get(o, w->list);
        count += json_array_size(list);
        lists += json_is_array(list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *text =
                json_string_value(json_object_get(json_array_get(list, i), w->key));
            CLEANUP_FREE char *at = str_printf("%s/%s/%zu/%s", pointer, w->list, i, w->key);
            if (!text || !*text) {
                continue;
            }
            check_repeated(in, d, at, list, i, w);
            if (str_eq(w->key, "path")) {
                check_guest_path(in, d, at, text);
            } else if (str_eq(w->key, "key")) {
                check_registry_key(in, d, at, text);
            }
        }
    }
    if (json_is_object(o) && count == 0 && lists == json_object_size(o)) {
        json_doc_complain(d->doc, pointer, 1, in->diags, "no-checks",
                          "name at least one service, driver, process, file or registry value",
                          "\"%s\" checks nothing", pointer + 1);
    }
}
