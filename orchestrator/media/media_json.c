/* What is known of a medium as JSON ("coexist-media/1") and back. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/texts.h"
#include "media/media.h"
#include "media/media_impl.h"

static json_t *media_list_json(char *const *list) {
    json_t *array = json_array();
    for (size_t i = 0; list && list[i]; i++) {
        json_t *text = json_string(list[i]);
        if (text) { /* not UTF-8 otherwise */
            json_array_append_new(array, text);
        }
    }
    return array;
}

static json_t *media_edition_json(const struct media_edition *e) {
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:[i, i, i, i], s:s, s:o, s:I, s:b}", "index", e->index,
                     "name", e->name, "display_name", e->display_name, "description", e->description, "edition",
                     e->edition_id, "installation", e->installation, "arch", media_arch_name(e->arch), "version",
                     e->major, e->minor, e->build, e->revision, "language", e->language, "languages",
                     media_list_json(e->languages), "bytes", (json_int_t)e->bytes, "evaluation", e->evaluation);
}

static json_t *media_image_json(const struct media *m) {
    json_t *editions = json_array();
    for (size_t i = 0; i < m->edition_count; i++) {
        json_array_append_new(editions, media_edition_json(&m->editions[i]));
    }
    return json_pack("{s:s, s:s?, s:I, s:i, s:i, s:o}", "kind", media_image_kind_name(m->image), "path", m->image_path,
                     "bytes", (json_int_t)m->image_bytes, "parts", m->parts, "parts_found", m->parts_found, "editions",
                     editions);
}

json_t *media_to_json(const struct media *m) {
    json_t *boots = json_array();
    for (size_t i = 0; i < m->boot_count; i++) {
        const struct media_boot *b = &m->boots[i];
        json_array_append_new(boots, json_pack("{s:b, s:i, s:b, s:s?}", "uefi", b->uefi, "platform", b->platform,
                                               "emulation", b->emulation, "path", b->path));
    }
    json_t *j = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s?, s:o, s:o}", "format",
                          "coexist-media/1", "file", m->path, "bytes", (json_int_t)m->bytes, "kind",
                          media_kind_name(m->kind), "what", m->what, "label", m->label, "udf", m->udf, "iso9660",
                          m->iso9660, "bios", m->bios, "uefi", m->uefi, "noprompt", m->noprompt, "trouble", m->trouble,
                          "boots", boots, "drivers", media_list_json(m->drivers));
    if (j && m->kind == MEDIA_WINDOWS) {
        json_object_set_new(j, "image", media_image_json(m));
    }
    return j;
}

/* ---- and back -------------------------------------------------------------------------------------- */

static char *media_text(const json_t *j, const char *key) {
    const char *text = json_string_value(json_object_get(j, key));
    return str_dup(text ? text : "");
}

static char *media_text_or_null(const json_t *j, const char *key) {
    return str_dup(json_string_value(json_object_get(j, key)));
}

static char **media_list(const json_t *j, const char *key) {
    char **list = texts_new_array();
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(j, key), i, item) {
        if (json_is_string(item)) {
            texts_add_to_array(&list, str_dup(json_string_value(item)));
        }
    }
    return list;
}

static int media_number_of(const char *name, const char *(*name_of)(int), int count) {
    for (int i = 0; i < count; i++) {
        if (str_eq(name, name_of(i))) {
            return i;
        }
    }
    return -1;
}

static const char *media_kind_of(int i) {
    return media_kind_name((enum media_kind)i);
}
static const char *media_arch_of(int i) {
    return media_arch_name((enum media_arch)i);
}
static const char *media_image_kind_of(int i) {
    return media_image_kind_name((enum media_image_kind)i);
}

static int media_version(const json_t *j, size_t i) {
    return (int)json_integer_value(json_array_get(json_object_get(j, "version"), i));
}

static struct media_edition media_edition(const json_t *j) {
    int arch = media_number_of(json_string_value(json_object_get(j, "arch")), media_arch_of, MEDIA_ARCH_COUNT);
    return (struct media_edition){
        .index = (int)json_integer_value(json_object_get(j, "index")),
        .name = media_text(j, "name"),
        .display_name = media_text(j, "display_name"),
        .description = media_text(j, "description"),
        .edition_id = media_text(j, "edition"),
        .installation = media_text(j, "installation"),
        .arch = arch < 0 ? MEDIA_ARCH_OTHER : (enum media_arch)arch,
        .major = media_version(j, 0),
        .minor = media_version(j, 1),
        .build = media_version(j, 2),
        .revision = media_version(j, 3),
        .language = media_text(j, "language"),
        .languages = media_list(j, "languages"),
        .bytes = json_integer_value(json_object_get(j, "bytes")),
        .evaluation = json_is_true(json_object_get(j, "evaluation")),
    };
}

static void media_take_image(struct media *m, const json_t *j) {
    int kind = media_number_of(json_string_value(json_object_get(j, "kind")), media_image_kind_of,
                               MEDIA_IMAGE_KIND_COUNT);
    m->image = kind < 0 ? MEDIA_IMAGE_NONE : (enum media_image_kind)kind;
    m->image_path = media_text_or_null(j, "path");
    m->image_bytes = json_integer_value(json_object_get(j, "bytes"));
    m->parts = (int)json_integer_value(json_object_get(j, "parts"));
    m->parts_found = (int)json_integer_value(json_object_get(j, "parts_found"));
    const json_t *editions = json_object_get(j, "editions");
    m->editions = mem_zalloc(json_array_size(editions) + 1, sizeof(*m->editions));
    for (size_t i = 0; i < json_array_size(editions); i++) {
        m->editions[m->edition_count++] = media_edition(json_array_get(editions, i));
    }
}

static void media_take_boots(struct media *m, const json_t *boots) {
    m->boots = mem_zalloc(json_array_size(boots) + 1, sizeof(*m->boots));
    for (size_t i = 0; i < json_array_size(boots); i++) {
        const json_t *b = json_array_get(boots, i);
        m->boots[m->boot_count++] = (struct media_boot){
            .uefi = json_is_true(json_object_get(b, "uefi")),
            .platform = (int)json_integer_value(json_object_get(b, "platform")),
            .emulation = json_is_true(json_object_get(b, "emulation")),
            .path = media_text_or_null(b, "path"),
        };
    }
}

struct media *media_from_json(const json_t *j, struct err *err) {
    int kind = media_number_of(json_string_value(json_object_get(j, "kind")), media_kind_of, MEDIA_KIND_COUNT);
    if (kind < 0) {
        err_set(err, ERR_PROTOCOL, "no description of a medium");
        return NULL;
    }
    struct media *m = mem_zalloc(1, sizeof(*m));
    *m = (struct media){
        .path = media_text(j, "file"),
        .bytes = json_integer_value(json_object_get(j, "bytes")),
        .kind = (enum media_kind)kind,
        .what = media_text(j, "what"),
        .label = media_text(j, "label"),
        .udf = json_is_true(json_object_get(j, "udf")),
        .iso9660 = json_is_true(json_object_get(j, "iso9660")),
        .bios = json_is_true(json_object_get(j, "bios")),
        .uefi = json_is_true(json_object_get(j, "uefi")),
        .noprompt = json_is_true(json_object_get(j, "noprompt")),
        .trouble = media_text_or_null(j, "trouble"),
        .drivers = media_list(j, "drivers"),
    };
    media_take_boots(m, json_object_get(j, "boots"));
    media_take_image(m, json_object_get(j, "image"));
    return m;
}
