/* coexist image build: from a recipe to a golden image. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "images/image.h"
#include "images/reactos.h"
#include "images/windows.h"
#include "install/make.h"
#include "run/sweep.h"
#include "vm/probe.h"

enum { BUILD_NOT_STARTED = 127 };

static const struct cli_option options[] = {
    {"agent", "FILE", "the agent to put in (default: build/agents/agent.exe; for ReactOS agent32.exe)"},
    {"tools", "DIR", "the builder's programs (default: build/images/winelab)"},
    {"if-changed", NULL, "do nothing when a whole image of the same inputs is there"},
    {"iso", "FILE", "the Windows ISO to install from"},
    {"virtio", "FILE", "the ISO of the virtio drivers, for profiles whose disk or network needs them"},
    {"openssh", "FILE", "OpenSSH for Windows, OpenSSH-Win64.zip or its .msi: guests are reached by SSH as well"},
    {"profile", "NAME", "hardware profile, or its file (default: the recipe's first one)"},
    {"language", "TAG", "language of the ISO: de-DE (default: the recipe's first one)"},
    {"name", "NAME", "what to call the image (default: RECIPE-PROFILE)"},
    {"patience", "N", "time limits as a multiple of what a host with KVM needs (default: 1, without KVM 8)"},
    {"disk", "SIZE", "size of the guest's disk, as 40G (default: what the recipe says)"},
    {"no-ready", NULL, "do not boot it and keep it at ready ('coexist image ready')"},
    {NULL, NULL, NULL},
};

static void build_progress(void *ctx, const char *what) {
    const int64_t *began = ctx;
    int64_t s = (clock_now(clock_monotonic()) - *began) / CLOCK_S;
    printf("coexist: image: %4lld s  %s\n", (long long)s, what);
    fflush(stdout);
}

static const char *build_value(const struct cli_args *args, const char *name,
                               const char *otherwise) {
    const char *v = cli_value(cmd_image_build(), args, name);
    return v ? v : otherwise;
}

/* Whether KVM works, by the probe; where it cannot be asked it does not. */
static bool build_has_kvm(const struct cli *cli) {
    CLEANUP_FREE char *cache = fs_join(cli->lab_dir, "cache");
    char why[256];
    bool kvm = false;
    return fs_mkdirs(cache, NULL) == 0 && vm_probe_kvm(cache, &kvm, why, NULL) == 0 && kvm;
}

struct build_ctx {
    const struct cli *cli;
    int64_t began;
};

static void build_tell(void *ctx, const char *what) {
    struct build_ctx *b = ctx;
    build_progress(&b->began, what);
}

static char *build_claim(void *ctx, const char *name, int *lock, struct err *err) {
    const struct build_ctx *b = ctx;
    CLEANUP_FREE char *run = str_printf("install-%s", name);
    return sweep_claim(b->cli->lab_dir, run, "0", lock, err);
}

/* By a process of its own, for one may have one machine (vm/libvirt.h), and of our group: who interrupts us interrupts
 * it, and it takes its machine down. It has its own deadlines and says itself what came of it; an image without is
 * whole, its machines boot. */
static void build_keep_ready(struct cli *cli, const struct cli_args *args, const char *name) {
    /* The casts only drop const: exec takes what it is given and changes nothing. */
    char *const argv[] = {(char *)"/proc/self/exe", (char *)"--lab", (char *)cli->lab_dir, (char *)"image",
                          (char *)"ready", (char *)"--if-needed", (char *)name, NULL};
    if (cli_value(cmd_image_build(), args, "no-ready")) {
        return;
    }
    fflush(stdout);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[0], argv);
        _exit(BUILD_NOT_STARTED);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == BUILD_NOT_STARTED) {
        printf("coexist: image: %s is not kept at ready, its machines boot: the process for it %s\n", name,
               pid > 0 && WIFSIGNALED(status) ? "was killed" : "could not be started");
        if (sweep_lab(cli->lab_dir, &cli->log, &err) < 0) {
            log_warn(&cli->log, "%s", err_text(&err));
        }
    }
}

static int build_installed_end(const struct cli *cli, int rc, const char *name, bool built, struct diags *diags,
                             const struct err *err) {
    if (rc < 0 && diags->count > 0) {
        return cli_fail_input(diags, false);
    }
    if (rc < 0) {
        int code = cli_fail(err);
        CLEANUP_FREE char *evidence = str_printf("%s/install/%s", cli->lab_dir, name ? name : "");
        if (name && err->cls != ERR_INPUT && fs_exists(evidence)) {
            fprintf(stderr, "coexist: pictures of what happened: %s\n", evidence);
        }
        return code == CLI_BAD_INPUT && err->cls != ERR_INPUT ? CLI_LAB_FAILED : code;
    }
    printf("coexist: image: %s %s in %s/images/%s\n", name, built ? "is there" : "is unchanged", cli->lab_dir, name);
    return CLI_SHIP;
}

