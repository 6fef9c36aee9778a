/* Screens: real ones with known answers, ones drawn here, and pictures that are none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "evidence/screen_impl.h"
#include "evidence/screen_read.h"
#include "evidence/stop_code.h"
#include "support/draw_screen.h"
#include "support/skip.h"
#include "support/suite.h"

#define BLUE_8 "#0078d7"

static void read_ok(const void *data, size_t len, struct screen_reading *r) {
    CLEANUP_ERR struct err err = ERR_INIT;
    ck_assert_msg(screen_read(data, len, r, &err) == 0, "%s", err_text(&err));
}

static void refused(const void *data, size_t len, const char *why) {
    CLEANUP_ERR struct err err = ERR_INIT;
    struct screen_reading r;
    ck_assert_int_lt(screen_read(data, len, &r, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    ck_assert_msg(strstr(err_text(&err), why) != NULL, "%s", err_text(&err));
}

static const struct real_case {
    const char *file;
    enum screen_kind kind;
} real_cases[] = {
    {"reactos-desktop.png", SCREEN_DESKTOP},
    {"reactos-gui-setup.png", SCREEN_DESKTOP}, /* whatever its name says: the picture shows a desktop */
    {"reactos-text-setup.png", SCREEN_BOOT_PROMPT}, /* the same: it is still the boot medium asking */
    {"reactos-stop-7e.png", SCREEN_STOP},
    {"reactos-stop-7e.ppm", SCREEN_STOP},
};

START_TEST(real_screens_are_told) {
    const char *dir = test_cases_dir();
    const struct real_case *c = &real_cases[_i];
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP_FREE char *path = str_printf("%s/screens/%s", dir, c->file);
    CLEANUP(screen_reading_clear) struct screen_reading r;
    ck_assert_msg(screen_read_file(path, &r, &err) == 0, "%s", err_text(&err));
    ck_assert_str_eq(screen_kind_name(r.kind), screen_kind_name(c->kind));
    ck_assert_double_ge(r.confidence, 0.7);
    if (c->kind != SCREEN_STOP) {
        ck_assert(!r.has_code);
        return;
    }
    static const uint64_t params[] = {0xC0000005, 0xF6D7300F, 0xF767BADC, 0xF767B7E0};
    CLEANUP_FREE char *said = screen_sentence(&r);
    ck_assert_str_eq(said, "STOP 0x7E SYSTEM_THREAD_EXCEPTION_NOT_HANDLED, labdrv.sys");
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        ck_assert(r.has_param[i]);
        ck_assert_uint_eq(r.param[i], params[i]);
    }
    ck_assert_int_eq(r.layout, SCREEN_LAYOUT_TEXT);
    ck_assert_uint_eq(r.background, 0x000080);
}
END_TEST

static const struct text_case {
    const char *font;
    int width, height;
    uint32_t code;
    const char *module, *stop; /* the stop line */
    uint64_t params[SCREEN_PARAMS];
} text_cases[] = {
    {"Lat15-VGA16.psf.gz", 640, 480, 0xD1, "csagent.sys",
     "*** STOP: 0x000000D1 (0x0000009C,0x00000002,0x00000000,0xF89D1235)", {0x9C, 2, 0, 0xF89D1235}},
    {"Lat15-VGA16.psf.gz", 720, 400, 0x50, "klif.sys",
     "*** STOP: 0x00000050 (0xFD3094C2,0x00000001,0xFBFE7617,0x00000000)", {0xFD3094C2, 1, 0xFBFE7617, 0}},
    {"Lat15-VGA14.psf.gz", 640, 480, 0x7E, "alderflt.sys",
     "*** STOP: 0x0000007E (0xC0000005,0x8A5B3D6E,0xF78E4C90,0xF78E4B8C)",
     {0xC0000005, 0x8A5B3D6E, 0xF78E4C90, 0xF78E4B8C}},
    {"Lat15-VGA8.psf.gz", 640, 400, 0x1E, "tcpip.sys",
     "*** STOP: 0x0000001E (0xC0000005,0x80467F2A,0x00000000,0x000000A4)", {0xC0000005, 0x80467F2A, 0, 0xA4}},
    /* 16 digits: the line wraps */
    {"Lat15-VGA16.psf.gz", 640, 480, 0x7E, "alderflt.sys",
     "*** STOP: 0x0000007E (0xFFFFFFFFC0000005,0xFFFFF80002A9B6D1,0xFFFFF880031F5E48,",
     {0xFFFFFFFFC0000005, 0xFFFFF80002A9B6D1, 0xFFFFF880031F5E48, 0xFFFFF880031F56A0}},
};

