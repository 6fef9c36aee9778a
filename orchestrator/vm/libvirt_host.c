#include "vm/libvirt_host.h"

#include <libvirt/virterror.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "vm/libvirt_link.h"
#include "vm/libvirt_qemu.h"
#include "vm/libvirt_remote.h"
#include "vm/libvirt_volume.h"
#include "vm/probe.h"

#define X(s) ((const xmlChar *)(s))

enum {
    HOST_LOOK_S = 15,
    HOST_SWEEP_S = 60,
    HOST_PUT_S = 4 * 3600, /* a golden disk over a slow line; a dead one is noticed by keepalive */
    HOST_PROBE_START_S = 60, /* libvirt asks a QEMU it has not seen what it can do */
    HOST_PROBE_S = 3,
    HOST_PROBE_RUNS = 3,
    HOST_STATS_MAX = 16,
};

struct libvirt_host {
    struct libvirt_link *link;
    virStoragePoolPtr pool;
    char *lab;
    unsigned probes;
    struct log *log;
};

static int host_begin(struct libvirt_host *h, int seconds, struct err *err) {
    return libvirt_link_begin(h->link, clock_after(clock_monotonic(), seconds * CLOCK_S), err);
}

static int host_open_pool(struct libvirt_host *h, const char *folder, struct err *err) {
    CLEANUP_FREE char *name = vm_remote_pool_name(h->lab);
    CLEANUP_FREE char *path = vm_remote_folder(folder, h->lab);
    if (host_begin(h, HOST_LOOK_S, err) < 0) {
        return -1;
    }
    h->pool = libvirt_pool_open(libvirt_link_conn(h->link), name, path, err);
    return libvirt_link_end(h->link, h->pool ? 0 : -1, err);
}

struct libvirt_host *libvirt_host_open(const char *uri, const char *lab, const char *folder,
                                       struct log *log, struct err *err) {
    struct libvirt_host *h = mem_zalloc(1, sizeof(*h));
    h->lab = str_dup(lab);
    h->log = log;
    h->link = libvirt_link_open(uri, err);
    if (!h->link || libvirt_link_watch(h->link, err) < 0 || host_open_pool(h, folder, err) < 0) {
        libvirt_host_close(h);
        return NULL;
    }
    return h;
}

void libvirt_host_close(struct libvirt_host *h) {
    if (!h) {
        return;
    }
    if (h->pool) {
        virStoragePoolFree(h->pool);
    }
    libvirt_link_close(h->link);
    free(h->lab);
    free(h);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* The fields of virNodeGetMemoryStats are in KiB. libvirt takes what a host has from sysconf(3), and what is free
 * from /proc/meminfo; a virtual machine or a container may tell the two differently (7.6 GiB there, 23 GiB free, was
 * seen): the smaller one is believed, for a guest that a host cannot hold is worse than one that waits. */
static void host_look_at_memory(virConnectPtr conn, struct libvirt_host_info *out) {
    virNodeMemoryStats stats[HOST_STATS_MAX];
    int n = 0;
    int64_t sum = 0;
    out->memory_free = -1;
    if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) < 0 ||
        n > HOST_STATS_MAX ||
        virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0) < 0) {
        return;
    }
    for (int i = 0; i < n; i++) {
        int64_t bytes = (int64_t)stats[i].value * 1024;
        if (!str_eq(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL)) { /* free, buffers, cached */
            sum += bytes;
        } else if (bytes < out->memory) {
            out->memory = bytes;
        }
    }
    out->memory_free = sum < out->memory ? sum : out->memory;
}

static int host_do_look(struct libvirt_host *h, struct libvirt_host_info *out, struct err *err) {
    virConnectPtr conn = libvirt_link_conn(h->link);
    virNodeInfo node;
    virStoragePoolInfo pool;
    unsigned long lib, hv;
    virStoragePoolRefresh(h->pool, 0); /* refused while a file is on its way: the figure is then a little old */
    if (virNodeGetInfo(conn, &node) < 0 || virStoragePoolGetInfo(h->pool, &pool) < 0 ||
        virConnectGetLibVersion(conn, &lib) < 0 ||
        virConnectGetVersion(conn, &hv) < 0) {
        return libvirt_fail(err, "the host does not answer");
    }
    *out = (struct libvirt_host_info){.cpus = (int)node.cpus, .memory = (int64_t)node.memory * 1024,
                                      .disk_free = (int64_t)pool.available};
    host_look_at_memory(conn, out);
    snprintf(out->version, sizeof(out->version), "libvirt %lu.%lu.%lu, QEMU %lu.%lu.%lu",
             lib / 1000000, lib / 1000 % 1000, lib % 1000, hv / 1000000, hv / 1000 % 1000, hv % 1000);
    return 0;
}

