#include "common/op_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/plat_file.h"
#include "proto/base64.h"

#define FILES_HASH_PIECE 65536
#define FILES_LOOK_MAX 100

static int files_make_folders(const char *path, bool last_too, struct op_error *err)
{
    size_t size = strlen(path) + 1;
    char *copy = malloc(size);
    int rc = 0;

    if (copy == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    memcpy(copy, path, size);
    for (size_t i = 1; copy[i] != '\0' && rc == 0; i++) {
        /* The root ("/", "C:\") is there already and cannot be made. */
        if (!plat_file_separator(copy[i]) || copy[i - 1] == ':' || plat_file_separator(copy[i - 1]))
            continue;
        char c = copy[i];
        copy[i] = '\0';
        rc = plat_file_mkdir(copy, err);
        copy[i] = c;
    }
    free(copy);
    return rc == 0 && last_too ? plat_file_mkdir(path, err) : rc;
}

/* The bytes of args.data, or NULL. */
static unsigned char *files_read_data(struct request *rq, size_t *n, struct op_error *err)
{
    char *text;
    unsigned char *bytes;

    if (request_arg_string(rq, "data", &text, err) < 0)
        return NULL;
    bytes = malloc(PROTO_MAX_CHUNK);
    if (bytes == NULL) {
        op_fail(err, PROTO_ERR_BUSY, "out of memory");
    } else if (base64_decode(text, strlen(text), bytes, PROTO_MAX_CHUNK, n) < 0) {
        op_fail(err, PROTO_ERR_BAD_ARGS, "data: not base64 of at most %d bytes", PROTO_MAX_CHUNK);
        free(bytes);
        bytes = NULL;
    }
    free(text);
    return bytes;
}

struct files_put {
    char *path;
    unsigned char *data;
    size_t n;
    uint64_t offset;
    bool final;
    uint64_t size; /* expected in the end; PROTO_MAX_ID + 1: not told */
};

static int files_put_read(struct request *rq, struct files_put *p, struct op_error *err)
{
    p->size = PROTO_MAX_ID + 1;
    if (request_arg_string(rq, "path", &p->path, err) < 0 ||
        request_arg_u64(rq, "offset", &p->offset, err) < 0 ||
        request_opt_bool(rq, "final", &p->final, err) < 0 ||
        request_opt_u64(rq, "size", &p->size, err) < 0)
        return -1;
    if (p->offset > PROTO_MAX_ID)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "offset: too large");
    p->data = files_read_data(rq, &p->n, err);
    return p->data == NULL ? -1 : 0;
}

static int files_put_write(const struct files_put *p, struct plat_file *f, uint64_t *size,
                           struct op_error *err)
{
    if (plat_file_size(f, size, err) < 0)
        return -1;
    if (p->offset > *size)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "offset: beyond the end, a chunk is missing");
    if (plat_file_write(f, p->offset, p->data, p->n, err) < 0 || plat_file_size(f, size, err) < 0)
        return -1;
    if (!p->final)
        return 0;
    if (p->size <= PROTO_MAX_ID && p->size != *size)
        return op_fail(err, PROTO_ERR_BAD_ARGS, "size: %llu expected, the file has %llu",
                       (unsigned long long)p->size, (unsigned long long)*size);
    return plat_file_sync(f, err);
}

int op_put(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct files_put p = {.path = NULL};
    struct plat_file *f = NULL;
    uint64_t size = 0;
    int rc = files_put_read(rq, &p, err);

    if (rc == 0 && p.offset == 0)
        rc = files_make_folders(p.path, false, err);
    if (rc == 0) {
        f = plat_file_open_write(p.path, p.offset == 0, err);
        rc = f == NULL ? -1 : files_put_write(&p, f, &size, err);
    }
    plat_file_close(f);
    free(p.path);
    free(p.data);
    jsonw_put_u64(result, "size", size);
    return rc;
}

static int files_get(struct plat_file *f, uint64_t offset, size_t length, struct jsonw *result,
                     struct op_error *err)
{
    uint64_t size;
    unsigned char *buf = malloc(PROTO_MAX_CHUNK);
    int64_t n = -1;

