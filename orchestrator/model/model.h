/* The user's input, typed and validated. Everything here is read-only after loading and owned by the
 * struct model; indexes and pointers into it stay valid until model_free. */
#ifndef COEXIST_MODEL_MODEL_H
#define COEXIST_MODEL_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

struct model_codes { /* exit codes */
    uint32_t *items;
    size_t count;
};
bool model_codes_hold(const struct model_codes *codes, uint32_t code);

struct model_command { /* absent when command is NULL */
    char *command;              /* Windows command line with {installer} and {files} */
    struct model_codes success; /* default {0} */
    struct model_codes reboot;  /* success, and asks for a reboot; default {3010, 1641} (Windows Installer's codes)
                                   without those that mean plain success */
    int64_t timeout_ms;
};

enum check_kind { CHECK_SERVICE, CHECK_DRIVER, CHECK_PROCESS, CHECK_FILE, CHECK_REGISTRY, CHECK_KIND_COUNT };
const char *check_kind_name(enum check_kind k); /* "service", ... */

struct model_check { /* one thing that must be so in a healthy guest */
    enum check_kind kind;
    char *name;    /* service, driver or process name; file path; registry key */
    char *value;   /* registry value name; NULL otherwise ("" is the default value) */
    char *expect;  /* service state; file version; registry data; NULL: existence is enough */
    char *sha256;  /* files only; NULL: not checked */
};

struct model_checks {
    struct model_check *items;
    size_t count;
};

enum detect_expect { DETECT_REMOVED, DETECT_UNREADABLE, DETECT_COMMAND };

struct model_detection { /* absent when name is NULL */
    char *name;
    enum detect_expect expect;
    char *path;         /* guest path the sample is written to; NULL with DETECT_COMMAND */
    char *content_file; /* host path of the sample; NULL: the EICAR standard test file */
    struct model_command command; /* with DETECT_COMMAND */
    int64_t within_ms;
};

struct model_product {
    char *id, *vendor, *name, *version;
    char *installer;        /* absolute host path */
    char *installer_sha256; /* lower-case hex */
    struct model_command install, uninstall;
    struct model_checks health;
    int64_t healthy_ms; /* what it may need for that after a start of the machine; 0: what the lab gives all */
    struct model_detection detection;
    char **modules; /* file names (no folder) that belong to it; NULL-terminated; includes what health names */
    char **logs; /* guest paths of its own logs; the last part may hold '*' and '?'; NULL-terminated, NULL: none */
};

enum update_kind { UPDATE_CONTENT, UPDATE_ENGINE, UPDATE_DRIVER, UPDATE_OS, UPDATE_KIND_COUNT };
const char *update_kind_name(enum update_kind k);

struct model_file {
    char *host_path; /* absolute */
    char *sha256;
    char *target; /* guest path, or NULL: goes to {files} under its own name */
};

struct model_update {
    char *id, *title; /* title: never NULL, falls back to id */
    enum update_kind kind;
    const struct model_product *product; /* NULL for os */
    char *from, *to;
    struct model_file *files;
    size_t file_count;
    struct model_command apply, rollback;
    char **repair; /* guest paths whose removal brings back a machine that does not boot; the last part may hold
                      '*' and '?'; NULL-terminated, NULL: the update names none */
    struct model_checks took;
    int64_t healthy_ms; /* what may be needed, once it is applied, to be healthy; 0: what the lab gives all */
    struct model_checks health; /* of its product with the update: as the update says, else the product's own with
                                   the checks of took in the place of those on the same things; none for os */
};

enum step_kind { /* what a matrix may list under "steps"; provision, boot, collect, teardown are implied */
    STEP_PROVISION, STEP_BOOT,
    STEP_INSTALL,   /* "install": all products of the cell, in order; the plan makes a step of each */
    STEP_VERIFY,    /* "verify": health of all installed products */
    STEP_DETECT,    /* "detect": detection check of all installed products */
    STEP_MEASURE,   /* "measure": the matrix's workloads */
    STEP_APPLY,     /* "apply": the update; from here on the phase is "after" */
    STEP_TOOK,      /* "took": the update's took checks */
    STEP_REBOOT,    /* "reboot" */
    STEP_SOAK,      /* "soak": the guest stands for a while after its boot, and health holds still */
    STEP_ROLLBACK,  /* "rollback": then health must hold again */
    STEP_UNINSTALL, /* "uninstall": all products, last installed first */
    STEP_COLLECT,
    STEP_DRILL,     /* "drill": tries to bring back a machine that does not boot any more; implied by "drills" */
    STEP_TEARDOWN,
    STEP_KIND_COUNT
};
const char *step_kind_name(enum step_kind k);

