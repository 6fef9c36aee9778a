/* What an installation medium is: an ISO file of UDF (ECMA-167, OSTA UDF; Windows media), of ISO 9660 (ECMA-119), or
 * both; what it boots (El Torito 1.0); and of Windows Setup media the editions that sources/install.wim, .esd or .swm
 * holds, as wimlib reads them.
 *
 * The file is the user's download and not trusted: libudfread, libisofs and wimlib read it in a child process with
 * limits of time and memory (base/fence.h), and of an install image of gigabytes only header, table of contents and XML
 * are read. */
#ifndef COEXIST_MEDIA_MEDIA_H
#define COEXIST_MEDIA_MEDIA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum media_kind {
    MEDIA_WINDOWS,  /* Windows Setup: sources/boot.wim and an install image, or what should be one */
    MEDIA_VIRTIO,   /* the virtio drivers for Windows */
    MEDIA_REACTOS,  /* ReactOS' boot CD */
    MEDIA_OTHER,    /* a CD, but none of these */
    MEDIA_NO_ISO,   /* not a CD image at all: `what` says what it is */
    MEDIA_KIND_COUNT
};
/* "windows-setup", "virtio-drivers", "reactos", "other", "not-an-iso" */
const char *media_kind_name(enum media_kind k);

enum media_arch { MEDIA_ARCH_OTHER, MEDIA_X86, MEDIA_AMD64, MEDIA_ARM, MEDIA_ARM64, MEDIA_ARCH_COUNT };
const char *media_arch_name(enum media_arch a); /* "other", "x86", "amd64", "arm", "arm64", as in answer files */

struct media_boot { /* one El Torito entry that can be booted */
    bool uefi;      /* platform 0xEF; else BIOS (0) or another, by platform */
    int platform;   /* platform id of El Torito */
    bool emulation; /* of a floppy or a hard disk */
    char *path;     /* of the file it boots, where ISO 9660 names it; NULL: not named */
};

struct media_edition { /* one image of an install image; texts are "" when the WIM does not say */
    int index;            /* 1 ...: /IMAGE/INDEX of answer files */
    char *name;           /* "Windows 11 Pro": /IMAGE/NAME */
    char *display_name, *description;
    char *edition_id;     /* "Professional", "ServerStandard", "EnterpriseEval" */
    char *installation;   /* "Client", "Server", "Server Core", "WindowsPE" */
    enum media_arch arch;
    int major, minor, build, revision; /* 10.0.26100.1742 */
    char *language;       /* default one: "en-US" */
    char **languages;     /* all of them; NULL-terminated, never NULL */
    int64_t bytes;        /* of its files, unpacked */
    bool evaluation;      /* takes no key */
};

enum media_image_kind { MEDIA_IMAGE_NONE, MEDIA_IMAGE_WIM, MEDIA_IMAGE_ESD, MEDIA_IMAGE_SWM, MEDIA_IMAGE_KIND_COUNT };
const char *media_image_kind_name(enum media_image_kind k); /* "none", "wim", "esd", "swm" */

struct media { /* media_free */
    char *path;
    int64_t bytes;
    enum media_kind kind;
    char *what;           /* for people: what it is, in a few words; never NULL */
    char *label;          /* of the UDF volume, else of ISO 9660; "" when there is none */
    bool udf, iso9660;
    struct media_boot *boots;
    size_t boot_count;
    bool bios, uefi;      /* has a boot entry for it */
    bool noprompt;        /* Windows: efisys_noprompt.bin lies on it, a UEFI boot without "Press any key" */

    /* MEDIA_WINDOWS */
    enum media_image_kind image;
    char *image_path;     /* on the CD: "sources/install.wim"; NULL without one */
    int64_t image_bytes;  /* of that file */
    int parts, parts_found; /* of a split image; else 1, 1 */
    char *trouble;        /* why editions could not be read, or the first missing part; NULL: nothing wrong */
    struct media_edition *editions;
    size_t edition_count;

    /* MEDIA_VIRTIO */
    char **drivers;       /* folders with an .inf for this system: "viostor/w11/amd64"; NULL-terminated, never NULL */
};

/* Looks at a file. NULL with ERR_INPUT when it cannot be opened, ERR_PROTOCOL or ERR_TIMEOUT when reading it broke a
 * library or took too long, which is the file's fault; a file that can be read but is no CD is an answer
 * (MEDIA_NO_ISO). */
struct media *media_inspect(const char *path, struct err *err);
void media_free(struct media *m); /* NULL is fine */
static inline void media_free_ptr(struct media **m) {
    media_free(*m);
}

/* Whether the virtio CD has drivers for that system, named as its folders are: driver "viostor", "vioscsi", "NetKVM";
 * system "w10", "w11", "2k16", "2k19", "2k22", "2k25". Letter case does not matter. */
bool media_has_driver(const struct media *m, const char *driver, const char *system, enum media_arch arch);

/* Copies the files of one folder of a CD (not the folders in it) into the host's folder `to`, which is made; behind the
 * fence. Returns how many, 0 when the CD has no such folder. ERR_INPUT: more than max_bytes, a name that leads out of
 * `to`, or a CD that cannot be read. */
int media_extract(const char *path, const char *folder, const char *to, int64_t max_bytes, struct err *err);

/* Which of these files or folders the CD has (there[i]); behind the fence. Negative with err: the CD cannot be read. */
int media_has(const char *path, const char *const *files, size_t count, bool *there, struct err *err);

/* One file of a CD, NUL-terminated, behind the fence; len may be NULL. Caller frees. NULL without err when it is not
 * there; with ERR_INPUT when it is larger than max, no file, or cannot be read. */
char *media_read(const char *path, const char *file, size_t max, size_t *len, struct err *err);

/* "coexist-media/1" (reports/schema/media.schema.json). New reference, and back; NULL with ERR_PROTOCOL. */
json_t *media_to_json(const struct media *m);
struct media *media_from_json(const json_t *j, struct err *err);

#endif
