#include "windows/cabinet.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <fci.h>
#include <fdi.h>

#include "windows/guest.h"
#include "windows/text.h"

/* cabinet.dll is part of every Windows since 98; looked up so that none has to have it. */
typedef HFCI(CDECL *cabinet_fci_create_fn)(PERF, PFNFCIFILEPLACED, PFNFCIALLOC, PFNFCIFREE,
                                           PFNFCIOPEN, PFNFCIREAD, PFNFCIWRITE, PFNFCICLOSE,
                                           PFNFCISEEK, PFNFCIDELETE, PFNFCIGETTEMPFILE, PCCAB,
                                           void *);
typedef BOOL(CDECL *cabinet_fci_add_fn)(HFCI, char *, char *, BOOL, PFNFCIGETNEXTCABINET,
                                        PFNFCISTATUS, PFNFCIGETOPENINFO, TCOMP);
typedef BOOL(CDECL *cabinet_fci_flush_fn)(HFCI, BOOL, PFNFCIGETNEXTCABINET, PFNFCISTATUS);
typedef BOOL(CDECL *cabinet_fci_destroy_fn)(HFCI);
typedef HFDI(CDECL *cabinet_fdi_create_fn)(PFNALLOC, PFNFREE, PFNOPEN, PFNREAD, PFNWRITE, PFNCLOSE,
                                           PFNSEEK, int, PERF);
typedef BOOL(CDECL *cabinet_fdi_copy_fn)(HFDI, char *, char *, int, PFNFDINOTIFY, PFNFDIDECRYPT,
                                         void *);
typedef BOOL(CDECL *cabinet_fdi_destroy_fn)(HFDI);

struct cabinet_writer {
    HFCI fci;
    ERF erf;
    CCAB cab;
    unsigned temporary; /* how many temporary files were named */
    cabinet_fci_add_fn add;
    cabinet_fci_flush_fn flush;
    cabinet_fci_destroy_fn destroy;
};

/* Files, the same for both directions; an error is -1 as for the C library's functions. */

static INT_PTR cabinet_open(const char *path, int flags)
{
    wchar_t *wide = text_to_wide(path);
    DWORD access = (flags & (O_WRONLY | O_RDWR)) != 0 ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ;
    DWORD how = (flags & O_CREAT) != 0 ? CREATE_ALWAYS : OPEN_EXISTING;
    HANDLE f = wide == NULL ? INVALID_HANDLE_VALUE
                            : CreateFileW(wide, access, FILE_SHARE_READ, NULL, how,
                                          FILE_ATTRIBUTE_NORMAL, NULL);
    free(wide);
    return (INT_PTR)f; /* INVALID_HANDLE_VALUE is -1 */
}

static UINT cabinet_read(INT_PTR f, void *buf, UINT n)
{
    DWORD got = 0;
    return ReadFile((HANDLE)f, buf, n, &got, NULL) ? got : (UINT)-1;
}

static UINT cabinet_write(INT_PTR f, const void *buf, UINT n)
{
    DWORD put = 0;
    return WriteFile((HANDLE)f, buf, n, &put, NULL) ? put : (UINT)-1;
}

static LONG cabinet_seek(INT_PTR f, LONG distance, int from)
{
    /* SEEK_SET, SEEK_CUR, SEEK_END are FILE_BEGIN, FILE_CURRENT, FILE_END. */
    return (LONG)SetFilePointer((HANDLE)f, distance, NULL, (DWORD)from);
}

static void *CDECL cabinet_alloc(ULONG n)
{
    return malloc(n);
}

static void CDECL cabinet_free(void *p)
{
    free(p);
}

/* Writing */

static INT_PTR CDECL cabinet_fci_open(char *path, int flags, int mode, int *error, void *pv)
{
    (void)mode;
    (void)pv;
    INT_PTR f = cabinet_open(path, flags);
    if (f == -1)
        *error = (int)GetLastError();
    return f;
}

static UINT CDECL cabinet_fci_read(INT_PTR f, void *buf, UINT n, int *error, void *pv)
{
    (void)pv;
    UINT got = cabinet_read(f, buf, n);
    if (got == (UINT)-1)
        *error = (int)GetLastError();
    return got;
}

static UINT CDECL cabinet_fci_write(INT_PTR f, void *buf, UINT n, int *error, void *pv)
{
    (void)pv;
    UINT put = cabinet_write(f, buf, n);
    if (put == (UINT)-1)
        *error = (int)GetLastError();
    return put;
}

