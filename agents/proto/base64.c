#include "proto/base64.h"

#include <stdint.h>

size_t base64_encode(const void *bytes, size_t n, char *out)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    char *o = out;

    for (; n > 0; o += 4) {
        size_t k = n < 3 ? n : 3;
        uint32_t v = (uint32_t)p[0] << 16 | (k > 1 ? (uint32_t)p[1] << 8 : 0) | (k > 2 ? p[2] : 0);
        o[0] = digit[v >> 18];
        o[1] = digit[v >> 12 & 63];
        o[2] = k > 1 ? digit[v >> 6 & 63] : '=';
        o[3] = k > 2 ? digit[v & 63] : '=';
        p += k;
        n -= k;
    }
    return (size_t)(o - out);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four with pad '=' at its end; -1 when it is not canonical. */
static int base64_decode_group(const char *t, int pad, unsigned char out[3])
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = i < 4 - pad ? base64_value(t[i]) : 0;
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
    }
    out[0] = (unsigned char)(v >> 16);
    out[1] = (unsigned char)(v >> 8);
    out[2] = (unsigned char)v;
    /* Bits that belong to no byte must be zero, so that each value has one spelling. */
    return (pad == 1 && out[2] != 0) || (pad == 2 && (out[1] | out[2]) != 0) ? -1 : 0;
}

int base64_decode(const char *text, size_t len, void *out, size_t cap, size_t *n)
{
    unsigned char *o = out;

    *n = 0;
    if (len % 4 != 0)
        return -1;
    for (size_t i = 0; i < len; i += 4) {
        unsigned char group[3];
        int pad = 0;
        if (i + 4 == len && text[i + 3] == '=')
            pad = text[i + 2] == '=' ? 2 : 1;
        size_t k = (size_t)(3 - pad);
        if (base64_decode_group(text + i, pad, group) < 0 || k > cap - *n)
            return -1;
        for (size_t b = 0; b < k; b++)
            o[(*n)++] = group[b];
    }
    return 0;
}
