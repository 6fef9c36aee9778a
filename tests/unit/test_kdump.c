/* Kernel dumps made here: every field, every map of memory, every cut. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/dump_blame.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "evidence/bugcheck.h"
#include "evidence/dump.h"
#include "evidence/microsoft.h"
#include "support/kdmp.h"
#include "support/suite.h"

static struct dump *parse(const struct str *bytes) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct dump *d = dump_parse(bytes->data, bytes->len, &err);
    ck_assert_msg(d != NULL, "%s", err_text(&err));
    return d;
}

static bool noted(const struct dump *d, const char *what) {
    for (size_t i = 0; i < d->note_count; i++) {
        if (strstr(d->notes[i], what)) {
            return true;
        }
    }
    return false;
}

/* What is the same however the dump is kept. */
static void check_facts(const struct kdmp *k, const struct dump *d) {
    ck_assert_uint_eq(d->bugcheck.code, 0xd1);
    ck_assert_uint_eq(d->bugcheck.parameters[3], k->parameters[3]);
    ck_assert_uint_eq(d->machine, k->machine);
    ck_assert_uint_eq(d->processors, k->processors);
    ck_assert_uint_eq(d->os_build, k->build);
    ck_assert_int_eq(d->uptime_us, 3600000000);
    ck_assert_int_eq(d->time_us, (int64_t)(k->filetime / 10) - 11644473600000000);
    ck_assert(d->exception.known);
    ck_assert_uint_eq(d->exception.code, 0x80000003);
    ck_assert_uint_eq(d->exception.address, k->exception_address);
    ck_assert_uint_eq(d->pc, k->pc);
    ck_assert_uint_eq(d->sp, k->sp);
    ck_assert(d->fault.known);
    ck_assert_uint_eq(d->fault.address, k->parameters[3]);
    ck_assert_str_eq(d->fault.source, "bugcheck parameter 4");
    ck_assert_uint_eq(d->fault.access, 0x10);
    ck_assert_uint_eq(d->module_count, k->driver_count);
    for (size_t i = 0; i < k->driver_count; i++) {
        ck_assert_str_eq(d->modules[i].path, k->drivers[i].path);
        ck_assert_uint_eq(d->modules[i].base, k->drivers[i].base);
        ck_assert_uint_eq(d->modules[i].size, k->drivers[i].size);
        ck_assert_uint_eq(d->modules[i].timestamp, k->drivers[i].timestamp);
        ck_assert_uint_eq(d->modules[i].checksum, k->drivers[i].checksum);
    }
    ck_assert_str_eq(d->modules[2].name, "alderflt.sys");
    ck_assert_uint_eq(d->unloaded_count, 1);
    ck_assert_uint_eq(d->unloaded[0].base, k->gone[0].start);
    ck_assert_uint_eq(d->unloaded[0].size, 0x10000);
    ck_assert_str_eq(d->process.name, k->process);
    ck_assert_ptr_nonnull(d->stack);
}

static void check_blame(const struct dump *d, enum dump_blame_how how, const char *name) {
    struct dump_blame b = dump_blame(d);
    ck_assert_str_eq(dump_blame_how_name(b.how), dump_blame_how_name(how));
    ck_assert_msg(name ? b.name && strcmp(b.name, name) == 0 : !b.name, "%s: %s", b.name ? b.name : "nobody",
                  b.reason);
    ck_assert(b.name ? b.confidence > 0 && b.confidence < 1 : b.confidence == 0);
    ck_assert_uint_gt(strlen(b.reason), 0);
    dump_blame_clear(&b);
}

static void check_triage(struct kdmp k, enum dump_arch arch) {
    CLEANUP_STR struct str bytes = STR_INIT;
    kdmp_triage(&k, &bytes);
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert_int_eq(d->kind, DUMP_TRIAGE);
    ck_assert_int_eq(d->arch, arch);
    check_facts(&k, d);
    ck_assert_str_eq(d->unloaded[0].name, "cedargone.sy"); /* 12 characters */
    ck_assert_uint_eq(d->stack_base, k.stack_base);
    ck_assert_uint_eq(d->stack_size, k.stack_words * dump_width(d));
    check_blame(d, DUMP_BLAME_ADDRESS, "alderflt.sys");
    ck_assert_uint_eq(d->note_count, 1);
    ck_assert(noted(d, "file versions: 0 of 4 drivers"));
}

