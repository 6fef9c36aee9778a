/* The order of a matrix's own steps: what each needs to have happened before. */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/check.h"

struct check_walk {
    const struct input *in;
    const json_t *steps;
    const char *step;
    size_t at;
    bool installed, removed, applied, rolled_back;
    bool unclear; /* an item before names no step */
};

static void check_step_fail(const struct check_walk *w, const char *hint, const char *why) {
    CLEANUP_FREE char *at = str_printf("/steps/%zu", w->at);
    json_doc_complain(w->in->matrix.doc, at, 0, w->in->diags, "impossible-step", hint,
                      "step \"%s\" %s", w->step, why);
}

const char *check_step_name(const json_t *item) {
    return json_string_value(json_is_object(item) ? json_object_get(item, "step") : item);
}

static bool check_step_listed(const struct check_walk *w, const char *name) {
    for (size_t i = 0; i < json_array_size(w->steps); i++) {
        if (str_eq(check_step_name(json_array_get(w->steps, i)), name)) {
            return true;
        }
    }
    return false;
}

/* Not where no step of that name is listed and an item before may have been meant to be it: one complaint is enough. */
static void check_step_lacks(const struct check_walk *w, const char *needed, const char *hint, const char *why) {
    if (!w->unclear || check_step_listed(w, needed)) {
        check_step_fail(w, hint, why);
    }
}

static void check_step_install(struct check_walk *w) {
    if (w->installed || w->removed) {
        check_step_fail(w, "keep the first only", "stands twice: the products are installed already");
    }
    w->installed = true;
}

static void check_step_uninstall(struct check_walk *w) {
    if (!w->installed) {
        check_step_lacks(w, "install", NULL,
                         w->removed ? "stands twice: the products are removed already"
                                    : "has nothing to remove: nothing is installed yet");
    }
    for (size_t i = 0; i < w->in->product_count; i++) {
        const struct input_doc *p = &w->in->products[i];
        if (p->usable && !json_object_get(p->root, "uninstall")) {
            CLEANUP_FREE char *why =
                str_printf("cannot be done: product \"%s\" has no \"uninstall\"", p->id);
            check_step_fail(w, "add \"uninstall\" to the product, or remove the step", why);
        }
    }
    w->installed = false;
    w->removed = true;
}

static void check_step_apply(struct check_walk *w) {
    if (w->applied) {
        check_step_fail(w, "an update is applied once in a cell", "stands twice");
    } else if (!w->installed) {
        check_step_lacks(w, "install", "put it between \"install\" and \"uninstall\"",
                        "needs the products installed");
    }
    if (w->in->update_count == 0) {
        check_step_fail(w, "list update files under \"updates\", or remove the step",
                        "has nothing to apply: the matrix has no updates");
    }
    w->applied = true;
}

static void check_step_took(struct check_walk *w) {
    if (!w->applied) {
        check_step_lacks(w, "apply", "put it behind \"apply\"", "comes before \"apply\"");
    } else if (w->rolled_back) {
        check_step_fail(w, "put it before \"rollback\"",
                        "cannot hold: the update is rolled back already");
    } else if (!w->installed) {
        check_step_fail(w, "put it before \"uninstall\"", "cannot hold: the products are removed");
    }
}

static void check_step_rollback(struct check_walk *w) {
    if (!w->applied) {
        check_step_lacks(w, "apply", "put it behind \"apply\"", "comes before \"apply\"");
    } else if (w->rolled_back) {
        check_step_fail(w, NULL, "stands twice: the update is rolled back already");
    } else if (!w->installed) {
        check_step_fail(w, "put it before \"uninstall\"", "comes after the products were removed");
    }
    for (size_t i = 0; i < w->in->update_count; i++) {
        const struct input_doc *u = &w->in->updates[i];
        if (u->usable && !json_object_get(u->root, "rollback")) {
            CLEANUP_FREE char *why =
                str_printf("cannot be done: update \"%s\" has no \"rollback\"", u->id);
            check_step_fail(w, "add \"rollback\" to the update, or remove the step", why);
        }
    }
    w->rolled_back = true;
}

static void check_step_needs_products(struct check_walk *w) {
    if (!w->installed) {
        check_step_lacks(w, "install", "put it between \"install\" and \"uninstall\"",
                        "has nothing to look at: no product is installed");
    }
}

static void check_step_measure(struct check_walk *w) {
    const json_t *workloads = json_object_get(w->in->matrix.root, "workloads");
    if (json_is_array(workloads) && json_array_size(workloads) == 0) {
        check_step_fail(w, "list workloads, or leave \"workloads\" out to run all",
                        "has nothing to run: \"workloads\" is empty");
    }
}

static void check_step_reboot(struct check_walk *w) {
    (void)w; /* possible at any time */
}

void check_steps(const struct input *in) {
    static const struct {
        const char *name;
        void (*check)(struct check_walk *w);
    } table[] = {
        {"install", check_step_install},        {"uninstall", check_step_uninstall},
        {"apply", check_step_apply},            {"took", check_step_took},
        {"rollback", check_step_rollback},      {"verify", check_step_needs_products},
        {"detect", check_step_needs_products},  {"measure", check_step_measure},
        {"reboot", check_step_reboot},          {"soak", check_step_needs_products},
    };
    const json_t *steps = json_object_get(in->matrix.root, "steps");
    struct check_walk w = {.in = in, .steps = steps};
    for (w.at = 0; w.at < json_array_size(steps); w.at++) {
        bool known = false;
        w.step = check_step_name(json_array_get(steps, w.at));
        if (w.at == 0 && w.step && !str_eq(w.step, "install")) {
            check_step_fail(&w, "begin with \"install\"", "cannot be the first");
            w.installed = !check_step_listed(&w, "install"); /* one complaint about it is enough */
        }
        for (size_t t = 0; t < ARRAY_LEN(table); t++) {
            bool is = str_eq(w.step, table[t].name);
            known |= is;
            if (is && (w.at > 0 || t == 0)) {
                table[t].check(&w);
            }
        }
        w.unclear |= !known;
    }
    if (json_array_size(steps) > 0 && in->update_count > 0 && !w.applied && !w.unclear) {
        json_doc_complain(in->matrix.doc, "/steps", 0, in->diags, "impossible-step",
                          "add \"apply\" and \"took\", or remove \"updates\"",
                          "no step applies the updates of this matrix");
    }
}
