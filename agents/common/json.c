#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "common/utf8.h"
#include "proto/proto.h"

/* The largest request has about twenty values; a flood of them is no request. */
#define JSON_MAX_TOKENS 512

struct json {
    size_t len;
    int count;
    jsmntok_t token[JSON_MAX_TOKENS];
    char text[];
};

/* A cursor that reads the text again along the tokens, this time by the grammar. */
struct json_check {
    const struct json *j;
    size_t pos;
    int next; /* token expected next */
};

static void json_check_space(struct json_check *c)
{
    while (c->pos < c->j->len && strchr(" \t\r\n", c->j->text[c->pos]) != NULL)
        c->pos++;
}

static bool json_check_char(struct json_check *c, char wanted)
{
    json_check_space(c);
    if (c->pos >= c->j->len || c->j->text[c->pos] != wanted)
        return false;
    c->pos++;
    return true;
}

static size_t json_span_digits(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    return i;
}

/* RFC 8259, section 6. */
static bool json_number_ok(const char *p, size_t n)
{
    size_t i = n > 0 && p[0] == '-' ? 1 : 0;
    size_t digits = json_span_digits(p + i, n - i);
    if (digits == 0 || (digits > 1 && p[i] == '0'))
        return false;
    i += digits;
    if (i < n && p[i] == '.') {
        digits = json_span_digits(p + i + 1, n - i - 1);
        if (digits == 0)
            return false;
        i += 1 + digits;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        if (i < n && (p[i] == '+' || p[i] == '-'))
            i++;
        digits = json_span_digits(p + i, n - i);
        if (digits == 0)
            return false;
        i += digits;
    }
    return i == n;
}

static bool json_text_is(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

static bool json_primitive_ok(const char *p, size_t n)
{
    return json_text_is(p, n, "true") || json_text_is(p, n, "false") ||
           json_text_is(p, n, "null") || json_number_ok(p, n);
}

static bool json_string_ok(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20)
            return false;
    return true;
}

/* A string or primitive token must lie exactly at the cursor. */
static bool json_check_leaf(struct json_check *c, const jsmntok_t *t)
{
    const char *text = c->j->text + t->start;
    size_t n = (size_t)(t->end - t->start);
    size_t quote = t->type == JSMN_STRING ? 1 : 0;

    json_check_space(c);
    if (c->pos + quote != (size_t)t->start)
        return false;
    c->pos = (size_t)t->end + quote;
    return quote ? json_string_ok(text, n) : json_primitive_ok(text, n);
}

static bool json_check_value(struct json_check *c, int depth);

static bool json_check_key(struct json_check *c)
{
    if (c->next >= c->j->count)
        return false;
    const jsmntok_t *t = &c->j->token[c->next++];
    return t->type == JSMN_STRING && t->size == 1 && json_check_leaf(c, t) &&
           json_check_char(c, ':');
}

static bool json_check_children(struct json_check *c, const jsmntok_t *t, int depth)
{
    bool object = t->type == JSMN_OBJECT;

    if (!json_check_char(c, object ? '{' : '['))
        return false;
    for (int i = 0; i < t->size; i++) {
        if (i > 0 && !json_check_char(c, ','))
            return false;
        if (object && !json_check_key(c))
            return false;
        if (!json_check_value(c, depth + 1))
            return false;
    }
    return json_check_char(c, object ? '}' : ']');
}

static bool json_check_value(struct json_check *c, int depth)
{
    if (depth > PROTO_MAX_DEPTH || c->next >= c->j->count)
        return false;
    const jsmntok_t *t = &c->j->token[c->next++];
    if (t->type == JSMN_OBJECT || t->type == JSMN_ARRAY)
        return json_check_children(c, t, depth);
    return t->size == 0 && json_check_leaf(c, t);
}

static const char *json_tokenize(struct json *j)
{
    jsmn_parser parser;
    jsmn_init(&parser);
    int n = jsmn_parse(&parser, j->text, j->len, j->token, JSON_MAX_TOKENS);
    if (n == JSMN_ERROR_NOMEM)
        return "too many values";
    if (n <= 0)
        return "not well-formed JSON";
    j->count = n;
    if (j->token[0].type != JSMN_OBJECT)
        return "not a JSON object";
    struct json_check c = {.j = j};
    if (!json_check_value(&c, 1))
        return "not well-formed JSON, or nested too deep";
    json_check_space(&c);
    return c.pos == j->len && c.next == j->count ? NULL : "something after the JSON object";
}

