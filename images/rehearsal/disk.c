/* From the installed disk: the first boot specialises and resets, the second one logs on for the first time, later ones
 * only start. All of it happens beside the stand-in's own process 1, which is started as ever: a child of it runs the
 * answer file's commands in Wine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rehearsal.h"

enum { DISK_WAIT_MS = 20000, DISK_WINE_WAIT_MS = 300000, DISK_COMMAND_MS = 1200000, DISK_UID = 1000, DISK_TTY = 5,
       DISK_POLL_MS = 200, DISK_LETTERS = 4 };

struct disk_state {
    char next[16], fault[32], computer[64], account[64];
    int secure_boot;
};

static void disk_read_state(struct disk_state *s) {
    static const char *const keys[] = {"next=", "fault=", "computer=", "account="};
    char *const values[] = {s->next, s->fault, s->computer, s->account};
    const size_t sizes[] = {sizeof(s->next), sizeof(s->fault), sizeof(s->computer), sizeof(s->account)};
    char line[256];
    FILE *f = fopen("/" REHEARSAL_STATE, "re");
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\r\n")] = '\0';
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (strncmp(line, keys[i], strlen(keys[i])) == 0) {
                snprintf(values[i], sizes[i], "%s", line + strlen(keys[i]));
            }
        }
    }
    if (f) {
        fclose(f);
    }
}

/* Whole or as before: the power may go at any moment. */
static void disk_write_state(const struct disk_state *s, const char *next) {
    FILE *f = fopen("/" REHEARSAL_STATE ".new", "we");
    if (f) {
        fprintf(f, "next=%s\nfault=%s\ncomputer=%s\naccount=%s\n", next, s->fault, s->computer, s->account);
        fflush(f);
        fsync(fileno(f));
        fclose(f);
        rename("/" REHEARSAL_STATE ".new", "/" REHEARSAL_STATE);
    }
}

/* ---- commands -------------------------------------------------------------------------------- */

static void disk_become_account(void) {
    gid_t group = DISK_TTY;
    if (setgroups(1, &group) < 0 || setgid(DISK_UID) < 0 || setuid(DISK_UID) < 0) {
        _exit(126);
    }
    (void)!chdir("/C:/windows/system32");
}

/* linerun.exe hands the line over untouched, see winelab/linerun.c. */
__attribute__((noreturn)) static void disk_exec(const char *line) {
    char word[2048];
    snprintf(word, sizeof(word), "COEXIST_LINE=%s", line);
    const char *const env[] = {"PATH=/usr/lib/wine:/usr/bin:/usr/sbin", "HOME=/home/lab", "USER=lab", "LOGNAME=lab",
                               "LC_ALL=C.UTF-8", "WINEPREFIX=/home/lab/.wine", "WINEDEBUG=-all", word, NULL};
    const char *const argv[] = {"/usr/lib/wine/wine64", "C:\\coexist\\bin\\linerun.exe", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++) {
        dup2(null, fd);
    }
    disk_become_account();
    personality(ADDR_NO_RANDOMIZE); /* as winelab/init.c does, and why */
    execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    _exit(127);
}

static void disk_run(const char *line) {
    long long began = setup_now_ms();
    pid_t child = fork();
    if (child == 0) {
        disk_exec(line);
    }
    int status = 0;
    pid_t got = 0;
    while (child > 0 && (got = waitpid(child, &status, WNOHANG)) == 0 && setup_now_ms() - began < DISK_COMMAND_MS) {
        poll(NULL, 0, DISK_POLL_MS);
    }
    setup_log("<5>rehearsal: %lld ms, exit %d: %.300s\n", setup_now_ms() - began,
              got > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1, line);
}

static void disk_run_commands(const char *when) {
    char line[1536];
    size_t len = strlen(when);
    FILE *f = fopen("/" REHEARSAL_COMMANDS, "re");
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, when, len) == 0 && line[len] == ' ') {
            disk_run(line + len + 1);
        }
    }
    if (f) {
        fclose(f);
    }
}