    if (buf == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    if (plat_file_size(f, &size, err) == 0)
        n = plat_file_read(f, offset, buf, length, err);
    if (n >= 0) {
        jsonw_key(result, "data");
        jsonw_base64(result, buf, (size_t)n);
        jsonw_put_bool(result, "eof", offset + (uint64_t)n >= size);
        jsonw_put_u64(result, "size", size);
    }
    free(buf);
    return n < 0 ? -1 : 0;
}

int op_get(struct request *rq, struct jsonw *result, struct op_error *err)
{
    uint64_t offset = 0, length = PROTO_MAX_CHUNK;
    char *path;
    int rc = -1;

    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    if (request_opt_u64(rq, "offset", &offset, err) < 0 ||
        request_opt_u64(rq, "length", &length, err) < 0) {
        /* err is filled */
    } else if (length > PROTO_MAX_CHUNK || offset > PROTO_MAX_ID) {
        op_fail(err, PROTO_ERR_BAD_ARGS, "offset or length: too large");
    } else {
        struct plat_file *f = plat_file_open_read(path, err);
        rc = f == NULL ? -1 : files_get(f, offset, (size_t)length, result, err);
        plat_file_close(f);
    }
    free(path);
    return rc;
}

static void files_write_info(struct jsonw *w, const struct plat_file_info *info)
{
    jsonw_put_bool(w, "dir", info->dir);
    jsonw_put_u64(w, "size", info->size);
    jsonw_put_u64(w, "mtime_unix_ms", info->mtime_unix_ms < 0 ? 0 : (uint64_t)info->mtime_unix_ms);
}

int op_stat(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct plat_file_info info;
    char *path;

    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    int rc = plat_file_stat(path, &info, err);
    free(path);
    if (rc < 0 && err->code != PROTO_ERR_NOT_FOUND)
        return -1;
    jsonw_put_bool(result, "exists", rc == 0);
    if (rc == 0)
        files_write_info(result, &info);
    return 0;
}

/* What is made of a file's bytes: a digest, or with h NULL the CRC-32. */
struct files_sum {
    struct plat_sha256 *h;
    uint32_t crc;
};

static int files_hash(struct request *rq, struct plat_file *f, struct files_sum *sum,
                      uint64_t *size, struct op_error *err)
{
    unsigned char *buf = malloc(FILES_HASH_PIECE);
    int64_t n = -1;

    *size = 0;
    if (buf == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    while (!request_stopped(rq, err)) {
        n = plat_file_read(f, *size, buf, FILES_HASH_PIECE, err);
        if (n <= 0)
            break;
        *size += (uint64_t)n;
        if ((sum->h != NULL ? plat_sha256_update(sum->h, buf, (size_t)n, err)
                            : plat_crc32(&sum->crc, buf, (size_t)n, err)) < 0) {
            n = -1;
            break;
        }
    }
    free(buf);
    return n == 0 ? 0 : -1;
}

static void files_write_digest(struct jsonw *w, const unsigned char digest[32])
{
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    jsonw_put_string(w, "sha256", hex);
}

static int files_digest(struct request *rq, const char *path, unsigned char digest[32],
                        uint64_t *size, struct op_error *err)
{
    struct plat_file *f = plat_file_open_read(path, err);
    struct files_sum sum = {.h = f == NULL ? NULL : plat_sha256_new(err)};
    int rc = -1;

    if (sum.h != NULL && files_hash(rq, f, &sum, size, err) == 0)
        rc = plat_sha256_finish(sum.h, digest, err);
    plat_sha256_free(sum.h);
    plat_file_close(f);
    return rc;
}

static int files_crc(struct request *rq, const char *path, uint32_t *crc, struct op_error *err)
{
    struct plat_file *f = plat_file_open_read(path, err);
    struct files_sum sum = {NULL, 0};
    uint64_t size;
    int rc = f == NULL ? -1 : files_hash(rq, f, &sum, &size, err);

    plat_file_close(f);
    *crc = sum.crc;
    return rc;
}

int op_hash(struct request *rq, struct jsonw *result, struct op_error *err)
{
    unsigned char digest[32];
    uint64_t size = 0;
    char *path;

    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    int rc = files_digest(rq, path, digest, &size, err);
    free(path);
    if (rc == 0) {
        files_write_digest(result, digest);
        jsonw_put_u64(result, "size", size);
    }
    return rc;
}

struct files_wish { /* beside size and time */
    bool digest, crc;
};

static void files_write_crc(struct jsonw *w, uint32_t crc)
{
    char hex[9];
    snprintf(hex, sizeof hex, "%08lx", (unsigned long)crc);
    jsonw_put_string(w, "crc32", hex);
}

/* One row. -1 only when the whole request is to end. */
static int files_look(struct request *rq, const char *path, uint64_t i,
                      const struct files_wish *wish, struct op_error *err)
{
    struct op_error why = {.message = ""};
    struct plat_file_info info = {.dir = false};
    unsigned char bytes[32];
    uint32_t crc = 0;
    uint64_t size;
    int rc = plat_file_stat(path, &info, &why);

    if (rc == 0 && wish->digest)
        rc = files_digest(rq, path, bytes, &size, &why);
    if (rc == 0 && wish->crc)
        rc = files_crc(rq, path, &crc, &why);
    if (request_stopped(rq, err))
        return -1;
    struct jsonw *w = request_item_begin(rq);
    jsonw_put_u64(w, "i", i);
    if (rc == 0 || why.code == PROTO_ERR_NOT_FOUND)
        jsonw_put_bool(w, "exists", rc == 0);
    else
        jsonw_put_string(w, "why", why.message);
    if (rc == 0)
        files_write_info(w, &info);
    if (rc == 0 && wish->digest)
        files_write_digest(w, bytes);
    if (rc == 0 && wish->crc)
        files_write_crc(w, crc);
    return request_item_end(rq, err);
}

int op_look(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct files_wish wish = {false, false};
    uint64_t count = 0;
    char *paths;
    int rc = 0;

    if (request_arg_string(rq, "paths", &paths, err) < 0)
        return -1;
    if (request_opt_bool(rq, "digest", &wish.digest, err) < 0 ||
        request_opt_bool(rq, "crc", &wish.crc, err) < 0)
        rc = -1;
    for (char *p = paths, *next; rc == 0 && *p != '\0'; p = next) {
        next = p + strcspn(p, "\n");
        if (*next == '\n')
            *next++ = '\0';
        if (count == FILES_LOOK_MAX)
            rc = op_fail(err, PROTO_ERR_BAD_ARGS, "paths: more than %d", FILES_LOOK_MAX);
        else
            rc = files_look(rq, p, count++, &wish, err);
    }
    free(paths);
    jsonw_put_u64(result, "count", count);
    return rc;
}

struct files_list {
    struct request *rq;
    uint64_t count;
};

static int files_list_row(void *arg, const char *name, const struct plat_file_info *info,
                          struct op_error *err)
{
    struct files_list *l = arg;

    if (request_stopped(l->rq, err))
        return -1;
    struct jsonw *w = request_item_begin(l->rq);
    jsonw_put_string(w, "name", name);
    files_write_info(w, info);
    l->count++;
    return request_item_end(l->rq, err);
}

int op_list(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct files_list l = {.rq = rq};
    char *path;

    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    int rc = plat_file_list(path, files_list_row, &l, err);
    free(path);
    jsonw_put_u64(result, "count", l.count);
    return rc;
}

int op_remove(struct request *rq, struct jsonw *result, struct op_error *err)
{
    char *path;

    (void)result;
    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    int rc = plat_file_remove(path, err);
    free(path);
    return rc;
}

int op_mkdir(struct request *rq, struct jsonw *result, struct op_error *err)
{
    char *path;

    (void)result;
    if (request_arg_string(rq, "path", &path, err) < 0)
        return -1;
    int rc = files_make_folders(path, true, err);
    free(path);
    return rc;
}
