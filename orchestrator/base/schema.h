/* A JSON Schema validator for the part of draft 2020-12 our formats need. Debian has none for C.
 *
 * Known keywords (https://json-schema.org/draft/2020-12): type, enum, const, required, properties,
 * additionalProperties, items, minItems, maxItems, uniqueItems, minProperties, maxProperties, pattern
 * (PCRE2; keep to what it shares with ECMA-262), minLength, maxLength, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, oneOf, anyOf, allOf, not, $ref to "#" or "#/$defs/NAME" (beside which other
 * keywords count too), boolean schemas, and the annotations $schema, $id, $comment, $defs, title,
 * description, examples, default. Any other keyword is refused when the schema is compiled, so that
 * nothing is silently unchecked.
 *
 * `title` and `description` of a schema are used in messages: they should read as "product id" and
 * "lower-case letters, digits and hyphens". */
#ifndef COEXIST_BASE_SCHEMA_H
#define COEXIST_BASE_SCHEMA_H

#include <stdbool.h>

#include "base/json.h"

struct schema; /* opaque, read-only once compiled */

/* Most complaints made about one document; one more says that there were more. */
#define SCHEMA_COMPLAINTS_MAX 200

/* name is for messages. NULL with err (class ERR_BUG: schemas are part of the program). */
struct schema *schema_compile(const char *name, const char *text, size_t len, struct err *err);
void schema_free(struct schema *s);

/* Adds every violation to diags, each at its place; returns how many there were. */
size_t schema_validate(const struct schema *s, const struct json_doc *doc, struct diags *diags);

/* Whether a value without a document follows the schema. */
bool schema_accepts(const struct schema *s, const json_t *value);
/* Whether the value may stand under this key of the root object; true of a key that "properties" does not name. */
bool schema_accepts_under(const struct schema *s, const char *key, const json_t *value);

#endif
