#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

int suite_run(Suite *s) {
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int suite_run_in(char *dir, Suite *s) {
    if (!mkdtemp(dir)) {
        perror(dir);
        return EXIT_FAILURE;
    }
    int rc = suite_run(s);
    fs_remove_tree(dir, NULL);
    return rc;
}

char *suite_scratch(void) {
    char *dir = str_printf("%s/coexist-test-XXXXXX", access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir)) {
        ck_abort_msg("%s: no folder to be made", dir);
    }
    return dir;
}
