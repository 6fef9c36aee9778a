/* tests/run.sh, which counts what the suites say: a test that tells nothing has failed, and none outlives it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "support/cds.h"
#include "support/suite.h"

static char *program(const char *dir, const char *name, const char *script) {
    char *path = fs_join(dir, name);
    cds_put(dir, name, script);
    ck_assert_int_eq(chmod(path, 0755), 0);
    return path;
}

/* Its output goes to DIR/out. */
static pid_t begin(const char *dir, const char *jobs, const char *first, const char *second) {
    CLEANUP_FREE char *tally = fs_join(dir, "tally"), *said = fs_join(dir, "out");
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(fd, 1);
        dup2(fd, 2);
        setenv("COEXIST_TEST_JOBS", jobs, 1);
        setenv("COEXIST_TEST_LOGS", dir, 1);
        setenv("COEXIST_TALLY", tally, 1);
        execl("tests/run.sh", "tests/run.sh", "name", first, second, (char *)NULL);
        _exit(99);
    }
    return pid;
}

static int end(pid_t pid) {
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *const jobs[] = {"1", "2"};

START_TEST(a_test_without_a_word_has_failed) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *good = program(dir, "good", "#!/bin/sh\nexit 0\n");
    CLEANUP_FREE char *bad = program(dir, "bad", "#!/bin/bash\n"
                                     "read -r _ _ _ above _ </proc/$PPID/stat\nkill -9 \"$above\"\n");
    CLEANUP_FREE char *path = fs_join(dir, "tally");
    CLEANUP_FREE char *old = str_printf("name-%s-bad.log.rc", strrchr(dir, '/') + 1);
    CLEANUP_FREE char *stale = fs_join(dir, old);
    cds_put(dir, old, "0 0\n");
    ck_assert_int_eq(end(begin(dir, jobs[_i], good, bad)), 1);
    CLEANUP_FREE char *tally = fs_read(path, 1000, NULL, NULL);
    ck_assert_str_eq(tally, "name 1 1 0\n");
    ck_assert(!fs_exists(stale));
}
END_TEST

START_TEST(programs_of_one_name_are_told_apart) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *a = fs_join(dir, "a"), *b = fs_join(dir, "b"), *path = fs_join(dir, "tally");
    ck_assert(fs_mkdirs(a, NULL) == 0 && fs_mkdirs(b, NULL) == 0);
    CLEANUP_FREE char *good = program(a, "same", "#!/bin/sh\nexit 0\n");
    CLEANUP_FREE char *bad = program(b, "same", "#!/bin/sh\nexit 1\n");
    ck_assert_int_eq(end(begin(dir, jobs[_i], good, bad)), 1);
    CLEANUP_FREE char *tally = fs_read(path, 1000, NULL, NULL);
    ck_assert_str_eq(tally, "name 1 1 0\n");
}
END_TEST

START_TEST(no_test_outlives_an_interrupted_run) {
    CLEANUP(cds_remove) char *dir = cds_dir();
    CLEANUP_FREE char *pipe = fs_join(dir, "pipe");
    CLEANUP_FREE char *script = str_printf("#!/bin/sh\necho $$ >%s\nexec tail -f /dev/null\n", pipe);
    CLEANUP_FREE char *one = program(dir, "one", script);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    pid_t pid = begin(dir, jobs[_i], one, NULL);
    char text[32] = "";
    CLEANUP_FD int fd = open(pipe, O_RDONLY);
    ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
    pid_t test = (pid_t)strtol(text, NULL, 10);
    ck_assert_int_gt(test, 1);
    ck_assert_int_eq(kill(test, 0), 0);
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(end(pid), 130);
    ck_assert_int_lt(kill(test, 0), 0);
    ck_assert_int_eq(errno, ESRCH);
}
END_TEST

int main(void) {
    Suite *s = suite_create("run.sh");
    TCase *t = tcase_create("run.sh");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_test_without_a_word_has_failed, 0, 2);
    tcase_add_loop_test(t, programs_of_one_name_are_told_apart, 0, 2);
    tcase_add_loop_test(t, no_test_outlives_an_interrupted_run, 0, 2);
    suite_add_tcase(s, t);
    return suite_run(s);
}
