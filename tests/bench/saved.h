/* For benchmarks that save a machine of the lab's image and restore it again and again: the image, and a temporary
 * folder with the state in it.
 *
 *     COEXIST_TEST_IMAGE    image folder (lab/images/winelab) */
#ifndef COEXIST_TESTS_BENCH_SAVED_H
#define COEXIST_TESTS_BENCH_SAVED_H

#include "base/err.h"
#include "images/image.h"
#include "vm/vm.h"

struct saved {
    struct image *image;
    char dir[64];
    char *state, *cache; /* folders in it; state is yet to be made */
};

/* 1: there is no image, and the benchmark was told to be skipped; negative: there is no folder, which was told. */
int saved_open(struct saved *s, const char *bench);
void saved_close(struct saved *s); /* removes the folder */
/* A machine of the image that works in the folder's `name`. ssh_port: of the guest, 0: none. */
struct vm *saved_vm(const struct saved *s, const char *name, int ssh_port, struct err *err);

#endif
