/* What the journal says about one cell, gathered and ordered, before anybody judges it. */
#ifndef COEXIST_ANALYSIS_FACTS_H
#define COEXIST_ANALYSIS_FACTS_H

#include "analysis/analysis.h"
#include "analysis/kept.h"
#include "analysis/samples.h"
#include "base/texts.h"

/* Texts of a guest are cut to this many bytes, lists to this many entries, with a mark. */
#define FACTS_MAX_TEXT 600
#define FACTS_MAX_ENTRIES 200

struct fact_failure {
    enum failure_class cls;
    char *text;
    char *product; /* id of who it happened to; NULL: nobody in particular */
    char *subject; /* name of the service, file, ... when it came from a check; else NULL */
    bool after;    /* since the update was begun */
    bool from_check; /* derived from a failed check, not said by the cell */
    char *check_what; /* with from_check: "service", "took", ... */
    int step;
    char *kind;    /* step kind */
    int64_t seq;
    int boots;
};

struct cell_facts {
    const struct plan_cell *plan; /* borrowed */
    bool begun, ended, complete;
    int attempt;   /* the one being read, as the journal numbers it */
    int attempts;  /* begun, without those that were only interrupted: being interrupted is no failure */
    char *host;    /* where it ran; NULL: not told */
    struct texts earlier; /* what became of earlier attempts that failed */
    struct fact_failure *failures; /* of the last attempt, in order */
    size_t failure_count;
    struct texts evidence;
    struct analysis_artifact *artifacts;
    size_t artifact_count;
    struct analysis_step *steps;
    size_t step_count;
    struct analysis_drill *drills;
    size_t drill_count;
    struct sample_set samples;
    struct kept kept, sums; /* files nobody may touch, as they were at first; the system's also by their checksum */
    int panics_after, panics_before;
    size_t evidence_dropped;
    struct analysis_moment *moments; /* of the last attempt, as they came */
    size_t moment_count;
};

struct facts {
    struct cell_facts *cells; /* in plan order */
    size_t count;
    size_t strangers; /* observations of cells the plan does not know */
};

/* Reads the whole journal. Free with facts_free also after failure. */
int facts_collect(struct journal *j, const struct plan *plan, struct facts *out, struct err *err);
void facts_free(struct facts *f);

/* Takes one observation of the current attempt into c (collect.c). */
void facts_observe(struct cell_facts *c, const struct observation *o);
/* Adds a failure that no observation of type failure told of; NULL when there are too many already. text is copied.
 * The caller may fill in product and subject. */
struct fact_failure *facts_add_failure(struct cell_facts *c, const struct observation *o,
                                       enum failure_class cls, const char *text);
/* The failure that explains the others: see METHOD.md, "Which failure names the cell". NULL without any. */
const struct fact_failure *facts_primary(const struct cell_facts *c);

void facts_failure_clear(struct fact_failure *f);
void facts_artifact_clear(struct analysis_artifact *a);
void facts_step_clear(struct analysis_step *s);
void facts_moments_free(struct analysis_moment *m, size_t count);
void facts_drill_clear(struct analysis_drill *d);

#endif
