/*
 * Facts about the Windows this runs on, and calls that older ones (NT 5.2) or Wine do not have.
 * Nothing newer than NT 5.2 is linked; it is looked up here and its absence is an answer.
 */
#ifndef COEXIST_WINDOWS_GUEST_H
#define COEXIST_WINDOWS_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "common/jsonw.h"
#include "common/op_error.h"

/* A function of a system DLL, or NULL when this Windows has none such. The DLL stays loaded. */
FARPROC guest_function(const wchar_t *dll, const char *name);

/* Wine's version, a static string, or NULL on a real Windows. */
const char *guest_wine_version(void);

/* "os" and "can" of hello. */
void guest_describe(struct jsonw *w);

/* jsonw_put_string for UTF-16; NULL writes null. */
void guest_put_wide(struct jsonw *w, const char *key, const wchar_t *wide);

/* A FILETIME as one number, in 100 ns. */
uint64_t guest_ticks(FILETIME t);

/* Turns a privilege on that this process may have, such as L"SeShutdownPrivilege". */
int guest_take_privilege(const wchar_t *name, struct op_error *err);

/* op_fail_os for GetLastError(), with the system's number in the message. */
int guest_fail(struct op_error *err, const char *what);
int guest_fail_code(struct op_error *err, DWORD os, const char *what);

#endif
