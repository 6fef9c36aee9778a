/* coexist run: execute a matrix. */
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/outcome.h"
#include "cli/show.h"
#include "images/image.h"
#include "plan/confirm.h"
#include "plan/minimize.h"
#include "run/run.h"

static const struct cli_option options[] = {
    {"jobs", "N", "cells at a time on this machine (default: 2); more while guests only wait or are watched"},
    {"host", "URI", "run there, as 'qemu+ssh://root@lab1/system,slots=4'; may be given several times"},
    {"hosts", "FILE", "run on the hosts of this JSON file"},
    {"resume", "RUN", "go on with an interrupted run (its id or its folder) instead of a new one"},
    {"no-sharing", NULL, "every cell executes all its steps itself, also those it has in common"},
    {"state-budget", "SIZE", "disk space for kept states, as 20G or 500M (default: half of what is free)"},
    {"checkpoint", "MINUTES", "a running cell keeps a state for itself after so long, 0: never (default: 10)"},
    {"confirm", "N", "run a cell that failed through a product N times more, 0 to 5, whatever the matrix says"},
    {"minimize", "N", "shrink failing product sets with up to N further runs, 0 to 1000, whatever the matrix says"},
    {"json", NULL, "events on standard output, one JSON object a line, instead of the table"},
    {NULL, NULL, NULL},
};

/* Takes err. What a run comes to, and its last event. */
static int run_conclude(struct cli *cli, struct show *show, const struct run_result *res, int rc,
                        struct err *err) {
    int exit = CLI_LAB_FAILED;
    if (res->was_finished) {
        fprintf(stderr, "coexist: run %s was finished already: nothing is left to do\n", res->id);
    }
    if (res->dir) {
        exit = outcome_show(cli, res->dir, show->events ? OUTCOME_QUIET : OUTCOME_TABLE);
    }
    if (rc < 0) {
        exit = cli_fail(err);
    }
    if (res->id && (rc < 0 || res->cells.interrupted)) {
        fprintf(stderr, "coexist: interrupted; 'coexist run --resume %s' goes on\n", res->id);
    }
    show_run_ended(show, res, exit, err);
    return exit;
}

static int run_slots(const struct hosts *hosts, long jobs) {
    int slots = hosts->count ? 0 : (int)jobs;
    for (size_t i = 0; i < hosts->count; i++) {
        slots += hosts->items[i].slots;
    }
    return slots;
}

/* What the analysis of all that was observed so far asks for. */
static char **run_wanted_by_analysis(void *ctx, const char *run_dir, struct err *err) {
    const struct show *show = ctx;
    CLEANUP_FREE char *artifacts = fs_join(run_dir, "artifacts");
    struct journal *j = journal_open(run_dir, 1, err);
    struct analysis *a = j ? analysis_run_minimize(j, artifacts, show->minimize, err) : NULL;
    char **ids = a ? STEAL(a->wanted) : NULL;
    analysis_free(a);
    journal_close(j);
    return ids;
}

static void run_fill(struct run_opts *o, struct cli *cli, struct show *show) {
    *o = (struct run_opts){.lab_dir = cli->lab_dir, .runs_dir = cli->runs_dir,
                           .version = COEXIST_VERSION, .jobs = show->jobs, .log = &cli->log,
                           .started = show_run_started, .ctx = show};
    show_progress(show, &o->progress);
}

/* *exit is set when the matrix is refused. */
static int run_new(struct run_opts *o, const struct show *show, const char *matrix, struct run_result *res,
                   struct err *err, int *exit) {
    struct diags diags = DIAGS_INIT;
    struct model *m = model_load(matrix, &diags);
    struct plan *p = m ? plan_build(m, &diags) : NULL;
    int rc = -1;
    if (m) {
        cli_check_images(o->lab_dir, matrix, m, &diags);
    }
    if (diags.count || !p) {
        *exit = cli_fail_input(&diags, false);
    } else {
        diags_print_warnings(&m->doubts, stderr);
        if (o->confirm_given) { /* a resumed run finds it in the journal */
            model_set_confirm(m, o->confirm);
        }
        if (o->minimize_given) {
            model_set_minimize(m, show->minimize);
        }
        o->model = m;
        o->plan = p;
        rc = run_start(o, res, err);
    }
    plan_free(p);
    model_free(m);
    diags_free(&diags);
    return rc;
}

