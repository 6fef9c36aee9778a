#include "support/openssh_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"

enum { PE_BYTES = 256, PE_AT = 128, CFB_SECTOR = 512 };

static void zip_add(struct archive *a, const char *path, const void *bytes, size_t len) {
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, path);
    archive_entry_set_size(e, (la_int64_t)len);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    ck_assert_int_eq((int)archive_write_data(a, bytes, len), (int)len);
    archive_entry_free(e);
}

char *openssh_zip(const char *dir, const char *name, enum openssh_zip_kind kind, unsigned machine) {
    static const char script[] = "# installs the services\r\n";
    unsigned char pe[PE_BYTES] = "MZ";
    pe[60] = PE_AT;
    memcpy(pe + PE_AT, "PE\0\0", 4);
    pe[PE_AT + 4] = (unsigned char)machine;
    pe[PE_AT + 5] = (unsigned char)(machine >> 8);
    char *path = fs_join(dir, name);
    struct archive *a = archive_write_new();
    ck_assert_int_eq(archive_write_set_format_zip(a), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    zip_add(a, "OpenSSH-Win64/LICENSE.txt", script, strlen(script));
    if (kind != OPENSSH_NO_SERVER) {
        zip_add(a, "OpenSSH-Win64/sshd.exe", kind == OPENSSH_NO_PROGRAM ? (const void *)script : pe,
                kind == OPENSSH_NO_PROGRAM ? strlen(script) : sizeof(pe));
    }
    if (kind != OPENSSH_NO_SCRIPT) {
        zip_add(a, "OpenSSH-Win64/install-sshd.ps1", script, strlen(script));
    }
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return path;
}

char *openssh_msi(const char *dir, const char *name, bool package) {
    static const unsigned char class[16] = {0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46};
    unsigned char file[2 * CFB_SECTOR] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    file[30] = 9; /* sectors of 512 bytes; the directory begins in sector 0, which follows the header */
    if (package) {
        memcpy(file + CFB_SECTOR + 80, class, sizeof(class));
    }
    char *path = fs_join(dir, name);
    ck_assert_int_eq(fs_write_atomic(path, file, sizeof(file), 0644, NULL), 0);
    return path;
}
