#include "media/openssh.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fence.h"
#include "base/str.h"
#include "media/media_impl.h"

enum { OPENSSH_HEAD = 512, OPENSSH_ENTRIES_MAX = 4096, OPENSSH_PE_HEAD = 4096, OPENSSH_CLSID_AT = 80,
       OPENSSH_CHUNK = 1 << 16, OPENSSH_WHY_MAX = 4096 };

/* ---- MSI --------------------------------------------------------------------------------------- */

static unsigned openssh_le32(const unsigned char *p) {
    return p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 | (unsigned)p[3] << 24;
}

/* The directory's first entry is the root; its class stands at byte 80 of it (MS-CFB, section 2.6.1). */
static int openssh_check_msi(int fd, const unsigned char *head, struct err *err) {
    static const unsigned char msi[16] = {0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46};
    unsigned char class[16] = {0};
    unsigned shift = head[30] | (unsigned)head[31] << 8;
    off_t at = ((off_t)openssh_le32(head + 48) + 1) << (shift == 12 ? 12 : 9);
    if ((shift != 9 && shift != 12) || pread(fd, class, sizeof(class), at + OPENSSH_CLSID_AT) != sizeof(class)) {
        return err_set(err, ERR_INPUT, "a damaged or incomplete compound file");
    }
    return memcmp(class, msi, sizeof(msi)) == 0
               ? 0
               : err_set(err, ERR_INPUT, "a compound file, but no package of Windows Installer");
}

/* ---- ZIP --------------------------------------------------------------------------------------- */

struct openssh_zip {
    int fd;
    enum media_arch arch;
    bool sshd, script;
};

static enum media_arch openssh_arch(const unsigned char *pe, size_t len) {
    size_t at = len >= 64 ? openssh_le32(pe + 60) : len;
    if (len < 64 || memcmp(pe, "MZ", 2) != 0 || at > len - 6 || memcmp(pe + at, "PE\0\0", 4) != 0) {
        return MEDIA_ARCH_OTHER;
    }
    unsigned machine = pe[at + 4] | (unsigned)pe[at + 5] << 8;
    return machine == 0x8664 ? MEDIA_AMD64 : machine == 0xaa64 ? MEDIA_ARM64 : machine == 0x14c ? MEDIA_X86
                                                                                                : MEDIA_ARCH_OTHER;
}

static int openssh_see_entry(struct openssh_zip *z, struct archive *a, struct archive_entry *e, struct err *err) {
    const char *path = archive_entry_pathname(e);
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;
    if (!name || archive_entry_filetype(e) != AE_IFREG) {
        return 0;
    }
    z->script = z->script || str_eq_nocase(name, "install-sshd.ps1");
    if (!str_eq_nocase(name, "sshd.exe")) {
        return 0;
    }
    unsigned char head[OPENSSH_PE_HEAD];
    la_ssize_t n = archive_read_data(a, head, sizeof(head));
    enum media_arch arch = openssh_arch(head, n > 0 ? (size_t)n : 0);
    z->sshd = true;
    return arch == z->arch ? 0
                           : err_set(err, ERR_INPUT, "its sshd.exe is for %s, %s is needed",
                                     arch == MEDIA_ARCH_OTHER ? "no machine known" : media_arch_name(arch),
                                     media_arch_name(z->arch));
}

static int openssh_read_zip(struct openssh_zip *z, struct archive *a, struct err *err) {
    struct archive_entry *e;
    int rc = ARCHIVE_FATAL;
    int count = 0;
    archive_read_support_format_zip(a);
    if (archive_read_open_fd(a, z->fd, OPENSSH_CHUNK) == ARCHIVE_OK) {
        while ((rc = archive_read_next_header(a, &e)) == ARCHIVE_OK && count++ < OPENSSH_ENTRIES_MAX) {
            if (openssh_see_entry(z, a, e, err) < 0) {
                return -1;
            }
        }
    }
    if (rc != ARCHIVE_EOF) {
        const char *why = archive_error_string(a);
        return err_set(err, ERR_INPUT, "a ZIP archive that cannot be read: %s", why ? why : "too many files");
    }
    return z->sshd && z->script
               ? 0
               : err_set(err, ERR_INPUT, "a ZIP archive without %s", z->sshd ? "install-sshd.ps1" : "sshd.exe");
}

static int openssh_zip_inside(void *ctx, struct str *out, struct err *err) {
    (void)out;
    struct archive *a = archive_read_new();
    int rc = openssh_read_zip(ctx, a, err);
    archive_read_free(a);
    return rc;
}

static int openssh_check_zip(int fd, enum media_arch arch, struct err *err) {
    struct fence_limits limits = {.timeout_ns = MEDIA_TIME, .memory_bytes = MEDIA_MEMORY,
                                  .max_output = OPENSSH_WHY_MAX};
    struct openssh_zip z = {.fd = fd, .arch = arch};
    CLEANUP_STR struct str out = STR_INIT;
    return fence_run(openssh_zip_inside, &z, &limits, &out, err);
}

/* ---- both -------------------------------------------------------------------------------------- */

static enum openssh_kind openssh_look_fd(int fd, enum media_arch arch, struct err *err) {
    unsigned char head[OPENSSH_HEAD] = {0};
    struct stat st;
    ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? pread(fd, head, sizeof(head), 0) : -1;
    if (n < 0) {
        err_set(err, ERR_INPUT, "not a file that can be read");
    } else if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0) {
        return openssh_check_zip(fd, arch, err) < 0 ? OPENSSH_NONE : OPENSSH_ZIP;
    } else if (n == OPENSSH_HEAD && memcmp(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0) {
        return openssh_check_msi(fd, head, err) < 0 ? OPENSSH_NONE : OPENSSH_MSI;
    } else {
        const char *what = media_known(head, (size_t)n);
        what = what ? what : "neither an .msi nor a .zip by its first bytes";
        err_set(err, ERR_INPUT, "%.*s", (int)strcspn(what, ":,"), what); /* hints about CDs left out */
    }
    return OPENSSH_NONE;
}

enum openssh_kind openssh_look(const char *path, enum media_arch arch, struct err *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum openssh_kind kind = OPENSSH_NONE;
    if (fd < 0) {
        err_set(err, ERR_INPUT, "%s", strerror(errno));
    } else {
        kind = openssh_look_fd(fd, arch, err);
    }
    if (kind == OPENSSH_NONE) {
        err_prefix(err, "%s is no package of OpenSSH for Windows (OpenSSH-Win64.zip or its .msi)", path);
    }
    return kind;
}
