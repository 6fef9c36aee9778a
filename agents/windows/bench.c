#include "windows/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/guest.h"
#include "windows/text.h"

/* About 20 ms on one emulated CPU (TCG), half of that on a current real one. */
#define BENCH_REFERENCE_STEPS 8000000
#define BENCH_READ_PIECE 65536

double bench_now_ms(void)
{
    LARGE_INTEGER count, hertz;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&hertz);
    return (double)count.QuadPart * 1000.0 / (double)hertz.QuadPart;
}

/* Marsaglia's xorshift64 (Journal of Statistical Software 8(14), 2003), triple 13, 7, 17. */
static uint64_t bench_random(uint64_t x)
{
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

double bench_reference(const struct bench *b)
{
    double start = bench_now_ms();
    uint64_t x = 88172645463325252u, sum = 0;
    for (unsigned i = 0; i < BENCH_REFERENCE_STEPS; i++) {
        x = bench_random(x);
        sum += b->pool[x % BENCH_POOL_BYTES]; /* an emulator pays for memory, not for sums */
    }
    x ^= sum;
    /* Makes the compiler believe that the number matters. */
    __asm__ volatile("" : : "r"((uint32_t)x), "r"((uint32_t)(x >> 32)));
    return bench_now_ms() - start;
}

static int bench_make_folder(const wchar_t *path, struct op_error *err)
{
    wchar_t part[BENCH_PATH];

    for (size_t i = 3; path[i - 1] != L'\0'; i++) { /* behind "X:\" */
        if (path[i] != L'\\' && path[i] != L'\0')
            continue;
        wmemcpy(part, path, i);
        part[i] = L'\0';
        if (!CreateDirectoryW(part, NULL) && GetLastError() != ERROR_ALREADY_EXISTS)
            return guest_fail(err, "workload folder");
        if (path[i] == L'\0')
            break;
    }
    return 0;
}

/* The folder that holds the workloads' folders. */
static int bench_base(struct request *rq, wchar_t base[BENCH_PATH / 2], struct op_error *err)
{
    char *told = NULL;
    wchar_t windows[MAX_PATH] = L"C:\\";

    if (request_param_string(rq, "dir", &told, err) < 0)
        return -1;
    wchar_t *wide = told == NULL ? NULL : text_to_wide(told);
    GetWindowsDirectoryW(windows, MAX_PATH);
    if (wide != NULL)
        _snwprintf(base, BENCH_PATH / 2, L"%ls", wide);
    else
        _snwprintf(base, BENCH_PATH / 2, L"%lc:\\coexist\\bench", windows[0]);
    bool good = base[BENCH_PATH / 2 - 1] == L'\0' && base[0] != L'\0' && base[1] == L':' &&
                base[2] == L'\\' && base[3] != L'\0';
    free(wide);
    free(told);
    return good ? 0 : op_fail(err, PROTO_ERR_BAD_ARGS, "params.dir: not a path like C:\\x");
}

int bench_open(struct bench *b, struct request *rq, const char *name, struct op_error *err)
{
    wchar_t base[BENCH_PATH / 2] = L"";

    *b = (struct bench){.rq = rq, .name = name};
    if (bench_base(rq, base, err) < 0)
        return -1;
    _snwprintf(b->dir, BENCH_PATH, L"%ls\\%hs-%lu-%lu", base, name, GetCurrentProcessId(),
               GetCurrentThreadId());
    bench_remove_tree(b->dir);
    if (bench_make_folder(b->dir, err) < 0)
        return -1;
    b->pool = malloc(2 * BENCH_POOL_BYTES);
    if (b->pool == NULL) {
        bench_close(b);
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    }
    bench_fill(b, 1);
    return 0;
}

void bench_close(struct bench *b)
{
    bench_remove_tree(b->dir);
    free(b->pool);
    b->pool = NULL;
}

void bench_fill(struct bench *b, uint64_t seed)
{
    static const char letters[] = "etaoinshrdlucmfwypvbgkETAOINSHRDLUCMFWYPVBGK0123456789  ..,\n    ";
    unsigned char *text = b->pool + BENCH_POOL_BYTES;
    uint64_t x = seed * 0x9e3779b97f4a7c15u | 1; /* never zero, which xorshift stays at */

    for (size_t i = 0; i < BENCH_POOL_BYTES; i += sizeof x) {
        x = bench_random(x);
        memcpy(b->pool + i, &x, sizeof x);
    }
    for (size_t i = 0; i < BENCH_POOL_BYTES; i++)
        text[i] = (unsigned char)letters[b->pool[i] & 63];
}

const unsigned char *bench_content(const struct bench *b, uint64_t i, size_t n, bool text)
{
    size_t room = BENCH_POOL_BYTES - n + 1;
    return b->pool + (text ? BENCH_POOL_BYTES : 0) + (size_t)(i * 7919 % room);
}

static struct jsonw *bench_row_begin(struct bench *b, uint64_t i, const char *metric, double value,
                                     const char *unit)
{
    char name[96];
    struct jsonw *w = request_item_begin(b->rq);

    snprintf(name, sizeof name, metric == NULL ? "%s" : "%s.%s", b->name, metric);
    jsonw_put_u64(w, "i", i);
    jsonw_put_string(w, "metric", name);
    jsonw_put_number(w, "value", value);
    jsonw_put_string(w, "unit", unit);
    jsonw_put_number(w, "reference_ms", b->reference_ms);
    b->count++;
    return w;
}

int bench_row(struct bench *b, uint64_t i, const char *metric, double value, const char *unit,
              struct op_error *err)
{
    bench_row_begin(b, i, metric, value, unit);
    return request_item_end(b->rq, err);
}

int bench_process_row(struct bench *b, uint64_t i, const char *metric, double value,
                      const char *unit, DWORD pid, const wchar_t *process, struct op_error *err)
{
    struct jsonw *w = bench_row_begin(b, i, metric, value, unit);
    jsonw_put_u64(w, "pid", pid);
    guest_put_wide(w, "process", process);
    return request_item_end(b->rq, err);
}

void bench_path(const struct bench *b, wchar_t *path, const wchar_t *format, ...)
{
    va_list ap;
    int n = _snwprintf(path, BENCH_PATH, L"%ls\\", b->dir);

    va_start(ap, format);
    if (n > 0 && n < BENCH_PATH)
        _vsnwprintf(path + n, (size_t)(BENCH_PATH - n), format, ap);
    va_end(ap);
    path[BENCH_PATH - 1] = L'\0';
}

int bench_write_file(const wchar_t *path, const unsigned char *bytes, size_t n,
                     struct op_error *err)
{
    DWORD put = 0;
    HANDLE f = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL,
                           NULL);
    if (f == INVALID_HANDLE_VALUE)
        return guest_fail(err, "create");
    int rc = WriteFile(f, bytes, (DWORD)n, &put, NULL) && put == n ? 0 : guest_fail(err, "write");
    CloseHandle(f);
    return rc;
}

