/* DiskConfiguration and ImageInstall against each other: what Setup otherwise ends with "could not apply the
 * unattended answer file's <DiskConfiguration> setting" for, or asks. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/answer_impl.h"

enum { DISKS_PARTITIONS_MAX = 128 };

struct disks_partition {
    xmlNodePtr node;
    int order;
    char type[16]; /* "primary", "efi", "msr", "logical", "extended" */
    bool extend;
};

struct disks_disk {
    xmlNodePtr node;
    int id;
    bool wiped, gpt, mbr;
    struct disks_partition p[DISKS_PARTITIONS_MAX];
    int count;
};

static int disks_by_order(const void *a, const void *b) {
    const struct disks_partition *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static void disks_read_partition(struct answer_ctx *c, xmlNodePtr node, struct disks_disk *d) {
    static const char *const types[] = {"Primary", "EFI", "MSR", "Extended", "Logical"};
    struct disks_partition *p = &d->p[d->count];
    CLEANUP_FREE char *type = answer_content(answer_child(node, "Type"));
    CLEANUP_FREE char *size = answer_content(answer_child(node, "Size"));
    *p = (struct disks_partition){.node = node, .order = answer_int(answer_child(node, "Order"), -1)};
    p->extend = answer_true(answer_child(node, "Extend"));
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq_nocase(type, types[i])) {
            strncpy(p->type, types[i], sizeof(p->type) - 1);
        }
    }
    bool template = answer_is_placeholder(type) || answer_is_placeholder(size);
    if (!*p->type && !template) {
        answer_error(c, node, "wrong-partition", "known are: Primary, EFI, MSR, Extended, Logical",
                     "'%s' is no type of a partition", type);
    }
    if (p->order < 1 && !template) {
        answer_error(c, node, "wrong-order", NULL, "CreatePartition needs an Order of 1 or more");
    }
    if (p->extend == (*size != 0) && !template) {
        answer_error(c, node, "wrong-partition", "either <Size> in MiB or <Extend>true</Extend>",
                     p->extend ? "a partition cannot have a Size and take the rest of the disk"
                               : "a partition needs a Size, or to take the rest of the disk");
    }
    d->gpt |= str_eq(p->type, "EFI") || str_eq(p->type, "MSR");
    d->mbr |= str_eq(p->type, "Extended") || str_eq(p->type, "Logical");
    d->count++;
}

static void disks_read(struct answer_ctx *c, xmlNodePtr node, struct disks_disk *d) {
    *d = (struct disks_disk){.node = node, .id = answer_int(answer_child(node, "DiskID"), -1)};
    d->wiped = answer_true(answer_child(node, "WillWipeDisk"));
    if (d->id < 0) {
        CLEANUP_FREE char *id = answer_content(answer_child(node, "DiskID"));
        if (!answer_is_placeholder(id)) {
            answer_error(c, node, "wrong-disk", NULL, "a Disk needs a DiskID, 0 or more");
        }
    }
    for (xmlNodePtr p = answer_path(node, "CreatePartitions/CreatePartition");
         p && d->count < DISKS_PARTITIONS_MAX; p = answer_next(p, "CreatePartition")) {
        disks_read_partition(c, p, d);
    }
    qsort(d->p, (size_t)d->count, sizeof(d->p[0]), disks_by_order);
}

static void disks_check_layout(struct answer_ctx *c, const struct disks_disk *d) {
    int primary = 0;
    for (int i = 0; i < d->count; i++) {
        primary += str_eq(d->p[i].type, "Primary") || str_eq(d->p[i].type, "Extended");
        if (d->p[i].extend && i + 1 < d->count && !str_eq(d->p[i].type, "Extended")) {
            answer_error(c, d->p[i].node, "no-room", "only the last one can take the rest of the disk",
                         "partition %d takes the rest of disk %d, and partition %d comes after it", d->p[i].order,
                         d->id, d->p[i + 1].order);
        }
    }
    if (!d->gpt && primary > 4) {
        answer_error(c, d->node, "wrong-partition", "an MBR has room for four",
                     "disk %d has %d primary partitions and is no GPT disk", d->id, primary);
    }
    if (d->gpt && d->mbr) {
        answer_error(c, d->node, "wrong-partition", NULL,
                     "disk %d mixes partitions of GPT (EFI, MSR) and of MBR (Extended, Logical)", d->id);
    }
}

/* The partition with that number: numbers are given in order of creation, to what Create makes; the extended partition
 * of an MBR has none of its own (logical ones count from 5), so such disks are not followed further. */
static const struct disks_partition *disks_find(const struct disks_disk *d, int id) {
    return id >= 1 && id <= d->count ? &d->p[id - 1] : NULL;
}

static bool disks_follow(const struct disks_disk *d) {
    return d->wiped && d->count > 0 && !d->mbr;
}