START_TEST(text_mode_stop_screens_are_read_and_nothing_is_invented) {
    const struct text_case *c = &text_cases[_i];
    CLEANUP_FREE char *driver =
        str_printf("***  %s - Address F89D1235 base at F89D0000, DateStamp 36b072a3", c->module);
    const char *const lines[] = {
        "", "A problem has been detected and Windows has been shut down to prevent damage", "to your computer.", "",
        "If this is the first time you've seen this Stop error screen,", "restart your computer. If this screen "
        "appears again, follow", "these steps:", "", "Check to make sure any new hardware or software is properly "
        "installed.", "", "Technical information:", "", c->stop,
        strlen(c->stop) > 78 ? "0xFFFFF880031F56A0)" : "", driver, "", "Collecting data for crash dump ...",
        "Initializing disk for crash dump ...", NULL,
    };
    size_t len = 0;
    CLEANUP_FREE char *ppm = draw_text_mode(c->font, c->width, c->height, 0x0000a8, 0xffffff, lines, &len);
    if (!ppm) {
        TEST_SKIP("no console fonts (Debian: console-setup-linux)");
    }
    CLEANUP(screen_reading_clear) struct screen_reading r;
    read_ok(ppm, len, &r);
    ck_assert_int_eq(r.kind, SCREEN_STOP);
    ck_assert_msg(r.has_code || r.left_out, "neither read nor said to be left out: %s", r.text);
    ck_assert_msg(!r.has_code || r.code == c->code, "read 0x%X\n%s", r.code, r.text);
    ck_assert_msg(!r.module || screen_module_is(r.module, c->module), "read %s", r.module);
    ck_assert_msg(r.module || r.left_out, "%s", r.text);
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        ck_assert_msg(r.has_param[i] || r.left_out, "parameter %d\n%s", i, r.text);
        ck_assert_msg(!r.has_param[i] || r.param[i] == c->params[i], "parameter %d: 0x%llX\n%s", i,
                      (unsigned long long)r.param[i], r.text);
    }
    ck_assert_msg(r.has_code && r.module, "%s: %s", r.left_out, r.text);
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        ck_assert_msg(r.has_param[i], "parameter %d: %s", i, r.text);
    }
}
END_TEST

/* What a guest's text mode really shows: the VGA BIOS' letters. All of it is read, whatever the numbers. */
static const struct rom_case {
    const char *font;
    int width, height;
} rom_cases[] = {{"rom16", 640, 400}, {"rom16", 720, 400}, {"rom16", 640, 480}, {"rom14", 640, 350},
                 {"rom14", 720, 350}, {"rom8", 640, 400},  {"rom8", 720, 400},  {"rom8", 640, 480}};

static void read_rom_screen(const struct rom_case *c, uint64_t *seed) {
    uint64_t p[SCREEN_PARAMS];
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        p[i] = *seed >> 32;
    }
    CLEANUP_FREE char *stop = str_printf("*** STOP: 0x0000000A (0x%08lX,0x%08lX,0x%08lX,0x%08lX)", (unsigned long)p[0],
                                         (unsigned long)p[1], (unsigned long)p[2], (unsigned long)p[3]);
    const char *const lines[] = {"", stop, "IRQL_NOT_LESS_OR_EQUAL*** Address 8013eae0 base at 80100000", "",
                                 "***  B8l1I0O.sys - Address F89D1235 base at F89D0000, DateStamp 36b072a3", "",
                                 "Beginning dump of physical memory", NULL};
    size_t len = 0;
    CLEANUP_FREE char *ppm = draw_text_mode(c->font, c->width, c->height, 0x0000a8, 0xaaaaaa, lines, &len);
    if (!ppm) {
        TEST_SKIP("no VGA BIOS with its fonts (Debian: seabios)");
    }
    memset(ppm + len - 3 * (size_t)c->width * 2 - 60, 0xff, 24); /* a cursor: eight pixels, a line above the last */
    CLEANUP(screen_reading_clear) struct screen_reading r;
    read_ok(ppm, len, &r);
    ck_assert_int_eq(r.kind, SCREEN_STOP);
    ck_assert_int_eq(r.layout, SCREEN_LAYOUT_TEXT);
    ck_assert_msg(r.has_code && r.code == 0xA, "%s", r.text);
    ck_assert_str_eq(r.module, "B8l1I0O.sys");
    ck_assert_msg(!r.left_out, "%s: %s", r.left_out, r.text);
    for (int i = 0; i < SCREEN_PARAMS; i++) {
        ck_assert_msg(r.has_param[i] && r.param[i] == p[i], "parameter %d: %s", i, r.text);
    }
    ck_assert_double_ge(r.confidence, 0.9);
}

