/* Harm of every kind, done in the simulated guest by an update: seen, and told as what it is. And the other test: what
 * only looks alarming is not held. */
#include <check.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "sim/lab.h"
#include "support/suite.h"

#define PUBLIC_LINK "file:C:\\Users\\Public\\Desktop\\Text editor.lnk"
#define SVCHOST "file:C:\\Windows\\System32\\svchost.exe"

struct change { /* one fact set by an effect */
    const char *thing, *data;
};

static void effect_change(struct sim_world *w, void *ctx) {
    const struct change *c = ctx;
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    if (c->thing) {
        sim_world_set(w, c->thing, c->data);
    }
}

static void effect_set(struct sim_world *w, void *ctx) {
    const struct change *c = ctx;
    sim_world_set(w, c->thing, c->data);
}

/* A lab whose update changes that. */
static struct lab *lab_with(struct change *c) {
    struct lab *l = lab_new();
    sim_world_set(l->world, SVCHOST, "MZ service host");
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_change, c);
    return l;
}

/* What the last look in that phase said of a file: 1 there, 0 gone, -1 not mentioned. */
static int last_mark(const struct lab *l, const char *role, const char *path, const char **mark) {
    int seen = -1;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        if (o->type != OBS_FILES || strcmp(json_string_value(json_object_get(o->data, "role")), role) != 0) {
            continue;
        }
        const json_t *v = json_object_get(json_object_get(o->data, "files"), path);
        seen = !v ? -1 : json_is_null(v) ? 0 : 1;
        *mark = json_string_value(v);
    }
    return seen;
}

START_TEST(files_are_looked_at_from_the_bare_image_on) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    const char *mark = NULL;
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    ck_assert_int_eq((int)lab_count(l, OBS_FILES), 2 * 5 + 3); /* boot, verify, took, verify, last; bytes thrice */
    ck_assert_int_eq(last_mark(l, "canary", &PUBLIC_LINK[strlen("file:")], &mark), 1);
    ck_assert_int_eq((int)strlen(mark), 64);
    ck_assert_int_eq(last_mark(l, "system", &SVCHOST[strlen("file:")], &mark), 1);
    lab_free(l);
}
END_TEST

/* Whoever puts size and time back is seen by the bytes, at the end. */
START_TEST(a_changed_byte_of_the_system_shows_in_the_last_look) {
    struct change none = {NULL, NULL}, one = {SVCHOST, "MZ service hosT"};
    const char *before = NULL, *after = NULL, *path = &SVCHOST[strlen("file:")];
    struct lab *l = lab_with(&none), *changed = lab_with(&one);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq(lab_run(changed), 0);
    ck_assert_int_eq(last_mark(l, "system", path, &before), 1);
    ck_assert_int_eq(last_mark(changed, "system", path, &after), 1);
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(last_mark(l, "system-crc", path, &before), 1);
    ck_assert_int_eq(last_mark(changed, "system-crc", path, &after), 1);
    ck_assert_str_ne(before, after);
    lab_free(l);
    lab_free(changed);
}
END_TEST

START_TEST(what_is_lost_shows_in_the_look_after_it) {
    struct change lost[] = {{PUBLIC_LINK, NULL}, {SVCHOST, NULL}};
    static const char *const roles[] = {"canary", "system"};
    for (int i = 0; i < 2; i++) {
        struct lab *l = lab_with(&lost[i]);
        const char *mark = NULL;
        ck_assert_int_eq(lab_run(l), 0);
        ck_assert_int_eq(last_mark(l, roles[i], lost[i].thing + strlen("file:"), &mark), 0);
        lab_free(l);
    }
}
END_TEST

static int noted(const struct lab *l, const char *text) {
    int seen = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        seen += o->type == OBS_NOTE && strstr(lab_text(o), text) != NULL;
    }
    return seen;
}

START_TEST(an_agent_too_old_to_look_ends_no_cell) {
    struct change change = {SVCHOST, NULL};
    struct lab *l = lab_with(&change);
    sim_world_set(l->world, "unknown-op:look", "yes");
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    ck_assert_int_eq((int)lab_count(l, OBS_FILES), 0);
    ck_assert_int_eq(noted(l, "older than that"), 1);
    ck_assert(!lab_skipped(l, STEP_COLLECT, PHASE_AFTER));
    lab_free(l);
}
END_TEST

/* It did know before the update. */
START_TEST(an_agent_that_forgets_how_to_look_is_not_believed) {
    struct change forgets = {"unknown-op:look", "yes"};
    struct lab *l = lab_with(&forgets);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_gt((int)lab_failures(l), 0);
    ck_assert_int_eq(noted(l, "older than that"), 0);
    lab_free(l);
}
END_TEST

