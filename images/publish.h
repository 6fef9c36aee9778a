/* Putting an image in place: its files described by digest, made read-only, the folder exchanged in one move. */
#ifndef COEXIST_IMAGES_PUBLISH_H
#define COEXIST_IMAGES_PUBLISH_H

#include <jansson.h>

#include "base/err.h"

/* Appends {"name", "role", "sha256", "bytes"} of dir/name to files. */
int image_add_file(json_t *files, const char *dir, const char *name, const char *role, struct err *err);
/* Writes dir/manifest.json. */
int image_write_manifest(const char *dir, const json_t *manifest, struct err *err);
/* Makes the manifest and every file it names read-only, and puts the folder `out` in the place of `final`, which is on
 * the same file system and may be there already: it is exchanged and removed, only what was kept of the machine of an
 * image with the same manifest (image_is_ready_folder) stays. Interrupted at any moment, `final` is the old image or
 * the new one. */
int image_publish(const char *out, const char *final, const json_t *manifest, struct err *err);

#endif
