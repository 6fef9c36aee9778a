/* Paths in the guest, "C:\x\y", as the ways in want them. */
#ifndef COEXIST_GUEST_GUEST_PATH_H
#define COEXIST_GUEST_GUEST_PATH_H

#include "base/err.h"

#define GUEST_PATH_MAX 1024 /* bytes of UTF-8 */

/* "/C:/x/y" as Windows' OpenSSH names files in SFTP, behind `root` ("" there). Slashes may lean either
 * way. ERR_INPUT for what is not a plain absolute path with a drive: relative, UNC, "..", device
 * streams ("a:b"), control characters. Caller frees; NULL with err. */
char *guest_path_to_sftp(const char *path, const char *root, struct err *err);

#endif
