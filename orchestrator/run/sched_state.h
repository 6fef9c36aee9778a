/* Inside the scheduler only.
 *
 * A *site* is a segment of the plan's tree on a host: while a worker there is asked to keep a state
 * where the segment ends (PRODUCING), and while it is kept (READY). Cells below a site wait for it
 * and begin there; all others begin at the deepest site above them, or from nothing. When nobody
 * can begin there any more the memory image goes (BASE: the disk still carries others); when nobody
 * stands on it, all of it. */
#ifndef COEXIST_RUN_SCHED_STATE_H
#define COEXIST_RUN_SCHED_STATE_H

#include "base/str.h"
#include "plan/estimate.h"
#include "plan/tree.h"
#include "run/cell.h"
#include "run/repeat.h"
#include "run/sched_rank.h"
#include "run/sched_timers.h"
#include "run/scheduler.h"

enum sched_cell_state {
    SCHED_WAITING, /* has its turn to come, for the first time or again */
    SCHED_RUNNING, /* a slot holds it */
    SCHED_DONE,    /* came to its end */
    SCHED_FAILED,  /* the lab failed on it, tries used up */
    SCHED_STOPPED, /* the user ended the run before it did */
};

struct sched_cell {
    enum sched_cell_state state;
    int attempts; /* made so far, earlier parts of the run included: numbers them */
    int tries;    /* without those that were interrupted or only lost their host */
    int lost;     /* how many of them lost their host */
    bool unbegun; /* one of them could not begin at its state */
    int confirm, confirms; /* the run at hand: 0 the planned one; confirmations wanted in all */
    struct sched_site *point; /* the deepest one of the run at hand; NULL: none */
    struct plan_cell *again; /* the confirmation at hand; NULL: the planned one. Owned */
};

struct sched_segment { /* beside the tree's segment of the same index */
    double at_ms;  /* estimated from nothing to its end */
    uint32_t waiting; /* cells below that wait */
    uint32_t missed;  /* how often a state was to be kept here and was not */
    uint32_t sites;   /* how many are PRODUCING or READY */
    bool owed;        /* counted in sched_eta.owed */
    struct sched_site *first; /* those sites */
};

enum sched_site_state {
    SITE_PRODUCING, /* its slot was asked to keep it; ends as READY or gone */
    SITE_READY,     /* cells may begin there; ends as BASE or gone */
    SITE_POINT,     /* in no segment's list: only the run of the cell that made it begins there; ends as BASE or gone */
    SITE_BASE,      /* nobody begins there any more: its disk is left for those that stand on it */
};

struct sched_site {
    enum sched_site_state state;
    uint32_t segment; /* a point's: the last one it has wholly behind it, TREE_NONE: none */
    size_t steps;     /* behind it, of any cell that begins there */
    int host;
    char *name;
    size_t cell; /* who makes or made it, */
    char *maker; /* id of that run of the cell */
    int attempt;
    int64_t at_ms;
    int64_t bytes;  /* on disk; while PRODUCING what is set aside for it */
    int64_t due;    /* when it should be there; PRODUCING only */
    int restoring;  /* workers sent there that have not begun yet */
    bool memory;    /* its memory image is there */
    int spoilt;     /* how many of them never did */
    int standing;   /* workers and other sites whose disks stand on this one */
    struct sched_site *base; /* the one it stands on, NULL: none */
    struct sched_site *host_prev, *host_next; /* by segment, outermost first */
    struct sched_site *segment_prev, *segment_next;
    struct sched_site *all_prev, *all_next;
};

enum { SCHED_SAVES_MAX = 64 }; /* states one worker may be asked for */