static int run_go(struct cli *cli, struct run_opts *o, struct show *show, const char *resume,
                  const char *matrix) {
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(run_result_clear) struct run_result res = {0};
    int refused = -1;
    int rc = resume ? run_resume(o, resume, &res, &err)
                    : run_new(o, show, matrix, &res, &err, &refused);
    if (refused < 0) {
        return run_conclude(cli, show, &res, rc, &err);
    }
    err_set(&err, ERR_INPUT, "the matrix has errors; nothing was started");
    show_run_ended(show, &res, refused, &err);
    return refused;
}

static int run_run(struct cli *cli, const struct cli_args *args) {
    long jobs = 2, confirm = 0, checkpoint = 10, minimize = -1;
    int64_t budget = 0;
    const char *asked = cli_value(cmd_run(), args, "jobs");
    const char *size = cli_value(cmd_run(), args, "state-budget");
    const char *resume = cli_value(cmd_run(), args, "resume");
    const char *again = cli_value(cmd_run(), args, "confirm");
    const char *every = cli_value(cmd_run(), args, "checkpoint");
    const char *shrink = cli_value(cmd_run(), args, "minimize");
    if ((shrink && cli_number("minimize", shrink, 0, MINIMIZE_MAX, &minimize) < 0) ||
        (every && cli_number("checkpoint", every, 0, 10000, &checkpoint) < 0) ||
        (again && cli_number("confirm", again, 0, CONFIRM_MAX, &confirm) < 0) ||
        (asked && cli_number("jobs", asked, 1, SCHED_JOBS_MAX, &jobs) < 0) ||
        (size && cli_size("state-budget", size, &budget) < 0)) {
        return CLI_BAD_INPUT;
    }
    if (!resume == (args->operand_count == 0)) {
        fprintf(stderr, resume ? "coexist: error: --resume takes the matrix from the run: name none\n"
                               : "coexist: error: usage: coexist run [options] MATRIX.json\n");
        return CLI_BAD_INPUT;
    }
    CLEANUP(hosts_clear) struct hosts hosts = {NULL, 0};
    if (cli_hosts(cmd_run(), args, &hosts) < 0) {
        return CLI_BAD_INPUT;
    }
    if (asked && hosts.count) {
        fprintf(stderr, "coexist: error: --jobs is for this machine alone: give each host its slots\n");
        return CLI_BAD_INPUT;
    }
    struct show show;
    struct run_opts o;
    show_init(&show, cli, cli_value(cmd_run(), args, "json") != NULL, run_slots(&hosts, jobs));
    run_fill(&o, cli, &show);
    o.hosts = &hosts;
    o.no_sharing = cli_value(cmd_run(), args, "no-sharing") != NULL;
    o.state_budget = budget;
    o.confirm_given = again != NULL;
    o.confirm = (int)confirm;
    o.minimize_given = shrink != NULL;
    o.wanted = run_wanted_by_analysis;
    show.minimize = (int)minimize;
    o.checkpoint = checkpoint * 60 * CLOCK_S;
    return run_go(cli, &o, &show, resume, resume ? NULL : args->operands[0]);
}