START_TEST(a_users_name_of_two_lines_is_not_looked_at) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    const char *mark = NULL, *path;
    json_t *item;
    sim_world_set(l->world, "file:C:\\Users\\a\nb\\x.txt", "x");
    sim_world_set(l->world, "file:C:\\Users\\anna\\x.txt", "x");
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    for (size_t i = 0; i < l->seen_count; i++) {
        if (l->seen[i].o.type == OBS_FILES) {
            json_object_foreach(json_object_get(l->seen[i].o.data, "files"), path, item) {
                ck_assert_msg(!strchr(path, '\n'), "%s", path);
            }
        }
    }
    ck_assert_int_eq(last_mark(l, "canary", "C:\\Users\\anna\\Desktop\\Shopping.txt", &mark), 1);
    ck_assert_int_eq(last_mark(l, "canary", &PUBLIC_LINK[strlen("file:")], &mark), 1);
    lab_free(l);
}
END_TEST

static const struct harm {
    struct change change;
    enum failure_class cls;
    const char *text;
} harms[] = {
    {{"system:memory_available_mib", "12"}, FAILURE_RESOURCE_RUNAWAY, "12 of 512 MiB available"},
    {{"system:disk_free_mib", "3"}, FAILURE_DISK_FULL, "3 of 4096 MiB free"},
    {{"process:aldersvc.exe", "threads=2000"}, FAILURE_RESOURCE_RUNAWAY, "2000 threads"},
    {{"process:aldersvc.exe", "handles=90000"}, FAILURE_RESOURCE_RUNAWAY, "90000 handles"},
    {{"process:aldersvc.exe", "private_bytes=400000000"}, FAILURE_RESOURCE_RUNAWAY, "381 of 512 MiB"},
    {{"process:aldersvc.exe", "cpu_percent=99"}, FAILURE_RESOURCE_RUNAWAY, "of a processor all the time"},
    {{"process:aldersvc.exe", "restarts_every_ms=1500"}, FAILURE_RESTART_LOOP, "ended 3 times"},
};

START_TEST(what_runs_away_is_found_in_a_single_look) {
    struct change change = harms[_i].change;
    struct lab *l = lab_with(&change);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, harms[_i].cls);
    if (!f) {
        lab_print(l);
    }
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->phase, "after");
    ck_assert_msg(strstr(lab_text(f), harms[_i].text) != NULL, "%s", lab_text(f));
    lab_free(l);
}
END_TEST

static const struct {
    const char *said, *told; /* NULL: no failure */
    const char *product;
} console_cases[] = {
    {"[ 40.2] Out of memory: Killed process 193 (aldersvc.exe) total-vm:9kB, anon-rss:254880kB, file-rss:0kB\n",
     "its system ended aldersvc.exe, which held 248 MiB", "alder"},
    {"[ 40.2] Out of memory: Killed process 7 (stranger.exe) total-vm:9kB\n", "ended stranger.exe", NULL},
    {"[ 40.2] Out of memory: Killed process 7 (\n", NULL, NULL},
    {"[ 40.2] Out of memory: Killed process 193 (aldersvc.exe) cut off", NULL, NULL},
    {"[ 40.2] Out of memory\n\n\n", NULL, NULL},
};

struct console_effect {
    struct lab *lab;
    const char *said;
};

static void effect_console(struct sim_world *w, void *ctx) {
    const struct console_effect *e = ctx;
    CLEANUP_FREE char *path = fs_join(e->lab->scratch, "console.log");
    FILE *f = fopen(path, "ae");
    sim_world_set(w, "registry:HKLM\\Software\\Alder|Content", "2");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < 20000; i++) { /* more than is read in one look */
        fputs("a guest may say what it likes\n", f);
    }
    fputs(e->said, f);
    fclose(f);
}

START_TEST(who_was_ended_for_want_of_memory_is_read_off_the_console) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    struct console_effect e = {l, console_cases[_i].said};
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_console, &e);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_RESOURCE_RUNAWAY);
    ck_assert((f != NULL) == (console_cases[_i].told != NULL));
    ck_assert_int_eq((int)lab_failures(l), f ? 1 : 0);
    if (f) {
        ck_assert_msg(strstr(lab_text(f), console_cases[_i].told) != NULL, "%s", lab_text(f));
        const char *product = json_string_value(json_object_get(f->data, "product"));
        ck_assert_pstr_eq(product, console_cases[_i].product);
    }
    lab_free(l);
}
END_TEST

