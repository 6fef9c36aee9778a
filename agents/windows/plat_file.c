#include "common/plat_file.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <wincrypt.h>

#include "windows/guest.h"
#include "windows/text.h"

struct plat_file {
    HANDLE handle;
};

struct plat_sha256 {
    HCRYPTPROV provider;
    HCRYPTHASH hash;
};

#define FILE_SHARE_ANY (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static struct plat_file *file_open(const char *path, DWORD access, DWORD how, struct op_error *err)
{
    struct plat_file *f = malloc(sizeof *f);
    wchar_t *wide = text_to_wide(path);

    if (f == NULL || wide == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
    } else {
        f->handle = CreateFileW(wide, access, FILE_SHARE_ANY, NULL, how, FILE_ATTRIBUTE_NORMAL,
                                NULL);
        if (f->handle != INVALID_HANDLE_VALUE) {
            free(wide);
            return f;
        }
        guest_fail(err, "open");
    }
    free(wide);
    free(f);
    return NULL;
}

struct plat_file *plat_file_open_read(const char *path, struct op_error *err)
{
    return file_open(path, GENERIC_READ, OPEN_EXISTING, err);
}

struct plat_file *plat_file_open_write(const char *path, bool truncate, struct op_error *err)
{
    return file_open(path, GENERIC_READ | GENERIC_WRITE, truncate ? CREATE_ALWAYS : OPEN_ALWAYS,
                     err);
}

