/* What a file is, behind the fence. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/media_impl.h"
#include "media/volume.h"
#include "media/wim.h"

enum { LOOK_DRIVERS_MAX = 4096, LOOK_PARTS_MAX = 99 };

/* ---- no CD --------------------------------------------------------------------------------------- */

static const struct { const char *bytes; size_t len; const char *what; } guess_magic[] = {
    {"MSWIM\0\0\0", 8, "a Windows image (WIM or ESD), not the CD that holds one"},
    {"PK\3\4", 4, "a ZIP archive: the ISO may be in it"},
    {"\x1f\x8b", 2, "a gzip file: unpack it first"},
    {"\xfd" "7zXZ\0", 6, "an xz file: unpack it first"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive: the ISO may be in it"},
    {"Rar!", 4, "a RAR archive: the ISO may be in it"},
    {"QFI\xfb", 4, "a QEMU disk image (qcow2)"},
    {"vhdxfile", 8, "a Hyper-V disk image (VHDX)"},
    {"conectix", 8, "a disk image (VHD)"},
    {"KDMV", 4, "a VMware disk image"},
    {"MSCF", 4, "a cabinet file"},
    {"MZ", 2, "a Windows program, a downloader perhaps"},
    {"%PDF", 4, "a PDF document"},
    {"<?xml", 5, "an XML document"},
    {"{", 1, "a JSON text"},
};

static bool guess_is_html(const char *text) {
    static const char *const begins[] = {"<!doctype html", "<html", "<head", "<body", "<script", "<meta"};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        if (strncasecmp(text, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return strcasestr(text, "<html") != NULL || strcasestr(text, "<!doctype html") != NULL;
}

const char *media_known(const unsigned char *head, size_t len) {
    char text[513] = "";
    size_t begin = len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (begin < len && strchr(" \t\r\n", head[begin]) && head[begin]) {
        begin++;
    }
    memcpy(text, head + begin, len - begin < 512 ? len - begin : 512);
    if (len == 0) {
        return "an empty file";
    }
    if (guess_is_html(text)) {
        return "a saved web page (HTML): the download gave a page instead of the file";
    }
    for (size_t i = 0; i < ARRAY_LEN(guess_magic); i++) {
        if (len >= guess_magic[i].len && memcmp(head, guess_magic[i].bytes, guess_magic[i].len) == 0) {
            return guess_magic[i].what;
        }
    }
    return NULL;
}

const char *media_guess(const unsigned char *head, size_t len) {
    const char *known = media_known(head, len);
    if (known) {
        return known;
    }
    size_t zeros = 0;
    while (zeros < len && !head[zeros]) {
        zeros++;
    }
    return zeros == len ? "a file that begins with zeros and holds no file system of a CD"
                        : "no image of a CD: neither UDF nor ISO 9660";
}

/* ---- what it boots --------------------------------------------------------------------------------- */

/* Boot files of Windows media lie in UDF, the catalog in ISO 9660: what lies at the same sector is the same file. */
static char *look_path_at(struct volume *v, uint32_t lba) {
    static const char *const known[] = {"boot/etfsboot.com", "efi/microsoft/boot/efisys.bin",
                                        "efi/microsoft/boot/efisys_noprompt.bin",
                                        "efi/microsoft/boot/efisys_EX.bin",
                                        "efi/microsoft/boot/efisys_noprompt_EX.bin"};
    for (size_t i = 0; v && i < ARRAY_LEN(known); i++) {
        struct volume_file *f = volume_open(v, known[i]);
        bool same = f && lba && f->ops->lba(f) == lba;
        volume_file_close(f);
        if (same) {
            return volume_find(v, known[i]);
        }
    }
    return NULL;
}

static void look_boots(struct media *m, const struct volume_iso_facts *facts, struct volume *udf) {
    m->boots = mem_zalloc(facts->boot_count + 1, sizeof(*m->boots));
    for (size_t i = 0; i < facts->boot_count; i++) {
        const struct volume_boot *b = &facts->boots[i];
        char *path = look_path_at(udf, b->lba);
        m->boots[m->boot_count++] = (struct media_boot){
            .uefi = b->platform == 0xef, .platform = b->platform, .emulation = b->emulation,
            .path = path ? path : str_dup(b->path)};
        m->uefi |= b->platform == 0xef;
        m->bios |= b->platform == 0;
    }
}

/* ---- Windows ----------------------------------------------------------------------------------------- */

static void look_parts(struct volume *v, struct media *m, const struct wim_part *first) {
    m->parts = first->parts;
    m->parts_found = 1;
    if (first->parts > LOOK_PARTS_MAX) {
        m->trouble = str_printf("it says to have %d parts; more than %d are not looked for", first->parts,
                                LOOK_PARTS_MAX);
    }
    for (int i = 2; i <= first->parts && first->parts <= LOOK_PARTS_MAX; i++) {
        CLEANUP_FREE char *path = str_printf("sources/install%d.swm", i);
        struct volume_file *f = volume_open(v, path);
        struct wim_part part = {0};
        bool good = f && wim_read_part(f, &part) == 0 && part.part == i && part.parts == first->parts &&
                    memcmp(part.guid, first->guid, sizeof(part.guid)) == 0;
        m->parts_found += good;
        if (!good && !m->trouble) {
            m->trouble = str_printf("part %d of %d (%s) %s", i, first->parts, path,
                                    f ? "belongs to another image" : "is missing");
        }
        volume_file_close(f);
    }
}

static void look_image(struct volume *v, struct media *m, const char *path) {
    struct volume_file *f = volume_open(v, path);
    if (!f) {
        m->trouble = str_printf("%s is a folder, or cannot be opened", path);
        return;
    }
    struct wim_part part = {1, 1, {0}};
    m->image_bytes = f->size;
    m->parts = m->parts_found = 1;
    char last;
    if (f->size > 0 && f->ops->read(f, f->size - 1, &last, 1) != 1) {
        m->trouble = str_printf("%s ends after the end of the ISO: an incomplete download", path);
    } else {
        wim_read_editions(f, m);
    }
    if (!m->trouble && wim_read_part(f, &part) == 0 && part.parts > 1) {
        m->image = MEDIA_IMAGE_SWM;
        look_parts(v, m, &part);
    }
    volume_file_close(f);
}

static bool look_windows(struct volume *v, struct media *m) {
    static const struct { const char *path; enum media_image_kind kind; } images[] = {
        {"sources/install.wim", MEDIA_IMAGE_WIM},
        {"sources/install.esd", MEDIA_IMAGE_ESD},
        {"sources/install.swm", MEDIA_IMAGE_SWM},
    };
    for (size_t i = 0; i < ARRAY_LEN(images) && !m->image_path; i++) {
        m->image_path = volume_find(v, images[i].path);
        m->image = m->image_path ? images[i].kind : MEDIA_IMAGE_NONE;
    }
    bool both = volume_has(v, "x64/sources") && volume_has(v, "x86/sources");
    if (!m->image_path && !both && !volume_has(v, "sources/boot.wim")) {
        return false;
    }
    m->what = str_dup("Windows Setup");
    m->noprompt = volume_has(v, "efi/microsoft/boot/efisys_noprompt.bin");
    if (m->image_path) {
        look_image(v, m, m->image_path);
    } else {
        m->trouble = str_dup(both ? "a medium for two architectures (x64/sources, x86/sources): make one for one"
                                  : "no sources/install.wim, .esd or .swm on it");
    }
    return true;
}

/* ---- drivers, ReactOS ------------------------------------------------------------------------------- */

struct look_tree {
    struct volume *v;
    struct media *m;
    const char *folder;
    int depth;
    int found;
};

static int look_inf(const char *name, bool folder, void *ctx) {
    (void)ctx;
    return !folder && strlen(name) > 4 && strcasecmp(name + strlen(name) - 4, ".inf") == 0;
}

/* DRIVER/SYSTEM/ARCH with an .inf in it. */
static int look_driver_folder(const char *name, bool folder, void *ctx) {
    struct look_tree *t = ctx;
    if (!folder || t->found >= LOOK_DRIVERS_MAX) {
        return 0;
    }
    CLEANUP_FREE char *path = str_printf("%s%s%s", t->folder, *t->folder ? "/" : "", name);
    struct look_tree below = {t->v, t->m, path, t->depth + 1, t->found};
    if (below.depth == 3) {
        if (t->v->ops->each(t->v, path, look_inf, NULL) == 1) {
            texts_add_to_array(&t->m->drivers, str_dup(path));
            t->found++;
        }
        return 0;
    }
    t->v->ops->each(t->v, path, look_driver_folder, &below);
    t->found = below.found;
    return 0;
}

static bool look_virtio(struct volume *v, struct media *m) {
    if (!volume_has(v, "viostor") && !volume_has(v, "vioscsi") && !volume_has(v, "NetKVM")) {
        return false;
    }
    struct look_tree t = {v, m, "", 0, 0};
    v->ops->each(v, "", look_driver_folder, &t);
    m->what = str_printf("the virtio drivers for Windows, %d folders of them", t.found);
    return true;
}

static bool look_reactos(struct volume *v, struct media *m) {
    bool menu = volume_has(v, "freeldr.ini");
    bool setup = volume_has(v, "reactos/txtsetup.sif") || (menu && volume_has(v, "I386/txtsetup.sif"));
    if (!setup && !(menu && volume_has(v, "reactos"))) {
        return false;
    }
    m->what = str_dup(setup ? "ReactOS' boot CD" : "ReactOS without its text setup: a live CD");
    return true;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static void look_kind(struct volume *v, struct media *m) {
    m->label = str_dup(v->label);
    if (look_windows(v, m)) {
        m->kind = MEDIA_WINDOWS;
    } else if (look_virtio(v, m)) {
        m->kind = MEDIA_VIRTIO;
    } else if (look_reactos(v, m)) {
        m->kind = MEDIA_REACTOS;
    } else {
        m->kind = MEDIA_OTHER;
        m->what = str_dup("a CD, but no Windows Setup, no virtio drivers and no ReactOS");
    }
}

static int look_head(const char *path, struct media *m, unsigned char *head, size_t *len, struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_set(err, ERR_INPUT, "%s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INPUT, "%s, not a file", S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
    }
    ssize_t n = pread(fd, head, 512, 0);
    if (n < 0) {
        return err_set(err, ERR_INPUT, "%s", strerror(errno));
    }
    *len = (size_t)n;
    m->bytes = st.st_size;
    return 0;
}

/* Names come from a stranger: nothing in them may reach a terminal as a command, and JSON takes UTF-8 only. */
static void look_clean(char *text) {
    json_t *valid = text ? json_string(text) : NULL;
    for (unsigned char *c = (unsigned char *)text; c && *c; c++) {
        if (*c < 0x20 || *c == 0x7f || (!valid && *c >= 0x80)) {
            *c = '?';
        }
    }
    json_decref(valid);
}

static void look_clean_all(struct media *m) {
    char *texts[] = {m->what, m->label, m->image_path, m->trouble};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        look_clean(texts[i]);
    }
    for (size_t i = 0; i < m->boot_count; i++) {
        look_clean(m->boots[i].path);
    }
    for (size_t i = 0; m->drivers[i]; i++) {
        look_clean(m->drivers[i]);
    }
    for (size_t i = 0; i < m->edition_count; i++) {
        struct media_edition *e = &m->editions[i];
        char *own[] = {e->name, e->display_name, e->description, e->edition_id, e->installation, e->language};
        for (size_t k = 0; k < ARRAY_LEN(own); k++) {
            look_clean(own[k]);
        }
        for (size_t k = 0; e->languages[k]; k++) {
            look_clean(e->languages[k]);
        }
    }
}

int media_look(const char *path, struct media *m, struct err *err) {
    unsigned char head[512];
    size_t len = 0;
    *m = (struct media){.path = str_dup(path), .drivers = texts_new_array()};
    if (look_head(path, m, head, &len, err) < 0) {
        return -1;
    }
    CLEANUP_ERR struct err iso_err = ERR_INIT;
    struct volume_iso_facts facts = {0};
    struct volume *udf = volume_open_udf(path), *iso = volume_open_iso(path, &facts, &iso_err);
    m->udf = udf != NULL;
    m->iso9660 = iso != NULL;
    if (udf || iso) {
        look_boots(m, &facts, udf);
        look_kind(udf ? udf : iso, m);
        if (!m->trouble && !udf && facts.blocks > (m->bytes + VOLUME_BLOCK - 1) / VOLUME_BLOCK) {
            m->trouble = str_printf("%lld bytes of %lld are there: an incomplete download", (long long)m->bytes,
                                    (long long)facts.blocks * VOLUME_BLOCK);
        }
    } else {
        m->kind = MEDIA_NO_ISO;
        m->label = str_dup("");
        m->what = err_is_set(&iso_err) ? str_printf("a damaged image of a CD: %s", err_text(&iso_err))
                                       : str_dup(media_guess(head, len));
    }
    look_clean_all(m);
    volume_iso_facts_clear(&facts);
    volume_close(udf);
    volume_close(iso);
    return 0;
}