START_TEST(triage_dumps_tell_every_field) {
    struct kdmp arm = kdmp_sample();
    arm.machine = 0xaa64;
    check_triage(kdmp_sample(), DUMP_AMD64);
    check_triage(kdmp_sample32(), DUMP_X86);
    check_triage(arm, DUMP_ARM64);
}
END_TEST

static void check_memory(struct kdmp k, enum kdmp_map map, uint32_t type) {
    CLEANUP_STR struct str bytes = STR_INIT;
    k.type = type;
    kdmp_memory(&k, map, &bytes);
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert_msg(d->note_count == 0, "map %d type %u: %s", map, type, d->note_count ? d->notes[0] : "");
    ck_assert_ptr_null(d->damage);
    ck_assert_int_eq(d->kind, map == KDMP_RUNS ? DUMP_FULL : DUMP_BITMAP);
    check_facts(&k, d);
    ck_assert_str_eq(d->unloaded[0].name, "cedargone.sys");
    ck_assert_int_eq(d->unloaded[0].time_us, (int64_t)(k.gone[0].filetime / 10) - 11644473600000000);
    for (size_t i = 0; i < d->module_count; i++) {
        const uint16_t *v = k.drivers[i].version;
        CLEANUP_FREE char *version = str_printf("%u.%u.%u.%u", v[0], v[1], v[2], v[3]);
        ck_assert_str_eq(d->modules[i].version, version);
    }
    ck_assert_uint_eq(d->stack_base, k.sp & ~(uint64_t)7);
    check_blame(d, DUMP_BLAME_ADDRESS, "alderflt.sys");
}

START_TEST(dumps_with_memory_tell_every_field) {
    struct kdmp five = kdmp_sample(), arm = kdmp_sample(), pae = kdmp_sample32();
    five.levels = 5;
    arm.machine = 0xaa64;
    pae.pae = true;
    const struct kdmp made[] = {kdmp_sample(), five, arm, kdmp_sample32(), pae};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        check_memory(made[i], KDMP_RUNS, 1);
        check_memory(made[i], KDMP_OLD_BITMAP, 2);
        check_memory(made[i], KDMP_BITMAP, 5);
        check_memory(made[i], KDMP_BITMAP, 6);
    }
    for (uint32_t type = 8; type <= 10; type++) {
        check_memory(kdmp_sample(), KDMP_RANGES, type);
    }
}
END_TEST

/* Resources that lead in circles, out of the image or to no version: the driver has none, everything else stays. */
static const struct {
    uint32_t at; /* from the image's base */
    uint64_t value;
} bad_resources[] = {
    {0x118, 0},                    /* no resources at all */
    {0x118, 0x0000030000ffff00},   /* behind the image */
    {0x118, 0xffffffffffffffff},
    {0x98, 0x107},                 /* neither PE32 nor PE32+ */
    {0x104, 2},                    /* too few directories */
    {0x218, 0x80000040000000ff},   /* no type 16 */
    {0x218, 0x8000000000000010},   /* the directory again, which has no end: 16 leads to itself */
    {0x218, 0x0000004000000010},   /* data where a directory should be */
    {0x290, 0x800000c000000409},   /* and the other way round */
    {0x290, 0xfffffff000000409},
    {0x2c0, 0x00000060ffffff00},   /* data behind the image */
    {0x428, 0x1234},               /* no VS_FIXEDFILEINFO */
};

START_TEST(bad_resources_are_no_version) {
    CLEANUP_STR struct str bytes = STR_INIT;
    struct kdmp k = kdmp_sample();
    const struct kdmp_poke poke = {k.drivers[2].base + bad_resources[_i].at, bad_resources[_i].value};
    k.pokes = &poke;
    k.poke_count = 1;
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &bytes);
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert_str_eq(d->modules[2].version, "");
    ck_assert_str_eq(d->modules[1].version, "2.20.19041.18");
    ck_assert(noted(d, "file versions: 3 of 4 drivers"));
    ck_assert_uint_eq(d->module_count, 4);
    check_blame(d, DUMP_BLAME_ADDRESS, "alderflt.sys");
}
END_TEST

