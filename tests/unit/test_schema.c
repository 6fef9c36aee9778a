/* base: the schema validator, against cases of our own and the public JSON Schema test suite. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/schema.h"
#include "base/str.h"
#include "model/schemas.h"
#include "support/skip.h"
#include "support/suite.h"

static struct schema *test_compile(const char *text) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct schema *s = schema_compile("test", text, strlen(text), &err);
    ck_assert_msg(s != NULL, "%s: %s", text, err_text(&err));
    return s;
}

/* "LINE:COLUMN code message (hint)" of each complaint, one a line. Caller frees. */
static char *test_complaints(const char *schema, const char *text) {
    struct schema *s = test_compile(schema);
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = json_doc_parse("t", text, strlen(text), &diags);
    ck_assert_msg(doc != NULL, "%s", text);
    size_t n = schema_validate(s, doc, &diags);
    ck_assert_uint_eq(n, diags.count);
    ck_assert_int_eq(schema_accepts(s, json_doc_root(doc)), n == 0);
    struct str out = STR_INIT;
    for (size_t i = 0; i < diags.count; i++) {
        const struct diag *d = &diags.items[i];
        str_addf(&out, "%d:%d %s %s", d->pos.line, d->pos.column, d->code, d->message);
        str_addf(&out, d->hint ? " (%s)\n" : "\n", d->hint);
    }
    diags_free(&diags);
    json_doc_free(doc);
    schema_free(s);
    return str_take(&out);
}

static const struct {
    const char *schema, *text, *expected;
} cases[] = {
    {"{\"type\": \"integer\"}", "1.0", ""},
    {"{\"type\": \"integer\"}", "1.5", "1:1 wrong-type this must be a whole number, found 1.5\n"},
    {"{\"type\": [\"string\", \"null\"]}", "[]",
     "1:1 wrong-type this must be a string or null, found a list\n"},
    {"{\"title\": \"id\", \"pattern\": \"^[a-z]+$\", \"description\": \"letters\", "
     "\"examples\": [\"abc\"]}",
     "\"A\"", "1:1 wrong-form \"A\" is no valid id (letters; for example \"abc\")\n"},
    {"{\"pattern\": \"^a$\"}", "\"a\\n\"", "1:1 wrong-form \"a\\n\" is no valid value here (it must match ^a$)\n"},
    {"{\"minLength\": 2}", "\"\xc3\xa4\"",
     "1:1 too-short this string must have at least 2 characters\n"},
    {"{\"maxLength\": 1}", "\"\xc3\xa4\"", ""},
    {"{\"exclusiveMinimum\": 0}", "0", "1:1 out-of-range this number must be more than 0, found 0\n"},
    {"{\"minimum\": 1, \"maximum\": 3}", "3", ""},
    {"{\"const\": 1}", "1.0", ""},
    {"{\"enum\": [\"hold\", \"ship\"]}", "\"hodl\"",
     "1:1 unknown-value \"hodl\" is no value allowed here (did you mean \"hold\"? allowed: \"hold\", "
     "\"ship\")\n"},
    {"{\"uniqueItems\": true}", "[1, {\"a\": 1}, 1.0, {\"a\": 1.0}]",
     "1:15 duplicate 1 stands twice in this list (remove one of them)\n"
     "1:20 duplicate an object stands twice in this list (remove one of them)\n"},
    {"{\"properties\": {\"name\": true}, \"additionalProperties\": false}", "{\n \"nmae\": 1}",
     "2:2 unknown-key unknown key \"nmae\" (did you mean \"name\"?)\n"},
    {"{\"required\": [\"a\", \"b\"], \"properties\": {\"b\": {\"$ref\": \"#/$defs/b\"}}, "
     "\"$defs\": {\"b\": {\"description\": \"the b\"}}}",
     "{}", "1:1 missing-key this object lacks the key \"a\"\n"
           "1:1 missing-key this object lacks the key \"b\" (\"b\": the b)\n"},
    {"{\"items\": {\"anyOf\": [{\"title\": \"a name\", \"type\": \"string\"}, {\"title\": \"a pair\", "
     "\"type\": \"object\", \"required\": [\"x\"]}]}}",
     "[\"n\", {\"x\": 1}, {}, 5]",
     "1:17 missing-key a pair lacks the key \"x\"\n"
     "1:21 wrong-type 5 has none of the forms allowed here (it must be a name, or a pair)\n"},
    {"{\"oneOf\": [{\"minimum\": 1}, {\"minimum\": 2}]}", "2",
     "1:1 ambiguous this fits more than one of the forms allowed here\n"},
    {"{\"$ref\": \"#\"}", "1", "1:1 too-deep the schema refers to itself without end\n"},
    {"{\"properties\": {\"a/b\": false}}", "{\"a/b\": 1}", "1:9 not-allowed nothing is allowed here\n"},
};

