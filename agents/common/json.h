/*
 * A bounded reader for one JSON object (RFC 8259), over the tokens of jsmn. What jsmn lets pass
 * (missing commas, odd primitives, control characters, broken UTF-8) is checked here and refused.
 *
 * A document owns a copy of its text; it may be read by several threads.
 */
#ifndef COEXIST_COMMON_JSON_H
#define COEXIST_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* A place in a document; JSON_NONE when there is nothing. */
typedef int json_ref;
#define JSON_NONE (-1)

enum json_type { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/*
 * The document, or NULL when the text is no object, is not well-formed, nests deeper than
 * PROTO_MAX_DEPTH, has too many values, or memory is out; *why is then a static phrase.
 */
struct json *json_parse(const char *text, size_t len, const char **why);
void json_free(struct json *j);

json_ref json_root(const struct json *j);
enum json_type json_type(const struct json *j, json_ref ref);
/* The value of a member; JSON_NONE when object is none or has none such. The first one counts. */
json_ref json_member(const struct json *j, json_ref object, const char *key);

/* These return -1 when the value is of another type or does not fit. */
int json_read_bool(const struct json *j, json_ref ref, bool *out);
int json_read_u64(const struct json *j, json_ref ref, uint64_t *out);
/* The string decoded, NUL-terminated; the caller frees. NULL for other types, for a string with
 * a NUL or a lone surrogate inside, and when out of memory. len may be NULL. */
char *json_read_string(const struct json *j, json_ref ref, size_t *len);

#endif