struct sched_slot {
    int host;         /* never changes */
    int next_free;    /* of the same host, -1: the last */
    bool busy;
    size_t cell;      /* index into the plan */
    int attempt;
    struct str line;  /* what came since the last newline */
    int64_t began, heard; /* times */
    int64_t kill_at;  /* CLOCK_NEVER while it may go on */
    int64_t next_seq;
    int step;         /* last one begun, -1 */
    size_t from_steps;
    enum cell_rest rest; /* as it told: its processor may serve another */
    bool restoring;   /* began at `base` and has not told of its first step yet */
    struct sched_site *base; /* what its machine stands on */
    struct sched_site **saves; /* those it is asked for, in order */
    size_t save_count, save_next;
    bool missed;      /* one of them did not come */
    char points[48];  /* name of its points without the steps; "": it may keep none */
    int points_max;   /* how many it may keep */
    int64_t reserved; /* bytes set aside for them */
    bool ended;       /* it sent cell-end */
    bool complete;    /* and that said so */
    int signal;       /* or that it was stopped by this signal */
    bool stopped;     /* we asked it to stop */
    bool killed;      /* by us, for a reason already recorded */
    bool lost_host;   /* through no fault of the cell: that try does not count */
    enum failure_class first, infra; /* first failure, first of the lab's own */
    struct repeat repeat; /* what decides whether the cell is run again */
};

struct sched_place { /* a host */
    bool gone;
    int64_t doubt_until; /* a worker lost it: until it has shown itself nobody starts there */
    bool queued; /* to be looked at for admission */
    int idle_at; /* place in sched.idle, -1: not there */
    int free;    /* first free slot, -1: none */
    int running;
    int resting, leaving; /* of them: in a rest, in their last */
    int64_t used; /* bytes of its states, those set aside included */
    struct sched_site *sites;
};

struct sched_eta {
    struct estimate seen;
    size_t learned, relearn_at; /* step ends taken in; when to estimate everything anew */
    double owed[STEP_KIND_COUNT]; /* steps nobody executes yet, shared ones once */
    double longest_ms; /* of all cells, from nothing */
    int64_t told_at, told_ms; /* the last answer, good for a second */
};

struct sched {
    const struct sched_opts *o;
    struct tree *tree;
    struct sched_cell *cells;
    struct sched_segment *segments;
    struct sched_rank *rank;
    struct sched_slot *slots;
    int slot_count;
    struct sched_timers *timers;
    struct sched_place *places;
    int *queue, queue_count; /* hosts to look at */
    int *idle, idle_count;   /* hosts with a free slot and nothing for it */
    int alive_slots;         /* of hosts that are there */
    int64_t no_host_since;   /* CLOCK_NEVER: one is there */
    struct sched_site *sites;
    size_t points; /* of them */
    struct sched_eta eta;
    size_t done, failed, running, waiting;
    size_t confirms; /* ordered so far */
    int interrupts; /* acted upon */
    int64_t look_at; /* when idle hosts are asked again */
    int64_t no_room_since; /* CLOCK_NEVER: there is room */
    char no_room[200];
    struct err broken; /* the journal's failure: ends the run */
};

/* ---- scheduler.c --------------------------------------------------------------------------- */
bool sched_ending(const struct sched *s);
/* The run of the cell that is at hand: planned, or a confirmation. */
const struct plan_cell *sched_cell_plan(const struct sched *s, size_t cell);
/* The next run of the cell is its k-th confirmation. */
void sched_cell_confirm(struct sched *s, size_t cell, int k);
void sched_kill(struct sched *s, int slot);

/* ---- sched_slot.c -------------------------------------------------------------------------- */
struct sched_slot *sched_slot_begin(struct sched *s, int slot, size_t cell, int attempt);
/* Takes all a worker has to say now. True when it will say no more. */
bool sched_slot_read(struct sched *s, int slot);
/* Settles a worker that has ended: records what it could not, decides whether the cell runs
 * again. */
