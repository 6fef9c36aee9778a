/* From the CD: find the answer file, obey it, reset. What cannot be obeyed is said in the words of Windows Setup. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rehearsal.h"

enum { INSTALL_DISK_WAIT_MS = 5000, INSTALL_NODE_WAIT_MS = 10000, INSTALL_CHUNK = 1 << 20,
       INSTALL_BOOT_SECTORS = 2047 };

struct install_from {
    const struct answer_node *answer, *setup;
    char fault[32]; /* told on the kernel's command line */
    char disk[REHEARSAL_PATH];
    uint64_t sectors;
    struct partition_plan plan;
    bool gpt;
    int system; /* number of the partition the system goes to, from 1 */
    int percent;
};

static bool install_has_fault(const struct install_from *in, const char *name) {
    return strcmp(in->fault, name) == 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void install_find_answer(struct install_from *in) {
    char path[REHEARSAL_PATH];
    device_mount_cds("/cd");
    if (!device_find_on_cds("autounattend.xml", path)) {
        setup_stop("Windows Setup\n\nLanguage to install: English (United States)\n"
                   "Enter your language and other preferences and click \"Next\" to continue.");
    }
    in->answer = answer_read(path);
    in->setup = in->answer ? answer_component(in->answer, "windowsPE", "Microsoft-Windows-Setup") : NULL;
    if (!in->setup || !answer_find(in->setup, "DiskConfiguration/Disk", 0)) {
        setup_stop("Install Windows\n\nWindows could not parse or process unattend answer file\n"
                   "for pass [windowsPE]. The answer file is invalid.");
    }
    setup_log("<5>rehearsal: answer file %s\n", path);
}

/* ---- the disk -------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void install_no_configuration(void) {
    setup_stop("Install Windows\n\nWindows could not apply the unattended answer file's\n"
               "<DiskConfiguration> setting. The error code is 0x80300024.");
}

__attribute__((noreturn)) static void install_too_small(void) {
    setup_stop("Install Windows\n\nWindows cannot be installed to the disk: it is too small\n"
               "for the partitions of the answer file and this system.");
}

static void install_plan_disk(struct install_from *in) {
    const struct answer_node *disk = answer_find(in->setup, "DiskConfiguration/Disk", 0);
    if (!device_find_disk(in->disk, INSTALL_DISK_WAIT_MS)) {
        setup_stop("Install Windows\n\nWhere do you want to install Windows?\n"
                   "We couldn't find any drives. To get a storage driver, click Load driver.");
    }
    int fd = open(in->disk, O_RDONLY | O_CLOEXEC);
    uint64_t bytes = 0;
    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0) {
        install_no_configuration();
    }
    close(fd);
    in->sectors = bytes / REHEARSAL_SECTOR;
    in->gpt = device_is_uefi();
    in->system = (int)strtol(answer_text(in->setup, "ImageInstall/OSImage/InstallTo/PartitionID", "0"), NULL, 10);
    enum partition_fault fault = partition_read(disk, in->gpt, in->sectors, &in->plan);
    if (fault == PARTITION_TOO_SMALL) {
        install_too_small();
    }
    if (fault != PARTITION_FINE || in->system < 1 || in->system > in->plan.count ||
        strcmp(answer_text(disk, "DiskID", ""), "0") != 0 ||
        strcmp(answer_text(disk, "WillWipeDisk", ""), "true") != 0) {
        install_no_configuration();
    }
}

/* The partition the firmware starts from: EFI's, or the active one. -1: none. */
static int install_boot_partition(const struct install_from *in) {
    for (int i = 0; i < in->plan.count; i++) {
        if (in->gpt ? in->plan.parts[i].type == PARTITION_EFI : in->plan.parts[i].active) {
            return i;
        }
    }
    return -1;
}

static int install_copy_raw(const char *from, int to, uint64_t offset, uint64_t limit) {
    char *buffer = malloc(INSTALL_CHUNK);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    uint64_t at = 0;
    while (in >= 0 && buffer && (n = read(in, buffer, INSTALL_CHUNK)) > 0) {
        if (at + (uint64_t)n > limit || pwrite(to, buffer, (size_t)n, (off_t)(offset + at)) != n) {
            n = -1;
            break;
        }
        at += (uint64_t)n;
    }
    if (in >= 0) {
        close(in);
    }
    free(buffer);
    return n == 0 ? 0 : -1;
}

/* Boot code of a BIOS disk: GRUB's first sector keeps the table, the rest stands before the first partition. */
static int install_boot_code(int fd) {
    uint8_t sector[REHEARSAL_SECTOR];
    uint8_t code[REHEARSAL_SECTOR];
    int boot = open("/cd/0/sources/boot.code", O_RDONLY | O_CLOEXEC);
    ssize_t n = boot < 0 ? -1 : read(boot, code, sizeof(code));
    if (boot >= 0) {
        close(boot);
    }
    if (n != (ssize_t)sizeof(code) || pread(fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector)) {
        return -1;
    }
    memcpy(sector, code, 440);
    if (pwrite(fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector)) {
        return -1;
    }
    return install_copy_raw("/cd/0/sources/boot.core", fd, REHEARSAL_SECTOR,
                            (uint64_t)INSTALL_BOOT_SECTORS * REHEARSAL_SECTOR);
}

static void install_partition_disk(const struct install_from *in) {
    int boot = install_boot_partition(in);
    int fd = open(in->disk, O_RDWR | O_CLOEXEC);
    if (boot < 0 || fd < 0) {
        install_no_configuration();
    }
    const struct partition *p = &in->plan.parts[boot];
    int rc = in->gpt ? partition_write_gpt(fd, &in->plan, in->sectors) : partition_write_mbr(fd, &in->plan);
    rc = rc < 0 || in->gpt ? rc : install_boot_code(fd);
    rc = rc < 0 ? rc : install_copy_raw("/cd/0/sources/boot.img", fd, p->first * REHEARSAL_SECTOR,
                                        p->count * REHEARSAL_SECTOR);
    if (rc < 0 || fsync(fd) < 0 || ioctl(fd, BLKRRPART) < 0) {
        setup_log("<3>rehearsal: %s: %s\n", in->disk, strerror(errno));
        install_no_configuration();
    }
    close(fd);
}

/* ---- the image ------------------------------------------------------------------------------- */

static void install_show_progress(void *ctx, uint64_t done, uint64_t all) {
    struct install_from *in = ctx;
    int percent = (int)(done * 100 / all);
    if (percent / 5 == in->percent / 5 && in->percent >= 0) {
        return;
    }
    in->percent = percent;
    char text[128];
    snprintf(text, sizeof(text), "Installing Windows\n\nCopying Windows files (%d%%)", percent);
    setup_show(text);
    if (percent >= 50 && install_has_fault(in, "hang")) {
        sync();
        setup_stop(text);
    }
}

static void install_apply(struct install_from *in) {
    char path[REHEARSAL_PATH];
    const struct answer_node *os = answer_find(in->setup, "ImageInstall/OSImage", 0);
    device_partition(in->disk, in->system, path);
    long long end = setup_now_ms() + INSTALL_NODE_WAIT_MS;
    int to = -1;
    while ((to = open(path, O_RDWR | O_CLOEXEC)) < 0 && setup_now_ms() < end) {
        sched_yield();
    }
    in->percent = -1;
    enum wim_fault fault =
        to < 0 ? WIM_NOT_WRITTEN
               : wim_apply("/cd/0/sources/install.wim", answer_text(os, "InstallFrom/MetaData/Key", ""),
                           answer_text(os, "InstallFrom/MetaData/Value", ""), to,
                           in->plan.parts[in->system - 1].count * REHEARSAL_SECTOR, install_show_progress, in);
    if (to >= 0) {
        close(to);
    }
    if (fault == WIM_TOO_LARGE) {
        install_too_small();
    }
    if (fault == WIM_NO_IMAGE) {
        setup_stop("Install Windows\n\nNo images are available.");
    }
    if (fault != WIM_FINE) {
        setup_stop("Install Windows\n\nWindows cannot install required files. The file may be corrupt or missing.\n"
                   "Make sure all files required for installation are available. Error code: 0x80070570");
    }
}

/* ---- what the next boots are to do ----------------------------------------------------------- */

static void install_write_commands(const struct answer_node *list, const char *item, const char *line,
                                   const char *when, FILE *out) {
    const struct answer_node *c;
    for (int order = 1; order <= 64; order++) { /* by Order, whatever their place in the file */
        for (int i = 0; (c = answer_find(list, item, i)); i++) {
            if (strtol(answer_text(c, "Order", "0"), NULL, 10) == order) {
                fprintf(out, "%s %s\n", when, answer_text(c, line, ""));
            }
        }
    }
}

static void install_write_state(const struct install_from *in) {
    FILE *state = fopen("/target/" REHEARSAL_STATE, "we");
    FILE *commands = fopen("/target/" REHEARSAL_COMMANDS, "we");
    const struct answer_node *deployment = answer_component(in->answer, "specialize", "Microsoft-Windows-Deployment");
    const struct answer_node *shell = answer_component(in->answer, "oobeSystem", "Microsoft-Windows-Shell-Setup");
    const struct answer_node *special = answer_component(in->answer, "specialize", "Microsoft-Windows-Shell-Setup");
    if (!state || !commands || !shell) {
        setup_stop("Install Windows\n\nWindows could not parse or process unattend answer file\n"
                   "for pass [oobeSystem]. The answer file is invalid.");
    }
    fprintf(state, "next=specialize\nfault=%s\ncomputer=%s\naccount=%s\n", in->fault,
            answer_text(special, "ComputerName", "WINDOWS"),
            answer_text(shell, "UserAccounts/LocalAccounts/LocalAccount/Name", ""));
    install_write_commands(answer_find(deployment, "RunSynchronous", 0), "RunSynchronousCommand", "Path", "specialize",
                           commands);
    install_write_commands(answer_find(shell, "FirstLogonCommands", 0), "SynchronousCommand", "CommandLine", "logon",
                           commands);
    bool whole = fclose(state) == 0;
    if (fclose(commands) != 0 || !whole) {
        setup_stop("Install Windows\n\nWindows cannot install required files. The file may be corrupt or missing.");
    }
}

static void install_leave_word(const struct install_from *in) {
    char path[REHEARSAL_PATH];
    device_partition(in->disk, in->system, path);
    mkdir("/target", 0755);
    if (mount(path, "/target", "ext4", MS_NOATIME, NULL) < 0) {
        setup_log("<3>rehearsal: mount %s: %s\n", path, strerror(errno));
        setup_stop("Install Windows\n\nWindows cannot install required files. The file may be corrupt or missing.");
    }
    mkdir("/target/C:/windows/Panther", 0755);
    install_write_state(in);
    umount("/target");
}

void install_from_cd(void) {
    struct install_from in = {0};
    device_word("rehearsal.fault", in.fault, sizeof(in.fault));
    setup_show("Setup is starting");
    install_find_answer(&in);
    install_plan_disk(&in);
    setup_show("Installing Windows\n\nGetting files ready for installation");
    install_partition_disk(&in);
    install_apply(&in);
    install_leave_word(&in);
    setup_show("Windows needs to restart to continue");
    setup_reset();
}
