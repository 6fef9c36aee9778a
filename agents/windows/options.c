#include "windows/options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <windows.h>
#include <shellapi.h>

static const struct {
    const wchar_t *word;
    enum options_mode mode;
} options_modes[] = {
    {L"--stdio", OPTIONS_STDIO},         {L"--serial", OPTIONS_SERIAL},
    {L"--service", OPTIONS_SERVICE},     {L"--install", OPTIONS_INSTALL},
    {L"--uninstall", OPTIONS_UNINSTALL}, {L"--stay", OPTIONS_STAY},
    {L"--version", OPTIONS_VERSION},     {L"--help", OPTIONS_HELP},
};

static enum options_mode options_find(const wchar_t *word)
{
    for (size_t i = 0; i < sizeof options_modes / sizeof options_modes[0]; i++)
        if (wcscmp(options_modes[i].word, word) == 0)
            return options_modes[i].mode;
    return OPTIONS_NONE;
}

static bool options_port_ok(const wchar_t *port)
{
    size_t n = wcslen(port);
    return n >= 4 && n <= 6 && _wcsnicmp(port, L"COM", 3) == 0 &&
           wcsspn(port + 3, L"0123456789") == n - 3;
}

/* The number behind --stay; a word that is none stands for too many. */
static unsigned options_stay(const wchar_t *ms)
{
    size_t n = wcslen(ms);
    return n >= 1 && n <= 5 && wcsspn(ms, L"0123456789") == n ? (unsigned)wcstoul(ms, NULL, 10)
                                                              : OPTIONS_STAY_MAX + 1;
}

void options_read(struct options *o)
{
    int n = 0;

    *o = (struct options){.port = L"COM2"};
    o->args = CommandLineToArgvW(GetCommandLineW(), &n);
    for (int i = 1; o->args != NULL && i < n; i++) {
        bool is_port = wcscmp(o->args[i], L"--port") == 0 && i + 1 < n;
        enum options_mode mode = is_port ? o->mode : options_find(o->args[i]);
        if (is_port)
            o->port = o->args[++i];
        if (!is_port && (mode == OPTIONS_NONE || o->mode != OPTIONS_NONE)) {
            o->mode = OPTIONS_NONE; /* an unknown word, or two modes */
            return;
        }
        if (!is_port && mode == OPTIONS_STAY)
            o->stay_ms = i + 1 < n ? options_stay(o->args[++i]) : OPTIONS_STAY_MAX + 1;
        o->mode = mode;
    }
    if (!options_port_ok(o->port) || o->stay_ms > OPTIONS_STAY_MAX)
        o->mode = OPTIONS_NONE;
}

void options_free(struct options *o)
{
    LocalFree(o->args);
    o->args = NULL;
}