void sched_slot_end(struct sched *s, int slot, const struct sched_exit *exit);
/* Records a failure of the lab for the cell in this slot. */
void sched_slot_fail(struct sched *s, struct sched_slot *slot, enum failure_class class,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void sched_record(struct sched *s, const struct observation *o);
void sched_counts(struct sched *s, struct sched_counts *out);

/* ---- sched_admit.c: who starts where ------------------------------------------------------- */
void sched_admit(struct sched *s);
void sched_wake(struct sched *s, int host);  /* look at it in the next sched_admit */
void sched_wake_idle(struct sched *s, size_t most);
/* The cell is to be run (again), or is taken out of the waiting ones. */
void sched_cell_wait(struct sched *s, size_t cell);
void sched_cell_take(struct sched *s, size_t cell);
void sched_host_gone(struct sched *s, int host);
void sched_host_back(struct sched *s, int host);

/* ---- sched_pick.c: the next cell for a host -------------------------------------------------- */
struct sched_pick {
    size_t cell;
    struct sched_site *from; /* NULL: from nothing */
};
/* False: nothing waits that this host should begin now. */
bool sched_pick(struct sched *s, int host, struct sched_pick *out);

/* ---- sched_pack.c: the last cells of a lone host ---------------------------------------------- */
/* Puts in the place of the cell that a free slot of the host would begin one with which all slots end sooner. It stays
 * with several hosts or many cells, and where each of those waits for a state being made. */
void sched_pack(struct sched *s, int host, struct sched_pick *pick);

/* ---- sched_sites.c: states ------------------------------------------------------------------- */
/* Stands the slot on `from` and sets aside what it shall keep on its way. */
void sched_sites_enter(struct sched *s, int slot, struct sched_site *from);
/* An observation of the slot: what it says of states. ERR_PROTOCOL when it tells of a state that it
 * was not asked for. */
int sched_sites_hear(struct sched *s, int slot, const struct observation *o, struct err *err);
void sched_sites_leave(struct sched *s, int slot);
/* Cells of this segment stopped waiting: what nobody needs any more goes. */
void sched_sites_review(struct sched *s, uint32_t segment);
struct sched_site *sched_sites_at(const struct sched *s, int host, uint32_t segment);
/* The host's own state above the cell, NULL: none; ready: that it could begin at now. */
struct sched_site *sched_sites_deepest(const struct sched *s, int host, size_t cell, bool ready);
void sched_sites_take_kept(struct sched *s); /* what an earlier part of the run left */
void sched_sites_lose_host(struct sched *s, int host);
void sched_sites_free(struct sched *s);

struct sched_site *sched_site_new(struct sched *s, int host, uint32_t segment, int64_t bytes);
void sched_site_retire(struct sched *s, struct sched_site *x); /* nobody is sent there any more; may delete it */

/* ---- sched_points.c: states of one cell alone ------------------------------------------------- */
/* Sets room aside for points of the slot's own, where there is some left, and names them; gives it back. */
void sched_point_reserve(struct sched *s, struct sched_slot *slot);
void sched_point_unreserve(struct sched *s, struct sched_slot *slot);
bool sched_point_is(const struct sched_slot *slot, const char *name);
/* Takes in that the slot's worker kept one. */
int sched_point_keep(struct sched *s, struct sched_slot *slot, const struct observation *o, struct err *err);
/* x becomes the cell's point; one it had only carries others now. */
void sched_point_set(struct sched *s, struct sched_site *x);
/* The last segment on the cell's way that ends within so many steps; TREE_NONE: none does. */
uint32_t sched_point_segment(const struct sched *s, size_t cell, size_t steps);
/* Lets the cell's point go unless the cell waits to be tried again. */
void sched_point_review(struct sched *s, size_t cell);
/* The point that a waiting cell should go on from on this host, or NULL. */
struct sched_site *sched_point_first(const struct sched *s, int host);

/* ---- sched_eta.c --------------------------------------------------------------------------- */
void sched_eta_init(struct sched *s);
void sched_eta_learn(struct sched *s, const struct observation *step_end);
/* Something changed that decides whether somebody still has to execute this segment. */
void sched_eta_owe(struct sched *s, uint32_t segment);
double sched_eta_owed_ms(const struct sched *s);
/* Milliseconds until the end, -1 when nothing is known yet. */
int64_t sched_eta_ms(struct sched *s);
/* Estimated, until a busy slot is free. */
double sched_eta_slot_ms(const struct sched *s, const struct sched_slot *slot);
/* Estimated from nothing to the end of the cell. */
double sched_eta_cell_ms(const struct sched *s, size_t cell);

#endif
