#include "safeboot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SAFEBOOT_SERVICES "[System\\\\CurrentControlSet\\\\Services\\\\"
#define SAFEBOOT_MINIMAL "[System\\\\CurrentControlSet\\\\Control\\\\SafeBoot\\\\Minimal\\\\"
#define SAFEBOOT_OPTION "[System\\\\CurrentControlSet\\\\Control\\\\SafeBoot\\\\Option]"
#define SAFEBOOT_START "\"Start\"=dword:"
#define SAFEBOOT_KEPT "\"SafeBootStart\"=dword:"

enum {
    SAFEBOOT_DEMAND = 3,   /* the last start type that can be started at all: SERVICE_DEMAND_START */
    SAFEBOOT_DISABLED = 4, /* SERVICE_DISABLED */
    SAFEBOOT_PAIR = 64,    /* more than the two lines of a service that is disabled take */
};

/* A line: not ended by a zero; its line feed belongs to it. */
struct safeboot_line {
    const char *text;
    size_t len;
};

static struct safeboot_line safeboot_line_at(const char *at, const char *end)
{
    const char *feed = memchr(at, '\n', (size_t)(end - at));
    return (struct safeboot_line){at, (size_t)((feed ? feed + 1 : end) - at)};
}

static bool safeboot_begins(struct safeboot_line line, const char *with)
{
    return line.len >= strlen(with) && strncasecmp(line.text, with, strlen(with)) == 0;
}

/* The name of the key right below `above` that the line is the head of; length 0: it is not. */
static struct safeboot_line safeboot_child(struct safeboot_line line, const char *above)
{
    struct safeboot_line name = {line.text, 0};
    if (safeboot_begins(line, above)) {
        const char *from = line.text + strlen(above);
        const char *to = memchr(from, ']', line.len - strlen(above));
        if (to && !memchr(from, '\\', (size_t)(to - from)))
            name = (struct safeboot_line){from, (size_t)(to - from)};
    }
    return name;
}

static bool safeboot_is_listed(const char *registry, const char *end, struct safeboot_line name)
{
    for (const char *at = registry; at < end;) {
        struct safeboot_line line = safeboot_line_at(at, end);
        struct safeboot_line listed = safeboot_child(line, SAFEBOOT_MINIMAL);
        if (listed.len == name.len && name.len > 0 &&
            strncasecmp(listed.text, name.text, name.len) == 0)
            return true;
        at += line.len;
    }
    return false;
}

/* The number of a line that begins so; -1: it does not, or has none. */
static long safeboot_number(struct safeboot_line line, const char *with)
{
    char digits[9];
    if (!safeboot_begins(line, with) || line.len < strlen(with) + 8)
        return -1;
    memcpy(digits, line.text + strlen(with), 8);
    digits[8] = '\0';
    char *end;
    long number = strtol(digits, &end, 16);
    return end == digits + 8 ? number : -1;
}

/* The last number among the values from `at` to `end`; -1: none. */
static long safeboot_find(const char *at, const char *end, const char *with)
{
    long found = -1;
    while (at < end) {
        struct safeboot_line line = safeboot_line_at(at, end);
        long number = safeboot_number(line, with);
        found = number >= 0 ? number : found;
        at += line.len;
    }
    return found;
}

static char *safeboot_copy(char *out, const char *at, const char *end)
{
    memcpy(out, at, (size_t)(end - at));
    return out + (end - at);
}

/* The section of one service, from `at` to `end`, to `out`; returns the end of what was written. */
static char *safeboot_service(const char *at, const char *end, bool disable, char *out)
{
    long start = safeboot_find(at, end, SAFEBOOT_START), kept = safeboot_find(at, end, SAFEBOOT_KEPT);
    bool take = disable && start >= 0 && start <= SAFEBOOT_DEMAND;
    bool give = !disable && start == SAFEBOOT_DISABLED && kept >= 0;
    while (at < end) {
        struct safeboot_line line = safeboot_line_at(at, end);
        bool is_start = safeboot_number(line, SAFEBOOT_START) >= 0;
        bool is_kept = safeboot_number(line, SAFEBOOT_KEPT) >= 0;
        if (is_start && take)
            out += snprintf(out, SAFEBOOT_PAIR, SAFEBOOT_KEPT "%08lx\n" SAFEBOOT_START "%08x\n",
                            (unsigned long)start, SAFEBOOT_DISABLED);
        else if (is_start && give)
            out += snprintf(out, SAFEBOOT_PAIR, SAFEBOOT_START "%08lx\n", (unsigned long)kept);
        else if (!is_kept || (disable && !take))
            out = safeboot_copy(out, at, at + line.len);
        at += line.len;
    }
    return out;
}

/* Where the next section begins, behind the head of one. */
static const char *safeboot_section_end(const char *at, const char *end)
{
    do {
        at += safeboot_line_at(at, end).len;
    } while (at < end && *at != '[');
    return at;
}

static char *safeboot_sections(const char *registry, const char *end, bool safe, char *out)
{
    const char *at = registry;
    while (at < end) {
        struct safeboot_line head = safeboot_line_at(at, end);
        struct safeboot_line name = safeboot_child(head, SAFEBOOT_SERVICES);
        const char *next = safeboot_section_end(at, end);
        if (name.len > 0)
            out = safeboot_service(at, next, safe && !safeboot_is_listed(registry, end, name), out);
        else if (!safeboot_begins(head, SAFEBOOT_OPTION))
            out = safeboot_copy(out, at, next);
        at = next;
    }
    return out;
}

char *safeboot_rewrite(const char *registry, size_t len, bool safe, size_t *out_len)
{
    static const char magic[] = "WINE REGISTRY Version 2";
    static const char option[] = SAFEBOOT_OPTION "\n\"OptionValue\"=dword:00000001\n";
    const char *end = registry + len;
    if (len < sizeof magic || memcmp(registry, magic, sizeof magic - 1) != 0)
        return NULL;
    /* No line becomes three times as long: 22 characters of "Start" become 54 of two lines. */
    char *text = malloc(3 * len + SAFEBOOT_PAIR + sizeof option);
    if (!text)
        return NULL;
    char *out = safeboot_sections(registry, end, safe, text);
    if (safe && out[-1] != '\n')
        *out++ = '\n';
    if (safe)
        out = safeboot_copy(out, option, option + sizeof option - 1);
    *out_len = (size_t)(out - text);
    return text;
}
