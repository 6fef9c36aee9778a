/* Reads an answer file: the frame of passes and components, then each component. */
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/answer.h"
#include "media/answer_impl.h"
#include "media/media_impl.h"

void answer_facts_clear(struct answer_facts *f) {
    texts_free_array(f->passes);
    texts_free_array(f->components);
    texts_free_array(f->accounts);
    free(f->language);
    free(f->image);
    free(f->partitioning);
    *f = (struct answer_facts){0};
}

static void check_facts_init(struct answer_facts *f) {
    *f = (struct answer_facts){.passes = texts_new_array(), .components = texts_new_array(),
                               .accounts = texts_new_array(), .language = str_dup(""), .image = str_dup(""),
                               .partitioning = str_dup(""), .install_disk = -1, .install_partition = -1};
}

static json_t *check_list(char *const *list) {
    json_t *array = json_array();
    for (size_t i = 0; list[i]; i++) {
        json_array_append_new(array, json_string(list[i]));
    }
    return array;
}

json_t *answer_facts_json(const struct answer_facts *f) {
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:i, s:i, s:o, s:b, s:i}", "passes", check_list(f->passes),
                     "components", check_list(f->components), "language", f->language, "image", f->image,
                     "partitioning", f->partitioning, "disk", f->install_disk, "partition", f->install_partition,
                     "accounts", check_list(f->accounts), "key", f->key, "commands", f->commands);
}

/* ---- components ----------------------------------------------------------------------------------------- */

/* An attribute; never NULL. Caller frees. */
static char *check_attribute(xmlNodePtr node, const char *name) {
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    char *text = str_dup(value ? (const char *)value : "");
    xmlFree(value);
    return text;
}

static void check_attributes(struct answer_ctx *c, xmlNodePtr component) {
    static const char *const needed[] = {"name", "processorArchitecture", "publicKeyToken", "language", "versionScope"};
    static const char *const archs[] = {"x86", "amd64", "arm", "arm64", "wow64", "neutral", "ia64"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        CLEANUP_FREE char *value = check_attribute(component, needed[i]);
        if (!*value) {
            answer_error(c, component, "missing-attribute", NULL, "a component needs the attribute %s", needed[i]);
        }
    }
    CLEANUP_FREE char *arch = check_attribute(component, "processorArchitecture");
    CLEANUP_FREE char *token = check_attribute(component, "publicKeyToken");
    bool known = !*arch || answer_is_placeholder(arch);
    for (size_t i = 0; i < ARRAY_LEN(archs); i++) {
        known |= str_eq_nocase(arch, archs[i]);
    }
    if (!known) {
        CLEANUP_FREE char *hint = nearest_hint(arch, archs, ARRAY_LEN(archs));
        answer_error(c, component, "wrong-architecture", hint, "'%s' is no architecture", arch);
    }
    if (*token && !str_eq_nocase(token, ANSWER_TOKEN)) {
        answer_warn(c, component, "wrong-token", "Microsoft's is " ANSWER_TOKEN, "publicKeyToken '%s'", token);
    }
}

static void check_known(struct answer_ctx *c, xmlNodePtr component, const char *name, const char *pass, int pass_bit) {
    const struct answer_known *known = answer_known_find(name);
    if (!known) {
        size_t count = 0;
        CLEANUP_FREE const char **names = answer_known_names(&count);
        const char *near = nearest_name(name, names, count);
        CLEANUP_FREE char *hint = near ? str_printf("did you mean '%s'?", near) : NULL;
        answer_warn(c, component, "unknown-component", hint, "component '%s' is not known here", name);
        return;
    }
    if (known->passes && pass_bit && !(known->passes & (unsigned)pass_bit)) {
        answer_warn(c, component, "wrong-pass", NULL, "%s has no settings in the pass %s: Setup ignores them", name,
                    pass);
    }
    for (xmlNodePtr k = known->settings ? answer_child(component, NULL) : NULL; k; k = answer_next(k, NULL)) {
        CLEANUP_FREE char *wanted = str_printf(" %s ", (const char *)k->name);
        if (!strstr(known->settings, wanted)) {
            answer_warn(c, k, "unknown-setting", NULL, "%s has no setting '%s' that is known here", name,
                        (const char *)k->name);
        }
    }
}