struct model_step {
    enum step_kind kind;
    bool fresh; /* each cell does it for itself: it never continues from another cell's state */
};
/* What a step is when the matrix does not say: a measurement is one cell's own, the rest may be shared. */
bool step_kind_is_fresh(enum step_kind k);

struct model_workload {
    char *name;      /* as in agents/proto/PROTOCOL.md */
    int repetitions; /* 1..100 */
    json_t *params;  /* NULL or object, passed on */
};

enum gate_kind {
    GATE_VERDICT, /* {"id","verdict":"update-regression","then":"hold|unknown|ship"} */
    GATE_SLOWER,  /* {"id","metric":"copy-small"|"*","worse_percent":30,"confidence":0.99,"then":"hold"} */
};
struct model_gate {
    enum gate_kind kind;
    char *id;
    char *verdict;        /* GATE_VERDICT: verdict name */
    char *metric;         /* GATE_SLOWER */
    double worse_percent; /* > 0 */
    double confidence;    /* 0.5 .. 0.9999 */
    char *then;           /* "hold", "unknown" or "ship" */
};

struct model_set { /* one product set with its install order(s) resolved by the plan */
    const struct model_product **products;
    size_t count;
    const struct model_update **updates; /* those to try on this set; resolved, in matrix order */
    size_t update_count;
    bool control; /* also a cell with no update at all ("updates" lists "none") */
};

struct model_group { /* factors with a strength of their own */
    int *factors; /* ascending */
    size_t count;
    int strength; /* 1..6 */
};

/* "coverage": which combinations the cells have to hold. Factors, in this order: "image", one for each product of the
 * matrix (its id: "absent" or "present"), "update" ("none" or an id), "order" ("listed", "reversed"). Values have the
 * order of the matrix; those named here come in the order named. */
struct model_coverage {
    int strength; /* 1..6; 0: every combination that the constraints allow */
    uint64_t seed;
    struct pict_model *factors; /* names, values, constraints, groups, seeds, weights: cover/pict.h */
    struct model_group *groups;
    size_t group_count;
};

#define MODEL_CONFIRM_BY_EVIDENCE (-1) /* once where the evidence is weak: run/repeat.h */

struct model {
    char *path;  /* of the matrix file */
    char *name, *title;
    char *sha256; /* over the matrix and every file it names, for the journal */
    char **images;
    size_t image_count;
    struct model_product *products;
    size_t product_count;
    struct model_update *updates;
    size_t update_count;
    struct model_set *sets;
    size_t set_count;
    struct model_coverage *coverage; /* NULL: the product sets are tested; otherwise there are none */
    bool all_orders; /* install_orders: "all" */
    int repetitions;
    int confirm; /* how often a cell that failed is run again, 0..5, or MODEL_CONFIRM_BY_EVIDENCE */
    int minimize; /* runs beyond the plan that may be spent on shrinking failing sets; 0: none are */
    int64_t watch_ms; /* how long a machine is watched after its last start or change; 0: as the lab thinks */
    bool drills; /* after a failure that stops the boot: is there a way back? */
    struct model_step *steps; /* default protocol when the matrix lists none */
    size_t step_count;
    struct model_workload *workloads;
    size_t workload_count;
    struct model_gate *gates;
    size_t gate_count;
    json_t *source; /* the matrix as read, with products and updates inlined: what the journal keeps */
    struct diags doubts; /* what can be run and is hardly meant; none when loaded from a journal */
};

/* Loads a matrix and all it names. Every error found is added to diags; NULL when there was any. */
struct model *model_load(const char *matrix_path, struct diags *diags);
/* Loads from what the journal kept (model->source), without touching installers or digests. */
struct model *model_from_source(const json_t *source, struct diags *diags);
void model_free(struct model *m);
/* Overrides the matrix' "confirm", in the source that the journal keeps, too. */
void model_set_confirm(struct model *m, int confirm);
void model_set_minimize(struct model *m, int runs); /* likewise "minimize" */

/* The check in a list that looks at the same service, driver, process, file or registry value; NULL: none does. */
const struct model_check *model_check_find(const struct model_checks *list, const struct model_check *like);

const struct model_product *model_find_product(const struct model *m, const char *id);
const struct model_update *model_find_update(const struct model *m, const char *id);
/* Is that file name (no folder, case-insensitive) one of the product's? cut: how many characters of a name the guest's
 * system tells of, so that a name of that length may go on; 0: all. */
bool model_has_module(const struct model_product *p, const char *name, size_t cut);
/* One more product in the search for the owner of that name; *owner is NULL at first and becomes the first that has it.
 * False: products of two vendors have it (setup.exe), so that it points at neither. */
bool model_owner_take(const struct model_product **owner, const struct model_product *p, const char *name, size_t cut);
/* The product a module's file name (case-insensitive, path ignored) belongs to; NULL: none's, or two vendors'. */
const struct model_product *model_module_owner(const struct model *m, const char *module);

#endif
