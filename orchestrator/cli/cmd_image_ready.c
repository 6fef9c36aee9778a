/* coexist image ready: what runs go on from in the place of a first boot. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "run/ready.h"
#include "run/sweep.h"
#include "vm/probe.h"

static const struct cli_option options[] = {
    {"again", NULL, "make another one where one fits"},
    {"if-needed", NULL, "say nothing where one fits; that there can be none is no failure"},
    {NULL, NULL, NULL},
};

static int ready_in_folder(struct cli *cli, const struct cli_args *args, const char *name, const char *work_dir,
                           bool *made, struct err *err) {
    CLEANUP_FREE char *cache = fs_join(cli->lab_dir, "cache");
    struct ready_make make = {.lab_dir = cli->lab_dir, .image = name, .work_dir = work_dir, .log = &cli->log,
                              .again = cli_value(cmd_image_ready(), args, "again") != NULL};
    char why[256];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* from here to the end: the machine is taken down first */
    CLEANUP_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) {
        return err_sys(err, errno, "watch for signals");
    }
    make.interrupt_fd = signals;
    if (fs_mkdirs(cache, err) < 0 || vm_probe_kvm(cache, &make.kvm, why, err) < 0) {
        return -1;
    }
    return ready_make(&make, made, err);
}

static int ready_one(struct cli *cli, const struct cli_args *args, const char *name, bool *made, struct err *err) {
    CLEANUP_FREE char *run = str_printf("ready-%s", name);
    CLEANUP_FREE char *mine = str_printf("%d", (int)getpid()); /* the image's lock keeps others from the same */
    CLEANUP_FD int lock = -1;
    CLEANUP_FREE char *work_dir = sweep_lab(cli->lab_dir, &cli->log, err) < 0
                                      ? NULL
                                      : sweep_claim(cli->lab_dir, run, mine, &lock, err);
    if (!work_dir) {
        return -1;
    }
    /* What libvirt complains of is how these machines are meant to be; a call that fails has its reason in err. */
    CLEANUP_FREE char *said = str_printf("3:file:%s/libvirt.log", work_dir);
    setenv("LIBVIRT_LOG_OUTPUTS", said, 0);
    int rc = ready_in_folder(cli, args, name, work_dir, made, err);
    CLEANUP_ERR struct err left = ERR_INIT;
    if (fs_remove_tree(work_dir, &left) < 0) {
        log_warn(&cli->log, "%s", err_text(&left));
    }
    CLEANUP_FREE char *parent = fs_dirname(work_dir);
    rmdir(parent);
    return rc;
}

static int ready_run(struct cli *cli, const struct cli_args *args) {
    const char *name = args->operands[0];
    int64_t began = clock_now(clock_monotonic());
    CLEANUP_ERR struct err err = ERR_INIT;
    bool made = false;
    bool quiet = cli_value(cmd_image_ready(), args, "if-needed") != NULL;
    if (ready_one(cli, args, name, &made, &err) < 0 && (!quiet || err.cls == ERR_INPUT)) {
        return cli_fail(&err);
    }
    if (err_is_set(&err)) {
        printf("coexist: image: %s is not kept at ready, its machines boot: %s\n", name, err_text(&err));
    } else if (made) {
        printf("coexist: image: %4lld s  %s was booted and is kept at ready: runs go on from there\n",
               (long long)((clock_now(clock_monotonic()) - began) / CLOCK_S), name);
    } else if (!quiet) {
        printf("coexist: image: %s has a state at ready that fits this host\n", name);
    }
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_ready(void) {
    static const struct cli_verb verb = {
        .name = "image ready",
        .operands = "NAME",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "boot an image once and keep it at \"ready\", for runs to go on from",
        .about = "Boots the machine of the image until its agent and its SSH answer and it has come to rest, and keeps "
                 "memory and disk beside the image. The first cells of a run go on from there instead of booting the "
                 "bare image, which nothing is measured of. 'coexist image build' does it at its end; by itself this "
                 "is for an image that was imported, or after QEMU or libvirt changed: a state is used only where "
                 "manifest, accelerator, hardware, libvirt and QEMU are those it was made with, and every run checks "
                 "its digests first. Does nothing where one fits, but for --again.\n\nEvery cell of 'coexist run "
                 "--no-sharing' boots, and so do those on hosts with a daemon. Where one goes on, the guest's clock "
                 "is set, by as much as has gone since.",
        .options = options,
        .run = ready_run,
    };
    return &verb;
}
