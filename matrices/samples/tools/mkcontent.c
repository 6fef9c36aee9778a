/*
 * mkcontent TEXT CONTENT: writes a vendor's content file (common/content.h) from lines of text:
 *
 *   vendor alder
 *   version 1.2.3.4
 *   field NAME VALUE            one template input, in order
 *   signature NAME text WORDS   pattern: the words as ASCII
 *   signature NAME hex 4D5A..   pattern: bytes
 *   signature NAME eicar        pattern: the EICAR test string
 *
 * '#' begins a comment line. Runs on the build machine; MASK_TABLE comes from the vendor's mask.h.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "crc32.h"
#include "mask.h"

enum { MKCONTENT_LINE = 1024 };

struct mkcontent {
    const char *name; /* of the text, for messages */
    unsigned line;
    char vendor[CONTENT_VENDOR_SIZE + 1];
    unsigned version[4];
    unsigned fields, signatures;
    size_t size;
    uint8_t bytes[CONTENT_FILE_MAX];
};

static int mkcontent_fail(const struct mkcontent *content, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", content->name, content->line, what);
    return -1;
}

static int mkcontent_put(struct mkcontent *content, const void *data, size_t size)
{
    if (size > sizeof content->bytes - content->size)
        return mkcontent_fail(content, "content file would be too large");
    memcpy(content->bytes + content->size, data, size);
    content->size += size;
    return 0;
}

static void mkcontent_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* Length prefix and bytes. */
static int mkcontent_put_field(struct mkcontent *content, const void *data, size_t size)
{
    uint8_t prefix[2];

    mkcontent_u16(prefix, (unsigned)size);
    return mkcontent_put(content, prefix, 2) < 0 ? -1 : mkcontent_put(content, data, size);
}

/* The published EICAR test string, each character one too high: no scanner minds this source. */
static size_t mkcontent_eicar(uint8_t *pattern)
{
    static const char shifted[] =
        "Y6P\"Q&ABQ\\5]Q[Y65)Q_*8DD*8~%FJDBS.TUBOEBSE.BOUJWJSVT.UFTU.GJMF\"%I,I+";

    for (size_t i = 0; i < sizeof shifted - 1; i++)
        pattern[i] = (uint8_t)(shifted[i] - 1);
    return sizeof shifted - 1;
}

static size_t mkcontent_hex(const char *text, uint8_t *pattern)
{
    size_t size = 0;
    unsigned byte;

    while (size < CONTENT_PATTERN_MAX && isxdigit((unsigned char)text[0]) &&
           sscanf(text, "%2x", &byte) == 1) {
        pattern[size++] = (uint8_t)byte;
        text += 2;
    }
    return *text ? 0 : size;
}

static size_t mkcontent_pattern(const char *kind, const char *rest, uint8_t *pattern)
{
    size_t size = strlen(rest);

    if (!strcmp(kind, "eicar"))
        return mkcontent_eicar(pattern);
    if (!strcmp(kind, "hex"))
        return mkcontent_hex(rest, pattern);
    if (strcmp(kind, "text") != 0 || size > CONTENT_PATTERN_MAX)
        return 0;
    memcpy(pattern, rest, size);
    return size;
}

static int mkcontent_signature(struct mkcontent *content, const char *text)
{
    static const uint8_t mask[CONTENT_MASK_SIZE] = MASK_TABLE;
    uint8_t pattern[CONTENT_PATTERN_MAX], name_size;
    char name[CONTENT_NAME_MAX + 1], kind[8];
    int used = 0;
    size_t size;

    if (sscanf(text, "%63s %7s %n", name, kind, &used) < 2)
        return mkcontent_fail(content, "signature NAME text|hex|eicar ...");
    size = mkcontent_pattern(kind, text + used, pattern);
    if (size < CONTENT_PATTERN_MIN)
        return mkcontent_fail(content, "bad pattern");
    for (size_t i = 0; i < size; i++)
        pattern[i] ^= mask[i % CONTENT_MASK_SIZE];
    content->signatures++;
    name_size = (uint8_t)strlen(name);
    if (mkcontent_put(content, &name_size, 1) < 0 || mkcontent_put(content, name, name_size) < 0)
        return -1;
    return mkcontent_put_field(content, pattern, size);
}

static int mkcontent_field(struct mkcontent *content, const char *text)
{
    if (content->signatures)
        return mkcontent_fail(content, "fields come before signatures");
    content->fields++;
    return mkcontent_put_field(content, text, strlen(text));
}

static int mkcontent_line(struct mkcontent *content, char *line)
{
    unsigned *v = content->version;

    line[strcspn(line, "\r\n")] = 0;
    if (!line[0] || line[0] == '#')
        return 0;
    if (!strncmp(line, "vendor ", 7))
        return sscanf(line + 7, "%8s", content->vendor) == 1 ? 0 : -1;
    if (!strncmp(line, "version ", 8))
        return sscanf(line + 8, "%5u.%5u.%5u.%5u", &v[0], &v[1], &v[2], &v[3]) == 4
            ? 0 : mkcontent_fail(content, "version is four numbers");
    if (!strncmp(line, "field ", 6))
        return mkcontent_field(content, line + 6);
    if (!strncmp(line, "signature ", 10))
        return mkcontent_signature(content, line + 10);
    return mkcontent_fail(content, "unknown line");
}

static int mkcontent_read(struct mkcontent *content)
{
    char line[MKCONTENT_LINE];
    FILE *text = fopen(content->name, "r");
    int result = 0;

    if (!text)
        return mkcontent_fail(content, "cannot open");
    while (result == 0 && fgets(line, sizeof line, text)) {
        content->line++;
        result = mkcontent_line(content, line);
    }
    fclose(text);
    return result;
}

static void mkcontent_header(struct mkcontent *content)
{
    uint8_t *header = content->bytes;
    size_t body = content->size - CONTENT_HEADER_SIZE;
    uint32_t crc = crc32_of(header + CONTENT_HEADER_SIZE, body);

    memcpy(header, "SCF1", 4);
    memcpy(header + 4, content->vendor, CONTENT_VENDOR_SIZE);
    for (int i = 0; i < 4; i++)
        mkcontent_u16(header + 12 + 2 * i, content->version[i]);
    mkcontent_u16(header + 20, content->fields);
    mkcontent_u16(header + 22, content->signatures);
    mkcontent_u16(header + 24, (unsigned)body);
    mkcontent_u16(header + 26, (unsigned)(body >> 16));
    mkcontent_u16(header + 28, crc);
    mkcontent_u16(header + 30, crc >> 16);
}

static int mkcontent_write(const struct mkcontent *content, const char *path)
{
    FILE *file = fopen(path, "wb");
    int ok;

    if (!file) {
        perror(path);
        return -1;
    }
    ok = fwrite(content->bytes, 1, content->size, file) == content->size;
    ok = fclose(file) == 0 && ok;
    if (!ok)
        perror(path);
    return ok ? 0 : -1;
}

int main(int count, char **arguments)
{
    struct mkcontent *content;
    int result;

    if (count != 3) {
        fprintf(stderr, "usage: mkcontent TEXT CONTENT\n");
        return 2;
    }
    content = calloc(1, sizeof *content);
    if (!content)
        return 1;
    content->name = arguments[1];
    content->size = CONTENT_HEADER_SIZE;
    result = mkcontent_read(content);
    if (result == 0) {
        mkcontent_header(content);
        result = mkcontent_write(content, arguments[2]);
    }
    free(content);
    return result == 0 ? 0 : 1;
}
