/* Shared by the parts of the writer of kernel dumps; nobody else includes it. */
#ifndef COEXIST_TESTS_SUPPORT_KDMP_IMPL_H
#define COEXIST_TESTS_SUPPORT_KDMP_IMPL_H

#include "support/kdmp.h"

/* Where the made guests keep their lists. */
#define KDMP_LIST64 0xfffff80000a00100u
#define KDMP_KDBG64 0xfffff80000b00f00u /* crosses a page */
#define KDMP_PRCBS64 0xfffff80000c00000u
#define KDMP_GONE64 0xfffff80000c01000u
#define KDMP_POOL64 0xffffa00000100000u
#define KDMP_LIST32 0x82300100u
#define KDMP_KDBG32 0x82310f00u
#define KDMP_PRCBS32 0x82320000u
#define KDMP_GONE32 0x82321000u
#define KDMP_POOL32 0x8c100000u

void kdmp_put(struct str *out, uint64_t value, size_t bytes);
void kdmp_set(struct str *out, size_t at, uint64_t value, size_t bytes);
/* Repeats the four bytes of `with` up to the length `to`. */
void kdmp_fill(struct str *out, const char *with, size_t to);
size_t kdmp_width(const struct kdmp *k);
size_t kdmp_head(const struct kdmp *k);
void kdmp_header(const struct kdmp *k, uint64_t table, struct str *out);
void kdmp_debugger_data(const struct kdmp *k, struct str *out);

#endif
