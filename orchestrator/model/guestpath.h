/* Paths and registry keys inside the guest, as Windows has them. Private to model/.
 * Rules: learn.microsoft.com "Naming Files, Paths, and Namespaces". */
#ifndef COEXIST_MODEL_GUESTPATH_H
#define COEXIST_MODEL_GUESTPATH_H

#include <stdbool.h>

/* What is wrong with an absolute Windows path ("C:\..."), as the end of the sentence 'guest path "X"
 * ...', with a hint (static, may be NULL); NULL when nothing is. Caller frees the text. */
char *guestpath_fault(const char *path, const char **hint);

/* The same for a pattern of files: the part behind the last backslash may hold '*' and '?'. */
char *guestpath_pattern_fault(const char *pattern, const char **hint);

/* The same for a registry key "HKLM\Software\..." (short or long root names). */
char *guestpath_key_fault(const char *key, const char **hint);

/* The part behind the last backslash; borrowed. */
const char *guestpath_basename(const char *path);

/* Below C:\Windows, except its drivers folder: there products put files of their own. */
bool guestpath_is_of_windows(const char *path);

#endif
