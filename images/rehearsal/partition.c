/* Partition tables: MBR as every BIOS knows it, GPT by the UEFI specification 2.10, section 5.3. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rehearsal.h"

enum { MIB_SECTORS = 2048, GPT_ENTRIES = 128, GPT_ENTRY = 128, GPT_SPARE = 34 };

/* ---- what the answer file asks for ------------------------------------------------------------ */

static const char *const partition_type_names[] = {"Primary", "EFI", "MSR"};

static bool partition_type_of(const char *text, bool gpt, enum partition_type *type) {
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, partition_type_names[i]) == 0) {
            *type = (enum partition_type)i;
            return gpt || i == PARTITION_PRIMARY; /* EFI and MSR exist on GPT disks alone */
        }
    }
    return false;
}

static enum partition_fault partition_place(const struct answer_node *create, bool gpt, uint64_t sectors,
                                            uint64_t *next, struct partition *p) {
    uint64_t end = sectors - MIB_SECTORS; /* the second GPT stands behind it */
    uint64_t mib = strtoull(answer_text(create, "Size", "0"), NULL, 10);
    bool extend = strcmp(answer_text(create, "Extend", "false"), "true") == 0;
    if (!partition_type_of(answer_text(create, "Type", ""), gpt, &p->type) || (mib == 0 && !extend)) {
        return PARTITION_WRONG;
    }
    p->first = *next;
    p->count = extend ? (*next < end ? end - *next : 0) : mib * MIB_SECTORS;
    p->count -= p->count % MIB_SECTORS;
    *next += p->count;
    return p->count == 0 || *next > end ? PARTITION_TOO_SMALL : PARTITION_FINE;
}

static const struct answer_node *partition_modify(const struct answer_node *disk, int number) {
    const struct answer_node *m;
    for (int i = 0; (m = answer_find(disk, "ModifyPartitions/ModifyPartition", i)); i++) {
        if (strtol(answer_text(m, "PartitionID", "0"), NULL, 10) == number) {
            return m;
        }
    }
    return NULL;
}

enum partition_fault partition_read(const struct answer_node *disk, bool gpt, uint64_t sectors,
                                    struct partition_plan *plan) {
    uint64_t next = MIB_SECTORS;
    const struct answer_node *create;
    *plan = (struct partition_plan){0};
    while ((create = answer_find(disk, "CreatePartitions/CreatePartition", plan->count))) {
        if (plan->count == PARTITIONS_MAX) {
            return PARTITION_WRONG;
        }
        struct partition *p = &plan->parts[plan->count];
        enum partition_fault fault = partition_place(create, gpt, sectors, &next, p);
        if (fault != PARTITION_FINE) {
            return fault;
        }
        const struct answer_node *modify = partition_modify(disk, ++plan->count);
        p->active = strcmp(answer_text(modify, "Active", "false"), "true") == 0;
        if (strncasecmp(answer_text(modify, "TypeID", ""), "DE94BBA4", 8) == 0) {
            p->type = PARTITION_RECOVERY;
        }
    }
    return plan->count > 0 ? PARTITION_FINE : PARTITION_WRONG;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint64_t v) {
    put16(p, (uint32_t)v & 0xffff);
    put16(p + 2, (uint32_t)(v >> 16) & 0xffff);
}

static void put64(uint8_t *p, uint64_t v) {
    put32(p, v);
    put32(p + 4, v >> 32);
}

static int write_sectors(int fd, uint64_t sector, const uint8_t *data, size_t size) {
    ssize_t n = pwrite(fd, data, size, (off_t)(sector * REHEARSAL_SECTOR));
    return n == (ssize_t)size ? 0 : -1;
}

static void mbr_entry(uint8_t *entry, const struct partition *p, uint8_t type) {
    entry[0] = p->active ? 0x80 : 0;
    memset(entry + 1, 0xfe, 3); /* no cylinders: LBA counts */
    entry[4] = type;
    memset(entry + 5, 0xfe, 3);
    put32(entry + 8, p->first);
    put32(entry + 12, p->count);
}

