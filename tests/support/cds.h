/* Small true installation media, made when a test runs: WIMs by wimlib, CDs by genisoimage and xorriso. Every function
 * fails the test when it cannot do its work. */
#ifndef COEXIST_TESTS_SUPPORT_CDS_H
#define COEXIST_TESTS_SUPPORT_CDS_H

#include <stdbool.h>
#include <stddef.h>

struct cds_edition {
    const char *name, *edition, *installation; /* "Windows 11 Pro", "Professional", "Client" */
    int arch;                                  /* 9: amd64 */
    int build, revision;
    const char *languages[4]; /* the first is the default */
};

/* A temporary folder, to be removed by cds_remove (CLEANUP). */
char *cds_dir(void);
void cds_remove(char **dir);
/* A file of text in it; folders on the way are made. */
void cds_put(const char *dir, const char *path, const char *text);

enum cds_image { CDS_WIM, CDS_ESD, CDS_SWM };
/* DIR/sources/install.wim and so on, with a file of `weight` bytes that cannot be compressed in its first image. An ESD
 * is solid LZMS; an SWM has parts of some 300 kB. Editions end with a NULL name. */
void cds_image(const char *dir, enum cds_image kind, const struct cds_edition *editions, size_t weight);

/* The folder as a CD: UDF beside ISO 9660 as Windows media are, or ISO 9660 with Joliet and Rock Ridge. Boots by
 * boot/etfsboot.com and efi/microsoft/boot/efisys.bin where the folder has them. */
void cds_iso(const char *dir, const char *label, bool udf, const char *iso);

/* The folder as a CD like those of ReactOS' builders: ISO 9660:1999, names of mixed case, label ReactOS. Boots by
 * loader/isoboot.bin, with uefi by loader/efisys.bin as well. */
void cds_iso_1999(const char *dir, bool uefi, const char *iso);

/* Windows Setup media with these editions. Returns the path of the ISO in dir. */
char *cds_windows(const char *dir, const char *name, enum cds_image kind, const struct cds_edition *editions);
/* A CD of virtio drivers: viostor, NetKVM and vioscsi for the systems given (NULL-terminated), amd64. */
char *cds_virtio(const char *dir, const char *const *systems);

#endif