/* What Windows' kernel notes of its firmware at every boot. */
static void disk_note_firmware(const struct disk_state *s) {
    char line[256];
    if (s->secure_boot >= 0) {
        snprintf(line, sizeof(line),
                 "reg.exe add HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State "
                 "/v UEFISecureBootEnabled /t REG_DWORD /d %d /f", s->secure_boot);
        disk_run(line);
    }
}

/* Wine is up once its service manager runs. */
static bool disk_wine_is_up(void) {
    char path[64];
    DIR *d = opendir("/proc");
    struct dirent *e;
    bool there = false;
    while (d && !there && (e = readdir(d))) {
        char name[32] = "";
        snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
        int fd = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
            there = read(fd, name, sizeof(name) - 1) > 0 && strncmp(name, "services.exe", 12) == 0;
            close(fd);
        }
    }
    if (d) {
        closedir(d);
    }
    return there;
}

static void disk_wait_for_wine(void) {
    long long end = setup_now_ms() + DISK_WINE_WAIT_MS;
    while (!disk_wine_is_up() && setup_now_ms() < end) {
        poll(NULL, 0, DISK_POLL_MS);
    }
}

/* ---- the boots ------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void disk_specialize(const struct disk_state *s) {
    disk_wait_for_wine();
    disk_note_firmware(s);
    disk_run_commands("specialize");
    disk_write_state(s, "logon");
    sync();
    kill(1, SIGINT); /* its orderly reboot */
    _exit(0);
}

__attribute__((noreturn)) static void disk_log_on(const struct disk_state *s) {
    disk_wait_for_wine();
    disk_run_commands("logon");
    disk_write_state(s, "done");
    setup_show("Recycle Bin");
    _exit(0);
}

/* Drive letters as the firmware's order of drives has it: D:, E:, ... */
static void disk_give_letters(int cds) {
    for (int i = 0; i < DISK_LETTERS; i++) {
        char link[64];
        char to[64];
        snprintf(link, sizeof(link), "/home/lab/.wine/dosdevices/%c:", 'd' + i);
        snprintf(to, sizeof(to), "/cd/%d", i);
        unlink(link);
        if (i < cds && symlink(to, link) == 0) {
            (void)!lchown(link, DISK_UID, DISK_UID);
        }
    }
}

/* Returns how many CDs lie below /cd then. */
static int disk_switch_root(void) {
    char path[REHEARSAL_PATH];
    mkdir("/root", 0755);
    if (!device_find_label(REHEARSAL_LABEL, path, DISK_WAIT_MS) ||
        mount(path, "/root", "ext4", MS_NOATIME, "errors=panic") < 0) {
        setup_stop("Your PC ran into a problem: INACCESSIBLE_BOOT_DEVICE");
    }
    int cds = device_mount_cds("/root/cd");
    umount2("/proc", MNT_DETACH);
    umount2("/sys", MNT_DETACH);
    if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) < 0 || chdir("/root") < 0 ||
        mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) {
        setup_stop("Your PC ran into a problem: the root cannot be switched");
    }
    return cds;
}

static void disk_tell(const struct disk_state *s) {
    if (strcmp(s->next, "specialize") == 0) {
        setup_show("Getting devices ready");
    } else if (strcmp(s->next, "logon") == 0) {
        setup_show("Hi. We're getting everything ready for you.\nThis might take several minutes.");
    } else {
        setup_show("Recycle Bin");
    }
}

void disk_go_on(void) {
    struct disk_state s = {.secure_boot = device_secure_boot()};
    int cds = disk_switch_root();
    disk_read_state(&s);
    disk_tell(&s);
    if (strcmp(s.fault, "loop") == 0 && strcmp(s.next, "logon") == 0) {
        setup_reset();
    }
    disk_give_letters(cds);
    if (strcmp(s.next, "done") != 0 && *s.next && fork() == 0) {
        setsid();
        strcmp(s.next, "specialize") == 0 ? disk_specialize(&s) : disk_log_on(&s);
    }
    execl("/sbin/init", "init", (char *)NULL);
    setup_stop("Your PC ran into a problem: /sbin/init");
}