int libvirt_host_look(struct libvirt_host *h, struct libvirt_host_info *out, struct err *err) {
    return host_begin(h, HOST_LOOK_S, err) < 0
               ? -1
               : libvirt_link_end(h->link, host_do_look(h, out, err), err);
}

/* ---- files ----------------------------------------------------------------------------------- */

bool libvirt_host_sees(struct libvirt_host *h, const char *folder) {
    CLEANUP_FREE char *name = str_printf("coexist-%s-look", h->lab);
    bool seen = false;
    if (host_begin(h, HOST_LOOK_S, NULL) == 0) {
        seen = libvirt_pool_sees(libvirt_link_conn(h->link), name, folder);
        seen = libvirt_link_end(h->link, 0, NULL) == 0 && seen;
    }
    return seen;
}

int libvirt_host_put(struct libvirt_host *h, const char *name, const char *path, const char *sha256,
                     void (*progress)(void *ctx, int64_t bytes), void *ctx, struct err *err) {
    if (host_begin(h, HOST_PUT_S, err) < 0) {
        return -1;
    }
    int rc = libvirt_volume_put(h->pool, name, path, sha256, progress, ctx, err);
    return libvirt_link_end(h->link, rc, err);
}

bool libvirt_host_has(struct libvirt_host *h, const char *name) {
    bool has = false;
    if (host_begin(h, HOST_LOOK_S, NULL) == 0) {
        has = libvirt_volume_is_whole(h->pool, name);
        has = libvirt_link_end(h->link, 0, NULL) == 0 && has;
    }
    return has;
}

/* ---- the sweep ------------------------------------------------------------------------------- */

struct host_sweep {
    bool (*lives)(void *ctx, const char *owner);
    void *ctx;
    const char *prefix;
    int swept;
};

static bool host_is_left(const struct host_sweep *s, const char *name, const char *prefix) {
    char *owner = NULL;
    bool left = name && vm_remote_owner(name, prefix, &owner) && !s->lives(s->ctx, owner);
    free(owner);
    return left;
}

static int host_sweep_machines(struct libvirt_host *h, struct host_sweep *s, struct err *err) {
    virDomainPtr *list = NULL;
    int n = virConnectListAllDomains(libvirt_link_conn(h->link), &list, 0), rc = 0;
    for (int i = 0; i < n; i++) {
        const char *name = virDomainGetName(list[i]);
        if (host_is_left(s, name, s->prefix)) {
            if (virDomainDestroy(list[i]) < 0 && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN) {
                rc = libvirt_fail(err, name);
            } else {
                log_info(h->log, "ended machine %s, which a dead worker left", name);
                s->swept++;
            }
        }
        virDomainFree(list[i]);
    }
    free(list);
    return n < 0 ? libvirt_fail(err, "list the host's machines") : rc;
}

/* A pool that somebody writes to is not looked at again: what is new in it waits for the next sweep. */
static int host_sweep_files(struct libvirt_host *h, struct host_sweep *s, struct err *err) {
    CLEANUP_ERR struct err busy = ERR_INIT;
    if (libvirt_pool_look_again(h->pool, &busy) < 0) {
        log_debug(h->log, "%s", err_text(&busy));
    }
    virStorageVolPtr *list = NULL;
    int n = virStoragePoolListAllVolumes(h->pool, &list, 0), rc = 0;
    for (int i = 0; i < n; i++) {
        const char *name = virStorageVolGetName(list[i]);
        if (host_is_left(s, name, "")) {
            if (virStorageVolDelete(list[i], 0) < 0 && virGetLastErrorCode() != VIR_ERR_NO_STORAGE_VOL) {
                rc = libvirt_fail(err, name);
            } else {
                log_info(h->log, "deleted %s, which a dead worker left", name);
                s->swept++;
            }
        }
        virStorageVolFree(list[i]);
    }
    free(list);
    return n < 0 ? libvirt_fail(err, "list the lab's files on the host") : rc;
}

int libvirt_host_sweep(struct libvirt_host *h, bool (*lives)(void *ctx, const char *owner), void *ctx,
                       struct err *err) {
    CLEANUP_FREE char *prefix = str_printf("coexist-%s-", h->lab);
    struct host_sweep s = {lives, ctx, prefix, 0};
    if (host_begin(h, HOST_SWEEP_S, err) < 0) {
        return -1;
    }
    int rc = host_sweep_machines(h, &s, err);
    rc = rc < 0 ? rc : host_sweep_files(h, &s, err);
    return libvirt_link_end(h->link, rc, err) < 0 ? -1 : s.swept;
}

/* ---- the probe ------------------------------------------------------------------------------- */

static xmlNodePtr host_add(xmlNodePtr at, const char *name, const char *text) {
    return xmlNewTextChild(at, NULL, X(name), text ? X(text) : NULL);
}

