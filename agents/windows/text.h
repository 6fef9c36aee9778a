/* UTF-8 to and from Windows' UTF-16. The caller frees; NULL when out of memory. */
#ifndef COEXIST_WINDOWS_TEXT_H
#define COEXIST_WINDOWS_TEXT_H

#include <wchar.h>

wchar_t *text_to_wide(const char *utf8);
char *text_from_wide(const wchar_t *wide);

#endif