static int build_installed(struct cli *cli, const struct cli_args *args) {
    const struct cli_verb *verb = cmd_image_build();
    const char *disk = cli_value(verb, args, "disk");
    bool reactos = image_recipe_is(args->operands[0], REACTOS_FORMAT);
    struct build_ctx ctx = {cli, clock_now(clock_monotonic())};
    struct install_make make = {
        .recipe = args->operands[0], .iso = cli_value(verb, args, "iso"), .virtio = cli_value(verb, args, "virtio"),
        .openssh = cli_value(verb, args, "openssh"), .profile = cli_value(verb, args, "profile"),
        .language = cli_value(verb, args, "language"), .name = cli_value(verb, args, "name"), .lab_dir = cli->lab_dir,
        .agent = build_value(args, "agent", reactos ? "build/agents/agent32.exe" : "build/agents/agent.exe"),
        .if_changed = cli_value(verb, args, "if-changed") != NULL, .kvm = build_has_kvm(cli),
        .claim = build_claim, .tell = build_tell, .ctx = &ctx, .log = &cli->log,
    };
    if (!make.iso) {
        fprintf(stderr, "coexist: error: this recipe installs: --iso FILE says from which medium\n");
        return CLI_BAD_INPUT;
    }
    if (disk && cli_size("disk", disk, &make.disk_bytes) < 0) {
        return CLI_BAD_INPUT;
    }
    const char *patience = cli_value(verb, args, "patience");
    long times = 0;
    if (patience && cli_number("patience", patience, 1, 100, &times) < 0) {
        return CLI_BAD_INPUT;
    }
    make.patience = (int)times;
    struct diags diags = DIAGS_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *name = NULL;
    bool built = false;
    if (sweep_lab(cli->lab_dir, &cli->log, &err) < 0) {
        return cli_fail(&err);
    }
    int rc = install_make(&make, &name, &built, &diags, &err);
    int code = build_installed_end(cli, rc, name, built, &diags, &err);
    if (rc == 0) {
        build_keep_ready(cli, args, name);
    }
    diags_free(&diags);
    return code;
}

static int build_run(struct cli *cli, const struct cli_args *args) {
    const char *recipe = args->operands[0];
    if (image_recipe_is(recipe, WINDOWS_FORMAT) || image_recipe_is(recipe, REACTOS_FORMAT)) {
        return build_installed(cli, args);
    }
    struct diags diags = DIAGS_INIT;
    struct image_recipe *r = image_recipe_load(recipe, &diags);
    if (!r) {
        int rc = cli_fail_input(&diags, false);
        diags_free(&diags);
        return rc;
    }
    int64_t began = clock_now(clock_monotonic());
    struct image_build_opts o = {
        .agent_exe = build_value(args, "agent", "build/agents/agent.exe"),
        .tools_dir = build_value(args, "tools", "build/images/winelab"),
        .if_changed = cli_value(cmd_image_build(), args, "if-changed") != NULL,
        .progress = build_progress,
        .ctx = &began,
    };
    CLEANUP_ERR struct err err = ERR_INIT;
    bool built = false;
    int rc = CLI_SHIP;
    if (image_build(r, cli->lab_dir, &o, &built, &err) < 0) {
        rc = cli_fail(&err);
    } else {
        printf("coexist: image: %s %s in %s/images/%s\n", r->name,
               built ? "is there" : "is unchanged", cli->lab_dir, r->name);
        build_keep_ready(cli, args, r->name);
    }
    image_recipe_free(r);
    diags_free(&diags);
    return rc;
}

const struct cli_verb *cmd_image_build(void) {
    static const struct cli_verb verb = {
        .name = "image build",
        .operands = "RECIPE.json",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "make a golden image from its recipe",
        .about = "Builds the image that RECIPE describes into the lab.\n\nA recipe of Windows "
                 "(images/windows/) needs --iso: the medium is looked at and refused when it is not what the "
                 "recipe asks for; then it is installed on a machine of the profile by an answer file on a CD "
                 "of the lab's own, without hands, until the agent answers on the serial port. The machine is "
                 "asked what it is (Secure Boot, TPM, virtualisation-based security, updates), shut down, and "
                 "its disk put away read-only. When it does not come to that, the phase and the likely cause "
                 "are told, and LAB/install/NAME/ has the pictures. What was tried here is the rehearsal's CD "
                 "(images/rehearsal/), never a Windows medium.\n\n--openssh: the package is looked at (an .msi of "
                 "Windows Installer, or a .zip with sshd.exe for the recipe's architecture; a recipe may name its "
                 "digest, \"openssh_sha256\") and goes onto the lab's CD with the lab's public key. The first-logon "
                 "commands install it, let that key in (administrators_authorized_keys, writable by administrators "
                 "and the system alone) and start it. Its host key is read through the serial port, somebody logs in "
                 "and runs a command, and the key goes into the manifest: 'coexist run' accepts no other. Without "
                 "--openssh guests are reached by the serial port alone; Windows' own OpenSSH is never added, since "
                 "Windows Update has another one every month.\n\nOther recipes are built from Debian "
                 "packages. The builder unpacks packages and needs root. Keys are made once for a lab and are "
                 "an input of the build: the same inputs give the same image and manifest, bit for bit. An "
                 "interrupted build leaves the image that was there as it was.\n\nAt the end the image's machine "
                 "is booted once and kept at ready, see 'coexist image ready'.",
        .options = options,
        .run = build_run,
    };
    return &verb;
}