/* Whatever else was found then, it is the lab's failure: to be tried again, and nobody's fault. */
START_TEST(a_stand_in_that_gives_way_is_the_lab_s_failure) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    struct console_effect e = {l, "[ 36.8] winelab init: Wine's server ended: exit code 1\r\n"};
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_console, &e);
    ck_assert_int_eq(lab_run(l), -1);
    const struct observation *f = lab_failure(l, FAILURE_IMAGE);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "Wine's server ended (exit code 1)"));
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

static struct change starving[] = {{"process:aldersvc.exe", "threads=900"}, {"process:aldersvc.exe", "running"}};

static void effect_starve(struct sim_world *w, void *ctx) {
    effect_change(w, ctx);
    sim_world_set(w, "refused:look", "9");
}

/* A guest with nothing left refuses what the lab asks; one that has enough and refuses is not explained by that. */
START_TEST(a_question_refused_is_explained_by_what_ran_away) {
    struct lab *l = lab_with(&starving[_i]);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_starve, &starving[_i]);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, _i == 0 ? FAILURE_RESOURCE_RUNAWAY : FAILURE_NOT_KNOWN);
    ck_assert_ptr_nonnull(f);
    ck_assert_msg(strstr(lab_text(f), "Windows error 1726") != NULL, "%s", lab_text(f));
    ck_assert(_i != 0 || strstr(lab_text(f), "900 threads"));
    ck_assert_ptr_null(lab_failure(l, _i == 0 ? FAILURE_NOT_KNOWN : FAILURE_RESOURCE_RUNAWAY));
    lab_free(l);
}
END_TEST

START_TEST(a_neighbour_process_of_nobody_is_not_told_of) {
    struct change change = {"process:stranger.exe", "restarts_every_ms=3000 threads=2000"};
    struct lab *l = lab_with(&change);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);
}
END_TEST

static void effect_burst(struct sim_world *w, void *ctx) {
    static struct change calm = {"process:aldersvc.exe", "running"};
    effect_change(w, ctx);
    sim_world_later(w, 20000, effect_set, &calm);
}

START_TEST(a_burst_that_passes_is_no_harm) {
    struct change bursts[] = {{"process:aldersvc.exe", "cpu_percent=99"},
                              {"process:aldersvc.exe", "threads=1500"},
                              {"process:aldersvc.exe", "private_bytes=400000000"}};
    struct lab *l = lab_with(&bursts[_i]);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_burst, &bursts[_i]);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);
}
END_TEST

START_TEST(a_restart_by_design_is_no_loop) {
    struct change once = {"process:aldersvc.exe", "restarts_every_ms=40000"};
    struct lab *l = lab_with(&once);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_burst, &once);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);
}
END_TEST

/* A service that works in short-lived processes of its own program stays all the while. */
START_TEST(workers_that_come_and_go_are_no_loop) {
    struct change busy = {"process:aldersvc.exe", "workers_every_ms=1500"};
    struct lab *l = lab_with(&busy);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_burst, &busy);
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    lab_free(l);
}
END_TEST

/* However fast the machine: what follows the last command is watched for some time. */
START_TEST(a_slow_restart_loop_without_a_restart_of_the_machine_is_seen) {
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT,    STEP_INSTALL,  STEP_VERIFY,    STEP_APPLY,
                                           STEP_TOOK,      STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
    struct change loop = {"process:aldersvc.exe", "restarts_every_ms=11000"};
    struct lab *l = lab_with(&loop);
    lab_steps(l, steps);
    sim_world_on_exec(l->world, "alder-apply", 64000, 0, effect_change, &loop); /* it stands for long by then */
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_ptr_nonnull(lab_failure(l, FAILURE_RESTART_LOOP));
    lab_free(l);
}
END_TEST

static void effect_kill_programs(struct sim_world *w, void *ctx) {
    effect_change(w, ctx);
    sim_world_on_exec(w, "cmd.exe /d /c exit 0", 200, 0xc0000005, NULL, NULL);
}

START_TEST(programs_that_crash_after_an_update_are_told_of) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_kill_programs, &none);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_APPLICATION_BROKEN);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->phase, "after");
    ck_assert_ptr_nonnull(strstr(lab_text(f), "0xc0000005"));
    lab_free(l);
}
END_TEST

static const struct {
    const char *refused;
    bool broken;
} refused_cases[] = {{"2", false}, {"3", true}};