int partition_write_mbr(int fd, const struct partition_plan *plan) {
    uint8_t mbr[REHEARSAL_SECTOR] = {0};
    for (int i = 0; i < plan->count; i++) {
        mbr_entry(mbr + 446 + 16 * i, &plan->parts[i], plan->parts[i].active ? 0x0c : 0x83);
    }
    put16(mbr + 510, 0xaa55);
    return write_sectors(fd, 0, mbr, sizeof(mbr));
}

/* CRC-32 of IEEE 802.3, bit by bit: sixteen kilobytes of it. */
static uint32_t crc32_of(const uint8_t *data, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

/* As they lie on the disk: the first three groups of a GUID little-endian. */
static const uint8_t gpt_types[][16] = {
    [PARTITION_PRIMARY] = {0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99,
                           0xc7},
    [PARTITION_EFI] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b},
    [PARTITION_MSR] = {0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d, 0x81, 0x7d, 0xf9, 0x2d, 0xf0, 0x02, 0x15, 0xae},
    [PARTITION_RECOVERY] = {0xa4, 0xbb, 0x94, 0xde, 0xd1, 0x06, 0x40, 0x4d, 0xa1, 0x6a, 0xbf, 0xd5, 0x01, 0x79, 0xd6,
                            0xac},
};

static void gpt_entries(uint8_t *table, const struct partition_plan *plan) {
    memset(table, 0, GPT_ENTRIES * GPT_ENTRY);
    for (int i = 0; i < plan->count; i++) {
        uint8_t *e = table + GPT_ENTRY * i;
        const struct partition *p = &plan->parts[i];
        memcpy(e, gpt_types[p->type], 16);
        memcpy(e + 16, "coexist-part-", 13); /* unique within the disk is all that is asked of it here */
        e[31] = (uint8_t)(i + 1);
        put64(e + 32, p->first);
        put64(e + 40, p->first + p->count - 1);
    }
}

static void gpt_header(uint8_t h[REHEARSAL_SECTOR], uint64_t here, uint64_t other, uint64_t table, uint64_t sectors,
                       uint32_t table_crc) {
    memset(h, 0, REHEARSAL_SECTOR);
    memcpy(h, "EFI PART", 8);
    put32(h + 8, 0x10000);
    put32(h + 12, 92);
    put64(h + 24, here);
    put64(h + 32, other);
    put64(h + 40, GPT_SPARE);
    put64(h + 48, sectors - GPT_SPARE);
    memcpy(h + 56, "coexist-disk-id!", 16);
    put64(h + 72, table);
    put32(h + 80, GPT_ENTRIES);
    put32(h + 84, GPT_ENTRY);
    put32(h + 88, table_crc);
    put32(h + 16, crc32_of(h, 92));
}

int partition_write_gpt(int fd, const struct partition_plan *plan, uint64_t sectors) {
    enum { TABLE = GPT_ENTRIES * GPT_ENTRY };
    uint8_t header[REHEARSAL_SECTOR];
    uint8_t mbr[REHEARSAL_SECTOR] = {0};
    uint8_t *table = malloc(TABLE);
    if (!table) {
        return -1;
    }
    struct partition whole = {.first = 1, .count = sectors - 1 > UINT32_MAX ? UINT32_MAX : sectors - 1};
    mbr_entry(mbr + 446, &whole, 0xee);
    put16(mbr + 510, 0xaa55);
    gpt_entries(table, plan);
    uint32_t crc = crc32_of(table, TABLE);
    uint64_t back = sectors - 1;
    gpt_header(header, 1, back, 2, sectors, crc);
    int rc = write_sectors(fd, 0, mbr, sizeof(mbr)) + write_sectors(fd, 1, header, sizeof(header)) +
             write_sectors(fd, 2, table, TABLE) + write_sectors(fd, back - TABLE / REHEARSAL_SECTOR, table, TABLE);
    gpt_header(header, back, 1, back - TABLE / REHEARSAL_SECTOR, sectors, crc);
    rc += write_sectors(fd, back, header, sizeof(header));
    free(table);
    return rc == 0 ? 0 : -1;
}
