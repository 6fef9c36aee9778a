/*
 * labctl: the few things that Windows code in the guest asks of Linux. Installed setuid root; started
 * from Wine by its Unix path.
 *
 *   labctl reboot | poweroff     asks process 1 to take the guest down in order
 *   labctl shift MS              moves the wall clock by so many milliseconds, back when negative
 *   labctl panic TEXT...         what a bug check is on Windows: everything on disk, a stop screen,
 *                                one line on the kernel console, and the kernel stopped for good
 *
 * Whoever can start a program in the guest can stop the guest: on this stand-in there is one user
 * and he is the administrator.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LABCTL_LINE_MAX = 400 };

static int labctl_open(const char *path)
{
    return open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

static void labctl_write(const char *path, const char *text)
{
    int fd = labctl_open(path);
    if (fd < 0)
        return;
    (void)!write(fd, text, strlen(text));
    close(fd);
}

/* The text comes from the fault: keep terminals and log readers out of its reach. */
static void labctl_join(char *out, size_t size, int count, char *const *words, const char *between)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < count && used + 1 < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i ? between : "", words[i]);
        used = n < 0 ? size : used + (size_t)n;
    }
    for (char *p = out; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || (unsigned char)*p > 0x7e)
            *p = '?';
}

/* The shape of Windows' stop screen: what a person looks for when he sees a screenshot. */
static void labctl_stop_screen(const char *lines)
{
    char screen[LABCTL_LINE_MAX + 512];
    snprintf(screen, sizeof screen,
             "\033[?25l\033[44;37;1m\033[2J\033[H\n"
             "A problem has been detected and Windows has been shut down to prevent damage\n"
             "to your computer.\n\n"
             "Technical information:\n\n%s\n\n"
             "(winelab: a Windows stand-in on Wine)\n",
             lines);
    labctl_write("/dev/tty0", screen);
}

static void labctl_panic(int count, char *const *words)
{
    char lines[LABCTL_LINE_MAX], line[LABCTL_LINE_MAX], message[LABCTL_LINE_MAX + 8];
    labctl_join(lines, sizeof lines, count, words, "\n");
    labctl_join(line, sizeof line, count, words, " ");
    labctl_stop_screen(lines);
    snprintf(message, sizeof message, "<0>%s\n", line);
    labctl_write("/dev/kmsg", message);
    sync();
    labctl_write("/proc/sysrq-trigger", "c");
}

static int labctl_shift(const char *text)
{
    struct timespec t;
    char *end = NULL;
    long long by = strtoll(text, &end, 10);
    if (end == text || *end || clock_gettime(CLOCK_REALTIME, &t) < 0)
        return 2;
    long long ms = (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (__builtin_add_overflow(ms, by, &ms) || ms < 0)
        return 2;
    t.tv_sec = (time_t)(ms / 1000);
    t.tv_nsec = ms % 1000 * 1000000;
    return clock_settime(CLOCK_REALTIME, &t) < 0;
}

static int labctl_usage(void)
{
    fputs("usage: labctl reboot | poweroff | shift MS | panic TEXT...\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return labctl_usage();
    if (strcmp(argv[1], "reboot") == 0)
        return kill(1, SIGINT) < 0;
    if (strcmp(argv[1], "poweroff") == 0)
        return kill(1, SIGTERM) < 0;
    if (strcmp(argv[1], "shift") == 0)
        return argc == 3 ? labctl_shift(argv[2]) : labctl_usage();
    if (strcmp(argv[1], "panic") != 0)
        return labctl_usage();
    labctl_panic(argc - 2, argv + 2);
    return 1;
}
