/* ISO 9660 (ECMA-119) with Joliet, Rock Ridge or ISO 9660:1999, and El Torito, by libisofs. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIBISOFS_WITHOUT_LIBBURN
#include <libisofs/libisofs.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/volume.h"

struct iso_volume {
    struct volume volume;
    IsoImage *image;
    int fd;
};

struct iso_file {
    struct volume_file file;
    int fd; /* borrowed from the volume */
    struct iso_file_section *sections;
    int section_count;
};

/* The node of a path in the CD's spelling; NULL when it is not there. Borrowed. */
static IsoNode *iso_node(struct iso_volume *v, const char *path) {
    CLEANUP_FREE char *absolute = str_printf("/%s", path);
    IsoNode *node = NULL;
    return iso_tree_path_to_node(v->image, absolute, &node) == 1 ? node : NULL;
}

static int iso_each(struct volume *volume, const char *folder, volume_entry_fn *fn, void *ctx) {
    struct iso_volume *v = (struct iso_volume *)volume;
    IsoNode *node = *folder ? iso_node(v, folder) : (IsoNode *)iso_image_get_root(v->image);
    IsoDirIter *iter = NULL;
    if (!node || iso_node_get_type(node) != LIBISO_DIR || iso_dir_get_children((IsoDir *)node, &iter) < 0) {
        return -1;
    }
    int rc = 0;
    IsoNode *child = NULL;
    for (int i = 0; i < VOLUME_ENTRIES_MAX && rc == 0 && iso_dir_iter_next(iter, &child) == 1; i++) {
        rc = fn(iso_node_get_name(child), iso_node_get_type(child) == LIBISO_DIR, ctx);
    }
    iso_dir_iter_free(iter);
    return rc;
}

/* From one section, as far as it goes. */
static int64_t iso_read_section(const struct iso_file *f, const struct iso_file_section *s, int64_t at, void *buf,
                                size_t len) {
    size_t want = len < (size_t)(s->size - at) ? len : (size_t)(s->size - at);
    ssize_t n = pread(f->fd, buf, want, (off_t)s->block * VOLUME_BLOCK + at);
    return n == (ssize_t)want ? n : -1;
}

static int64_t iso_read(struct volume_file *file, int64_t at, void *buf, size_t len) {
    struct iso_file *f = (struct iso_file *)file;
    int64_t start = 0;
    size_t done = 0;
    for (int i = 0; i < f->section_count && done < len; i++) {
        int64_t size = f->sections[i].size, from = at + (int64_t)done - start;
        if (from >= 0 && from < size) {
            int64_t n = iso_read_section(f, &f->sections[i], from, (char *)buf + done, len - done);
            if (n < 0) {
                return -1;
            }
            done += (size_t)n;
        }
        start += size;
    }
    return (int64_t)done;
}

static uint32_t iso_lba(struct volume_file *file) {
    struct iso_file *f = (struct iso_file *)file;
    return f->section_count ? f->sections[0].block : 0;
}

static void iso_file_close(struct volume_file *file) {
    free(((struct iso_file *)file)->sections);
    free(file);
}

static struct volume_file *iso_open(struct volume *volume, const char *path) {
    static const struct volume_file_ops ops = {iso_read, iso_lba, iso_file_close};
    struct iso_volume *v = (struct iso_volume *)volume;
    IsoNode *node = iso_node(v, path);
    if (!node || iso_node_get_type(node) != LIBISO_FILE) {
        return NULL;
    }
    struct iso_file *f = mem_zalloc(1, sizeof(*f));
    *f = (struct iso_file){.file = {&ops, 0}, .fd = v->fd};
    if (iso_file_get_old_image_sections((IsoFile *)node, &f->section_count, &f->sections, 0) != 1) {
        f->section_count = 0;
    }
    for (int i = 0; i < f->section_count; i++) {
        f->file.size += f->sections[i].size;
    }
    return &f->file;
}

static void iso_volume_close(struct volume *volume) {
    struct iso_volume *v = (struct iso_volume *)volume;
    iso_image_unref(v->image);
    close(v->fd);
    iso_finish();
    free(v);
}

/* ---- what it boots ------------------------------------------------------------------------------ */