/* 0x7E as small dumps write it, with the exception and its context in the guest's memory. */
static struct kdmp thread_exception(struct kdmp_poke pokes[5], bool narrow) {
    struct kdmp k = narrow ? kdmp_sample32() : kdmp_sample();
    uint64_t at = narrow ? 0x8f009000 : 0xffffd00000009000, context = at + 0x200, pc = k.drivers[3].base + 0x777;
    k.code = 0x1000007e;
    k.parameters[0] = narrow ? 0xc0000005 : 0xffffffffc0000005;
    k.parameters[1] = pc;
    k.parameters[2] = at;
    k.parameters[3] = context;
    k.filetime = 0;
    pokes[0] = (struct kdmp_poke){context + (narrow ? 0xb8 : 0xf8), pc};
    pokes[1] = (struct kdmp_poke){context + (narrow ? 0xc4 : 0x98), k.sp + 8};
    pokes[2] = (struct kdmp_poke){at + (narrow ? 0x10 : 0x18), 2};
    pokes[3] = (struct kdmp_poke){at + (narrow ? 0x18 : 0x28), 0xdead0000};
    pokes[4] = (struct kdmp_poke){at, 0xc0000005};
    k.pokes = pokes;
    k.poke_count = 5;
    return k;
}

START_TEST(exception_and_context_are_followed_into_memory) {
    for (int narrow = 0; narrow < 2; narrow++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        struct kdmp_poke pokes[5];
        struct kdmp k = thread_exception(pokes, narrow);
        k.type = 1;
        kdmp_memory(&k, KDMP_RUNS, &bytes);
        CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
        ck_assert_uint_eq(d->bugcheck.raw, 0x1000007e);
        ck_assert_uint_eq(d->bugcheck.code, 0x7e);
        ck_assert_int_eq(d->time_us, 0);
        ck_assert_uint_eq(d->fault.code, 0xc0000005);
        ck_assert_uint_eq(d->fault.address, k.parameters[1]);
        ck_assert(d->fault.has_access);
        ck_assert_uint_eq(d->fault.access, 0xdead0000);
        ck_assert_uint_eq(d->pc, k.parameters[1]);
        ck_assert_uint_eq(d->sp, k.sp + 8);
        check_blame(d, DUMP_BLAME_ADDRESS, "birchflt.sys");
    }
}
END_TEST

START_TEST(encoded_debugger_data_are_said_and_gone_round) {
    CLEANUP_STR struct str bytes = STR_INIT;
    struct kdmp k = kdmp_sample();
    k.encoded = true;
    k.type = 6;
    kdmp_memory(&k, KDMP_BITMAP, &bytes);
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert(noted(d, "encoded"));
    ck_assert_uint_eq(d->module_count, 4);
    ck_assert_uint_eq(d->unloaded_count, 0);
    ck_assert(!d->process.known);
    check_blame(d, DUMP_BLAME_ADDRESS, "alderflt.sys");
}
END_TEST

START_TEST(request_that_does_not_finish_leads_to_its_driver) {
    const uint64_t irp = 0xffffa00000200000, place = irp + 0x1000, device = irp + 0x2000, driver = irp + 0x3000;
    const struct kdmp_poke pokes[] = {{irp + 0xb8, place}, {place + 0x28, device}, {device + 8, driver},
                                      {driver + 0x18, 0xfffff80004000000}};
    for (int memory = 0; memory < 2; memory++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        struct kdmp k = kdmp_sample();
        k.code = 0x9f;
        k.parameters[0] = 3;
        k.parameters[3] = irp;
        k.pokes = pokes;
        k.poke_count = ARRAY_LEN(pokes);
        k.type = memory ? 1 : 4;
        memory ? kdmp_memory(&k, KDMP_RUNS, &bytes) : kdmp_triage(&k, &bytes);
        CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
        ck_assert_str_eq(d->named, "birchflt.sys");
        check_blame(d, DUMP_BLAME_NAMED, "birchflt.sys");
    }
}
END_TEST

