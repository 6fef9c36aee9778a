/* pack RAW OUT: packs a raw disk image into the rehearsal's stream (sparse.h). Runs on the host that builds the CD. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sparse.h"

enum { PACK_BLOCK = 1 << 16 };

static int pack_fail(const char *what) {
    fprintf(stderr, "pack: %s: %s\n", what, strerror(errno));
    return 1;
}

static int pack_number(FILE *out, uint64_t v) {
    uint8_t b[8];
    for (int i = 0; i < 8; i++) {
        b[i] = (uint8_t)(v >> (8 * i));
    }
    return fwrite(b, 1, sizeof(b), out) == sizeof(b) ? 0 : -1;
}

static int pack_is_empty(const char *block, size_t n) {
    return block[0] == 0 && memcmp(block, block + 1, n - 1) == 0;
}

/* A block is an extent: the reader joins what follows on each other by itself. */
static int pack_blocks(int in, uint64_t size, FILE *out) {
    char block[PACK_BLOCK];
    for (uint64_t at = 0; at < size;) {
        off_t data = lseek(in, (off_t)at, SEEK_DATA);
        if (data < 0) {
            break; /* only a hole is left */
        }
        at = (uint64_t)data - (uint64_t)data % PACK_BLOCK;
        size_t want = size - at < PACK_BLOCK ? (size_t)(size - at) : PACK_BLOCK;
        if (pread(in, block, want, (off_t)at) != (ssize_t)want) {
            return -1;
        }
        if (!pack_is_empty(block, want) &&
            (pack_number(out, at) < 0 || pack_number(out, want) < 0 || fwrite(block, 1, want, out) != want)) {
            return -1;
        }
        at += want;
    }
    return pack_number(out, size) < 0 ? -1 : pack_number(out, 0);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: pack RAW OUT\n", stderr);
        return 2;
    }
    int in = open(argv[1], O_RDONLY | O_CLOEXEC);
    off_t size = in < 0 ? -1 : lseek(in, 0, SEEK_END);
    if (size < 0) {
        return pack_fail(argv[1]);
    }
    FILE *out = fopen(argv[2], "we");
    if (!out || fwrite(SPARSE_MAGIC, 1, 8, out) != 8 || pack_number(out, (uint64_t)size) < 0 ||
        pack_blocks(in, (uint64_t)size, out) < 0 || fclose(out) != 0) {
        return pack_fail(argv[2]);
    }
    close(in);
    return 0;
}