int bench_read_file(const wchar_t *path, uint64_t n, struct op_error *err)
{
    unsigned char *buf = malloc(BENCH_READ_PIECE);
    DWORD got = 0;
    uint64_t sum = 0;
    int rc = 0;

    HANDLE f = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE |
                           FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (f == INVALID_HANDLE_VALUE || buf == NULL)
        rc = buf == NULL ? op_fail(err, PROTO_ERR_BUSY, "out of memory") : guest_fail(err, "open");
    while (rc == 0) {
        if (!ReadFile(f, buf, BENCH_READ_PIECE, &got, NULL))
            rc = guest_fail(err, "read");
        if (got == 0)
            break;
        sum += got;
    }
    if (f != INVALID_HANDLE_VALUE)
        CloseHandle(f);
    free(buf);
    if (rc == 0 && sum != n)
        rc = op_fail(err, PROTO_ERR_OS, "a file changed its size under the workload");
    return rc;
}

void bench_remove_tree(const wchar_t *path)
{
    wchar_t inner[BENCH_PATH];
    WIN32_FIND_DATAW d;

    _snwprintf(inner, BENCH_PATH, L"%ls\\*", path);
    inner[BENCH_PATH - 1] = L'\0';
    HANDLE find = FindFirstFileW(inner, &d);
    for (BOOL more = find != INVALID_HANDLE_VALUE; more; more = FindNextFileW(find, &d)) {
        bool dir = (d.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
        bool link = (d.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
        if (wcscmp(d.cFileName, L".") == 0 || wcscmp(d.cFileName, L"..") == 0)
            continue;
        _snwprintf(inner, BENCH_PATH, L"%ls\\%ls", path, d.cFileName);
        inner[BENCH_PATH - 1] = L'\0';
        if (dir && !link)
            bench_remove_tree(inner);
        else if (dir)
            RemoveDirectoryW(inner);
        else
            DeleteFileW(inner);
    }
    if (find != INVALID_HANDLE_VALUE)
        FindClose(find);
    RemoveDirectoryW(path);
}