static struct dump *triage(struct kdmp k) {
    CLEANUP_STR struct str bytes = STR_INIT;
    kdmp_triage(&k, &bytes);
    return parse(&bytes);
}

START_TEST(blame_goes_down_from_sure_to_nobody) {
    struct kdmp k = kdmp_sample();
    k.broken = 4;
    CLEANUP(dump_free_ptr) struct dump *named = triage(k);
    check_blame(named, DUMP_BLAME_NAMED, "birchflt.sys");
    k.broken = 0;
    k.parameters[3] = 0xfffff80002000100; /* in fltmgr.sys, which works for others */
    CLEANUP(dump_free_ptr) struct dump *carried = triage(k);
    check_blame(carried, DUMP_BLAME_STACK, "birchflt.sys");
    k.parameters[3] = 0xfffff80005000100; /* where cedargone.sys was */
    CLEANUP(dump_free_ptr) struct dump *gone = triage(k);
    check_blame(gone, DUMP_BLAME_UNLOADED, "cedargone.sy");
    k.parameters[3] = 0xfffff80002000100;
    k.stack_words = 5; /* nobody but Windows on it */
    CLEANUP(dump_free_ptr) struct dump *own = triage(k);
    check_blame(own, DUMP_BLAME_MICROSOFT, "fltmgr.sys");
    k.parameters[3] = 0xfffff80000000100;
    k.stack_words = 2;
    CLEANUP(dump_free_ptr) struct dump *kernel = triage(k);
    check_blame(kernel, DUMP_BLAME_NOBODY, NULL);
    k = kdmp_sample();
    k.code = 0xe2; /* asked for: what lies on the stack does not matter */
    CLEANUP(dump_free_ptr) struct dump *asked = triage(k);
    check_blame(asked, DUMP_BLAME_NOBODY, NULL);
}
END_TEST

START_TEST(remnants_below_the_stack_pointer_count_last) {
    struct kdmp k = kdmp_sample();
    k.parameters[3] = 0xfffff80002000100;
    k.stack[0] = 0xfffff80003000999; /* alderflt.sys, below */
    CLEANUP(dump_free_ptr) struct dump *d = triage(k);
    check_blame(d, DUMP_BLAME_STACK, "birchflt.sys");
    k.stack_words = 3;
    CLEANUP(dump_free_ptr) struct dump *below = triage(k);
    check_blame(below, DUMP_BLAME_STACK, "alderflt.sys");
}
END_TEST

static void cut_everywhere(const struct str *bytes, size_t step, bool may_be_damaged) {
    for (size_t len = 0; len < bytes->len; len += step) {
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *copy = mem_zalloc(len, 1); /* exactly as long: a sanitizer sees one byte too far */
        memcpy(copy, bytes->data, len);
        CLEANUP(dump_free_ptr) struct dump *d = dump_parse(copy, len, &err);
        ck_assert_msg(d ? may_be_damaged && d->damage : err.cls == ERR_PROTOCOL, "cut at %zu", len);
    }
}

START_TEST(triage_dumps_cut_at_any_byte_are_refused) {
    const struct kdmp made[] = {kdmp_sample(), kdmp_sample32()};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        kdmp_triage(&made[i], &bytes);
        bytes.len -= 8; /* what follows the dump proper may be missing */
        cut_everywhere(&bytes, 1, false);
    }
}
END_TEST

START_TEST(dumps_with_memory_cut_anywhere_are_refused_or_told_damaged) {
    static const struct {
        enum kdmp_map map;
        uint32_t type;
    } maps[] = {{KDMP_RUNS, 1}, {KDMP_BITMAP, 6}, {KDMP_OLD_BITMAP, 2}, {KDMP_RANGES, 8}};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        struct kdmp k = kdmp_sample();
        k.type = maps[i].type;
        kdmp_memory(&k, maps[i].map, &bytes);
        cut_everywhere(&bytes, 509, true);
        bytes.len -= 1;
        CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
        ck_assert_ptr_nonnull(strstr(d->damage, "cut short"));
        ck_assert_uint_eq(d->bugcheck.code, 0xd1);
    }
}
END_TEST