/* Caller frees. */
static char *host_probe_xml(const char *name, const char *accel, const char *disk) {
    xmlDocPtr doc = xmlNewDoc(X("1.0"));
    xmlNodePtr root = xmlNewDocNode(doc, NULL, X("domain"), NULL);
    xmlDocSetRootElement(doc, root);
    xmlSetProp(root, X("type"), X(accel));
    host_add(root, "name", name);
    xmlSetProp(host_add(root, "memory", "16"), X("unit"), X("MiB"));
    xmlNodePtr os = host_add(root, "os", NULL);
    xmlNodePtr type = host_add(os, "type", "hvm");
    xmlSetProp(type, X("arch"), X("x86_64"));
    xmlSetProp(type, X("machine"), X("pc"));
    host_add(host_add(root, "features", NULL), "acpi", NULL);
    host_add(root, "on_poweroff", "destroy");
    xmlNodePtr devices = host_add(root, "devices", NULL);
    xmlNodePtr drive = host_add(devices, "disk", NULL);
    xmlSetProp(drive, X("type"), X("file"));
    xmlNodePtr driver = host_add(drive, "driver", NULL);
    xmlSetProp(driver, X("name"), X("qemu"));
    xmlSetProp(driver, X("type"), X("raw"));
    xmlSetProp(host_add(drive, "source", NULL), X("file"), X(disk));
    xmlNodePtr target = host_add(drive, "target", NULL);
    xmlSetProp(target, X("dev"), X("hda"));
    xmlSetProp(target, X("bus"), X("ide"));
    xmlSetProp(host_add(devices, "memballoon", NULL), X("model"), X("none"));
    xmlChar *text = NULL;
    int len = 0;
    xmlDocDumpMemory(doc, &text, &len);
    char *copy = str_dup((const char *)text);
    xmlFree(text);
    xmlFreeDoc(doc);
    return copy;
}

/* Nobody else starts machines on this connection: the next event is the probe's own. */
static bool host_probe_ended(struct libvirt_events *events) {
    struct vm_event ev;
    int64_t deadline = clock_after(clock_monotonic(), HOST_PROBE_S * CLOCK_S);
    return libvirt_events_next(events, deadline, &ev, NULL) == 1 && ev.type == VM_EVENT_SHUTDOWN;
}

static int host_probe_once(struct libvirt_host *h, const char *accel, const char *disk, char why[256],
                           struct err *err) {
    CLEANUP_FREE char *name = str_printf("coexist-%s-probe.%d.%u", h->lab, (int)getpid(), ++h->probes);
    CLEANUP_FREE char *xml = host_probe_xml(name, accel, disk);
    struct libvirt_events *events = libvirt_link_events(h->link);
    if (host_begin(h, HOST_PROBE_START_S, err) < 0) {
        return -1;
    }
    libvirt_events_only(events, name);
    libvirt_events_arm(events);
    virDomainPtr dom = virDomainCreateXML(libvirt_link_conn(h->link), xml, VIR_DOMAIN_START_AUTODESTROY);
    bool ran = dom && host_probe_ended(events);
    if (!dom) {
        snprintf(why, 256, "QEMU under %s does not start: %.180s", accel, virGetLastErrorMessage());
    } else {
        snprintf(why, 256, ran ? "a small guest ran under %s"
                               : "a guest of 512 bytes did not finish in time under %s", accel);
        libvirt_events_expect_stop(events);
        virDomainDestroy(dom);
        virDomainFree(dom);
    }
    return libvirt_link_end(h->link, ran, err);
}

static int host_probe_disk(struct libvirt_host *h, char **path, struct err *err) {
    char file[] = "/tmp/coexist-sector-XXXXXX", hex[FS_SHA256_HEX];
    int fd = mkstemp(file);
    if (fd < 0) {
        return err_set(err, ERR_SYSTEM, "probe: no temporary file");
    }
    close(fd);
    int rc = vm_probe_write_sector(file, err) < 0 || fs_sha256_file(file, hex, err) < 0 ? -1 : 0;
    CLEANUP_FREE char *name = str_printf("probe-%s", rc < 0 ? "" : hex);
    rc = rc < 0 ? rc : libvirt_host_put(h, name, file, hex, NULL, NULL, err);
    unlink(file);
    if (rc < 0 || host_begin(h, HOST_LOOK_S, err) < 0) {
        return -1;
    }
    *path = libvirt_volume_path(h->pool, name, err);
    return libvirt_link_end(h->link, *path ? 0 : -1, err);
}

int libvirt_host_probe(struct libvirt_host *h, const char *accel, bool *works, char why[256],
                       struct err *err) {
    CLEANUP_FREE char *disk = NULL;
    int rc = host_probe_disk(h, &disk, err) < 0 ? -1 : 1;
    for (int i = 0; i < HOST_PROBE_RUNS && rc == 1; i++) {
        rc = host_probe_once(h, accel, disk, why, err);
    }
    *works = rc == 1;
    return rc < 0 ? -1 : 0;
}
