/* Recipes of Windows images ("coexist-windows/1", matrices/schema/windows.schema.json; a catalogue: images/windows/):
 * what the user's ISO must be, and how Windows is set up from it. With the ISO and a hardware profile a recipe becomes
 * a plan, and a plan the lab's CD.
 */
#ifndef COEXIST_IMAGES_WINDOWS_H
#define COEXIST_IMAGES_WINDOWS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/diag.h"
#include "base/err.h"
#include "images/profile.h"
#include "media/answer.h"
#include "media/media.h"
#include "media/openssh.h"

#define WINDOWS_FORMAT "coexist-windows/1"

enum windows_key { WINDOWS_KEY_NONE, WINDOWS_KEY_KMS, WINDOWS_KEY_OWN };

struct windows_recipe { /* windows_recipe_free */
    char *path;
    json_t *json;         /* whole; the texts below are borrowed from it */
    const char *name, *title;
    const char *version;  /* "10-22h2", ..., "server-2025" */
    const char *edition, *installation; /* as media_edition has them */
    const char *image_name; /* of the install image, where no ISO is at hand */
    enum media_arch arch;
    const json_t *languages; /* of texts; the first is the default */
    const json_t *builds;    /* of {"build", "revision_min"} */
    const json_t *profiles, *bypass; /* of names */
    const char *profile;     /* the first of them */
    const char *driver_system; /* folder of virtio's drivers: "w11", "2k22" */
    enum windows_key key_kind;
    const char *key;      /* NULL with WINDOWS_KEY_NONE */
    const char *account;
    bool server, evaluation, defender_passive, test_signing, virtio_always, openssh, recovery;
    const char *openssh_sha256; /* of the package, lower-case hexadecimal; NULL: any */
    int disk_gib;
};

/* Every error is added to diags; NULL when there was any. */
struct windows_recipe *windows_recipe_load(const char *path, struct diags *diags);
void windows_recipe_free(struct windows_recipe *r); /* NULL is fine */
static inline void windows_recipe_free_ptr(struct windows_recipe **r) {
    windows_recipe_free(*r);
}
/* Whether the recipe has that language; ERR_INPUT lists those it has. */
bool windows_recipe_has_language(const struct windows_recipe *r, const char *language, struct err *err);

/* The image on the medium that is asked for: language NULL means the recipe's first one. NULL with ERR_INPUT: what was
 * asked for, what was found, and which recipe of the same folder or edition would fit. Borrowed from m. */
const struct media_edition *windows_recipe_fit(const struct windows_recipe *r, const struct media *m,
                                               const char *language, struct err *err);
/* Whether the recipe can be had on that machine: named by the recipe, test-signing without Secure Boot, what Windows 11
 * asks for or its bypass. */
int windows_recipe_fit_profile(const struct windows_recipe *r, const struct image_profile *p, struct err *err);
/* Whether the profile's devices need drivers that are not on Windows' own medium, and the virtio CD has them; virtio
 * may be NULL where none was given. *needed says whether it will be used. */
int windows_recipe_fit_virtio(const struct windows_recipe *r, const struct image_profile *p,
                              const struct media *virtio, bool *needed, struct err *err);

/* Whether this package of OpenSSH for Windows is what the recipe takes. OPENSSH_NONE with ERR_INPUT says what is wrong:
 * the recipe wants none, the file is another one (openssh_look), its digest is not the one named. */
enum openssh_kind windows_recipe_fit_openssh(const struct windows_recipe *r, const char *path, struct err *err);

struct windows_plan { /* all borrowed */
    const struct windows_recipe *recipe;
    const struct image_profile *profile;
    const struct media_edition *edition; /* NULL: no ISO at hand, by the recipe's image_name */
    const char *language;                /* NULL: the recipe's first */
    const char *password;
    bool drivers;                        /* as *needed above */
};
/* The answer file. Caller frees. Every recipe's file passes answer_check. */
char *windows_answer(const struct windows_plan *p, struct err *err);

struct windows_cd_files { /* host files; borrowed */
    const char *agent;          /* agent.exe for the recipe's architecture */
    const char *virtio_iso;     /* where the plan needs drivers */
    const char *openssh;        /* package of OpenSSH for Windows; NULL: none */
    enum openssh_kind openssh_kind; /* what it is, by openssh_look */
    const char *authorized_key; /* a public key's line in a file; with openssh */
};
/* Makes the lab's CD: Autounattend.xml at its root, ANSWER_MARK, scripts, agent, drivers, OpenSSH, key. */
int windows_cd(const struct windows_plan *p, const struct windows_cd_files *files, const char *iso, struct err *err);

/* The password of an image's account, in LAB/secrets/NAME.json, mode 0600 in a folder of mode 0700: made the first time
 * by libsodium, 24 characters of four kinds, the same afterwards. It is never printed. Caller frees, after
 * windows_password_forget. NULL with err. */
char *windows_password(const char *lab_dir, const char *name, const char *account, struct err *err);
void windows_password_forget(char **password); /* overwrites and frees */

#endif
