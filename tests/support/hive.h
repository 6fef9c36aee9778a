/* Registry hives for tests: Windows' boot configuration data, made by hand and by hivexregedit. */
#ifndef COEXIST_TESTS_HIVE_H
#define COEXIST_TESTS_HIVE_H

#include <stddef.h>

/* An empty hive (format: msuhanov, "Windows registry file format specification"): base block, one bin with the root
 * key, its security descriptor and free room. */
enum { HIVE_EMPTY_LEN = 8192 };
void hive_make_empty(unsigned char out[HIVE_EMPTY_LEN]);

#endif
