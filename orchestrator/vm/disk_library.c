#include "vm/disk_library.h"

#include <dlfcn.h>
#include <string.h>

#define DISK_LIBRARY_FILE "libguestfs.so.0"

/* By memcpy: C has no cast from an object's address to a function's (dlsym(3)). */
static int library_find(void *handle, const char *symbol, void *to, struct err *err) {
    void *at = dlsym(handle, symbol);
    memcpy(to, &at, sizeof(at));
    return at ? 0 : err_set(err, ERR_SYSTEM, DISK_LIBRARY_FILE " has no %s", symbol);
}

int disk_library_load(struct disk_library *lib, struct err *err) {
    void *handle = dlopen(DISK_LIBRARY_FILE, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        return err_set(err, ERR_SYSTEM, "%s", dlerror());
    }
#define LIBRARY_FIND(name)                                                                         \
    if (library_find(handle, "guestfs_" #name, &lib->name, err) < 0) {                             \
        return -1;                                                                                 \
    }
    DISK_LIBRARY_FUNCTIONS(LIBRARY_FIND)
    return 0;
}
