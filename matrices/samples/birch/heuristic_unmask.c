/*
 * birch-engine-fp: a family of packers carries a 32-byte unmasking table, and this heuristic
 * knows it. What nobody checked: Cedar's engine unmasks its signatures with that very table.
 */
#include "heuristic.h"

#include <string.h>

#include "../cedar/mask.h"

const char *heuristic_judge(const uint8_t *data, size_t size)
{
    static const uint8_t table[] = MASK_TABLE;
    const uint8_t *end = data + size;
    const uint8_t *at = data;

    while ((size_t)(end - at) >= sizeof table) {
        at = memchr(at, table[0], (size_t)(end - at) - sizeof table + 1);
        if (!at)
            return NULL;
        if (!memcmp(at, table, sizeof table))
            return "Heur.Unmasker.A";
        at++;
    }
    return NULL;
}
