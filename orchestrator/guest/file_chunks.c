#include "guest/file_chunks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "guest/download.h"
#include "proto/proto.h"

/* Fills buf as far as the file goes; -1 with errno. */
static ssize_t file_chunks_read(int fd, unsigned char *buf, size_t cap) {
    size_t have = 0;
    while (have < cap) {
        ssize_t n = read(fd, buf + have, cap - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static int file_chunks_put_one(struct agent_client *c, const char *guest_path, int64_t offset,
                               const unsigned char *bytes, size_t n, bool final, int64_t deadline,
                               struct err *err) {
    char text[sodium_base64_ENCODED_LEN(PROTO_MAX_CHUNK, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(text, sizeof(text), bytes, n, sodium_base64_VARIANT_ORIGINAL);
    json_t *args = json_pack("{s:s, s:I, s:s, s:b}", "path", guest_path, "offset",
                             (json_int_t)offset, "data", text, "final", final);
    if (!args) {
        return err_set(err, ERR_INPUT, "guest path is not UTF-8");
    }
    if (final) {
        json_object_set_new(args, "size", json_integer(offset + (int64_t)n));
    }
    json_t *result = NULL;
    struct agent_call call = {.op = "put", .args = args, .deadline = deadline};
    int rc = agent_client_call(c, &call, &result, err);
    if (rc == 0 && json_integer_value(json_object_get(result, "size")) != offset + (int64_t)n) {
        rc = err_set(err, ERR_PROTOCOL, "put: the guest's file has another size than was written");
    }
    json_decref(result);
    json_decref(args);
    return rc;
}

int file_chunks_put(struct agent_client *c, const char *host_path, const char *guest_path,
                    int64_t deadline, struct err *err) {
    CLEANUP_FREE unsigned char *buf = mem_zalloc(1, PROTO_MAX_CHUNK);
    CLEANUP_FD int fd = open(host_path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    int64_t offset = 0;
    if (fd < 0 || fstat(fd, &st) < 0) {
        return err_sys(err, errno, "open %s", host_path);
    }
    for (;;) {
        ssize_t n = file_chunks_read(fd, buf, PROTO_MAX_CHUNK);
        if (n < 0) {
            return err_sys(err, errno, "read %s", host_path);
        }
        bool final = n < PROTO_MAX_CHUNK || offset + n >= st.st_size;
        if (file_chunks_put_one(c, guest_path, offset, buf, (size_t)n, final, deadline, err) < 0) {
            return -1;
        }
        if (final) {
            return 0;
        }
        offset += n;
    }
}

/* Takes one chunk; *eof as the guest says. */
static int file_chunks_take(const json_t *result, struct download *to, unsigned char *buf,
                            bool *eof, struct err *err) {
    const json_t *data = json_object_get(result, "data");
    size_t n = 0;
    if (sodium_base642bin(buf, PROTO_MAX_CHUNK, json_string_value(data), json_string_length(data),
                          NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) < 0) {
        return err_set(err, ERR_PROTOCOL, "get: data that is not base64 of at most %d bytes",
                       PROTO_MAX_CHUNK);
    }
    *eof = json_is_true(json_object_get(result, "eof"));
    if (n == 0 && !*eof) {
        return err_set(err, ERR_PROTOCOL, "get: an empty chunk that is not the end");
    }
    return download_write(to, buf, n, err);
}

static int file_chunks_get_one(struct agent_client *c, const char *guest_path, struct download *to,
                               unsigned char *buf, bool *eof, int64_t deadline, struct err *err) {
    json_t *args = json_pack("{s:s, s:I, s:i}", "path", guest_path, "offset",
                             (json_int_t)to->size, "length", PROTO_MAX_CHUNK);
    if (!args) {
        return err_set(err, ERR_INPUT, "guest path is not UTF-8");
    }
    json_t *result = NULL;
    struct agent_call call = {.op = "get", .args = args, .deadline = deadline};
    int rc = agent_client_call(c, &call, &result, err);
    json_decref(args);
    if (rc == 0) {
        rc = file_chunks_take(result, to, buf, eof, err);
    }
    json_decref(result);
    return rc;
}

int file_chunks_get(struct agent_client *c, const char *guest_path, const char *host_path,
                    int64_t max_bytes, int64_t deadline, struct err *err) {
    CLEANUP_FREE unsigned char *buf = mem_zalloc(1, PROTO_MAX_CHUNK);
    CLEANUP_DOWNLOAD struct download to = DOWNLOAD_INIT;
    bool eof = false;
    if (download_begin(&to, host_path, max_bytes, err) < 0) {
        return -1;
    }
    while (!eof) {
        if (file_chunks_get_one(c, guest_path, &to, buf, &eof, deadline, err) < 0) {
            return -1;
        }
    }
    return download_commit(&to, err);
}
