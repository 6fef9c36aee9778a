/*
 * copy-small and copy-large: files are freshly created and closed, copied by CopyFile, and the
 * copy is opened again and read to its end, so that scanners on write, on close and on open all
 * have their turn. Content differs from file to file and from repetition to repetition: what a
 * scanner remembers of old content does not help it. Removal is not timed.
 */
#include "windows/workload_copy.h"

#include <stdlib.h>
#include <string.h>

#include "windows/guest.h"
#include "windows/workload.h"

#define COPY_SMALL_FILES 40
#define COPY_SMALL_MIN 4096
#define COPY_SMALL_MAX 16384
#define COPY_LARGE_BYTES (16u << 20)
#define COPY_PIECE 65536

struct copy_params {
    uint64_t files; /* copy-small */
    uint64_t bytes; /* copy-large */
};

static const struct {
    const wchar_t *extension;
    bool text;
} copy_kinds[] = {
    {L"txt", true},  {L"exe", false}, {L"dll", false}, {L"html", true},
    {L"jpg", false}, {L"docx", false}, {L"js", true},  {L"bin", false},
};
#define COPY_KINDS (sizeof copy_kinds / sizeof copy_kinds[0])

static void copy_paths(const struct bench *b, uint64_t round, uint64_t i, wchar_t *from, wchar_t *to)
{
    const wchar_t *extension = copy_kinds[i % COPY_KINDS].extension;
    bench_path(b, from, L"s%I64u-%I64u.%ls", round, i, extension);
    bench_path(b, to, L"c%I64u-%I64u.%ls", round, i, extension);
}

int copy_one_file(const struct bench *b, uint64_t round, uint64_t i, struct op_error *err)
{
    wchar_t from[BENCH_PATH], to[BENCH_PATH];
    /* Sizes from 4 to 16 KiB, the same in each round. */
    size_t n = COPY_SMALL_MIN + (size_t)(i * 2654435761u % (COPY_SMALL_MAX - COPY_SMALL_MIN));
    const unsigned char *bytes = bench_content(b, round * 1000 + i, n, copy_kinds[i % COPY_KINDS].text);

    copy_paths(b, round, i, from, to);
    if (bench_write_file(from, bytes, n, err) < 0)
        return -1;
    if (!CopyFileW(from, to, FALSE))
        return guest_fail(err, "copy");
    return bench_read_file(to, n, err);
}

void copy_remove_file(const struct bench *b, uint64_t round, uint64_t i)
{
    wchar_t from[BENCH_PATH], to[BENCH_PATH];
    copy_paths(b, round, i, from, to);
    DeleteFileW(from);
    DeleteFileW(to);
}

static int copy_open(struct bench *b, struct op_error *err)
{
    struct copy_params *p = malloc(sizeof *p);

    b->state = p;
    if (p == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    *p = (struct copy_params){.files = COPY_SMALL_FILES, .bytes = COPY_LARGE_BYTES};
    if (request_param_u64(b->rq, "files", 1, 10000, &p->files, err) < 0)
        return -1;
    return request_param_u64(b->rq, "bytes", 1, UINT64_C(4) << 30, &p->bytes, err);
}

static void copy_close(struct bench *b)
{
    free(b->state);
}

static int copy_prepare(struct bench *b, uint64_t i, struct op_error *err)
{
    (void)err;
    bench_fill(b, i + 1);
    return 0;
}

static int copy_small_run(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct copy_params *p = b->state;

    for (uint64_t f = 0; f < p->files; f++)
        if (request_stopped(b->rq, err) || copy_one_file(b, i, f, err) < 0)
            return -1;
    return 0;
}

static void copy_small_clean(struct bench *b, uint64_t i)
{
    const struct copy_params *p = b->state;
    for (uint64_t f = 0; f < p->files; f++)
        copy_remove_file(b, i, f);
}

static int copy_write_large(struct bench *b, const wchar_t *path, uint64_t bytes,
                            struct op_error *err)
{
    HANDLE f = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL,
                           NULL);
    int rc = 0;

    if (f == INVALID_HANDLE_VALUE)
        return guest_fail(err, "create");
    for (uint64_t done = 0; done < bytes && rc == 0;) {
        DWORD n = bytes - done < COPY_PIECE ? (DWORD)(bytes - done) : COPY_PIECE, put = 0;
        if (request_stopped(b->rq, err))
            rc = -1;
        else if (!WriteFile(f, bench_content(b, done / COPY_PIECE, n, false), n, &put, NULL) ||
                 put != n)
            rc = guest_fail(err, "write");
        done += n;
    }
    CloseHandle(f);
    return rc;
}

static int copy_large_run(struct bench *b, uint64_t i, struct op_error *err)
{
    const struct copy_params *p = b->state;
    wchar_t from[BENCH_PATH], to[BENCH_PATH];

    bench_path(b, from, L"large%I64u.bin", i);
    bench_path(b, to, L"large%I64u.copy.bin", i);
    if (copy_write_large(b, from, p->bytes, err) < 0)
        return -1;
    if (!CopyFileW(from, to, FALSE))
        return guest_fail(err, "copy");
    return bench_read_file(to, p->bytes, err);
}

static void copy_large_clean(struct bench *b, uint64_t i)
{
    wchar_t path[BENCH_PATH];
    bench_path(b, path, L"large%I64u.bin", i);
    DeleteFileW(path);
    bench_path(b, path, L"large%I64u.copy.bin", i);
    DeleteFileW(path);
}

const struct workload workload_copy_small = {
    .name = "copy-small",
    .open = copy_open,
    .prepare = copy_prepare,
    .run = copy_small_run,
    .clean = copy_small_clean,
    .close = copy_close,
};

const struct workload workload_copy_large = {
    .name = "copy-large",
    .open = copy_open,
    .prepare = copy_prepare,
    .run = copy_large_run,
    .clean = copy_large_clean,
    .close = copy_close,
};
