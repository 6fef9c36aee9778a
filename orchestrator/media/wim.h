/* The editions of an install image, by wimlib. Private to media/; behind the fence only. */
#ifndef COEXIST_MEDIA_WIM_H
#define COEXIST_MEDIA_WIM_H

#include "media/media.h"
#include "media/volume.h"

enum {
    WIM_IMAGES_MAX = 256,
    WIM_XML_MAX = 16 << 20,    /* bytes; Windows media have some 50 kB */
    WIM_TABLE_MAX = 256 << 20  /* bytes of the table of contents; Windows media have some 10 MB */
};

/* Part number, number of parts and GUID of a WIM's header. */
struct wim_part { int part, parts; uint8_t guid[16]; };
/* -1 when it is no WIM. */
int wim_read_part(struct volume_file *f, struct wim_part *part);

/* Fills editions, or trouble where that fails. */
void wim_read_editions(struct volume_file *f, struct media *m);

#endif
