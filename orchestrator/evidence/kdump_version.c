/* File versions of drivers, from the images in the dump's memory. Sources: PE format (optional header, data directory
 * 2, .rsrc section: IMAGE_RESOURCE_DIRECTORY, IMAGE_RESOURCE_DIRECTORY_ENTRY, IMAGE_RESOURCE_DATA_ENTRY), winuser.h
 * (RT_VERSION), verrsrc.h (VS_VERSIONINFO, VS_FIXEDFILEINFO). Resources are pageable and thrown away after a driver has
 * begun: most dumps hold those of few drivers, a triage dump hardly any. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "evidence/kdump_impl.h"

#define VERSION_RT 16u               /* RT_VERSION */
#define VERSION_SUBDIRECTORY 0x80000000u
#define VERSION_ENTRIES 64u          /* types of resources of one driver that are looked at */
#define VERSION_FIXED 40u            /* VS_FIXEDFILEINFO in VS_VERSIONINFO: three words, 16 characters, padding */
#define VERSION_SIGNATURE 0xfeef04bdu
enum { VERSION_ANY = -1 };

struct version_image {
    const struct kdump *k;
    const struct dump_module *m;
    uint64_t root, size; /* of the resources: offset in the image, bytes */
};

static bool version_read(const struct version_image *i, uint64_t at, void *out, size_t size) {
    return at <= i->m->size && size <= i->m->size - at && kdump_virt_read(i->k, i->m->base + at, out, size);
}

/* Where the optional header has its directory of resources. */
static bool version_find_root(struct version_image *i) {
    uint8_t dos[0x40], optional[0x88];
    if (!version_read(i, 0, dos, sizeof(dos)) || memcmp(dos, "MZ", 2) != 0) {
        return false;
    }
    uint32_t nt = bytes_u32(dos + 0x3c);
    if (!version_read(i, nt, optional, 4) || memcmp(optional, "PE\0\0", 4) != 0 ||
        !version_read(i, (uint64_t)nt + 24, optional, sizeof(optional))) {
        return false;
    }
    bool wide = bytes_u16(optional) == 0x20b;
    const uint8_t *directories = optional + (wide ? 112 : 96);
    if ((!wide && bytes_u16(optional) != 0x10b) || bytes_u32(directories - 4) < 3) {
        return false;
    }
    i->root = bytes_u32(directories + 16);
    i->size = bytes_u32(directories + 20);
    return i->root != 0 && i->size != 0;
}

/* The entry of that id in the directory at `at` (from the root), the first one with VERSION_ANY. */
static bool version_enter(const struct version_image *i, uint32_t at, int id, uint32_t *to) {
    uint8_t head[16], entry[8];
    if (at > i->size || !version_read(i, i->root + at, head, sizeof(head))) {
        return false;
    }
    uint32_t count = (uint32_t)bytes_u16(head + 12) + bytes_u16(head + 14);
    for (uint32_t n = 0; n < count && n < VERSION_ENTRIES; n++) {
        if (!version_read(i, i->root + at + 16 + 8 * (uint64_t)n, entry, sizeof(entry))) {
            return false;
        }
        if (id == VERSION_ANY || bytes_u32(entry) == (uint32_t)id) {
            *to = bytes_u32(entry + 4);
            return true;
        }
    }
    return false;
}

/* Type, name, language: three directories, then the data. */
static bool version_find_data(const struct version_image *i, uint32_t *at) {
    uint32_t name, language, leaf;
    uint8_t data[16];
    if (!version_enter(i, 0, VERSION_RT, &name) || !(name & VERSION_SUBDIRECTORY) ||
        !version_enter(i, name & ~VERSION_SUBDIRECTORY, VERSION_ANY, &language) ||
        !(language & VERSION_SUBDIRECTORY) ||
        !version_enter(i, language & ~VERSION_SUBDIRECTORY, VERSION_ANY, &leaf) || (leaf & VERSION_SUBDIRECTORY) ||
        leaf > i->size || !version_read(i, i->root + leaf, data, sizeof(data))) {
        return false;
    }
    *at = bytes_u32(data);
    return true;
}

static bool version_of_module(const struct kdump *k, struct dump_module *m) {
    struct version_image i = {.k = k, .m = m};
    uint8_t fixed[VERSION_FIXED + 16];
    uint32_t at = 0;
    if (!version_find_root(&i) || !version_find_data(&i, &at) || !version_read(&i, at, fixed, sizeof(fixed)) ||
        bytes_u32(fixed + VERSION_FIXED) != VERSION_SIGNATURE) {
        return false;
    }
    snprintf(m->version, sizeof(m->version), "%u.%u.%u.%u", bytes_u16(fixed + VERSION_FIXED + 10),
             bytes_u16(fixed + VERSION_FIXED + 8), bytes_u16(fixed + VERSION_FIXED + 14),
             bytes_u16(fixed + VERSION_FIXED + 12));
    return true;
}

void kdump_versions(const struct kdump *k, struct dump *d) {
    size_t found = 0;
    for (size_t n = 0; n < d->module_count; n++) {
        found += version_of_module(k, &d->modules[n]);
    }
    if (found < d->module_count) {
        dump_note(d, str_printf("file versions: %zu of %zu drivers; of the others the dump does not hold the version's "
                                "page", found, d->module_count));
    }
}