START_TEST(text_modes_of_the_bios_are_read_whole) {
    uint64_t seed = (uint64_t)_i + 1;
    for (int i = 0; i < 20; i++) {
        read_rom_screen(&rom_cases[_i], &seed);
    }
}
END_TEST

static const struct face_case {
    const char *ground, *heading, *code, *failed, *module;
    int width, height;
    uint32_t number;
} face_cases[] = {
    {BLUE_8, "Your PC ran into a problem and needs to restart. We're just\ncollecting some error info, and then we'll "
             "restart for you.", "Stop code: SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", "What failed: alderflt.sys",
     "alderflt.sys", 1024, 768, 0x7E},
    {BLUE_8, "Your PC ran into a problem and needs to restart. We're just\ncollecting some error info, and then we'll "
             "restart for you.", "Stop code: PAGE_FAULT_IN_NONPAGED_AREA", "What failed: csagent.sys", "csagent.sys",
     1920, 1080, 0x50},
    {"#000000", "Your device ran into a problem and needs to restart.", "Stop code: CRITICAL_PROCESS_DIED (0xEF)",
     "", NULL, 1920, 1080, 0xEF},
    {"#000000", "Your device ran into a problem and needs to restart.",
     "Stop code: DRIVER_IRQL_NOT_LESS_OR_EQUAL (0xD1)", "What failed: birchnet.sys", "birchnet.sys", 1024, 768, 0xD1},
    {BLUE_8, "Auf dem PC ist ein Problem aufgetreten. Der PC muss neu\ngestartet werden.",
     "Stillstandcode: INACCESSIBLE_BOOT_DEVICE", "", NULL, 1280, 800, 0x7B},
};

START_TEST(stop_screens_with_a_face_are_read) {
    const struct face_case *c = &face_cases[_i];
    int unit = c->height / 48;
    const struct draw_text texts[] = {
        {4 * unit, 12 * unit, 8 * unit, ":("},
        {4 * unit, 18 * unit, 3 * unit / 2, c->heading},
        {4 * unit, 26 * unit, 3 * unit / 2, "35% complete"},
        {12 * unit, 30 * unit, unit * 9 / 10,
         "For more information about this issue and possible fixes, visit https://www.windows.com/stopcode"},
        {12 * unit, 34 * unit, unit * 9 / 10, c->code},
        {12 * unit, 36 * unit, unit * 9 / 10, c->failed},
        {0, 0, 0, NULL},
    };
    size_t len = 0;
    CLEANUP_FREE char *png = draw_graphical(c->width, c->height, c->ground, texts, &len);
    if (!png) {
        TEST_SKIP("no ImageMagick or DejaVu fonts");
    }
    CLEANUP(screen_reading_clear) struct screen_reading r;
    read_ok(png, len, &r);
    ck_assert_msg(r.kind == SCREEN_STOP && r.has_code, "%s: %s", screen_kind_name(r.kind), r.text);
    ck_assert_int_eq(r.layout, SCREEN_LAYOUT_FACE);
    ck_assert_msg(r.code == c->number, "read 0x%X\n%s", r.code, r.text);
    ck_assert_str_eq(r.name, stop_code_name(c->number));
    if (c->module) {
        ck_assert_msg(r.module && screen_module_is(r.module, c->module), "%s\n%s", r.module, r.text);
    } else {
        ck_assert_ptr_null(r.module);
    }
}
END_TEST

static const struct plain_case {
    enum screen_kind kind;
    const char *ground, *text, *status;
} plain_cases[] = {
    {SCREEN_BOOT_ERROR, BLUE_8, "Recovery\n\nYour PC/Device needs to be repaired\n\nThe Boot Configuration Data for "
     "your PC is missing or contains errors.\n\nFile: \\EFI\\Microsoft\\Boot\\BCD\n"
     "Error code: 0xc000000f", "0xc000000f"},
    {SCREEN_RECOVERY, BLUE_8, "Choose an option\n\nContinue\nTroubleshoot\nTurn off your PC", NULL},
    {SCREEN_RECOVERY, "#000000", "Preparing Automatic Repair", NULL},
    {SCREEN_UPDATING, "#004275", "Getting Windows ready\nDon't turn off your computer", NULL},
    {SCREEN_UPDATING, BLUE_8, "Working on updates 30% complete\nDon't turn off your computer", NULL},
    {SCREEN_LOGIN, "#002050", "Press Ctrl+Alt+Delete to unlock.", NULL},
    {SCREEN_SETUP, "#3f1f6f", "Windows Setup\n\nLanguage to install: English\n\nInstall now", NULL},
    {SCREEN_UNKNOWN, "#202020", "Quarterly figures of the bakery\nbread rolls cake", NULL},
};

