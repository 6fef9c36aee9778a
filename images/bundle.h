/* An image as one file: a tar archive (POSIX.1-2001 "pax", written and read by libarchive) of NAME/manifest.json
 * first and then every file the manifest names, and the private key of its SSH where it has one. What is imported is
 * another's: only regular files of plain names that the manifest names are taken, and every digest is checked before
 * the image is put in place.
 */
#ifndef COEXIST_IMAGES_BUNDLE_H
#define COEXIST_IMAGES_BUNDLE_H

#include "base/err.h"
#include "images/image.h"

/* Checks the image and writes it to the file `path`, which appears whole or not at all. The archive holds the private
 * key that opens the guest. ERR_INPUT: damaged; ERR_NOSPACE, ERR_SYSTEM. */
int image_export(const struct image *image, const char *path, struct err *err);

/* Puts the image of an archive into the lab. *name (caller frees): what it is called. An image of that name that is
 * there is replaced only with `replace`, else ERR_REFUSED. After a failure, or when killed, the lab has what it had;
 * what a killed import left is removed by the next one of that name. ERR_INPUT: no such archive, cut short, digests
 * that differ. */
int image_import(const char *lab_dir, const char *path, bool replace, char **name, struct err *err);

#endif