/* Two of the same identity in one pass: Setup refuses the file. */
static void check_twice(struct answer_ctx *c, xmlNodePtr component) {
    static const char *const identity[] = {"name", "processorArchitecture", "language", "versionScope"};
    for (xmlNodePtr other = answer_child(component->parent, "component"); other && other != component;
         other = answer_next(other, "component")) {
        bool same = true;
        for (size_t i = 0; i < ARRAY_LEN(identity); i++) {
            CLEANUP_FREE char *a = check_attribute(component, identity[i]), *b = check_attribute(other, identity[i]);
            same = same && str_eq_nocase(a, b);
        }
        if (same) {
            CLEANUP_FREE char *name = check_attribute(component, "name");
            answer_error(c, component, "duplicate-component", "put the settings of both into one",
                         "component %s stands twice in one pass; the first is in line %ld", name, xmlGetLineNo(other));
            return;
        }
    }
}

static void check_component(struct answer_ctx *c, xmlNodePtr component, const char *pass, int pass_bit) {
    CLEANUP_FREE char *name = check_attribute(component, "name");
    CLEANUP_FREE char *arch = check_attribute(component, "processorArchitecture");
    texts_add_to_array(&c->facts->components, str_printf("%s/%s/%s", pass, name, arch));
    check_attributes(c, component);
    check_twice(c, component);
    if (!*name) {
        return;
    }
    check_known(c, component, name, pass, pass_bit);
    answer_check_values(c, component);
    if (str_eq_nocase(name, "Microsoft-Windows-Setup")) {
        answer_check_disks(c, component);
        answer_check_setup(c, component);
    } else if (str_eq_nocase(name, "Microsoft-Windows-Shell-Setup")) {
        answer_check_shell(c, component, pass);
    } else if (strncasecmp(name, "Microsoft-Windows-International-Core", 36) == 0) {
        answer_check_languages(c, component);
    }
}

/* ---- passes --------------------------------------------------------------------------------------------- */

static void check_settings(struct answer_ctx *c, xmlNodePtr settings) {
    CLEANUP_FREE char *pass = check_attribute(settings, "pass");
    const char *const *names = answer_pass_names();
    int bit = 0;
    for (int i = 0; i < ANSWER_PASS_COUNT; i++) {
        bit = str_eq(pass, names[i]) ? 1 << i : bit;
    }
    if (!bit) {
        CLEANUP_FREE char *hint = nearest_hint(pass, names, ANSWER_PASS_COUNT);
        answer_error(c, settings, "unknown-pass", hint, *pass ? "there is no pass '%s'" : "settings without a pass%s",
                     pass);
    }
    for (size_t i = 0; c->facts->passes[i]; i++) {
        if (str_eq(c->facts->passes[i], pass)) {
            answer_warn(c, settings, "duplicate-pass", NULL, "pass '%s' stands twice", pass);
            break;
        }
    }
    texts_add_to_array(&c->facts->passes, str_dup(pass));
    for (xmlNodePtr k = answer_child(settings, NULL); k; k = answer_next(k, NULL)) {
        if (str_eq((const char *)k->name, "component")) {
            check_component(c, k, pass, bit);
        } else {
            answer_warn(c, k, "unknown-element", NULL, "<%s> among the components is ignored", (const char *)k->name);
        }
    }
}

static bool check_is_ours(xmlNodePtr node) {
    return node->ns && str_eq((const char *)node->ns->href, ANSWER_NAMESPACE);
}