static void iso_add_boot(struct volume_iso_facts *facts, ElToritoBootImage *boot, IsoFile *node) {
    enum eltorito_boot_media_type type = ELTORITO_NO_EMUL;
    if (!el_torito_get_bootable(boot)) {
        return;
    }
    el_torito_get_boot_media_type(boot, &type);
    struct volume_boot b = {.platform = el_torito_get_boot_platform_id(boot), .emulation = type != ELTORITO_NO_EMUL};
    int count = 0;
    struct iso_file_section *sections = NULL;
    if (node && iso_file_get_old_image_sections(node, &count, &sections, 0) == 1 && count > 0) {
        b.lba = sections[0].block;
    }
    free(sections);
    if (node && iso_node_get_parent((IsoNode *)node)) {
        char *path = iso_tree_get_node_path((IsoNode *)node);
        b.path = path ? str_dup(path + (*path == '/')) : NULL;
        free(path);
    }
    facts->boots = mem_grow(facts->boots, facts->boot_count + 1, sizeof(*facts->boots));
    facts->boots[facts->boot_count++] = b;
}

static void iso_read_boots(IsoImage *image, struct volume_iso_facts *facts) {
    int count = 0;
    ElToritoBootImage **boots = NULL;
    IsoFile **nodes = NULL;
    if (iso_image_get_all_boot_imgs(image, &count, &boots, &nodes, 0) == 1) {
        for (int i = 0; i < count; i++) {
            iso_add_boot(facts, boots[i], nodes[i]);
        }
    }
    free(boots);
    free(nodes);
}

void volume_iso_facts_clear(struct volume_iso_facts *facts) {
    for (size_t i = 0; i < facts->boot_count; i++) {
        free(facts->boots[i].path);
    }
    free(facts->boots);
    *facts = (struct volume_iso_facts){0};
}

/* ---- opening ------------------------------------------------------------------------------------ */

static bool iso_is_there(int fd) {
    char id[6];
    ssize_t n = pread(fd, id, sizeof(id), (off_t)16 * VOLUME_BLOCK);
    return n == (ssize_t)sizeof(id) && memcmp(id + 1, "CD001", 5) == 0;
}

static int iso_import(const char *path, IsoImage *image, struct volume_iso_facts *facts) {
    IsoDataSource *source = NULL;
    IsoReadOpts *opts = NULL;
    IsoReadImageFeatures *features = NULL;
    int rc = iso_data_source_new_from_file(path, &source);
    rc = rc < 0 ? rc : iso_read_opts_new(&opts, 0);
    if (rc >= 0) {
        iso_read_opts_set_no_aaip(opts, 1);
        iso_read_opts_set_no_md5(opts, 2);
        iso_read_opts_set_input_charset(opts, "UTF-8");
        rc = iso_image_import(image, source, opts, &features);
    }
    if (rc >= 0 && features) {
        facts->blocks = iso_read_image_features_get_size(features);
        facts->joliet = iso_read_image_features_has_joliet(features) == 1;
        facts->iso1999 = iso_read_image_features_has_iso1999(features) == 1;
        facts->rockridge = iso_read_image_features_has_rockridge(features) == 1;
        iso_read_image_features_destroy(features);
        iso_read_boots(image, facts);
    }
    iso_read_opts_free(opts);
    if (source) {
        iso_data_source_unref(source);
    }
    return rc;
}

struct volume *volume_open_iso(const char *path, struct volume_iso_facts *facts, struct err *err) {
    static const struct volume_ops ops = {iso_each, iso_open, iso_volume_close};
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    *facts = (struct volume_iso_facts){0};
    if (fd < 0 || !iso_is_there(fd)) {
        return NULL;
    }
    IsoImage *image = NULL;
    char never[] = "NEVER", none[] = "";
    int rc = iso_init();
    rc = rc < 0 ? rc : iso_set_msgs_severities(never, never, none);
    rc = rc < 0 ? rc : iso_image_new("image", &image);
    rc = rc < 0 ? rc : iso_import(path, image, facts);
    if (rc < 0) {
        err_set(err, ERR_PROTOCOL, "its ISO 9660 file system cannot be read: %s", iso_error_to_msg(rc));
        iso_image_unref(image);
        return NULL;
    }
    struct iso_volume *v = mem_zalloc(1, sizeof(*v));
    const char *label = iso_image_get_volume_id(image);
    *v = (struct iso_volume){{&ops, str_dup(label ? label : "")}, image, STEAL_FD(fd)};
    return &v->volume;
}
