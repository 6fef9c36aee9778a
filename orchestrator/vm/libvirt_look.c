#include "vm/libvirt_look.h"

#include "base/str.h"
#include "vm/libvirt_qemu.h"

static int64_t look_rss(virDomainPtr dom) {
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int n = virDomainMemoryStats(dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    for (int i = 0; i < n; i++) {
        if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS) {
            return (int64_t)stats[i].val * 1024; /* libvirt counts KiB */
        }
    }
    return -1;
}

/* libvirt counts it in ns as "vcpu.N.delay" (virConnectGetAllDomainStats, VIR_DOMAIN_STATS_VCPU). */
static int64_t look_starved(virDomainPtr dom) {
    virDomainPtr doms[] = {dom, NULL};
    virDomainStatsRecordPtr *stats = NULL;
    int64_t sum = -1;
    if (virDomainListGetStats(doms, VIR_DOMAIN_STATS_VCPU, &stats, 0) == 1) {
        for (int i = 0; i < stats[0]->nparams; i++) {
            const virTypedParameter *p = &stats[0]->params[i];
            if (str_ends_with(p->field, ".delay") && p->type == VIR_TYPED_PARAM_ULLONG) {
                sum = (sum < 0 ? 0 : sum) + (int64_t)p->value.ul;
            }
        }
    }
    virDomainStatsRecordListFree(stats);
    return sum;
}

/* User networking has no host interface, so libvirt cannot count its bytes: -1. */
int libvirt_look_diagnose(virDomainPtr dom, const char *disk, struct vm_diagnostics *out,
                          struct err *err) {
    virDomainInfo info;
    virDomainBlockStatsStruct block;
    *out = (struct vm_diagnostics){-1, -1, -1, -1, -1, -1, -1, -1};
    if (virDomainGetInfo(dom, &info) < 0) {
        return libvirt_fail(err, "look at the machine");
    }
    out->cpu_ns = (int64_t)info.cpuTime;
    out->balloon_bytes = (int64_t)info.memory * 1024;
    out->rss_bytes = look_rss(dom);
    out->starved_ns = look_starved(dom);
    if (virDomainBlockStats(dom, disk, &block, sizeof(block)) == 0) {
        out->read_bytes = block.rd_bytes;
        out->write_bytes = block.wr_bytes;
    }
    return 0;
}
