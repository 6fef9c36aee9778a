/* MINIDUMP_SYSTEM_INFO (minidumpapiset.h) with the PROCESSOR_ARCHITECTURE_* and VER_PLATFORM_* of winnt.h; what other
 * systems write in their place is Breakpad's minidump_format.h (MDOSPlatform, MD_CPU_ARCHITECTURE_*). */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "evidence/minidump_impl.h"

#define MINIDUMP_SYSTEM_SIZE 32u /* without the union at its end */

static enum dump_arch minidump_arch(uint16_t architecture) {
    switch (architecture) {
    case 0:
        return DUMP_X86;
    case 9:
        return DUMP_AMD64;
    case 12:
    case 0x8003: /* MD_CPU_ARCHITECTURE_ARM64_OLD: its context is another, nothing is read of it */
        return architecture == 12 ? DUMP_ARM64 : DUMP_ARCH_OTHER;
    default:
        return DUMP_ARCH_OTHER;
    }
}

static const char *minidump_platform(uint32_t platform) {
    static const struct {
        uint32_t id;
        const char *name;
    } names[] = {
        {1, "Windows 9x"}, {2, "Windows"},      {3, "Windows CE"},    {0x8000, "Unix"},
        {0x8101, "macOS"}, {0x8102, "iOS"},     {0x8201, "Linux"},    {0x8202, "Solaris"},
        {0x8203, "Android"}, {0x8205, "NaCl"},  {0x8206, "Fuchsia"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].id == platform) {
            return names[i].name;
        }
    }
    return "not known";
}

/* x86 tells its maker; ProcessorRevision is model and stepping. */
static char *minidump_processor(struct bytes s, enum dump_arch arch) {
    unsigned revision = bytes_u16(s.data + 4);
    char vendor[13] = "";
    if (arch == DUMP_X86 && s.size >= MINIDUMP_SYSTEM_SIZE + 12) {
        memcpy(vendor, s.data + MINIDUMP_SYSTEM_SIZE, 12);
    }
    CLEANUP_FREE char *maker = bytes_ascii((const uint8_t *)vendor, sizeof(vendor));
    return str_printf("%s%sfamily %u model %u stepping %u", maker, *maker ? " " : "", bytes_u16(s.data + 2),
                      revision >> 8, revision & 0xff);
}

int minidump_read_system(struct minidump_file *f, struct dump *d, struct err *err) {
    struct bytes s = {0};
    int found = minidump_stream(f->file, MINIDUMP_SYSTEM, &s, err);
    d->arch = DUMP_ARCH_OTHER;
    if (found <= 0) {
        d->system = str_dup("not known");
        return found;
    }
    if (s.size < MINIDUMP_SYSTEM_SIZE) {
        d->system = str_dup("not known");
        return err_set(err, ERR_PROTOCOL, "system info of %zu bytes", s.size);
    }
    uint32_t platform = bytes_u32(s.data + 20), pack = bytes_u32(s.data + 24);
    d->machine = bytes_u16(s.data);
    d->arch = minidump_arch((uint16_t)d->machine);
    d->processors = s.data[6];
    d->processor = minidump_processor(s, d->arch);
    d->os_major = bytes_u32(s.data + 8);
    d->os_minor = bytes_u32(s.data + 12);
    d->os_build = bytes_u32(s.data + 16);
    d->is_windows = platform == 1 || platform == 2;
    d->system = str_dup(minidump_platform(platform));
    if (pack) {
        d->service_pack = minidump_string(f, pack, "service pack", err);
        return d->service_pack ? 0 : -1;
    }
    return 0;
}
