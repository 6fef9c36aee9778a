/* CRC-32 as in ISO 3309 / zlib (reflected polynomial 0xEDB88320). For driver, service, tools. */
#ifndef SAMPLES_CRC32_H
#define SAMPLES_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);

#endif
