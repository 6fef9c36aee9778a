#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rehearsal.h"

enum { DEVICE_CDS = 4, DEVICE_POLL_MS = 100, DEVICE_WAIT_CDS_MS = 3000 };

void device_load_modules(void) {
    FILE *order = fopen("/modules/order", "re");
    char name[128];
    while (order && fscanf(order, "%127s", name) == 1) {
        char path[160];
        snprintf(path, sizeof(path), "/modules/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)) {
            setup_log("<4>rehearsal: module %s: %s\n", name, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    if (order) {
        fclose(order);
    }
}

bool device_word(const char *name, char *value, size_t size) {
    char line[4096] = " ";
    FILE *f = fopen("/proc/cmdline", "re");
    size_t n = f ? fread(line + 1, 1, sizeof(line) - 2, f) : 0;
    line[n + 1] = '\0';
    if (f) {
        fclose(f);
    }
    char key[64];
    snprintf(key, sizeof(key), " %s=", name);
    const char *at = strstr(line, key);
    if (at) {
        at += strlen(key);
        snprintf(value, size, "%.*s", (int)strcspn(at, " \n"), at);
    }
    return at != NULL;
}

bool device_is_uefi(void) {
    return access("/sys/firmware/efi", F_OK) == 0;
}

/* Linux' efivarfs: four bytes of attributes, then the variable's own; UEFI specification 2.10, section 3.3. */
int device_secure_boot(void) {
    uint8_t value[5] = {0};
    if (!device_is_uefi()) {
        return -1;
    }
    mount("efivarfs", "/sys/firmware/efi/efivars", "efivarfs", MS_RDONLY, NULL);
    int fd = open("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, value, sizeof(value));
    if (fd >= 0) {
        close(fd);
    }
    return n == 5 ? value[4] : -1;
}

/* ---- disks ----------------------------------------------------------------------------------- */

static bool device_is_disk(const char *name) {
    return strncmp(name, "sd", 2) == 0 || strncmp(name, "vd", 2) == 0 || strncmp(name, "hd", 2) == 0;
}

/* The first by name of what fits; calls until one fits or the time is over. */
static bool device_wait(bool (*fits)(const char *name, const void *ctx), const void *ctx, const char *folder,
                        char path[REHEARSAL_PATH], int ms) {
    long long end = setup_now_ms() + ms;
    do {
        char best[64] = "";
        DIR *d = opendir(folder);
        struct dirent *e;
        while (d && (e = readdir(d))) {
            if (strlen(e->d_name) < sizeof(best) && (!*best || strcmp(e->d_name, best) < 0) && fits(e->d_name, ctx)) {
                memcpy(best, e->d_name, strlen(e->d_name) + 1);
            }
        }
        if (d) {
            closedir(d);
        }
        if (*best) {
            snprintf(path, REHEARSAL_PATH, "/dev/%s", best);
            return access(path, F_OK) == 0;
        }
        poll(NULL, 0, DEVICE_POLL_MS);
    } while (setup_now_ms() < end);
    return false;
}

static bool device_fits_disk(const char *name, const void *ctx) {
    (void)ctx;
    return device_is_disk(name);
}

bool device_find_disk(char path[REHEARSAL_PATH], int ms) {
    return device_wait(device_fits_disk, NULL, "/sys/block", path, ms);
}

void device_partition(const char *disk, int number, char path[REHEARSAL_PATH]) {
    snprintf(path, REHEARSAL_PATH, "%.400s%d", disk, number);
}

/* ext4's superblock lies at byte 1024: magic at 0x38, label at 0x78. */
static bool device_fits_label(const char *name, const void *label) {
    char path[REHEARSAL_PATH];
    uint8_t super[256];
    snprintf(path, sizeof(path), "/dev/%.200s", name);
    int fd = device_is_disk(name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : pread(fd, super, sizeof(super), 1024);
    if (fd >= 0) {
        close(fd);
    }
    return n == (ssize_t)sizeof(super) && super[0x38] == 0x53 && super[0x39] == 0xef &&
           strncmp((const char *)super + 0x78, label, 16) == 0;
}

bool device_find_label(const char *label, char path[REHEARSAL_PATH], int ms) {
    return device_wait(device_fits_label, label, "/sys/class/block", path, ms);
}

/* ---- CDs ------------------------------------------------------------------------------------- */

static bool device_fits_cd(const char *name, const void *ctx) {
    (void)ctx;
    return strncmp(name, "sr", 2) == 0;
}

int device_mount_cds(const char *below) {
    char path[REHEARSAL_PATH];
    int count = 0;
    if (!device_wait(device_fits_cd, NULL, "/sys/block", path, DEVICE_WAIT_CDS_MS)) {
        return 0;
    }
    mkdir(below, 0755);
    for (int i = 0; i < DEVICE_CDS; i++) {
        char dev[16];
        snprintf(dev, sizeof(dev), "/dev/sr%d", i);
        snprintf(path, sizeof(path), "%.400s/%d", below, count);
        mkdir(path, 0755);
        if (access(dev, F_OK) == 0 && mount(dev, path, "iso9660", MS_RDONLY, NULL) == 0) {
            count++;
        }
    }
    return count;
}

bool device_find_on_cds(const char *name, char path[REHEARSAL_PATH]) {
    for (int i = 0; i < DEVICE_CDS; i++) {
        char dir[32];
        snprintf(dir, sizeof(dir), "/cd/%d", i);
        DIR *d = opendir(dir);
        struct dirent *e;
        while (d && (e = readdir(d))) {
            if (strcasecmp(e->d_name, name) == 0) {
                snprintf(path, REHEARSAL_PATH, "%s/%s", dir, e->d_name);
                closedir(d);
                return true;
            }
        }
        if (d) {
            closedir(d);
        }
    }
    return false;
}