static int CDECL cabinet_fci_close(INT_PTR f, int *error, void *pv)
{
    (void)error;
    (void)pv;
    return CloseHandle((HANDLE)f) ? 0 : -1;
}

static LONG CDECL cabinet_fci_seek(INT_PTR f, LONG distance, int from, int *error, void *pv)
{
    (void)error;
    (void)pv;
    return cabinet_seek(f, distance, from);
}

static int CDECL cabinet_fci_delete(char *path, int *error, void *pv)
{
    wchar_t *wide = text_to_wide(path);
    BOOL ok = wide != NULL && DeleteFileW(wide);
    (void)pv;
    if (!ok)
        *error = (int)GetLastError();
    free(wide);
    return ok ? 0 : -1;
}

static BOOL CDECL cabinet_fci_temporary(char *name, int size, void *pv)
{
    struct cabinet_writer *c = pv;
    int n = snprintf(name, (size_t)size, "%sfci%u.tmp", c->cab.szCabPath, c->temporary++);
    return n > 0 && n < size;
}

static int CDECL cabinet_fci_placed(PCCAB cab, char *file, LONG size, BOOL continued, void *pv)
{
    (void)cab;
    (void)file;
    (void)size;
    (void)continued;
    (void)pv;
    return 0;
}

static BOOL CDECL cabinet_fci_next(PCCAB cab, ULONG previous, void *pv)
{
    (void)cab;
    (void)previous;
    (void)pv;
    return FALSE; /* all goes into one cabinet */
}

static LONG CDECL cabinet_fci_status(UINT type, ULONG a, ULONG b, void *pv)
{
    (void)a;
    (void)b;
    (void)pv;
    return type == statusCabinet ? (LONG)b : 0;
}

static INT_PTR CDECL cabinet_fci_info(char *path, USHORT *date, USHORT *time, USHORT *attributes,
                                      int *error, void *pv)
{
    BY_HANDLE_FILE_INFORMATION info;
    FILETIME local;
    INT_PTR f = cabinet_fci_open(path, O_RDONLY, 0, error, pv);

    *date = *time = 0;
    *attributes = _A_NAME_IS_UTF;
    if (f != -1 && GetFileInformationByHandle((HANDLE)f, &info) &&
        FileTimeToLocalFileTime(&info.ftLastWriteTime, &local))
        FileTimeToDosDateTime(&local, date, time);
    return f;
}

static int cabinet_fail(const struct cabinet_writer *c, const char *what, struct op_error *err)
{
    return op_fail(err, PROTO_ERR_OS, "cabinet: %s: FCI error %d, Windows error %d", what,
                   c->erf.erfOper, c->erf.erfType);
}

struct cabinet_writer *cabinet_create(const char *dir, const char *name, struct op_error *err)
{
    static const wchar_t dll[] = L"cabinet.dll";
    cabinet_fci_create_fn create = (cabinet_fci_create_fn)(void *)guest_function(dll, "FCICreate");
    struct cabinet_writer *c = calloc(1, sizeof *c);

    if (c == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
        return NULL;
    }
    c->add = (cabinet_fci_add_fn)(void *)guest_function(dll, "FCIAddFile");
    c->flush = (cabinet_fci_flush_fn)(void *)guest_function(dll, "FCIFlushCabinet");
    c->destroy = (cabinet_fci_destroy_fn)(void *)guest_function(dll, "FCIDestroy");
    c->cab.cb = CB_MAX_DISK;
    c->cab.cbFolderThresh = CB_MAX_DISK;
    snprintf(c->cab.szCabPath, sizeof c->cab.szCabPath, "%s", dir);
    snprintf(c->cab.szCab, sizeof c->cab.szCab, "%s", name);
    if (create == NULL || c->add == NULL || c->flush == NULL || c->destroy == NULL)
        op_fail(err, PROTO_ERR_UNSUPPORTED, "no cabinet.dll");
    else
        c->fci = create(&c->erf, cabinet_fci_placed, cabinet_alloc, cabinet_free, cabinet_fci_open,
                        cabinet_fci_read, cabinet_fci_write, cabinet_fci_close, cabinet_fci_seek,
                        cabinet_fci_delete, cabinet_fci_temporary, &c->cab, c);
    if (c->fci != NULL)
        return c;
    if (create != NULL)
        cabinet_fail(c, "create", err);
    free(c);
    return NULL;
}

