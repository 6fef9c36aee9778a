#include "vm/domain_profile.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { PROFILE_CHOICES_MAX = 6 };

#define PROFILE_WITH_KVM "with_kvm"
#define PROFILE_NEEDS_KVM "needs_kvm"

static const struct profile_text {
    const char *key;
    size_t offset;
    const char *choices[PROFILE_CHOICES_MAX]; /* the first is the default; only one: any text */
    const char *kvm_only;
} profile_texts[] = {
#define FIELD(name) #name, offsetof(struct domain_profile, name)
    {FIELD(machine), {"pc", "q35"}, NULL},
    {FIELD(firmware), {"bios", "uefi", "uefi-secure"}, NULL},
    {FIELD(cpu), {"qemu64"}, "host"},
    {FIELD(disk), {"virtio", "sata", "ide"}, NULL},
    {FIELD(net), {"virtio", "e1000", "e1000e", "rtl8139", "none"}, NULL},
    {FIELD(video), {"vga", "bochs", "qxl", "none"}, NULL},
    {FIELD(panic), {"isa", "hyperv", "none"}, "hyperv"},
    {FIELD(clock), {"utc", "localtime"}, NULL},
    {FIELD(tpm), {"none", "2.0"}, NULL},
    {FIELD(iommu), {"none", "intel"}, NULL},
    {FIELD(hyperv), {"none", "windows"}, "windows"},
    {FIELD(vbs), {"none", "ready"}, "ready"},
    {FIELD(vmcoreinfo), {"off", "on"}, NULL},
};

static const struct profile_number {
    const char *key;
    size_t offset;
    json_int_t usual, min, max;
} profile_numbers[] = {
    {FIELD(memory_mib), 1024, 16, 1048576},
    {FIELD(vcpus), 1, 1, 64},
    {FIELD(cores), 0, 1, 64},
    {FIELD(threads), 1, 1, 2},
};

static bool profile_known(const char *key) {
    for (size_t i = 0; i < ARRAY_LEN(profile_texts); i++) {
        if (strcmp(profile_texts[i].key, key) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(profile_numbers); i++) {
        if (strcmp(profile_numbers[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool profile_allows(const struct profile_text *t, const char *value) {
    if (!t->choices[1]) {
        return *value != '\0';
    }
    for (size_t i = 0; i < PROFILE_CHOICES_MAX && t->choices[i]; i++) {
        if (strcmp(t->choices[i], value) == 0) {
            return true;
        }
    }
    return false;
}

/* What stands under "with_kvm" counts where KVM works. */
static const json_t *profile_member(const json_t *profile, bool kvm, const char *key) {
    const json_t *j = kvm ? json_object_get(json_object_get(profile, PROFILE_WITH_KVM), key) : NULL;
    return j ? j : json_object_get(profile, key);
}

static int profile_read_text(const json_t *profile, const struct profile_text *t, bool kvm,
                             struct domain_profile *out, struct err *err) {
    const json_t *j = profile_member(profile, kvm, t->key);
    const char *value = j ? json_string_value(j) : t->choices[0];
    if (!value || !profile_allows(t, value)) {
        return err_set(err, ERR_INPUT, "profile: %s: %s is not possible", t->key,
                       value ? value : "something other than a text");
    }
    if (!kvm && t->kvm_only && strcmp(value, t->kvm_only) == 0) {
        return err_set(err, ERR_INPUT, "profile: %s: %s needs KVM", t->key, value);
    }
    *(const char **)(void *)((char *)out + t->offset) = value;
    return 0;
}

static int profile_read_number(const json_t *profile, const struct profile_number *n, bool kvm,
                               struct domain_profile *out, struct err *err) {
    const json_t *j = profile_member(profile, kvm, n->key);
    json_int_t value = j ? json_integer_value(j) : n->usual;
    if (j && (!json_is_integer(j) || value < n->min || value > n->max)) {
        return err_set(err, ERR_INPUT, "profile: %s must be a number from %lld to %lld", n->key,
                       (long long)n->min, (long long)n->max);
    }
    *(json_int_t *)(void *)((char *)out + n->offset) = value;
    return 0;
}

static int profile_check_members(const json_t *profile, bool inner, struct err *err) {
    if (profile && !json_is_object(profile)) {
        return err_set(err, ERR_INPUT, "profile: %snot an object", inner ? PROFILE_WITH_KVM ": " : "");
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)profile, key, value) {
        bool outer = strcmp(key, PROFILE_WITH_KVM) == 0 || strcmp(key, PROFILE_NEEDS_KVM) == 0;
        if (outer ? inner : !profile_known(key)) {
            return err_set(err, ERR_INPUT, "profile: unknown member '%s'", key);
        }
    }
    return 0;
}

/* The reason is the profile's own, for people. */
static int profile_check_kvm(const json_t *profile, bool kvm, struct err *err) {
    const json_t *needs = json_object_get(profile, PROFILE_NEEDS_KVM);
    if (needs && !json_is_string(needs)) {
        return err_set(err, ERR_INPUT, "profile: " PROFILE_NEEDS_KVM " must say why");
    }
    if (needs && !kvm) {
        return err_set(err, ERR_INPUT, "profile: KVM is needed and does not work here: %s", json_string_value(needs));
    }
    return 0;
}

/* Sockets are what is left: vcpus / (cores * threads). Without "cores" all are in one socket. */
static int profile_check_topology(struct domain_profile *p, struct err *err) {
    if (p->cores == 0) {
        p->cores = p->vcpus % p->threads == 0 ? p->vcpus / p->threads : 1;
    }
    if (p->vcpus % (p->cores * p->threads) != 0) {
        return err_set(err, ERR_INPUT, "profile: %lld vcpus are no whole sockets of %lld cores with %lld threads",
                       (long long)p->vcpus, (long long)p->cores, (long long)p->threads);
    }
    return 0;
}

static int profile_check_together(const struct domain_profile *p, struct err *err) {
    bool q35 = strcmp(p->machine, "q35") == 0;
    bool secure = strcmp(p->firmware, "uefi-secure") == 0;
    bool iommu = strcmp(p->iommu, "none") != 0;
    if (secure && !q35) {
        return err_set(err, ERR_INPUT, "profile: firmware: Secure Boot needs SMM, which only machine q35 has");
    }
    if (iommu && !q35) {
        return err_set(err, ERR_INPUT, "profile: iommu: only machine q35 can have one");
    }
    if (q35 && strcmp(p->disk, "ide") == 0) {
        return err_set(err, ERR_INPUT, "profile: disk: machine q35 has no IDE, use sata");
    }
    if (strcmp(p->vbs, "none") != 0 && (!secure || !iommu || strcmp(p->cpu, "host") != 0)) {
        return err_set(err, ERR_INPUT, "profile: vbs: needs firmware uefi-secure, an iommu and cpu host");
    }
    return 0;
}

int domain_profile_read(const json_t *profile, bool kvm, struct domain_profile *out,
                        struct err *err) {
    if (profile_check_members(profile, false, err) < 0 ||
        profile_check_members(json_object_get(profile, PROFILE_WITH_KVM), true, err) < 0 ||
        profile_check_kvm(profile, kvm, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(profile_texts); i++) {
        if (profile_read_text(profile, &profile_texts[i], kvm, out, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(profile_numbers); i++) {
        if (profile_read_number(profile, &profile_numbers[i], kvm, out, err) < 0) {
            return -1;
        }
    }
    return profile_check_topology(out, err) < 0 ? -1 : profile_check_together(out, err);
}
