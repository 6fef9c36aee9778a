/*
 * What the workloads share: time, rows, a folder of their own, content.
 *
 * A repetition is timed with QueryPerformanceCounter; right before and after it the same fixed
 * amount of pure computing is timed as well. Its mean goes out as reference_ms: a host that was
 * busy with something else makes both longer, so that the analysis can tell.
 */
#ifndef COEXIST_WINDOWS_BENCH_H
#define COEXIST_WINDOWS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "common/request.h"

#define BENCH_PATH 512
#define BENCH_POOL_BYTES (512 * 1024)

struct bench {
    struct request *rq; /* borrowed */
    const char *name;   /* of the workload, first part of its metrics */
    uint64_t count;     /* rows sent */
    double reference_ms; /* of the repetition under way */
    double reference_before; /* of the repetition before it */
    double meant_ms; /* how long a repetition waits by design, which is not part of its time */
    wchar_t dir[BENCH_PATH]; /* own folder, without a trailing backslash */
    unsigned char *pool;     /* BENCH_POOL_BYTES of binary content, then as much of text */
    void *state;             /* the workload's own */
};

/* Makes the folder (under params.dir, else X:\coexist\bench on the system drive) and the pool. */
int bench_open(struct bench *b, struct request *rq, const char *name, struct op_error *err);
/* Removes the folder with all in it. */
void bench_close(struct bench *b);

double bench_now_ms(void);
/* Runs the reference loop (sums and loads from the pool) once; returns its time in milliseconds. */
double bench_reference(const struct bench *b);

/* New pseudo-random content, the same for the same seed on every machine. */
void bench_fill(struct bench *b, uint64_t seed);
/* n <= BENCH_POOL_BYTES bytes for the file number i: text (words and lines) or binary. */
const unsigned char *bench_content(const struct bench *b, uint64_t i, size_t n, bool text);

/* One row: "metric" is name.metric, or name alone when metric is NULL. */
int bench_row(struct bench *b, uint64_t i, const char *metric, double value, const char *unit,
              struct op_error *err);
/* The same, about one process. */
int bench_process_row(struct bench *b, uint64_t i, const char *metric, double value,
                      const char *unit, DWORD pid, const wchar_t *process, struct op_error *err);

/* Files; failures fill *err. path: BENCH_PATH characters. */
void bench_path(const struct bench *b, wchar_t *path, const wchar_t *format, ...);
int bench_write_file(const wchar_t *path, const unsigned char *bytes, size_t n,
                     struct op_error *err);
/* Opens, reads to the end, closes. Returns -1 also when there are not exactly n bytes. */
int bench_read_file(const wchar_t *path, uint64_t n, struct op_error *err);
/* Removes a folder and all in it, without following links; missing is fine. */
void bench_remove_tree(const wchar_t *path);

#endif
