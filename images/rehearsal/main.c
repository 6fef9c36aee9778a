#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rehearsal.h"

void setup_log(const char *format, ...) {
    char line[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line) - 1, format, ap);
    va_end(ap);
    int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && n > 0) {
        (void)!write(fd, line, strlen(line));
    }
    if (fd >= 0) {
        close(fd);
    }
}

void setup_show(const char *text) {
    int fd = open("/dev/tty0", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    dprintf(fd, "\033[2J\033[H\033[?25l\r\n\r\n    ");
    for (; *text; text++) {
        dprintf(fd, *text == '\n' ? "\r\n    " : "%c", *text);
    }
    close(fd);
}

long long setup_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void setup_stop(const char *text) {
    setup_show(text);
    setup_log("<3>rehearsal: stands: %s\n", text);
    for (;;) {
        poll(NULL, 0, -1);
    }
}

void setup_reset(void) {
    sync();
    reboot(RB_AUTOBOOT);
    setup_stop("Setup cannot restart the computer.");
}

static void setup_mounts(void) {
    static const char *const mounts[][2] = {{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}};
    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        mkdir(mounts[i][1], 0755);
        if (mount(mounts[i][0], mounts[i][1], mounts[i][0], MS_NOSUID, NULL) < 0 && errno != EBUSY) {
            setup_log("<3>rehearsal: mount %s: %s\n", mounts[i][1], strerror(errno));
        }
    }
}

int main(void) {
    char stage[16];
    setup_mounts();
    device_load_modules();
    if (device_word("rehearsal.stage", stage, sizeof(stage)) && strcmp(stage, "disk") == 0) {
        disk_go_on();
    }
    install_from_cd();
}
