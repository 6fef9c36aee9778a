#include "saved.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "vm/libvirt.h"

int saved_open(struct saved *s, const char *bench) {
    CLEANUP_ERR struct err err = ERR_INIT;
    const char *image = getenv("COEXIST_TEST_IMAGE");
    *s = (struct saved){.dir = "/tmp/coexist-bench-XXXXXX"};
    s->image = image_open_dir(image ? image : "lab/images/winelab", &err);
    if (!s->image) {
        printf("bench %s skipped: %s (make image)\n", bench, err_text(&err));
        return 1;
    }
    if (!mkdtemp(s->dir)) {
        perror(s->dir);
        image_free(s->image);
        return -1;
    }
    s->state = fs_join(s->dir, "state");
    s->cache = fs_join(s->dir, "cache");
    return 0;
}

void saved_close(struct saved *s) {
    fs_remove_tree(s->dir, NULL);
    free(s->state);
    free(s->cache);
    image_free(s->image);
}

struct vm *saved_vm(const struct saved *s, const char *name, int ssh_port, struct err *err) {
    CLEANUP_FREE char *work = fs_join(s->dir, name);
    const struct image *i = s->image;
    struct vm_spec spec = {.name = "bench", .work_dir = work, .disk = i->disk, .disk_format = "qcow2",
                           .kernel = i->kernel, .initrd = i->initrd, .cmdline = i->cmdline, .profile = i->profile,
                           .ssh_guest_port = ssh_port};
    return fs_mkdirs(work, err) < 0 ? NULL : vm_libvirt_create(&spec, s->cache, NULL, err);
}