START_TEST(other_screens_are_told) {
    const struct plain_case *c = &plain_cases[_i];
    const struct draw_text texts[] = {{100, 150, 28, c->text}, {0, 0, 0, NULL}};
    size_t len = 0;
    CLEANUP_FREE char *png = draw_graphical(1024, 768, c->ground, texts, &len);
    if (!png) {
        TEST_SKIP("no ImageMagick or DejaVu fonts");
    }
    CLEANUP(screen_reading_clear) struct screen_reading r;
    read_ok(png, len, &r);
    ck_assert_msg(r.kind == c->kind, "%s, not %s: %s", screen_kind_name(r.kind), screen_kind_name(c->kind), r.text);
    ck_assert(!r.has_code);
    ck_assert_msg(str_eq(r.status, c->status), "%s\n%s", r.status, r.text);
}
END_TEST

static const struct console_case {
    enum screen_kind kind;
    const char *lines[6];
} console_cases[] = {
    {SCREEN_BOOT_PROMPT, {"Press any key to boot from CD or DVD.....", NULL}},
    {SCREEN_BOOT_ERROR, {"BOOTMGR is missing", "Press Ctrl+Alt+Del to restart", NULL}},
    {SCREEN_BOOT_ERROR, {"SeaBIOS (version 1.16.2-debian-1.16.2-1)", "Booting from Hard Disk...",
                         "Boot failed: not a bootable disk", "", "No bootable device.", NULL}},
    {SCREEN_KERNEL_PANIC, {"[    4.211003] Kernel panic - not syncing: sysrq triggered crash",
                           "[    4.212117] CPU: 0 PID: 1 Comm: sh Not tainted 6.1.0-37-cloud-amd64",
                           "[    4.213001] Call Trace:", NULL}},
    {SCREEN_SETUP_TEXT, {"Windows Server 2003, Standard Edition Setup", "", "To set up Windows now, press ENTER.",
                         "", "ENTER=Continue  R=Repair  F3=Quit", NULL}},
    {SCREEN_BLANK, {"_", NULL}},
};

START_TEST(consoles_are_told) {
    const struct console_case *c = &console_cases[_i];
    size_t len = 0;
    CLEANUP_FREE char *ppm = draw_text_mode("Lat15-VGA16.psf.gz", 720, 400, 0, 0xa8a8a8, c->lines, &len);
    if (!ppm) {
        TEST_SKIP("no console fonts (Debian: console-setup-linux)");
    }
    CLEANUP(screen_reading_clear) struct screen_reading r;
    read_ok(ppm, len, &r);
    ck_assert_msg(r.kind == c->kind, "%s, not %s: %s", screen_kind_name(r.kind), screen_kind_name(c->kind), r.text);
    ck_assert(!r.has_code && !r.module);
}
END_TEST

START_TEST(pictures_that_are_none_are_refused) {
    refused("", 0, "empty");
    refused("GIF89a......", 12, "neither PNG nor PPM");
    refused("P6\n640 480\n255\n\1\2\3", 18, "cut short");
    refused("P6\n640 480\n65535\n\1\2\3", 20, "not understood");
    refused("P6\n9000000 9000000\n255\n\1\2\3", 26, "is not read");
    refused("P6\n-1 5\n255\n\1\2\3", 15, "not understood");
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(screen_reading_clear) struct screen_reading none;
    ck_assert_int_lt(screen_read_file("/nonexistent.png", &none, &err), 0);
    ck_assert_int_eq(err.cls, ERR_INPUT);
    const char *dir = test_cases_dir();
    if (!dir) {
        TEST_SKIP("no folder of cases (set COEXIST_CASES)");
    }
    size_t len = 0;
    CLEANUP_FREE char *path = str_printf("%s/screens/reactos-desktop.png", dir);
    CLEANUP_FREE char *png = fs_read(path, 1 << 20, &len, NULL);
    refused(png, len / 2, "not a whole PNG");
    refused(png, 40, "not a whole PNG");
    memset(png + 16, 0x7f, 8); /* width and height of IHDR (ISO/IEC 15948, 11.2.2) */
    refused(png, len, "PNG");
}
END_TEST