START_TEST(any_byte_turned_is_survived) {
    CLEANUP_STR struct str bytes = STR_INIT;
    struct kdmp k = kdmp_sample();
    size_t read = 0;
    kdmp_triage(&k, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        CLEANUP_ERR struct err err = ERR_INIT;
        bytes.data[i] = (char)~bytes.data[i];
        CLEANUP(dump_free_ptr) struct dump *d = dump_parse(bytes.data, bytes.len, &err);
        ck_assert((d != NULL) == !err_is_set(&err));
        read += d != NULL;
        bytes.data[i] = (char)~bytes.data[i];
    }
    ck_assert_uint_gt(read, 0);
    ck_assert_uint_lt(read, bytes.len);
}
END_TEST

START_TEST(lists_that_run_in_circles_end) {
    CLEANUP_STR struct str bytes = STR_INIT;
    struct kdmp k = kdmp_sample();
    const struct kdmp_poke circle = {0xffffa00000100400, 0xffffa00000100400}; /* the second entry leads to itself */
    k.pokes = &circle;
    k.poke_count = 1;
    k.type = 1;
    kdmp_memory(&k, KDMP_RUNS, &bytes);
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert(noted(d, "does not come back") || noted(d, "breaks off"));
    ck_assert_uint_le(d->module_count, 8192);
}
END_TEST

START_TEST(header_alone_and_new_types_say_what_they_are) {
    CLEANUP_STR struct str bytes = STR_INIT;
    CLEANUP_ERR struct err err = ERR_INIT;
    struct kdmp k = kdmp_sample();
    kdmp_triage(&k, &bytes);
    bytes.data[0xf98] = 3;
    CLEANUP(dump_free_ptr) struct dump *d = parse(&bytes);
    ck_assert(noted(d, "nothing but its header"));
    bytes.data[0xf98] = 99;
    ck_assert_ptr_null(dump_parse(bytes.data, bytes.len, &err));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL"));
    ck_assert_ptr_nonnull(strstr(err_text(&err), "type 99"));
}
END_TEST

START_TEST(bugchecks_are_told_with_all_they_mean) {
    ck_assert_uint_ge(bugcheck_count(), 60);
    for (size_t i = 0; i < bugcheck_count(); i++) {
        const struct bugcheck *b = bugcheck_at(i);
        ck_assert(i == 0 || bugcheck_at(i - 1)->code < b->code);
        ck_assert_ptr_eq(bugcheck_find(b->code), b);
        ck_assert_uint_eq(strlen(b->roles), 4);
        ck_assert_uint_eq(strspn(b->roles, "-vscamiwrxtdDpuo"), 4);
        ck_assert_uint_gt(strlen(b->meaning), 10);
    }
    ck_assert_ptr_null(bugcheck_find(0xabcdef));
    ck_assert_uint_eq(bugcheck_plain(0x1000007e), 0x7e);
    ck_assert_uint_eq(bugcheck_plain(0xdeaddead), 0xdeaddead);
    ck_assert_uint_eq(bugcheck_plain(0xc000021a), 0xc000021a);
    ck_assert_str_eq(bugcheck_value(BUGCHECK_IRQL, 2), "DISPATCH_LEVEL");
    ck_assert_str_eq(bugcheck_value(BUGCHECK_ACCESS, 1), "write");
    ck_assert_str_eq(bugcheck_value(BUGCHECK_STATUS, 0xffffffffc0000005), "access violation");
    ck_assert_ptr_null(bugcheck_value(BUGCHECK_STATUS, 0x12345));
    ck_assert_str_eq(bugcheck_subtype(0x139, 3), "a doubly linked list is damaged: freed twice, or raced for");
}
END_TEST