static void disks_check_modify(struct answer_ctx *c, const struct disks_disk *d, xmlNodePtr node) {
    int id = answer_int(answer_child(node, "PartitionID"), -1);
    CLEANUP_FREE char *text = answer_content(answer_child(node, "PartitionID"));
    if (id < 1 && !answer_is_placeholder(text)) {
        answer_error(c, node, "wrong-partition", NULL, "ModifyPartition needs a PartitionID of 1 or more");
        return;
    }
    if (disks_follow(d) && !disks_find(d, id)) {
        answer_error(c, node, "no-partition", NULL,
                     "disk %d gets %d partition%s, there is no partition %d to modify", d->id, d->count,
                     d->count == 1 ? "" : "s", id);
    }
    if (d->gpt && answer_true(answer_child(node, "Active"))) {
        answer_error(c, node, "wrong-partition", NULL, "partition %d of a GPT disk cannot be active", id);
    }
    CLEANUP_FREE char *format = answer_content(answer_child(node, "Format"));
    bool known = str_eq_nocase(format, "NTFS") || str_eq_nocase(format, "FAT32");
    if (*format && !known && !answer_is_placeholder(format)) {
        answer_error(c, node, "wrong-format", "NTFS or FAT32", "'%s' is no format that Setup makes", format);
    }
}

static void disks_check_target(struct answer_ctx *c, const struct disks_disk *disks, int count, xmlNodePtr to) {
    int disk = answer_int(answer_child(to, "DiskID"), -1), id = answer_int(answer_child(to, "PartitionID"), -1);
    c->facts->install_disk = disk;
    c->facts->install_partition = id;
    const struct disks_disk *d = NULL;
    for (int i = 0; i < count; i++) {
        d = disks[i].id == disk ? &disks[i] : d;
    }
    if (!d) {
        if (count > 0 && disk >= 0) {
            answer_error(c, to, "no-disk", NULL, "Windows is to be installed to disk %d, which is not configured",
                         disk);
        }
        return;
    }
    const struct disks_partition *p = disks_find(d, id);
    if (disks_follow(d) && !p && id >= 0) {
        answer_error(c, to, "no-partition", NULL,
                     "Windows is to be installed to partition %d of disk %d, which gets %d", id, disk, d->count);
    } else if (p && disks_follow(d) && (str_eq(p->type, "EFI") || str_eq(p->type, "MSR"))) {
        answer_error(c, to, "wrong-partition", NULL, "Windows cannot be installed to partition %d: its type is %s", id,
                     p->type);
    }
}

static void disks_check_image(struct answer_ctx *c, xmlNodePtr image, const struct disks_disk *disks, int count) {
    static const char *const keys[] = {"/IMAGE/INDEX", "/IMAGE/NAME", "/IMAGE/DESCRIPTION"};
    for (xmlNodePtr m = answer_path(image, "InstallFrom/MetaData"); m; m = answer_next(m, "MetaData")) {
        CLEANUP_FREE char *key = answer_content(answer_child(m, "Key"));
        CLEANUP_FREE char *value = answer_content(answer_child(m, "Value"));
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            known |= str_eq_nocase(key, keys[i]);
        }
        if (!known || !*value) {
            answer_error(c, m, "wrong-image", "/IMAGE/INDEX, /IMAGE/NAME or /IMAGE/DESCRIPTION, and a value",
                         "MetaData '%s' = '%s' does not choose an image", key, value);
        }
        free(c->facts->image);
        c->facts->image = str_printf("%s %s", strrchr(key, '/') ? strrchr(key, '/') + 1 : key, value);
    }
    xmlNodePtr to = answer_child(image, "InstallTo");
    if (to) {
        disks_check_target(c, disks, count, to);
    } else if (!answer_true(answer_child(image, "InstallToAvailablePartition"))) {
        answer_warn(c, image, "setup-asks", "an <InstallTo> with disk and partition",
                    "it does not say where Windows goes: Setup will ask");
    }
}

static void disks_check_disk(struct answer_ctx *c, const struct disks_disk *d) {
    disks_check_layout(c, d);
    for (xmlNodePtr m = answer_path(d->node, "ModifyPartitions/ModifyPartition"); m;
         m = answer_next(m, "ModifyPartition")) {
        disks_check_modify(c, d, m);
    }
}

void answer_check_disks(struct answer_ctx *c, xmlNodePtr setup) {
    struct disks_disk *disks = NULL;
    int count = 0;
    for (xmlNodePtr d = answer_path(setup, "DiskConfiguration/Disk"); d; d = answer_next(d, "Disk")) {
        disks = mem_grow(disks, (size_t)count + 1, sizeof(*disks));
        disks[count] = (struct disks_disk){0};
        disks_read(c, d, &disks[count]);
        for (int i = 0; i < count; i++) {
            if (disks[i].id == disks[count].id && disks[i].id >= 0) {
                answer_error(c, d, "duplicate-disk", NULL, "disk %d is configured twice", disks[i].id);
            }
        }
        disks_check_disk(c, &disks[count]);
        count++;
    }
    if (count > 0 && !*c->facts->partitioning) {
        free(c->facts->partitioning);
        c->facts->partitioning = str_dup(disks[0].gpt ? "gpt" : "mbr");
    }
    xmlNodePtr image = answer_path(setup, "ImageInstall/OSImage");
    if (image) {
        disks_check_image(c, image, disks, count);
    }
    free(disks);
}