START_TEST(schema_says_what_is_wrong_and_where) {
    CLEANUP_FREE char *found = test_complaints(cases[_i].schema, cases[_i].text);
    ck_assert_str_eq(found, cases[_i].expected);
}
END_TEST

static const char *const refused[] = {
    "{\"tpye\": \"string\"}",
    "{\"properties\": {\"a\": {\"format\": \"uri\"}}}",
    "{\"type\": \"text\"}",
    "{\"type\": []}",
    "{\"$ref\": \"#/$defs/none\"}",
    "{\"$ref\": \"http://example.com\"}",
    "{\"pattern\": \"(\"}",
    "{\"required\": \"a\"}",
    "{\"minItems\": -1}",
    "{\"uniqueItems\": 1}",
    "{\"items\": [{}]}",
    "{\"anyOf\": []}",
    "{\"not\": 3}",
    "[]",
    "{\"type\": \"string\", \"type\": \"object\"}",
};

START_TEST(schema_refuses_what_it_does_not_know) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_ptr_null(schema_compile("test", refused[_i], strlen(refused[_i]), &err));
    ck_assert_int_eq(err.cls, ERR_BUG);
    ck_assert_msg(strncmp(err_text(&err), "test", 4) == 0, "%s", err_text(&err));
}
END_TEST

START_TEST(schema_tells_only_so_many_errors) {
    struct str text = STR_INIT;
    str_add(&text, "[");
    for (int i = 0; i < 1000; i++) {
        str_addf(&text, "%s%d", i ? "," : "", i);
    }
    str_add(&text, "]");
    struct schema *s = test_compile("{\"items\": {\"type\": \"string\"}}");
    struct diags diags = DIAGS_INIT;
    struct json_doc *doc = json_doc_parse("t", text.data, text.len, &diags);
    schema_validate(s, doc, &diags);
    ck_assert_uint_eq(diags.count, SCHEMA_COMPLAINTS_MAX + 1);
    ck_assert_str_eq(diags.items[SCHEMA_COMPLAINTS_MAX].code, "too-many-errors");
    diags_free(&diags);
    json_doc_free(doc);
    schema_free(s);
    str_free(&text);
}
END_TEST

/* Every property of our formats is documented: the schemas are the user's reference. */
static void test_documented(const json_t *node, const char *where) {
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(node, "properties"), key, value) {
        CLEANUP_FREE char *at = str_printf("%s/%s", where, key);
        bool by_ref = json_object_get(value, "$ref") != NULL; /* the definition has them */
        ck_assert_msg(by_ref || json_object_get(value, "description"), "%s has no description", at);
        ck_assert_msg(by_ref || json_object_get(value, "title"), "%s has no title", at);
        test_documented(value, at);
    }
    json_object_foreach(json_object_get(node, "$defs"), key, value) {
        ck_assert_msg(json_object_get(value, "title") && json_object_get(value, "description"),
                      "definition %s has no title or description", key);
        test_documented(value, key);
    }
    if (json_object_get(node, "properties")) {
        ck_assert_msg(json_is_false(json_object_get(node, "additionalProperties")),
                      "%s takes unknown keys", where);
    }
    if (json_object_get(node, "items")) {
        test_documented(json_object_get(node, "items"), where);
    }
}

START_TEST(schema_of_each_format_compiles_and_is_documented) {
    CLEANUP_ERR struct err err = ERR_INIT;
    size_t len = 0;
    struct schema *s = schemas_compile((enum schema_kind)_i, &err);
    ck_assert_msg(s != NULL, "%s", err_text(&err));
    schema_free(s);
    const char *text = schemas_text((enum schema_kind)_i, &len);
    ck_assert_uint_eq(strlen(text), len);
    json_t *root = json_loads(text, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(root, "$schema")),
                     "https://json-schema.org/draft/2020-12/schema");
    test_documented(root, schemas_name((enum schema_kind)_i));
    json_decref(root);
}
END_TEST

static enum schemas_fit test_fit(enum schema_kind k, const char *text, struct diags *diags) {
    struct json_doc *doc = json_doc_parse("t", text, strlen(text), diags);
    ck_assert_ptr_nonnull(doc);
    enum schemas_fit fit = schemas_check(k, doc, diags);
    json_doc_free(doc);
    return fit;
}

