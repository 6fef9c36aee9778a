/*
 * archive: packs a set of files, text and binary by halves, into a cabinet (MSZIP). unarchive:
 * unpacks one and reads each file back. Both with the system's own cabinet.dll.
 */
#include <stdio.h>
#include <stdlib.h>

#include "windows/cabinet.h"
#include "windows/text.h"
#include "windows/workload.h"

#define ARCHIVE_FILES 48
#define ARCHIVE_BYTES 32768

struct archive {
    uint64_t files, bytes;
    char *dir;    /* UTF-8, with a trailing backslash */
    char *target; /* the same, where unarchive unpacks */
};

static char *archive_folder(const struct bench *b, const wchar_t *name)
{
    wchar_t path[BENCH_PATH];
    bench_path(b, path, L"%ls", name);
    return text_from_wide(path);
}

static int archive_write_sources(struct bench *b, uint64_t round, struct op_error *err)
{
    const struct archive *a = b->state;
    wchar_t path[BENCH_PATH];

    bench_fill(b, round + 1);
    for (uint64_t i = 0; i < a->files; i++) {
        bench_path(b, path, L"f%I64u.%ls", i, i % 2 == 0 ? L"txt" : L"dll");
        if (bench_write_file(path, bench_content(b, i, a->bytes, i % 2 == 0), a->bytes, err) < 0)
            return -1;
    }
    return 0;
}

static int archive_add_all(struct bench *b, struct cabinet_writer *c, struct op_error *err)
{
    const struct archive *a = b->state;
    char path[2 * BENCH_PATH], name[64];

    for (uint64_t i = 0; i < a->files; i++) {
        snprintf(name, sizeof name, "f%llu.%s", (unsigned long long)i, i % 2 == 0 ? "txt" : "dll");
        snprintf(path, sizeof path, "%s%s", a->dir, name);
        if (request_stopped(b->rq, err) || cabinet_add(c, path, name, err) < 0)
            return -1;
    }
    return 0;
}

static int archive_run(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct archive *a = b->state;
    struct cabinet_writer *c = cabinet_create(a->dir, "archive.cab", err);

    (void)i;
    if (c == NULL)
        return -1;
    if (archive_add_all(b, c, err) == 0)
        return cabinet_finish(c, err);
    cabinet_abandon(c);
    return -1;
}

static int archive_open(struct bench *b, struct op_error *err)
{
    struct archive *a = calloc(1, sizeof *a);
    wchar_t path[BENCH_PATH];

    b->state = a;
    if (a == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    a->files = ARCHIVE_FILES;
    a->bytes = ARCHIVE_BYTES;
    a->dir = archive_folder(b, L"");
    a->target = archive_folder(b, L"out\\");
    if (a->dir == NULL || a->target == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    bench_path(b, path, L"out");
    CreateDirectoryW(path, NULL);
    if (request_param_u64(b->rq, "files", 1, 1000, &a->files, err) < 0)
        return -1;
    return request_param_u64(b->rq, "bytes", 1, BENCH_POOL_BYTES, &a->bytes, err);
}

static void archive_close(struct bench *b)
{
    struct archive *a = b->state;
    if (a == NULL)
        return;
    free(a->dir);
    free(a->target);
    free(a);
}

static int archive_prepare(struct bench *b, uint64_t i, struct op_error *err)
{
    return archive_write_sources(b, i, err);
}

static void archive_clean(struct bench *b, uint64_t i)
{
    wchar_t path[BENCH_PATH];
    (void)i;
    bench_path(b, path, L"archive.cab");
    DeleteFileW(path);
}

static int unarchive_prepare(struct bench *b, uint64_t i, struct op_error *err)
{
    if (archive_write_sources(b, i, err) < 0)
        return -1;
    return archive_run(b, i, err);
}

static int unarchive_run(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct archive *a = b->state;
    wchar_t path[BENCH_PATH];
    unsigned files = 0;

    (void)i;
    if (cabinet_extract(a->dir, "archive.cab", a->target, &files, err) < 0)
        return -1;
    if (files != a->files)
        return op_fail(err, PROTO_ERR_OS, "only %u files came out of the cabinet", files);
    for (uint64_t f = 0; f < a->files; f++) {
        bench_path(b, path, L"out\\f%I64u.%ls", f, f % 2 == 0 ? L"txt" : L"dll");
        if (request_stopped(b->rq, err) || bench_read_file(path, a->bytes, err) < 0)
            return -1;
    }
    return 0;
}

static void unarchive_clean(struct bench *b, uint64_t i)
{
    const struct archive *a = b->state;
    wchar_t path[BENCH_PATH];

    archive_clean(b, i);
    for (uint64_t f = 0; f < a->files; f++) {
        bench_path(b, path, L"out\\f%I64u.%ls", f, f % 2 == 0 ? L"txt" : L"dll");
        DeleteFileW(path);
    }
}

const struct workload workload_archive = {
    .name = "archive",
    .open = archive_open,
    .prepare = archive_prepare,
    .run = archive_run,
    .clean = archive_clean,
    .close = archive_close,
};

const struct workload workload_unarchive = {
    .name = "unarchive",
    .open = archive_open,
    .prepare = unarchive_prepare,
    .run = unarchive_run,
    .clean = unarchive_clean,
    .close = archive_close,
};
