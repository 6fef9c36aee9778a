/* An image's hardware profile, typed; see vm/domain_xml.h for the members. images/profiles/ holds whole ones under
 * their names. */
#ifndef COEXIST_VM_DOMAIN_PROFILE_H
#define COEXIST_VM_DOMAIN_PROFILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct domain_profile { /* strings are borrowed from the JSON value or static */
    const char *machine, *firmware, *cpu, *disk, *net, *video, *panic, *clock;
    const char *tpm, *iommu, *hyperv, *vbs, *vmcoreinfo;
    json_int_t memory_mib, vcpus, cores, threads;
};

/* profile may be NULL: all defaults. ERR_INPUT: a member that is not right, parts that do not go together, or one that
 * needs KVM where there is none; the text says which and why. */
int domain_profile_read(const json_t *profile, bool kvm, struct domain_profile *out,
                        struct err *err);

#endif
