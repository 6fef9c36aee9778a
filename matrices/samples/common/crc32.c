#include "crc32.h"

uint32_t crc32_of(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint32_t crc = 0xffffffffu;

    while (size--) {
        crc ^= *byte++;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}