static const char about[] =
    "Checks the matrix and the images, then runs every cell in a machine of its own: boot, install, "
    "verify, measure, apply the update, restart, verify and measure again, collect evidence, tear down. "
    "Cells that begin alike execute their common beginning once: where they part, the machine is kept as "
    "a state that each of them goes on from (not past a 'measure', nor past a step that the matrix calls "
    "fresh). Everything observed goes to the journal in runs/<id>/ as it comes; at the end report.html, "
    "report.json and junit.xml are written there.\n"
    "What failed through the lab's or the host's fault is tried again, three attempts in all, and the "
    "report says so. What "
    "failed through a product is never tried again in the place of what was seen: where the evidence is "
    "weak (a hang, a "
    "service down, a process that crashed, a failed command, something unknown) the cell is run once "
    "more, as a "
    "repetition of its own named CELL.1, and the report tells a firm failure from a flaky one, which "
    "holds as well. A boot "
    "loop, a crash that left a dump or a damaged file prove themselves. The matrix' \"confirm\" or "
    "--confirm set how "
    "often; a resumed run keeps what it began with.\n"
    "--minimize N (or the matrix' \"minimize\"): when product sets of two or more fail, each is shrunk to "
    "the smallest set that still fails, by up to N further runs in all named IMAGE/PRODUCTS/UPDATE/mK: delta debugging "
    "over the products beside the updated one, install order kept, then three runs of that set and of each control "
    "(one product less; the update left out), where the matrix has install orders also the other way round. "
    "Runs that the matrix made count, none is made twice. The report gives the set, its runs and a confidence, or says "
    "that the failure did not reproduce; these runs decide no gate and count as no exposure. With --resume also for a "
    "run that is finished.\n"
    "Progress goes to standard error, the summary to standard output. The first interrupt (Ctrl-C) lets "
    "the running steps finish, the second one stops at once; what was observed is reported either way.\n"
    "More cells than asked for run while others take no processor: half as many while guests wait for something, and, "
    "where the matrix measures nothing, up to three times as many while guests are only watched before their last "
    "look; memory allowing, and never with --jobs 1.\n"
    "--resume goes on with a run that was interrupted, killed or cut off by a restart of the host: what is "
    "finished stays, every other cell goes on from the deepest state that still exists: the step at "
    "which the first "
    "interrupt stopped it, the last checkpoint (a state that a cell keeps for itself when it had none "
    "for ten minutes, then for twenty, forty), "
    "or the last branch of the plan. Between a cell's first and last 'measure' (or other fresh step) "
    "there is none: "
    "before and after are measured in one stretch, or both again. The plan comes from "
    "the run's journal; images, installers and update files must be the ones it began with (else exit code "
    "2). A run that is finished already is only reported again. States lie in lab/states/<id>/ until "
    "the run is finished; 'coexist clean' says whose are left.\n"
    "--host and --hosts: where cells run, instead of on this machine alone. A host is a libvirt URI: "
    "qemu:///embed (this machine, without a daemon), qemu:///system (this machine's daemon), "
    "qemu+ssh://[USER@]HOST/system or qemu+tls://HOST/system; after it, ',slots=N' (cells at a time, 2), "
    "',memory=MIB', ',vcpus=N' (limits for all machines of the run), ',folder=DIR' (on that host, "
    "/var/lib/libvirt/coexist), ',images=copy', ',name=NAME'. Only libvirt and qemu-img have to be there: images are "
    "copied once through it, checked, unless the host sees the lab's folder under the same path. The guest's "
    "serial port comes through libvirt, SSH to the guest through 'ssh -W'; with qemu+tls there is no SSH, "
    "guests are reached by the serial port alone and the run notes it. Kept states are only made by "
    "qemu:///embed. A host that is lost is told with its name, its cells run again elsewhere, and it is tried again "
    "after 2, 4, 8 ... 60 s; what it still has of the run is removed then. A run whose hosts are all gone waits ten "
    "minutes for one. With --resume name the hosts again. Password prompts are not answered: use keys.\n"
    "--json: every event has \"event\", \"at\" (UTC) and \"ms\" (since the command began). The events: "
    "run-started {format: coexist-events/1, run, dir, matrix, cells, done, jobs}; "
    "cell-started {cell, attempt, counts}; step-started {cell, step (from 0), steps, kind, counts}; "
    "cell-finished {cell, outcome: ok, stopped, a failure class, or 'again: <class>', counts}; "
    "waiting {why}; and as the last one run-ended {run, dir, outcome: finished, interrupted or failed, "
    "decision: ship, hold, unknown or null, exit, error}. counts is {cells (confirmations and "
    "minimisation runs included, as they are ordered), done, running, failed (in the "
    "lab, after all attempts), eta_ms (null while not known)}.";

const struct cli_verb *cmd_run(void) {
    static const struct cli_verb verb = {
        .name = "run",
        .operands = "MATRIX.json",
        .min_operands = 0,
        .max_operands = 1,
        .summary = "execute a matrix on real machines and report",
        .about = about,
        .options = options,
        .repeats = "host",
        .run = run_run,
    };
    return &verb;
}