START_TEST(text_alone_is_enough_and_misread_letters_are_no_facts) {
    struct screen_reading r = {0};
    screen_text_classify("*** STOP: OxOOOOOO7E (OxCOOOOOO5,0xF6D73OOF,0xF767B?DC,0xF767b7E0)\n*** labdrv,sys - Address",
                         NULL, true, &r);
    ck_assert_int_eq(r.kind, SCREEN_STOP);
    ck_assert(r.has_code && r.code == 0x7E && r.has_param[0] && r.param[0] == 0xC0000005);
    ck_assert(r.has_param[1] && r.param[1] == 0xF6D7300F && !r.has_param[2] && !r.has_param[3]);
    ck_assert_str_eq(r.left_out, "parameter 3; parameter 4");
    ck_assert_str_eq(r.module, "labdrv.sys");
    screen_reading_clear(&r);
    screen_text_classify("Stop code: SYSTEM_THREAO_EXCEPTI0N_NOT_HANDLEO\n", NULL, false, &r);
    ck_assert(r.has_code && r.code == 0x7E);
    screen_reading_clear(&r);
    screen_text_classify("Your PC ran into a problem and needs to restart\nStop code: NO_SUCH_NAME_HERE", NULL, false,
                         &r);
    ck_assert(r.kind == SCREEN_STOP && !r.has_code);
    ck_assert_str_eq(r.left_out, "the stop code");
    screen_reading_clear(&r);
    screen_text_classify("*** STOP: 0x0000007E (0xC0000005,1,2,3)", "*** STOP: 0x0000008E (0xC0000005,1,2,3)", false,
                         &r);
    ck_assert(r.kind == SCREEN_STOP && !r.has_code); /* two readings that differ */
    screen_reading_clear(&r);
    uint32_t code = 0;
    ck_assert_ptr_null(stop_code_nearest("IRQL_NOT", &code));
    ck_assert_str_eq(stop_code_name(0x1000007E), "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED");
    ck_assert(screen_module_is("kl1f.sys", "klif.sys") && !screen_module_is("klif.sys", "klim.sys"));
}
END_TEST

START_TEST(every_stop_code_has_one_name) {
    uint32_t codes[600] = {0}, code;
    const char *name;
    size_t n = 0;
    for (; (name = stop_code_at(n, &code)); n++) {
        ck_assert_uint_lt(n, ARRAY_LEN(codes));
        for (size_t i = 0; i < n; i++) {
            ck_assert_msg(codes[i] != code, "%s is told twice", name);
        }
        codes[n] = code;
        ck_assert_str_eq(stop_code_name(code), name);
    }
    ck_assert_uint_gt(n, 250);
    ck_assert_str_eq(stop_code_name(0x50), "PAGE_FAULT_IN_NONPAGED_AREA"); /* its parameters are known, too */
    ck_assert_str_eq(stop_code_name(0x126), "NETIO_INVALID_POOL_CALLER");  /* only its name is */
    ck_assert_str_eq(stop_code_name(0x159), "HAL_ILLEGAL_IOMMU_PAGE_FAULT");
    ck_assert_str_eq(stop_code_name(0x1DA), "HAL_BLOCKED_PROCESSOR_INTERNAL_ERROR");
    ck_assert_ptr_null(stop_code_name(0x7777));
}
END_TEST

int main(void) {
    Suite *s = suite_create("screen");
    TCase *t = tcase_create("screen");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, real_screens_are_told, 0, ARRAY_LEN(real_cases));
    tcase_add_loop_test(t, text_mode_stop_screens_are_read_and_nothing_is_invented, 0, ARRAY_LEN(text_cases));
    tcase_add_loop_test(t, stop_screens_with_a_face_are_read, 0, ARRAY_LEN(face_cases));
    tcase_add_loop_test(t, text_modes_of_the_bios_are_read_whole, 0, (int)ARRAY_LEN(rom_cases));
    tcase_add_loop_test(t, other_screens_are_told, 0, ARRAY_LEN(plain_cases));
    tcase_add_loop_test(t, consoles_are_told, 0, ARRAY_LEN(console_cases));
    tcase_add_test(t, pictures_that_are_none_are_refused);
    tcase_add_test(t, every_stop_code_has_one_name);
    tcase_add_test(t, text_alone_is_enough_and_misread_letters_are_no_facts);
    suite_add_tcase(s, t);
    return suite_run(s);
}