static OVERLAPPED file_place(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

int64_t plat_file_read(struct plat_file *f, uint64_t offset, void *buf, size_t n,
                       struct op_error *err)
{
    OVERLAPPED at = file_place(offset);
    DWORD got = 0;

    if (!ReadFile(f->handle, buf, (DWORD)n, &got, &at) && GetLastError() != ERROR_HANDLE_EOF)
        return guest_fail(err, "read");
    return got;
}

int plat_file_write(struct plat_file *f, uint64_t offset, const void *buf, size_t n,
                    struct op_error *err)
{
    const char *p = buf;
    while (n > 0) {
        OVERLAPPED at = file_place(offset);
        DWORD put = 0;
        if (!WriteFile(f->handle, p, (DWORD)n, &put, &at) || put == 0)
            return guest_fail(err, "write");
        p += put;
        n -= put;
        offset += put;
    }
    return 0;
}

int plat_file_size(struct plat_file *f, uint64_t *size, struct op_error *err)
{
    LARGE_INTEGER v;
    if (!GetFileSizeEx(f->handle, &v))
        return guest_fail(err, "size");
    *size = (uint64_t)v.QuadPart;
    return 0;
}

int plat_file_sync(struct plat_file *f, struct op_error *err)
{
    return FlushFileBuffers(f->handle) ? 0 : guest_fail(err, "flush");
}

void plat_file_close(struct plat_file *f)
{
    if (f == NULL)
        return;
    CloseHandle(f->handle);
    free(f);
}

/* FILETIME counts 100 ns from 1601; Unix time begins 11644473600 s later. */
static int64_t file_unix_ms(FILETIME t)
{
    uint64_t ticks = (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
    return (int64_t)(ticks / 10000) - INT64_C(11644473600000);
}

static void file_info(DWORD attributes, DWORD high, DWORD low, FILETIME mtime,
                      struct plat_file_info *info)
{
    info->dir = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    info->size = info->dir ? 0 : (uint64_t)high << 32 | low;
    info->mtime_unix_ms = file_unix_ms(mtime);
}

int plat_file_stat(const char *path, struct plat_file_info *info, struct op_error *err)
{
    WIN32_FILE_ATTRIBUTE_DATA d;
    wchar_t *wide = text_to_wide(path);

    if (wide == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    int rc = GetFileAttributesExW(wide, GetFileExInfoStandard, &d) ? 0 : guest_fail(err, "stat");
    free(wide);
    if (rc == 0)
        file_info(d.dwFileAttributes, d.nFileSizeHigh, d.nFileSizeLow, d.ftLastWriteTime, info);
    return rc;
}

int plat_file_remove(const char *path, struct op_error *err)
{
    wchar_t *wide = text_to_wide(path);
    if (wide == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    DWORD attributes = GetFileAttributesW(wide);
    int rc = -1;
    if (attributes == INVALID_FILE_ATTRIBUTES)
        guest_fail(err, "remove");
    else if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? RemoveDirectoryW(wide)
                                                          : DeleteFileW(wide))
        rc = 0;
    else
        guest_fail(err, "remove");
    free(wide);
    return rc;
}

int plat_file_mkdir(const char *path, struct op_error *err)
{
    wchar_t *wide = text_to_wide(path);
    int rc = 0;

    if (wide == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    if (!CreateDirectoryW(wide, NULL)) {
        DWORD os = GetLastError(), attributes = GetFileAttributesW(wide);
        if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
            rc = guest_fail_code(err, os, "mkdir");
    }
    free(wide);
    return rc;
}

bool plat_file_separator(char c)
{
    return c == '/' || c == '\\';
}

/* "path\*" */
static wchar_t *file_pattern(const char *path)
{
    wchar_t *wide = text_to_wide(path);
    size_t n = wide == NULL ? 0 : wcslen(wide);
    wchar_t *pattern = wide == NULL ? NULL : malloc((n + 3) * sizeof *pattern);

    if (pattern != NULL) {
        wcscpy(pattern, wide);
        wcscpy(pattern + n, n > 0 && plat_file_separator((char)wide[n - 1]) ? L"*" : L"\\*");
    }
    free(wide);
    return pattern;
}

typedef int file_row_fn(void *, const char *, const struct plat_file_info *, struct op_error *);

static int file_row(const WIN32_FIND_DATAW *d, file_row_fn *each, void *arg, struct op_error *err)
{
    struct plat_file_info info;
    char *name;

    if (wcscmp(d->cFileName, L".") == 0 || wcscmp(d->cFileName, L"..") == 0)
        return 0;
    name = text_from_wide(d->cFileName);
    if (name == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    file_info(d->dwFileAttributes, d->nFileSizeHigh, d->nFileSizeLow, d->ftLastWriteTime, &info);
    int rc = each(arg, name, &info, err);
    free(name);
    return rc;
}

int plat_file_list(const char *path,
                   int (*each)(void *arg, const char *name, const struct plat_file_info *info,
                               struct op_error *err),
                   void *arg, struct op_error *err)
{
    WIN32_FIND_DATAW d;
    wchar_t *pattern = file_pattern(path);
    int rc;

    if (pattern == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    HANDLE find = FindFirstFileW(pattern, &d);
    free(pattern);
    if (find == INVALID_HANDLE_VALUE)
        return guest_fail(err, "list");
    do
        rc = file_row(&d, each, arg, err);
    while (rc == 0 && FindNextFileW(find, &d));
    if (rc == 0 && GetLastError() != ERROR_NO_MORE_FILES)
        rc = guest_fail(err, "list");
    FindClose(find);
    return rc;
}

/* NT 5.1 and newer have it, and Wine and ReactOS. */
int plat_crc32(uint32_t *crc, const void *p, size_t n, struct op_error *err)
{
    typedef DWORD(WINAPI * compute_fn)(DWORD, const BYTE *, INT);
    compute_fn compute = (compute_fn)(void *)guest_function(L"ntdll.dll", "RtlComputeCrc32");

    if (compute == NULL)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "this Windows has no RtlComputeCrc32");
    *crc = compute(*crc, p, (INT)n);
    return 0;
}

/* CryptoAPI: there since Windows 2003 (SHA-256: XP SP3, 2003 SP2), unlike BCrypt. */
struct plat_sha256 *plat_sha256_new(struct op_error *err)
{
    struct plat_sha256 *h = calloc(1, sizeof *h);
    if (h == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
        return NULL;
    }
    if (CryptAcquireContextW(&h->provider, NULL, NULL, PROV_RSA_AES, CRYPT_VERIFYCONTEXT) &&
        CryptCreateHash(h->provider, CALG_SHA_256, 0, 0, &h->hash))
        return h;
    guest_fail(err, "SHA-256");
    plat_sha256_free(h);
    return NULL;
}

int plat_sha256_update(struct plat_sha256 *h, const void *p, size_t n, struct op_error *err)
{
    return CryptHashData(h->hash, p, (DWORD)n, 0) ? 0 : guest_fail(err, "SHA-256");
}

int plat_sha256_finish(struct plat_sha256 *h, unsigned char digest[32], struct op_error *err)
{
    DWORD n = 32;
    if (!CryptGetHashParam(h->hash, HP_HASHVAL, digest, &n, 0) || n != 32)
        return guest_fail(err, "SHA-256");
    return 0;
}

void plat_sha256_free(struct plat_sha256 *h)
{
    if (h == NULL)
        return;
    if (h->hash != 0)
        CryptDestroyHash(h->hash);
    if (h->provider != 0)
        CryptReleaseContext(h->provider, 0);
    free(h);
}
