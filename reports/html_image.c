#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "reports/html.h"
#include "reports/text.h"

/* A page people mail around: single pictures and all of them together are bounded. */
#define IMAGE_MAX ((size_t)2 << 20)
#define IMAGES_MAX ((size_t)12 << 20)

static bool image_is_png(const char *data, size_t len) {
    return len > 24 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0 && memcmp(data + 12, "IHDR", 4) == 0;
}

/* Only what the digest names is shown: an artifact that was changed on disk is not. */
static char *image_read(const json_t *artifact, const char *artifact_dir, size_t *len,
                        const char **why) {
    const char *sha256 = html_get(artifact, "sha256");
    if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64) {
        *why = "its digest is not one";
        return NULL;
    }
    CLEANUP_FREE char *relative = str_printf("%.2s/%s", sha256, sha256);
    CLEANUP_FREE char *path = fs_join(artifact_dir, relative);
    CLEANUP_FREE char *data = fs_read(path, IMAGE_MAX, len, NULL);
    if (!data) {
        *why = "it is not there, or larger than 2 MB";
        return NULL;
    }
    char hex[FS_SHA256_HEX];
    fs_sha256_bytes(data, *len, hex);
    if (!str_eq(hex, sha256)) {
        *why = "the file on disk is not the one that was taken";
        return NULL;
    }
    if (!image_is_png(data, *len)) {
        *why = "it is not a PNG picture";
        return NULL;
    }
    return STEAL(data);
}

void html_screenshot(struct str *out, const json_t *artifact, const char *artifact_dir,
                     size_t *embedded) {
    size_t len = 0;
    const char *why = NULL;
    CLEANUP_FREE char *data = image_read(artifact, artifact_dir, &len, &why);
    if (data && *embedded + len > IMAGES_MAX) {
        why = "enough pictures are in this page";
    }
    str_add(out, "<figure>");
    if (why) {
        str_addf(out, "<p class=\"quiet\">Screenshot not shown: %s.</p>", why);
    } else {
        size_t size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
        CLEANUP_FREE char *text = mem_zalloc(size, 1);
        sodium_bin2base64(text, size, (const unsigned char *)data, len,
                          sodium_base64_VARIANT_ORIGINAL);
        *embedded += len;
        str_add(out, "<img alt=\"Screen of the guest, ");
        html_text(out, html_get(artifact, "name"));
        str_add(out, "\" src=\"data:image/png;base64,");
        str_add(out, text);
        str_add(out, "\">");
    }
    str_add(out, "<figcaption>");
    html_text(out, html_get(artifact, "name"));
    str_add(out, " (");
    html_text(out, html_get(artifact, "phase"));
    str_add(out, " the update)</figcaption></figure>");
}
