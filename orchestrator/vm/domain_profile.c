#include "vm/domain_profile.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { PROFILE_CHOICES_MAX = 6 };

static const struct profile_text {
    const char *key;
    size_t offset;
    const char *choices[PROFILE_CHOICES_MAX]; /* the first is the default; only one: any text */
    const char *kvm_only;
} profile_texts[] = {
#define FIELD(name) #name, offsetof(struct domain_profile, name)
    {FIELD(machine), {"pc", "q35"}, NULL},
    {FIELD(cpu), {"qemu64"}, "host"},
    {FIELD(disk), {"virtio", "sata", "ide"}, NULL},
    {FIELD(net), {"virtio", "e1000", "e1000e", "rtl8139", "none"}, NULL},
    {FIELD(video), {"vga", "bochs", "qxl", "none"}, NULL},
    {FIELD(panic), {"isa", "hyperv", "none"}, "hyperv"},
    {FIELD(clock), {"utc", "localtime"}, NULL},
};

static const struct profile_number {
    const char *key;
    size_t offset;
    json_int_t usual, min, max;
} profile_numbers[] = {
    {FIELD(memory_mib), 1024, 16, 1048576},
    {FIELD(vcpus), 1, 1, 64},
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

static int profile_read_text(const json_t *profile, const struct profile_text *t, bool kvm,
                             struct domain_profile *out, struct err *err) {
    const json_t *j = json_object_get(profile, t->key);
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

static int profile_read_number(const json_t *profile, const struct profile_number *n,
                               struct domain_profile *out, struct err *err) {
    const json_t *j = json_object_get(profile, n->key);
    json_int_t value = j ? json_integer_value(j) : n->usual;
    if ((j && !json_is_integer(j)) || value < n->min || value > n->max) {
        return err_set(err, ERR_INPUT, "profile: %s must be a number from %lld to %lld", n->key,
                       (long long)n->min, (long long)n->max);
    }
    *(json_int_t *)(void *)((char *)out + n->offset) = value;
    return 0;
}

int domain_profile_read(const json_t *profile, bool kvm, struct domain_profile *out,
                        struct err *err) {
    if (profile && !json_is_object(profile)) {
        return err_set(err, ERR_INPUT, "profile: not an object");
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)profile, key, value) {
        if (!profile_known(key)) {
            return err_set(err, ERR_INPUT, "profile: unknown member '%s'", key);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(profile_texts); i++) {
        if (profile_read_text(profile, &profile_texts[i], kvm, out, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(profile_numbers); i++) {
        if (profile_read_number(profile, &profile_numbers[i], out, err) < 0) {
            return -1;
        }
    }
    return 0;
}
