/* An image's hardware profile, typed; see vm/domain_xml.h for the members. */
#ifndef COEXIST_VM_DOMAIN_PROFILE_H
#define COEXIST_VM_DOMAIN_PROFILE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct domain_profile { /* strings are borrowed from the JSON value or static */
    const char *machine, *cpu, *disk, *net, *video, *panic, *clock;
    json_int_t memory_mib, vcpus;
};

/* profile may be NULL: all defaults. */
int domain_profile_read(const json_t *profile, bool kvm, struct domain_profile *out,
                        struct err *err);

#endif
