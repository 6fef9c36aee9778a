/* Event logs: any bytes, as a whole file or as the inside of a chunk with right checksums around it, must be read or
 * refused. What libevtx does to its own process stays behind the fence; what is looked for is what gets through. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/evtx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_HEADER = 4096, CHUNK = 65536, CHUNK_HEADER = 512, MOST = CHUNK - CHUNK_HEADER };

static void put32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> 8 * i);
    }
}

/* Header and chunk header after Microsoft's MS-EVEN6 and the libevtx format description: magic, record numbers, sizes,
 * checksums (CRC-32). */
static size_t wrap(uint8_t *file, const uint8_t *data, size_t size) {
    memset(file, 0, FILE_HEADER + CHUNK);
    memcpy(file, "ElfFile", 8);
    put32(file + 24, 2);
    put32(file + 32, 128);
    memcpy(file + 36, "\1\0\3\0\0\20\1\0", 8);
    put32(file + 124, (uint32_t)crc32(0, file, 120));
    uint8_t *chunk = file + FILE_HEADER;
    memcpy(chunk, "ElfChnk", 8);
    chunk[8] = chunk[16] = chunk[24] = chunk[32] = 1;
    put32(chunk + 40, 128);
    put32(chunk + 44, CHUNK_HEADER);
    put32(chunk + 48, (uint32_t)(CHUNK_HEADER + size));
    memcpy(chunk + CHUNK_HEADER, data, size);
    put32(chunk + 52, (uint32_t)crc32(0, chunk + CHUNK_HEADER, (unsigned)size));
    put32(chunk + 124, (uint32_t)crc32(crc32(0, chunk, 120), chunk + 128, 384));
    return FILE_HEADER + CHUNK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t file[FILE_HEADER + CHUNK];
    if (size < 1 || size > MOST) {
        return 0;
    }
    bool whole = data[0] == 'E';
    size_t len = whole ? size : wrap(file, data + 1, size - 1);
    CLEANUP_FD int fd = memfd_create("log", 0);
    if (fd < 0 || write(fd, whole ? data : file, len) != (ssize_t)len) {
        return 0;
    }
    CLEANUP_FREE char *path = str_printf("/proc/self/fd/%d", fd);
    CLEANUP(event_log_clear) struct event_log l;
    CLEANUP_ERR struct err err = ERR_INIT;
    if (evtx_read_file(path, true, &l, &err) == 0) {
        for (size_t i = 0; i < l.count; i++) {
            json_t *j = event_to_json(&l.records[i]);
            json_decref(j);
        }
    }
    return 0;
}