static void check_root(struct answer_ctx *c, xmlNodePtr root) {
    if (!root || !str_eq((const char *)root->name, "unattend")) {
        answer_error(c, root, "wrong-root", "an answer file's first element is <unattend>", "<%s> is no answer file",
                     root ? (const char *)root->name : "");
        return;
    }
    if (!check_is_ours(root)) {
        answer_error(c, root, "wrong-namespace", "xmlns=\"" ANSWER_NAMESPACE "\"",
                     "<unattend> is not in the namespace of answer files: Setup does not see it");
    }
    bool any = false;
    for (xmlNodePtr k = answer_child(root, NULL); k; k = answer_next(k, NULL)) {
        bool settings = str_eq((const char *)k->name, "settings");
        any |= settings;
        if (settings) {
            check_settings(c, k);
        } else if (check_is_ours(k) && !str_eq((const char *)k->name, "servicing")) {
            answer_warn(c, k, "unknown-element", NULL, "<%s> is ignored", (const char *)k->name);
        }
    }
    if (!any) {
        answer_error(c, root, "empty", NULL, "there are no <settings> in it");
    }
}

/* ---- reading -------------------------------------------------------------------------------------------- */

/* What libxml2 says first, without its line break. */
static void check_parse_failed(struct answer_ctx *c, const xmlError *e) {
    CLEANUP_FREE char *said = str_dup(e && e->message ? e->message : "it is no XML");
    said[strcspn(said, "\n")] = '\0';
    struct diag_pos pos = {e && e->line > 0 ? e->line : 1, e && e->int2 > 0 ? e->int2 : 1};
    diags_add(c->errors, c->name, pos, "not-xml", NULL, "%s", said);
}

/* Whether there are more elements than any answer file has. */
static bool check_is_flooded(xmlNodePtr root) {
    int count = 0;
    for (xmlNodePtr node = root; node && count <= ANSWER_ELEMENTS_MAX;) {
        count += node->type == XML_ELEMENT_NODE;
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            continue;
        }
        while (node != root && !node->next) {
            node = node->parent;
        }
        node = node == root ? NULL : node->next;
    }
    return count > ANSWER_ELEMENTS_MAX;
}

static void check_quiet(void *ctx, const char *fmt, ...) {
    (void)ctx;
    (void)fmt;
}

static void check_text(struct answer_ctx *c) {
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser) {
        check_parse_failed(c, NULL);
        return;
    }
    parser->sax->error = parser->sax->warning = parser->sax->fatalError = check_quiet;
    xmlDocPtr doc = xmlCtxtReadMemory(parser, c->text, (int)c->len, c->name, NULL,
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
    if (!doc || !parser->wellFormed) {
        check_parse_failed(c, xmlCtxtGetLastError(parser));
    } else if (doc->intSubset) {
        diags_add(c->errors, c->name, (struct diag_pos){1, 1}, "not-xml", NULL,
                  "an answer file has no document type definition");
    } else if (check_is_flooded(xmlDocGetRootElement(doc))) {
        diags_add(c->errors, c->name, (struct diag_pos){1, 1}, "too-many", NULL,
                  "more than %d elements are no answer file", ANSWER_ELEMENTS_MAX);
    } else {
        check_root(c, xmlDocGetRootElement(doc));
    }
    xmlFreeDoc(doc);
    xmlFreeParserCtxt(parser);
}

size_t answer_check(const char *name, const char *text, size_t len, struct answer_facts *facts, struct diags *errors,
                    struct diags *warnings) {
    struct answer_facts mine = {0};
    struct answer_ctx c = {name, text, len, errors, warnings, facts ? facts : &mine};
    size_t before = errors->count;
    check_facts_init(c.facts);
    if (len == 0 || len > ANSWER_BYTES_MAX) {
        diags_add(errors, name, (struct diag_pos){0, 0}, "not-xml", NULL,
                  len ? "more than 4 MiB are no answer file" : "the file is empty");
    } else {
        check_text(&c);
    }
    diags_sort(errors);
    diags_sort(warnings);
    if (!facts) {
        answer_facts_clear(&mine);
    }
    return errors->count - before;
}