START_TEST(work_that_is_refused_again_and_again_is_told_of) {
    struct change refused = {"refused:copy-small", refused_cases[_i].refused};
    struct lab *l = lab_with(&refused);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_APPLICATION_BROKEN);
    ck_assert(refused_cases[_i].broken == (f != NULL));
    ck_assert_int_eq((int)lab_failures(l), refused_cases[_i].broken ? 1 : 0);
    int told = 0; /* each refusal but the last, too */
    for (size_t i = 0; i < l->seen_count; i++) {
        told += l->seen[i].o.type == OBS_NOTE && strstr(lab_text(&l->seen[i].o), "1359; tried again") != NULL;
    }
    ck_assert_int_eq(told, 2);
    ck_assert_int_eq((int)lab_metrics(l, "copy-small", PHASE_AFTER), refused_cases[_i].broken ? 0 : 5);
    lab_free(l);
}
END_TEST

static const enum step_kind removal[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL,   STEP_APPLY,    STEP_TOOK,
                                         STEP_ROLLBACK,  STEP_UNINSTALL, STEP_COLLECT, STEP_TEARDOWN,
                                         STEP_KIND_COUNT};

START_TEST(a_rollback_that_only_says_so_is_told_of) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    lab_steps(l, removal);
    sim_world_on_exec(l->world, "alder-back", 100, 0, NULL, NULL);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_ROLLBACK_FAILED);
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(strstr(lab_text(f), "still there after its rollback"));
    lab_free(l);
}
END_TEST

static void effect_hang(struct sim_world *w, void *ctx) {
    effect_change(w, ctx);
    sim_world_strike(w, SIM_FAULT_HANG);
}

static void effect_freeze(struct sim_world *w, void *ctx) {
    effect_change(w, ctx);
    sim_world_strike(w, SIM_FAULT_FREEZE);
}

START_TEST(a_guest_that_lets_in_and_runs_nothing_hangs) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_freeze, &none);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_HANG);
    ck_assert_ptr_nonnull(f);
    ck_assert_msg(strstr(lab_text(f), "SSH: lets in, but no program answers") != NULL, "%s", lab_text(f));
    ck_assert_int_eq((int)lab_failures(l), 1);
    lab_free(l);
}
END_TEST

START_TEST(a_hang_is_looked_at_from_outside) {
    struct change none = {NULL, NULL};
    struct lab *l = lab_with(&none);
    sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_hang, &none);
    ck_assert_int_eq(lab_run(l), 0);
    const struct observation *f = lab_failure(l, FAILURE_HANG);
    ck_assert_ptr_nonnull(f);
    ck_assert_msg(strstr(lab_text(f), "seen from outside it is") != NULL, "%s", lab_text(f));
    lab_free(l);
}
END_TEST

static void effect_network_back(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_network_back(w);
}

static void effect_network_away(struct sim_world *w, void *ctx) {
    if (sim_world_get(w, "registry:HKLM\\Software\\Alder|Content")) {
        sim_world_strike(w, SIM_FAULT_NETWORK_LOST);
        sim_world_later(w, *(const int64_t *)ctx, effect_network_back, NULL);
    }
}

/* Away for a while from each boot on, whose length decides who notices: it is back before a look gave up, between that
 * and the question which ways are left, or not even then. */
START_TEST(a_network_that_comes_and_goes_is_told_as_what_it_is) {
    int unharmed = 0, back = 0, away = 0;
    for (int64_t ms = 500; ms <= 100000; ms += 500) {
        struct lab *l = lab_new();
        sim_world_on_boot(l->world, effect_network_away, &ms);
        ck_assert_int_eq(lab_run(l), 0);
        const struct observation *f = lab_failure(l, FAILURE_NETWORK_LOST);
        ck_assert(!lab_failed(l, FAILURE_NOT_KNOWN));
        ck_assert_msg(f || lab_failures(l) == 0, "something else after %lld ms", (long long)ms);
        int seconds = 0;
        const char *came = f ? strstr(lab_text(f), "SSH let nobody in for ") : NULL;
        if (came) {
            ck_assert_int_eq(sscanf(came, "SSH let nobody in for %d s while", &seconds), 1);
            ck_assert_msg(seconds >= l->limits.call / 4 / CLOCK_S && seconds <= ms / 1000, "%d s of %lld ms", seconds,
                          (long long)ms);
        }
        unharmed += f == NULL;
        back += came != NULL;
        away += f && !came;
        lab_free(l);
    }
    ck_assert_msg(unharmed > 0 && back > 0 && away > 0, "%d unharmed, %d back, %d away", unharmed, back, away);
}
END_TEST

static void effect_idle(struct sim_world *w, void *ctx) {
    (void)ctx;
    sim_world_set_load(w, 5);
}