int cabinet_add(struct cabinet_writer *c, const char *path, const char *stored_name,
                struct op_error *err)
{
    char source[CB_MAX_CAB_PATH + CB_MAX_FILENAME], stored[CB_MAX_FILENAME];

    snprintf(source, sizeof source, "%s", path);
    snprintf(stored, sizeof stored, "%s", stored_name);
    if (!c->add(c->fci, source, stored, FALSE, cabinet_fci_next, cabinet_fci_status,
                cabinet_fci_info, tcompTYPE_MSZIP))
        return cabinet_fail(c, "add", err);
    return 0;
}

void cabinet_abandon(struct cabinet_writer *c)
{
    c->destroy(c->fci);
    free(c);
}

int cabinet_finish(struct cabinet_writer *c, struct op_error *err)
{
    int rc = c->flush(c->fci, FALSE, cabinet_fci_next, cabinet_fci_status)
                 ? 0
                 : cabinet_fail(c, "flush", err);
    cabinet_abandon(c);
    return rc;
}

/* Reading */

struct cabinet_target {
    const char *dir;
    unsigned files;
};

static INT_PTR CDECL cabinet_fdi_open(char *path, int flags, int mode)
{
    (void)mode;
    return cabinet_open(path, flags);
}

static UINT CDECL cabinet_fdi_read(INT_PTR f, void *buf, UINT n)
{
    return cabinet_read(f, buf, n);
}

static UINT CDECL cabinet_fdi_write(INT_PTR f, void *buf, UINT n)
{
    return cabinet_write(f, buf, n);
}

static int CDECL cabinet_fdi_close(INT_PTR f)
{
    return CloseHandle((HANDLE)f) ? 0 : -1;
}

static LONG CDECL cabinet_fdi_seek(INT_PTR f, LONG distance, int from)
{
    return cabinet_seek(f, distance, from);
}

static INT_PTR CDECL cabinet_fdi_notify(FDINOTIFICATIONTYPE type, PFDINOTIFICATION n)
{
    struct cabinet_target *t = n->pv;
    char path[CB_MAX_CAB_PATH + CB_MAX_FILENAME];

    switch (type) {
    case fdintCOPY_FILE:
        /* The cabinet is the workload's own, yet no name in it may lead out of the folder. */
        if (strpbrk(n->psz1, "\\/:") != NULL)
            return -1;
        snprintf(path, sizeof path, "%s%s", t->dir, n->psz1);
        return cabinet_open(path, O_CREAT | O_RDWR);
    case fdintCLOSE_FILE_INFO:
        t->files++;
        return CloseHandle((HANDLE)n->hf);
    default:
        return 0;
    }
}

int cabinet_extract(const char *dir, const char *name, const char *target, unsigned *files,
                    struct op_error *err)
{
    static const wchar_t dll[] = L"cabinet.dll";
    cabinet_fdi_create_fn create = (cabinet_fdi_create_fn)(void *)guest_function(dll, "FDICreate");
    cabinet_fdi_copy_fn copy = (cabinet_fdi_copy_fn)(void *)guest_function(dll, "FDICopy");
    cabinet_fdi_destroy_fn destroy =
        (cabinet_fdi_destroy_fn)(void *)guest_function(dll, "FDIDestroy");
    struct cabinet_target t = {.dir = target};
    char cab_dir[CB_MAX_CAB_PATH], cab_name[CB_MAX_CABINET_NAME];
    ERF erf = {0};

    if (create == NULL || copy == NULL || destroy == NULL)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "no cabinet.dll");
    snprintf(cab_dir, sizeof cab_dir, "%s", dir);
    snprintf(cab_name, sizeof cab_name, "%s", name);
    HFDI fdi = create(cabinet_alloc, cabinet_free, cabinet_fdi_open, cabinet_fdi_read,
                      cabinet_fdi_write, cabinet_fdi_close, cabinet_fdi_seek, cpuUNKNOWN, &erf);
    BOOL ok = fdi != NULL && copy(fdi, cab_name, cab_dir, 0, cabinet_fdi_notify, NULL, &t);
    if (fdi != NULL)
        destroy(fdi);
    *files = t.files;
    return ok ? 0 : op_fail(err, PROTO_ERR_OS, "cabinet: FDI error %d", erf.erfOper);
}