struct json *json_parse(const char *text, size_t len, const char **why)
{
    struct json *j = NULL;

    *why = NULL;
    if (memchr(text, '\0', len) != NULL || !utf8_valid(text, len)) {
        *why = "not UTF-8 text";
        return NULL;
    }
    j = calloc(1, sizeof *j + len + 1);
    if (j == NULL) {
        *why = "out of memory";
        return NULL;
    }
    j->len = len;
    memcpy(j->text, text, len);
    *why = json_tokenize(j);
    if (*why != NULL) {
        free(j);
        return NULL;
    }
    return j;
}

void json_free(struct json *j)
{
    free(j);
}

json_ref json_root(const struct json *j)
{
    return j->count > 0 ? 0 : JSON_NONE;
}

enum json_type json_type(const struct json *j, json_ref ref)
{
    if (ref < 0 || ref >= j->count)
        return JSON_ABSENT;
    switch (j->token[ref].type) {
    case JSMN_OBJECT:
        return JSON_OBJECT;
    case JSMN_ARRAY:
        return JSON_ARRAY;
    case JSMN_STRING:
        return JSON_STRING;
    default:
        break;
    }
    char first = j->text[j->token[ref].start];
    return first == 'n' ? JSON_NULL : first == 't' || first == 'f' ? JSON_BOOL : JSON_NUMBER;
}

/* Keys are compared as written: no key of the protocol needs an escape. */
json_ref json_member(const struct json *j, json_ref object, const char *key)
{
    if (json_type(j, object) != JSON_OBJECT)
        return JSON_NONE;
    for (int i = object + 1; i < j->count; i++) {
        const jsmntok_t *t = &j->token[i];
        if (t->parent == object &&
            json_text_is(j->text + t->start, (size_t)(t->end - t->start), key))
            return i + 1;
    }
    return JSON_NONE;
}

int json_read_bool(const struct json *j, json_ref ref, bool *out)
{
    if (json_type(j, ref) != JSON_BOOL)
        return -1;
    *out = j->text[j->token[ref].start] == 't';
    return 0;
}

int json_read_u64(const struct json *j, json_ref ref, uint64_t *out)
{
    if (json_type(j, ref) != JSON_NUMBER)
        return -1;
    uint64_t v = 0;
    for (int i = j->token[ref].start; i < j->token[ref].end; i++) {
        unsigned digit = (unsigned)j->text[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return -1;
        v = v * 10 + digit;
    }
    *out = v;
    return 0;
}

/* The four hex digits at p; jsmn has seen to it that they are there. */
static uint32_t json_hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

/* Decodes the escape after a backslash at *p, moves *p behind it. 0 for NUL and lone surrogates,
 * which no argument may hold. */
static uint32_t json_escape(const char **p, const char *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char kind = *(*p)++;
    if (kind != 'u')
        return (uint32_t)to[strchr(from, kind) - from];
    uint32_t c = json_hex4(*p);
    *p += 4;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return 0;
    uint32_t low = json_hex4(*p + 2);
    *p += 6;
    return low < 0xdc00 || low > 0xdfff ? 0 : 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

char *json_read_string(const struct json *j, json_ref ref, size_t *len)
{
    if (json_type(j, ref) != JSON_STRING)
        return NULL;
    const char *p = j->text + j->token[ref].start, *end = j->text + j->token[ref].end;
    char *out = malloc((size_t)(end - p) + 1); /* an escape is never shorter than its character */
    size_t n = 0;
    while (out != NULL && p < end) {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        p++;
        uint32_t c = json_escape(&p, end);
        if (c == 0) {
            free(out);
            return NULL;
        }
        n += utf8_encode(c, out + n);
    }
    if (out != NULL)
        out[n] = '\0';
    if (out != NULL && len != NULL)
        *len = n;
    return out;
}