static void effect_busy_for(struct sim_world *w, void *ctx) {
    const int *s = ctx;
    effect_change(w, &(struct change){NULL, NULL});
    sim_world_set_load(w, 90);
    sim_world_later(w, *s * INT64_C(1000), effect_idle, NULL);
}

/* How long the update works on after it has said that it is done, and when the second measuring begins then. */
static const struct {
    int busy_s;
    const char *note;
} busy_cases[] = {{0, NULL}, {30, "measured after "}, {1000, "measured nevertheless after 60 s"}};

START_TEST(what_an_update_has_to_do_once_is_waited_for) {
    static const enum step_kind steps[] = {STEP_PROVISION, STEP_BOOT, STEP_INSTALL, STEP_APPLY, STEP_MEASURE,
                                           STEP_COLLECT, STEP_TEARDOWN, STEP_KIND_COUNT};
    int busy_s = busy_cases[_i].busy_s;
    struct lab *l = lab_new();
    lab_steps(l, steps);
    sim_world_set_load(l->world, 5);
    if (busy_s > 0) {
        sim_world_on_exec(l->world, "alder-apply", 1000, 0, effect_busy_for, &busy_s);
    }
    ck_assert_int_eq(lab_run(l), 0);
    ck_assert_int_eq((int)lab_failures(l), 0);
    const char *said = NULL;
    int64_t applied = 0, measured = 0;
    for (size_t i = 0; i < l->seen_count; i++) {
        const struct observation *o = &l->seen[i].o;
        said = o->type == OBS_NOTE && strstr(lab_text(o), "busy with something") ? lab_text(o) : said;
        applied = o->type == OBS_STEP_END && str_eq(o->kind, "apply") ? o->at_ms : applied;
        measured = o->type == OBS_METRIC && str_eq(o->kind, "measure") && !measured ? o->at_ms : measured;
    }
    ck_assert(busy_cases[_i].note ? said && strstr(said, busy_cases[_i].note) == said : said == NULL);
    ck_assert_int_ge((int)(measured - applied), (busy_s < 60 ? busy_s : 60) * 1000 - 4000);
    ck_assert_int_le((int)(measured - applied), (busy_s < 60 ? busy_s : 60) * 1000 + 8000);
    lab_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim_harm");
    TCase *t = tcase_create("harm");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, files_are_looked_at_from_the_bare_image_on);
    tcase_add_test(t, a_changed_byte_of_the_system_shows_in_the_last_look);
    tcase_add_test(t, what_is_lost_shows_in_the_look_after_it);
    tcase_add_test(t, an_agent_too_old_to_look_ends_no_cell);
    tcase_add_test(t, an_agent_that_forgets_how_to_look_is_not_believed);
    tcase_add_test(t, a_users_name_of_two_lines_is_not_looked_at);
    tcase_add_loop_test(t, what_runs_away_is_found_in_a_single_look, 0, (int)ARRAY_LEN(harms));
    tcase_add_test(t, a_neighbour_process_of_nobody_is_not_told_of);
    tcase_add_loop_test(t, a_burst_that_passes_is_no_harm, 0, 3);
    tcase_add_test(t, a_restart_by_design_is_no_loop);
    tcase_add_test(t, workers_that_come_and_go_are_no_loop);
    tcase_add_test(t, a_slow_restart_loop_without_a_restart_of_the_machine_is_seen);
    tcase_add_test(t, programs_that_crash_after_an_update_are_told_of);
    tcase_add_test(t, a_stand_in_that_gives_way_is_the_lab_s_failure);
    tcase_add_loop_test(t, who_was_ended_for_want_of_memory_is_read_off_the_console, 0, ARRAY_LEN(console_cases));
    tcase_add_loop_test(t, a_question_refused_is_explained_by_what_ran_away, 0, ARRAY_LEN(starving));
    tcase_add_loop_test(t, work_that_is_refused_again_and_again_is_told_of, 0, ARRAY_LEN(refused_cases));
    tcase_add_test(t, a_rollback_that_only_says_so_is_told_of);
    tcase_add_test(t, a_hang_is_looked_at_from_outside);
    tcase_add_test(t, a_guest_that_lets_in_and_runs_nothing_hangs);
    tcase_add_test(t, a_network_that_comes_and_goes_is_told_as_what_it_is);
    tcase_add_loop_test(t, what_an_update_has_to_do_once_is_waited_for, 0, (int)ARRAY_LEN(busy_cases));
    suite_add_tcase(s, t);
    return suite_run(s);
}
