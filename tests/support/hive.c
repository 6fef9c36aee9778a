#include "support/hive.h"

#include <stdint.h>
#include <string.h>

/* Offsets of cells count from the first bin. */
enum { HIVE_BIN = 4096, HIVE_ROOT = 0x20, HIVE_ROOT_LEN = 0x58, HIVE_SECURITY_LEN = 0x30 };

static void put16(unsigned char *at, unsigned value) {
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *at, uint32_t value) {
    put16(at, value & 0xffff);
    put16(at + 2, value >> 16);
}

static void hive_put_root(unsigned char *cell) {
    put32(cell, (uint32_t)-HIVE_ROOT_LEN);
    memcpy(cell + 4, "nk", 2);
    put16(cell + 6, 0x2c); /* root, not to be deleted, a name of one byte a character */
    put32(cell + 4 + 0x1c, UINT32_MAX); /* no subkeys, no volatile ones, no values */
    put32(cell + 4 + 0x20, UINT32_MAX);
    put32(cell + 4 + 0x28, UINT32_MAX);
    put32(cell + 4 + 0x2c, HIVE_ROOT + HIVE_ROOT_LEN);
    put32(cell + 4 + 0x30, UINT32_MAX);
    put16(cell + 4 + 0x48, 3);
    memcpy(cell + 4 + 0x4c, "BCD", 3);
}

static void hive_put_security(unsigned char *cell, uint32_t at) {
    put32(cell, (uint32_t)-HIVE_SECURITY_LEN);
    memcpy(cell + 4, "sk", 2);
    put32(cell + 4 + 4, at);
    put32(cell + 4 + 8, at);
    put32(cell + 4 + 12, 1);
    put32(cell + 4 + 16, 20); /* of the descriptor: nobody, self-relative */
    cell[4 + 20] = 1;
    put16(cell + 4 + 22, 0x8000);
}

void hive_make_empty(unsigned char out[HIVE_EMPTY_LEN]) {
    uint32_t security = HIVE_ROOT + HIVE_ROOT_LEN, rest = security + HIVE_SECURITY_LEN, sum = 0;
    memset(out, 0, HIVE_EMPTY_LEN);
    memcpy(out, "regf", 4);
    put32(out + 4, 1);
    put32(out + 8, 1);
    put32(out + 0x14, 1);
    put32(out + 0x18, 3);
    put32(out + 0x20, 1);
    put32(out + 0x24, HIVE_ROOT);
    put32(out + 0x28, HIVE_EMPTY_LEN - HIVE_BIN);
    put32(out + 0x2c, 1);
    for (int i = 0; i < 0x1fc; i += 4) {
        sum ^= (uint32_t)out[i] | (uint32_t)out[i + 1] << 8 | (uint32_t)out[i + 2] << 16 | (uint32_t)out[i + 3] << 24;
    }
    put32(out + 0x1fc, sum);
    unsigned char *bin = out + HIVE_BIN;
    memcpy(bin, "hbin", 4);
    put32(bin + 8, HIVE_EMPTY_LEN - HIVE_BIN);
    hive_put_root(bin + HIVE_ROOT);
    hive_put_security(bin + security, security);
    put32(bin + rest, HIVE_EMPTY_LEN - HIVE_BIN - rest);
}
