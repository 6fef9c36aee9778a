/* What an image is installed from: a recipe of Windows or of ReactOS with its profile and the user's media, looked at
 * and found to fit; for install/ only. */
#ifndef COEXIST_INSTALL_SOURCE_H
#define COEXIST_INSTALL_SOURCE_H

#include "images/profile.h"
#include "images/reactos.h"
#include "images/windows.h"
#include "install/make.h"
#include "media/media.h"

struct install_source { /* install_source_clear */
    struct windows_recipe *windows; /* one of the two */
    struct reactos_recipe *reactos;
    struct image_profile *profile;
    struct media *iso, *virtio;
    bool drivers; /* of virtio are needed */
    enum openssh_kind openssh; /* what the package is; OPENSSH_NONE: none was given */
    /* Borrowed from the above. */
    const struct media_edition *edition; /* NULL: ReactOS */
    const char *name, *title, *language; /* of the recipe; language "" where there is no choice */
    const json_t *json;
    int disk_gib;
};

/* Recipe and profile; errors are added to diags, negative when there was any. */
int install_source_load(struct install_source *s, const struct install_make *spec, struct diags *diags);
/* Whether media and profile fit the recipe: ERR_INPUT says what was found. */
int install_source_look(struct install_source *s, const struct install_make *spec, struct err *err);
void install_source_clear(struct install_source *s);

/* Makes the lab's CD: of Windows one beside the medium, of ReactOS the medium with more on it. image: whose password is
 * taken. */
int install_source_cd(const struct install_source *s, const struct install_make *spec, const char *image,
                      const char *cd, struct err *err);
/* The CDs in their order; how many. */
size_t install_source_drives(const struct install_source *s, const struct install_make *spec, const char *cd,
                             const char **drives);

/* Of the manifest: "installed" and "limits". New references. */
json_t *install_source_installed(const struct install_source *s, const char *iso_sha256);
json_t *install_source_limits(const struct install_source *s, bool stand_in);

#endif