START_TEST(a_file_of_another_format_gets_one_complaint) {
    enum schema_kind k = (enum schema_kind)_i;
    struct diags diags = DIAGS_INIT;
    ck_assert_int_eq(test_fit(k, "{\n  \"format\": \"other/1\", \"x\": 1}", &diags), SCHEMAS_OTHER);
    ck_assert_uint_eq(diags.count, 1);
    ck_assert_str_eq(diags.items[0].code, "wrong-format");
    ck_assert_int_eq(diags.items[0].pos.line, 2);
    CLEANUP_FREE char *right = str_printf("{\"format\": \"coexist-%s/1\"}", schemas_name(k));
    ck_assert_ptr_nonnull(strstr(diags.items[0].hint, "coexist-"));
    ck_assert_int_eq(test_fit(k, right, &diags), SCHEMAS_BREAKS);
    ck_assert_uint_gt(diags.count, 1);
    ck_assert_str_ne(diags.items[1].code, "wrong-format");
    ck_assert_ptr_null(schemas_load(k, "/does/not/exist", &diags));
    diags_free(&diags);
}
END_TEST

/* Of the suite's drafts the newest that Debian ships and that reads these keywords as 2020-12 does. */
#define SUITE_DIR "/usr/share/json-schema-test-suite/tests/draft7"
static const struct {
    const char *file;
    int at_least; /* tests that must have been run, so that none is lost unseen */
} suite[] = {
    {"type", 50}, {"enum", 6}, {"const", 8}, {"required", 4}, {"properties", 6},
    {"additionalProperties", 1}, {"items", 5}, {"minItems", 3}, {"maxItems", 3}, {"uniqueItems", 13},
    {"minProperties", 3}, {"maxProperties", 3}, {"pattern", 2}, {"minLength", 5}, {"maxLength", 5},
    {"minimum", 3}, {"maximum", 3}, {"exclusiveMinimum", 2}, {"exclusiveMaximum", 2}, {"oneOf", 5},
    {"anyOf", 5}, {"allOf", 8}, {"not", 3}, {"boolean_schema", 10}, {"default", 2}, {"ref", 2},
};

START_TEST(a_value_alone_is_checked_as_its_key_asks) {
    static const char text[] =
        "{\"type\": \"object\", \"required\": [\"b\"], \"properties\": {\"a\": {\"$ref\": \"#/$defs/n\"}}, "
        "\"$defs\": {\"n\": {\"type\": \"integer\", \"maximum\": 3}}}";
    struct schema *s = schema_compile("x", text, strlen(text), NULL);
    json_auto_t *three = json_integer(3), *four = json_integer(4);
    ck_assert(schema_accepts_under(s, "a", three));
    ck_assert(!schema_accepts_under(s, "a", four));
    ck_assert(schema_accepts_under(s, "c", four));
    schema_free(s);
}
END_TEST

static int test_suite_group(const json_t *group) {
    const json_t *schema = json_object_get(group, "schema");
    char *text = json_dumps(schema, JSON_ENCODE_ANY);
    struct schema *s = schema_compile("suite", text, strlen(text), NULL);
    free(text);
    if (!s) {
        return 0; /* a keyword outside our subset: refused, not misread */
    }
    size_t i;
    json_t *test;
    json_array_foreach(json_object_get(group, "tests"), i, test) {
        bool valid = json_is_true(json_object_get(test, "valid"));
        ck_assert_msg(schema_accepts(s, json_object_get(test, "data")) == valid, "%s: %s",
                      json_string_value(json_object_get(group, "description")),
                      json_string_value(json_object_get(test, "description")));
    }
    schema_free(s);
    return (int)json_array_size(json_object_get(group, "tests"));
}

START_TEST(schema_follows_the_public_test_suite) {
    if (!fs_exists(SUITE_DIR)) {
        TEST_SKIP("Debian package json-schema-test-suite is not installed");
    }
    CLEANUP_FREE char *path = str_printf(SUITE_DIR "/%s.json", suite[_i].file);
    json_error_t e;
    json_t *groups = json_load_file(path, JSON_DECODE_ANY, &e);
    ck_assert_msg(groups != NULL, "%s: %s", path, e.text);
    int run = 0;
    size_t i;
    json_t *group;
    json_array_foreach(groups, i, group) {
        run += test_suite_group(group);
    }
    json_decref(groups);
    ck_assert_msg(run >= suite[_i].at_least, "%s: only %d tests were run", suite[_i].file, run);
}
END_TEST

int main(void) {
    Suite *s = suite_create("schema");
    TCase *t = tcase_create("schema");
    tcase_add_loop_test(t, schema_says_what_is_wrong_and_where, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(t, schema_refuses_what_it_does_not_know, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(t, a_value_alone_is_checked_as_its_key_asks);
    tcase_add_test(t, schema_tells_only_so_many_errors);
    tcase_add_loop_test(t, schema_of_each_format_compiles_and_is_documented, 0, SCHEMA_KIND_COUNT);
    tcase_add_loop_test(t, a_file_of_another_format_gets_one_complaint, 0, SCHEMA_KIND_COUNT);
    tcase_add_loop_test(t, schema_follows_the_public_test_suite, 0, (int)ARRAY_LEN(suite));
    suite_add_tcase(s, t);
    return suite_run(s);
}
