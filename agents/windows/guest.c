#include "windows/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows/text.h"

FARPROC guest_function(const wchar_t *dll, const char *name)
{
    HMODULE module = GetModuleHandleW(dll);
    if (module == NULL)
        module = LoadLibraryW(dll);
    return module == NULL ? NULL : GetProcAddress(module, name);
}

uint64_t guest_ticks(FILETIME t)
{
    return (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
}

const char *guest_wine_version(void)
{
    /* winehq.org, Developer FAQ: the export by which a program may know Wine. */
    typedef const char *(CDECL * version_fn)(void);
    version_fn version = (version_fn)(void *)guest_function(L"ntdll.dll", "wine_get_version");
    return version == NULL ? NULL : version();
}

/* GetVersionEx tells programs without a manifest of Windows 10 that they run on Windows 8. */
static void guest_put_version(struct jsonw *w)
{
    typedef LONG(WINAPI * version_fn)(OSVERSIONINFOW *);
    OSVERSIONINFOW v = {.dwOSVersionInfoSize = sizeof v};
    char text[64];
    version_fn version = (version_fn)(void *)guest_function(L"ntdll.dll", "RtlGetVersion");

    if (version == NULL || version(&v) != 0) {
        jsonw_put_string(w, "version", NULL);
        return;
    }
    snprintf(text, sizeof text, "%lu.%lu.%lu", v.dwMajorVersion, v.dwMinorVersion,
             v.dwBuildNumber);
    jsonw_put_string(w, "version", text);
}

static void guest_put_name(struct jsonw *w)
{
    wchar_t name[128] = L"Windows";
    DWORD size = sizeof name - sizeof *name, type = 0;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", 0,
                      KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key) == ERROR_SUCCESS) {
        if (RegQueryValueExW(key, L"ProductName", NULL, &type, (BYTE *)name, &size) !=
                ERROR_SUCCESS ||
            type != REG_SZ)
            wcscpy(name, L"Windows");
        RegCloseKey(key);
    }
    name[sizeof name / sizeof *name - 1] = L'\0';
    guest_put_wide(w, "name", name);
}

static const char *guest_arch(void)
{
    SYSTEM_INFO info;
    GetNativeSystemInfo(&info);
    switch (info.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_AMD64:
        return "x86_64";
    case PROCESSOR_ARCHITECTURE_INTEL:
        return "x86";
    case 12: /* PROCESSOR_ARCHITECTURE_ARM64, newer than the headers' NT 5.2 view */
        return "arm64";
    default:
        return "other";
    }
}

void guest_describe(struct jsonw *w)
{
    const char *wine = guest_wine_version();
    bool real = wine == NULL;

    jsonw_key(w, "os");
    jsonw_open(w, '{');
    guest_put_name(w);
    guest_put_version(w);
    jsonw_put_string(w, "arch", guest_arch());
    jsonw_put_string(w, "wine", wine);
    jsonw_close(w, '}');
    jsonw_key(w, "can");
    jsonw_open(w, '{');
    jsonw_put_bool(w, "eventlog", real && guest_function(L"wevtapi.dll", "EvtQuery") != NULL);
    jsonw_put_bool(w, "drivers", true);
    jsonw_put_bool(w, "commit", real);
    jsonw_close(w, '}');
}

void guest_put_wide(struct jsonw *w, const char *key, const wchar_t *wide)
{
    char *utf8 = wide == NULL ? NULL : text_from_wide(wide);
    jsonw_put_string(w, key, utf8);
    free(utf8);
}

int guest_fail_code(struct op_error *err, DWORD os, const char *what)
{
    return op_fail_os(err, os, "%s: Windows error %lu", what, os);
}

int guest_fail(struct op_error *err, const char *what)
{
    return guest_fail_code(err, GetLastError(), what);
}

int guest_take_privilege(const wchar_t *name, struct op_error *err)
{
    TOKEN_PRIVILEGES p = {.PrivilegeCount = 1,
                          .Privileges = {{.Attributes = SE_PRIVILEGE_ENABLED}}};
    HANDLE token;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
        return guest_fail(err, "token");
    BOOL ok = LookupPrivilegeValueW(NULL, name, &p.Privileges[0].Luid) &&
              AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
    DWORD os = GetLastError();
    CloseHandle(token);
    /* Success with ERROR_NOT_ALL_ASSIGNED: the privilege is not to be had. */
    return ok && os == ERROR_SUCCESS ? 0 : guest_fail_code(err, os, "privilege");
}
