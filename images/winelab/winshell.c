/*
 * Login shell of the winelab guest: takes Windows command lines, as OpenSSH on Windows does.
 *
 *   winshell                 an interactive cmd.exe
 *   winshell -c "LINE"       what sshd runs for `ssh lab@guest LINE`
 *
 * A line that names a program and uses nothing of cmd.exe's own language is started directly,
 * for a process less costs a second under emulation. Everything else goes to cmd.exe.
 * Wine builds a Windows command line out of Unix arguments by its own quoting rule; where that
 * would not give back the very line asked for, linerun.exe hands the line over untouched.
 * Standard input, output and error are passed on as they are; the exit code too (mod 256, which
 * is all that an exit status of Unix can hold).
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINSHELL_LINE_MAX = 32767, WINSHELL_ARGS_MAX = 4096 };

static const char winshell_wine[] = "/usr/lib/wine/wine64";
static const char winshell_cmd[] = "C:\\windows\\system32\\cmd.exe";
static const char winshell_linerun[] = "C:\\coexist\\bin\\linerun.exe";

/* Cuts one argument off *line by the rules of Microsoft's C runtime (backslashes count only
   before a quote; "" inside quotes is a quote). Returns the end of what was written to out,
   NULL when the line has no further argument. */
static char *winshell_next_argument(const char **line, char *out)
{
    const char *p = *line;
    bool quoted = false;
    while (*p == ' ' || *p == '\t')
        p++;
    if (!*p)
        return NULL;
    while (*p && (quoted || (*p != ' ' && *p != '\t'))) {
        size_t slashes = strspn(p, "\\");
        p += slashes;
        bool before_quote = *p == '"';
        size_t kept = before_quote ? slashes / 2 : slashes;
        memset(out, '\\', kept);
        out += kept;
        if (!before_quote) {
            if (slashes == 0)
                *out++ = *p++;
        } else if (slashes % 2) {
            *out++ = *p++;
        } else if (quoted && p[1] == '"') {
            *out++ = '"';
            p += 2;
        } else {
            quoted = !quoted;
            p++;
        }
    }
    *out = '\0';
    *line = p;
    return out;
}

/* Appends to out what Wine's loader makes of one Unix argument: quotes around it when it is
   empty or has blanks, a backslash before each quote, backslashes before a quote doubled
   (Wine 8, dlls/ntdll/unix/env.c, build_command_line). */
static char *winshell_quote(char *out, const char *argument)
{
    bool blank = !*argument || strpbrk(argument, " \t");
    *out++ = ' ';
    if (blank)
        *out++ = '"';
    for (;;) {
        size_t slashes = strspn(argument, "\\");
        argument += slashes;
        bool doubled = *argument == '"' || (!*argument && blank);
        memset(out, '\\', doubled ? 2 * slashes : slashes);
        out += doubled ? 2 * slashes : slashes;
        if (!*argument)
            break;
        if (*argument == '"')
            *out++ = '\\';
        *out++ = *argument++;
    }
    if (blank)
        *out++ = '"';
    *out = '\0';
    return out;
}

/* Splits tail into argv and tells whether Wine would join it to the same tail again. */
static bool winshell_split_losslessly(const char *tail, char *room, const char **argv, size_t max)
{
    static char again[2 * WINSHELL_LINE_MAX + 3 * WINSHELL_ARGS_MAX];
    const char *rest = tail;
    char *end = again;
    size_t count = 0;
    again[0] = '\0';
    for (;;) {
        char *next = winshell_next_argument(&rest, room);
        if (!next)
            break;
        if (count + 1 >= max)
            return false;
        argv[count++] = room;
        end = winshell_quote(end, room);
        room = next + 1;
    }
    argv[count] = NULL;
    return strcmp(again, tail) == 0;
}

/* Something only cmd.exe understands: redirections, pipes, variables, escapes, several lines. */
static bool winshell_needs_cmd(const char *line)
{
    bool quoted = false;
    for (; *line; line++) {
        if (*line == '"')
            quoted = !quoted;
        else if (*line == '%' || *line == '\n' || (!quoted && strchr("&|<>^()", *line)))
            return true;
    }
    return false;
}

static bool winshell_is_file(const char *dos)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "/%s", dos);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    for (char *p = path; *p; p++)
        if (*p == '\\')
            *p = '/';
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool winshell_is_exe(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcasecmp(name + n - 4, ".exe") == 0;
}

/* Full DOS path of the program that name means, where that can be said without cmd.exe. */
static bool winshell_find_program(const char *name, char *out, size_t size)
{
    const char *suffix = winshell_is_exe(name) ? "" : ".exe";
    if (toupper((unsigned char)name[0]) == 'C' && name[1] == ':' &&
        (name[2] == '\\' || name[2] == '/')) {
        int n = snprintf(out, size, "%s%s", name, suffix);
        return n > 0 && (size_t)n < size && winshell_is_file(out);
    }
    if (strpbrk(name, "\\/:"))
        return false;
    static const char *const folders[] = {"C:\\windows\\system32", "C:\\windows"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        int n = snprintf(out, size, "%s\\%s%s", folders[i], name, suffix);
        if (n > 0 && (size_t)n < size && winshell_is_file(out))
            return true;
    }
    return false;
}

__attribute__((noreturn)) static void winshell_exec(const char **argv)
{
    argv[0] = winshell_wine;
    execv(winshell_wine, (char *const *)(uintptr_t)argv);
    fprintf(stderr, "winshell: %s: %s\n", winshell_wine, strerror(errno));
    exit(126);
}

/* linerun.exe takes the line from its environment: the one way into Wine that changes nothing. */
__attribute__((noreturn)) static void winshell_exec_line(const char *line)
{
    const char *argv[] = {NULL, winshell_linerun, NULL};
    setenv("COEXIST_LINE", line, 1);
    winshell_exec(argv);
}

__attribute__((noreturn)) static void winshell_exec_cmd(const char *line)
{
    static char full[WINSHELL_LINE_MAX + 64];
    snprintf(full, sizeof full, "%s /s /c \"%s\"", winshell_cmd, line);
    winshell_exec_line(full);
}

__attribute__((noreturn)) static void winshell_run(const char *line)
{
    static char name[WINSHELL_LINE_MAX + 1], room[WINSHELL_LINE_MAX + WINSHELL_ARGS_MAX];
    static const char *argv[WINSHELL_ARGS_MAX];
    char program[1024];
    const char *tail = line;
    if (winshell_needs_cmd(line) || !winshell_next_argument(&tail, name) ||
        !winshell_find_program(name, program, sizeof program))
        winshell_exec_cmd(line);
    argv[1] = program;
    if (winshell_split_losslessly(tail, room, argv + 2, WINSHELL_ARGS_MAX - 2))
        winshell_exec(argv);
    winshell_exec_line(line);
}

static void winshell_environment(void)
{
    setenv("WINEPREFIX", "/home/lab/.wine", 1);
    setenv("WINEDEBUG", "-all", 0);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("PATH", "/usr/lib/wine:/usr/bin", 1);
}

int main(int argc, char **argv)
{
    winshell_environment();
    if (argc < 3 || strcmp(argv[1], "-c") != 0) {
        const char *interactive[] = {NULL, winshell_cmd, NULL};
        winshell_exec(interactive);
    }
    if (strlen(argv[2]) > WINSHELL_LINE_MAX) {
        fprintf(stderr, "winshell: the command line is over %d characters\n", WINSHELL_LINE_MAX);
        return 126;
    }
    winshell_run(argv[2]);
}
