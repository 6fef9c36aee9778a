/* Golden images: from a recipe (matrices/schema/image.schema.json) by a builder to a folder
 * lab/images/NAME/ with disk, kernel, keys and manifest.json; found, checked and listed there.
 *
 * manifest.json ("coexist-image-manifest/1") holds nothing that depends on when or where it was made: the
 * same inputs (recipe, builder, programs, agent, package versions, keys) give the same manifest. Keys are made
 * once for a lab, in lab/keys/, and are an input like the others.
 */
#ifndef COEXIST_IMAGES_IMAGE_H
#define COEXIST_IMAGES_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"

#define IMAGE_MANIFEST_FORMAT "coexist-image-manifest/1"
#define IMAGE_READY_PREFIX "ready-" /* of folders beside an image's files: its machine kept at ready (run/ready.h) */
#define IMAGE_SAFE_MODE_BCD "bcd" /* Windows' boot configuration data */

/* An image as its manifest describes it. All strings are owned by the struct. */
struct image {
    char *dir;  /* absolute */
    char *name;
    json_t *manifest; /* whole, for the journal and reports */
    char *disk, *kernel, *initrd; /* absolute paths; kernel and initrd may be NULL */
    char *nvram;                  /* UEFI variables as they were sealed; NULL: none */
    const char *cmdline;          /* the rest is borrowed from manifest */
    const json_t *profile, *limits;
    const char *windows_root;
    const char *safe_mode; /* IMAGE_SAFE_MODE_BCD, or an absolute path in the guest's file system (vm/disk.h);
                              NULL: no safe mode is known for it */
    const char *ssh_user, *ssh_host_key; /* host key: "ssh-ed25519 AAAA..."; NULL: reached by the serial port alone */
    char *ssh_client_key;                /* path of the private key; NULL as they are */
    const char *agent_path;              /* in the guest */
};

/* Reads lab/images/NAME/manifest.json. ERR_INPUT when there is no such image or its manifest is broken. */
struct image *image_open(const char *lab_dir, const char *name, struct err *err);
/* The same from the image's own folder. */
struct image *image_open_dir(const char *dir, struct err *err);
void image_free(struct image *image); /* NULL is fine */

bool image_is_ready_folder(const char *name);
/* Held by whoever makes an image, or a state of it: LAB/images/.NAME.lock. Caller frees. */
char *image_lock_path(const char *lab_dir, const char *name);

/* Every file against size and SHA-256 of the manifest; the message names the file, what was expected and what
 * was found. */
int image_verify(const struct image *image, struct err *err);

/* Calls fn for each image of the lab in order of names; one that cannot be opened comes with image NULL and
 * why. An absent lab has none. */
int image_each(const char *lab_dir,
               int (*fn)(const char *name, const struct image *image, const char *why, void *ctx),
               void *ctx, struct err *err);

struct image_recipe { /* all owned */
    char *path;
    char *name, *builder_dir; /* absolute folder with build.sh */
    json_t *json;
};
/* Every error is added to diags; NULL when there was any. */
struct image_recipe *image_recipe_load(const char *path, struct diags *diags);
void image_recipe_free(struct image_recipe *r);
/* Whether a JSON file says "format": FORMAT (WINDOWS_FORMAT, REACTOS_FORMAT); false also when it cannot be read. */
bool image_recipe_is(const char *path, const char *format);

struct image_build_opts {
    const char *agent_exe; /* the agent to put in */
    const char *tools_dir; /* the builder's compiled programs */
    bool if_changed;       /* do nothing when an image of the same inputs is there */
    void (*progress)(void *ctx, const char *what); /* one line a step; may be NULL */
    void *ctx;
};
/* Builds into a folder beside its final place and exchanges the two at the end: an interrupted build leaves the
 * old image as it was. *built: false when if_changed found nothing to do. */
int image_build(const struct image_recipe *r, const char *lab_dir,
                const struct image_build_opts *opts, bool *built, struct err *err);

#endif
