/* What a running cell knows: shared by cell.c, its helpers and the steps_*.c files, by nobody
 * else. */
#ifndef COEXIST_RUN_CELL_STATE_H
#define COEXIST_RUN_CELL_STATE_H

#include "model/failure.h"
#include "run/cell.h"

/* Whose call failed, when a step breaks: decides what an error means. */
enum cell_side {
    CELL_SIDE_GUEST, /* a question to the guest: its harm until proven otherwise */
    CELL_SIDE_VM,    /* libvirt and QEMU */
    CELL_SIDE_HOST,  /* a file or folder of the host */
};

enum { CELL_EVENTS_MAX = 16, CELL_TEXT_MAX = 2000 };

/* Whether the guest's agent knows "look": older ones do not. */
/* The update in the guest: not there (not yet, or rolled back), there, or perhaps half there: on its way in or out. */
enum cell_update { CELL_UPDATE_AWAY, CELL_UPDATE_APPLIED, CELL_UPDATE_UNSURE };
enum cell_look { CELL_LOOK_UNTRIED, CELL_LOOK_KNOWN, CELL_LOOK_UNKNOWN };

struct cell {
    const struct cell_env *env;
    struct vm *vm;       /* NULL before provision and after teardown */
    struct guest *guest; /* NULL while no VM was started */
    int64_t began_ns;
    int64_t seq;
    int step;            /* index, -1 outside of steps */
    const char *kind;    /* of the step, "" outside */
    enum plan_phase phase;

    bool up;      /* the guest is usable: said hello in this boot, nothing says otherwise since */
    bool booting; /* between power-on or reset and the hello; resets are counted, not feared */
    bool going_down;  /* asked to reboot: a reset or power-off is what we wait for */
    bool touched; /* something of a product has run or been put in: harm before is the image's */
    int resets;   /* while booting or going down */
    int64_t reset_at;
    int64_t ready_at;      /* of the last hello; 0: none yet */
    int64_t changed_at;    /* the end of the last vendor's command in this boot; before ready_at: none */
    int64_t crash_after;   /* longest time from ready to going down by itself so far */
    int panics;            /* in a row, without standing in between */
    bool powered_off; /* while going down */

    /* Events that end a step, in the order they came, not yet turned into failures. */
    struct vm_event waiting[CELL_EVENTS_MAX];
    int waiting_count;
    enum cell_side side; /* of the last failed call */
    bool host_lost;      /* told once */
    bool handled;        /* the failure behind the error that unwinds is already recorded */

    uint64_t step_failures; /* bit set of failure classes recorded in this step */
    char *failed;           /* why the remaining steps are skipped; NULL: all well */
    int failed_at;          /* index of the step in which that was */
    enum failure_class infra; /* first infrastructure failure, FAILURE_NONE when there was none */
    char *infra_text;
    bool stopped;
    bool drilling;    /* in a repair drill: what goes wrong is a note and counted, no failure of the cell; no metrics */
    int drill_faults;
    enum cell_look look;
    enum cell_rest rest; /* as told: cell_may_rest */
    int64_t rest_began, rested; /* when the rest at hand did; the length of those before it, ns */
    int64_t rest_at, rest_cpu; /* when the VM's processor time was looked at last and what it was, ns; 0: not yet */
    bool *installed; /* for each product of the cell: its health is looked at */
    char **dumps;    /* names of process dumps already told of */
    size_t dump_count;
    char **told;     /* failures recorded so far, class and text */
    size_t told_count;
    char *console;   /* host path of the boot console's log, NULL: none */
    long console_read; /* bytes of it that were looked at (run/console.h) */
    int screens;     /* screenshots taken, for their names */
    int64_t kept_at; /* when the last state was kept, or the cell began */
    int points;      /* kept */
    int64_t ssh_lost; /* ns: for so long the last verify got in by the serial port alone, up to its end; 0: it got in */
    bool took_proves; /* the update's took checks did not all hold before it was applied */
    enum cell_update update_is;
    struct vitals *vitals; /* vitals.h; NULL: nothing sampled yet */
};