START_TEST(windows_own_modules_are_known_by_name) {
    ck_assert_int_eq(microsoft_name("NTOSKRNL.EXE"), MICROSOFT_KERNEL);
    ck_assert_int_eq(microsoft_name("Fltmgr.sys"), MICROSOFT_CARRIER);
    ck_assert_int_eq(microsoft_name("amdppm.sys"), MICROSOFT_OWN);
    ck_assert_int_eq(microsoft_name("api-ms-win-core-file-l1-1-0.dll"), MICROSOFT_OWN);
    ck_assert_int_eq(microsoft_name("nvlddmkm.sys"), MICROSOFT_NOT);
    ck_assert_int_eq(microsoft_name("csagent.sys"), MICROSOFT_NOT);
    /* first and last of each list: they are searched in order */
    static const char *const own[] = {"1394bus.sys", "xusb22.sys", "acpi.sys", "wudfrd.sys", "bootvid.dll", "skci.dll"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        ck_assert_msg(microsoft_name(own[i]) != MICROSOFT_NOT, "%s", own[i]);
    }
}
END_TEST

/* COEXIST_GOLDEN_UPDATE=1 writes the seeds anew (and fails, so that it is never left on). */
START_TEST(seeds_of_the_fuzzer_are_what_the_writer_makes) {
    struct kdmp arm = kdmp_sample(), bitmap = kdmp_sample(), ranges = kdmp_sample();
    arm.machine = 0xaa64;
    bitmap.type = 6;
    ranges.type = 8;
    struct kdmp pae = kdmp_sample32();
    pae.pae = true;
    pae.type = 1;
    const struct {
        const char *name;
        const struct kdmp k;
        int map; /* -1: triage */
    } seeds[] = {{"triage64", kdmp_sample(), -1}, {"triage32", kdmp_sample32(), -1}, {"triage-arm64", arm, -1},
                 {"bitmap64", bitmap, KDMP_BITMAP}, {"ranges64", ranges, KDMP_RANGES}, {"full32", pae, KDMP_RUNS}};
    bool update = getenv("COEXIST_GOLDEN_UPDATE") != NULL;
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        CLEANUP_STR struct str bytes = STR_INIT;
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP_FREE char *path = str_printf("tests/fuzz/seeds/fuzz_dump/%s", seeds[i].name);
        seeds[i].map < 0 ? kdmp_triage(&seeds[i].k, &bytes)
                         : kdmp_memory(&seeds[i].k, (enum kdmp_map)seeds[i].map, &bytes);
        if (update) {
            ck_assert_int_eq(fs_mkdirs("tests/fuzz/seeds/fuzz_dump", &err), 0);
            ck_assert_int_eq(fs_write_atomic(path, bytes.data, bytes.len, 0644, &err), 0);
        }
        size_t len = 0;
        CLEANUP_FREE char *kept = fs_read(path, 1 << 22, &len, &err);
        ck_assert_msg(kept && len == bytes.len && memcmp(kept, bytes.data, len) == 0, "%s: %s", path, err_text(&err));
    }
    ck_assert_msg(!update, "seeds written");
}
END_TEST

int main(void) {
    Suite *s = suite_create("kdump");
    TCase *t = tcase_create("kdump");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, triage_dumps_tell_every_field);
    tcase_add_test(t, dumps_with_memory_tell_every_field);
    tcase_add_loop_test(t, bad_resources_are_no_version, 0, (int)ARRAY_LEN(bad_resources));
    tcase_add_test(t, exception_and_context_are_followed_into_memory);
    tcase_add_test(t, encoded_debugger_data_are_said_and_gone_round);
    tcase_add_test(t, request_that_does_not_finish_leads_to_its_driver);
    tcase_add_test(t, blame_goes_down_from_sure_to_nobody);
    tcase_add_test(t, remnants_below_the_stack_pointer_count_last);
    tcase_add_test(t, triage_dumps_cut_at_any_byte_are_refused);
    tcase_add_test(t, dumps_with_memory_cut_anywhere_are_refused_or_told_damaged);
    tcase_add_test(t, any_byte_turned_is_survived);
    tcase_add_test(t, lists_that_run_in_circles_end);
    tcase_add_test(t, header_alone_and_new_types_say_what_they_are);
    tcase_add_test(t, bugchecks_are_told_with_all_they_mean);
    tcase_add_test(t, windows_own_modules_are_known_by_name);
    tcase_add_test(t, seeds_of_the_fuzzer_are_what_the_writer_makes);
    suite_add_tcase(s, t);
    return suite_run(s);
}