/* ---- cell_emit.c: observations ------------------------------------------------------------- */
/* Valid UTF-8 from any bytes: what is not becomes U+FFFD; cut at `max` bytes. New reference. */
json_t *cell_text(const char *bytes, size_t len, size_t max);
/* data is taken. */
void cell_emit(struct cell *c, enum obs_type type, json_t *data);
void cell_note(struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cell_event(struct cell *c, const char *what, const char *text);

struct cell_metric { /* one sample */
    const char *name, *unit, *source;
    double value;
    double reference_ms;  /* NAN: none */
    double starved;       /* percent of the time in which the VM waited for a host processor; 0 or NAN: not told */
    int rep;              /* 0-based */
    const char *process;  /* NULL: the system's */
    const char *product;  /* id; NULL: of no product in particular */
};
void cell_metric(struct cell *c, const struct cell_metric *m);
void cell_check(struct cell *c, const char *what, const char *name, const char *product, bool ok,
                const char *expected, const char *found);
/* The cell's product that a file name belongs to, as model_has_module; NULL: none's, or two vendors'. */
const struct model_product *cell_module_owner(const struct cell *c, const char *name, size_t cut);
/* Stores a host file as an artifact. */
int cell_artifact(struct cell *c, const char *role, const char *name, const char *host_path,
                  struct err *err);
/* Records a failure and ends the normal course of the cell. Harm to a guest in which nothing of a
 * product ran yet is recorded as the image's fault. product may be NULL. */
void cell_fail(struct cell *c, enum failure_class class, const char *product, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The host that the VM runs on is gone: the attempt says nothing. */
void cell_fail_host_lost(struct cell *c, const char *why);
void cell_fail_boots(struct cell *c, enum failure_class class, int boots, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- cell_io.c: the vm and the guest, watched ---------------------------------------------- */
bool cell_stop_now(const struct cell *c);
int64_t cell_in(const struct cell *c, int64_t ns); /* a deadline from now */
int64_t cell_healthy_by(const struct cell *c);     /* when whatever is installed has to be as it should be, from now */
/* Takes all events that wait. Negative with err when the VM cannot even be asked. */
int cell_pump(struct cell *c, struct err *err);
/* Looks for events until the deadline, or until one ends the step (returns 1). */
int cell_watch(struct cell *c, int64_t deadline, struct err *err);
int cell_vm_power_on(struct cell *c, struct err *err); /* start, then a guest for it */
int cell_vm_meet(struct cell *c, struct err *err);     /* a guest for a VM that runs */
int cell_vm_reset(struct cell *c, struct err *err);
void cell_vm_off(struct cell *c); /* pulls the plug when it is on; problems become notes */
void cell_vm_drop(struct cell *c); /* ends guest and VM */
/* Runs a command with its own limit inside the guest. Never repeated. */
int cell_exec(struct cell *c, const char *command, int64_t limit_ms, struct guest_exec *x,
              struct err *err);
/* A failure to read the host's file is the lab's, never the guest's. */
int cell_put(struct cell *c, const char *host_path, const char *guest_path, struct err *err);
int cell_get(struct cell *c, const char *guest_path, const char *host_path, int64_t max_bytes,
             struct err *err);
/* args is taken (may be NULL). Repeated when only a harmless event cut it short. */
int cell_call(struct cell *c, const char *op, json_t *args, int64_t limit_ns, json_t **result,
              struct err *err);
int cell_reach(struct cell *c, struct guest_reach *out, struct err *err);

/* All -1 where it is not told. A VM that cannot be looked at is judged by what it comes to; only the lab's own bug is
 * an error here, and in the next. */
int cell_diagnose(struct cell *c, struct vm_diagnostics *out, struct err *err);
/* *ns: how long the VM was ready to run and got no processor of the host, since it was started; -1 where that is not
 * told. */
int cell_starved(struct cell *c, int64_t *ns, struct err *err);
/* Lets the VM's processors go before those of others, or ends that. Where it cannot be, it costs time and nothing
 * else: what the host kept waiting is seen and measured again. Negative only with the lab's own bug. */
int cell_favour(struct cell *c, bool on, struct err *err);

/* Between two looks at a guest that is awaited: tells when it does next to nothing meanwhile (rest), and when it does.
 * Negative only with the lab's own bug. */
int cell_may_rest(struct cell *c, enum cell_rest rest, struct err *err);
void cell_works(struct cell *c); /* it does, from now on */
int64_t cell_rested(const struct cell *c); /* ns in all */

/* ---- cell_boot.c --------------------------------------------------------------------------- */
/* Waits for the hello of the boot that began at `since`. Every reset is taken as a new attempt to
 * boot; too many are a boot loop. The limit is the guest's time: what the host had no processor for comes on top. */
int cell_wait_ready(struct cell *c, int64_t since, struct err *err);
/* Event "ready": which agent answered, on which system. */
void cell_say_ready(struct cell *c, const json_t *hello);
/* Watches until the guest has stood long enough since it became ready. 1: an event came, 0: it
 * stands, -1 with err. */
int64_t cell_stands_at(const struct cell *c); /* when that will be */
int cell_stand(struct cell *c, struct err *err);
/* Orderly power-off; the plug is pulled when the guest agreed and yet does not go down. */
int cell_shut_down(struct cell *c, struct err *err);
/* Orderly restart, with a hard reset when the guest agreed and yet does not go down. */
int cell_reboot(struct cell *c, struct err *err);

/* ---- cell_start.c: kept states -------------------------------------------------------------- */
/* A machine that goes on from env->from, with a guest that answers and has the right time. What does not work is
 * recorded as a failure of the lab. */
void cell_start_from_state(struct cell *c);
/* In the place of a first boot. 1: the guest goes on from its image's state at "ready"; 0: there is none, the VM is to
 * be started; negative: the failure is recorded (c->handled), or the lab's own bug. */
int cell_start_ready(struct cell *c, struct err *err);
/* Keeps a state when one is wanted after `done` steps, or a point is due, and nothing has failed. What does not work is
 * a note. */
void cell_keep_state(struct cell *c, size_t done);

/* ---- cell_fuse.c: from what was seen to failures ------------------------------------------- */
/* Turns the error that broke a step, the events and what still answers into typed failures; leaves
 * c->up telling whether the guest can still be used. `own` is the class when the guest is fine and
 * only did not do what was asked. Consumes err. */
void cell_fuse(struct cell *c, enum failure_class own, struct err *err);
/* An error while gathering evidence: a note, unless it shows a fault of the lab or the host. */
void cell_minor(struct cell *c, const char *what, struct err *err);
/* Takes a picture of the screen when there is one to take. */
void cell_screenshot(struct cell *c, const char *name);

/* ---- checks.c ------------------------------------------------------------------------------ */
struct check_round; /* answers shared by the checks of one look at the guest */
struct check_round *check_round_new(void);
void check_round_free(struct check_round *r);
struct check_result {
    bool ok;
    char expected[200], found[200];
};
/* 0 with *out, negative with err when the guest could not be asked. */
int check_look(struct cell *c, struct check_round *r, const struct model_check *check,
               struct check_result *out, struct err *err);
/* What it means when such a check fails. */
enum failure_class check_failure_class(enum check_kind kind);
const char *check_display_name(const struct model_check *check, char buf[300]);

/* ---- keepsakes.c: files that nobody may touch ------------------------------------------------ */
/* Gives the guest's users documents and shortcuts of their own. */
int cell_give_canaries(struct cell *c, struct err *err);
/* Records what those and the system's files are now (observation "files"). */
int cell_look_at_files(struct cell *c, struct err *err);
/* The system's files by their bytes: who puts size and time back is not seen otherwise. */
int cell_look_into_files(struct cell *c, struct err *err);

/* ---- residue.c ------------------------------------------------------------------------------ */
/* Waits until nothing of an uninstalled product is left that runs or could run; what stays is recorded. */
int cell_look_for_residue(struct cell *c, const struct model_product *p, struct err *err);

/* ---- vitals.h ------------------------------------------------------------------------------- */
void vitals_free(struct vitals *v); /* NULL is fine */

/* ---- steps_*.c ----------------------------------------------------------------------------- */
/* 0 when the step came to its end (failures may have been recorded on the way), negative with err
 * when it broke. */
typedef int cell_step_fn(struct cell *c, struct err *err);
cell_step_fn step_provision, step_boot, step_reboot, step_install, step_uninstall, step_apply,
    step_rollback, step_verify, step_took, step_detect, step_measure, step_soak, step_collect,
    step_drill, step_teardown;
/* The update's rollback command alone. 1: done, 0: a failure is recorded, negative with err. */
int step_rollback_command(struct cell *c, struct err *err);
/* Why there is nothing to drill, or NULL. */
const char *step_drill_needless(const struct cell *c);
/* After a failure: what the step that failed found may be what came of something that nobody looked at yet. */
int step_look_for_cause(struct cell *c, struct err *err);
/* As a soak, before the cell ends. */
int step_last_look(struct cell *c, struct err *err);
/* Do all took checks of the update hold right now? 1, 0, negative with err. */
int step_took_holds(struct cell *c, struct err *err);
/* Health of every installed product, once the guest had until `deadline` to become healthy. */
/* What a healthy install of the product has with the cell's update; an empty list when that is not of this product. */
const struct model_checks *cell_update_health(const struct cell *c, const struct model_product *p);
int step_verify_until(struct cell *c, int64_t deadline, struct err *err);
/* Everything a look at a healthy guest takes in: files, room, processes, a program that starts. vitals_begin was
 * called some time before. */
int step_look(struct cell *c, struct err *err);
/* Tells of process dumps that were not there before. */
int step_find_process_dumps(struct cell *c, struct err *err);

#define GUEST_IN "C:\\coexist\\in"
#define GUEST_OUT "C:\\coexist\\out"
#define GUEST_DUMPS "C:\\coexist\\out\\dumps"
#define GUEST_EVENT_LOGS "C:\\Windows\\System32\\winevt\\Logs"
#define GUEST_MINIDUMPS "C:\\Windows\\Minidump"
#define GUEST_UPDATE "C:\\coexist\\in\\update"

#endif
