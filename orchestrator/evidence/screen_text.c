/* From text, however badly read, to what kind of screen it is. Screens are told by sentences that only they show. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "evidence/screen_impl.h"
#include "evidence/screen_stop.h"

enum { PHRASE_ALONE = 2, PHRASE_WEAK = 1, PHRASE_MAX = 80 };

/* Compared without spaces, case and punctuation; at most one letter in seven misread. Kinds stand in the order in which
 * they are decided: what comes first explains what else is on the screen. */
static const struct screen_phrase {
    enum screen_kind kind;
    int weight;
    const char *text;
} screen_phrases[] = {
    {SCREEN_STOP, 2, "a problem has been detected and"},
    {SCREEN_STOP, 2, "has been shut down to prevent damage"},
    {SCREEN_STOP, 2, "ran into a problem and needs to restart"},
    {SCREEN_STOP, 2, "ran into a problem that it couldn't handle"},
    {SCREEN_STOP, 2, "collecting some error info"},
    {SCREEN_STOP, 2, "auf dem pc ist ein problem aufgetreten"},
    {SCREEN_STOP, 2, "a rencontre un probleme et doit redemarrer"},
    {SCREEN_STOP, 2, "ha tenido un problema y necesita reiniciar"},
    {SCREEN_STOP, 2, "tuvo un problema y necesita reiniciar"},
    {SCREEN_STOP, 2, "si e verificato un problema e il pc"},
    {SCREEN_STOP, 2, "teve um problema e precisa"},
    {SCREEN_STOP, 2, "es ist ein problem aufgetreten und windows wurde heruntergefahren"},
    {SCREEN_STOP, 1, "stop code"},
    {SCREEN_STOP, 1, "what failed"},
    {SCREEN_STOP, 1, "technical information"},
    {SCREEN_STOP, 1, "beginning dump of physical memory"},
    {SCREEN_STOP, 1, "for more information about this issue and possible fixes"},
    {SCREEN_KERNEL_PANIC, 2, "kernel panic not syncing"},
    {SCREEN_KERNEL_PANIC, 2, "attempted to kill init"},
    {SCREEN_BOOT_ERROR, 2, "needs to be repaired"},
    {SCREEN_BOOT_ERROR, 2, "bootmgr is missing"},
    {SCREEN_BOOT_ERROR, 2, "bootmgr is compressed"},
    {SCREEN_BOOT_ERROR, 2, "ntldr is missing"},
    {SCREEN_BOOT_ERROR, 2, "freeldr sys not found"},
    {SCREEN_BOOT_ERROR, 2, "no bootable device"},
    {SCREEN_BOOT_ERROR, 2, "no boot device"},
    {SCREEN_BOOT_ERROR, 2, "no bootable option or device was found"},
    {SCREEN_BOOT_ERROR, 2, "not a bootable disk"},
    {SCREEN_BOOT_ERROR, 2, "no boot disk has been detected"},
    {SCREEN_BOOT_ERROR, 2, "missing operating system"},
    {SCREEN_BOOT_ERROR, 2, "error loading operating system"},
    {SCREEN_BOOT_ERROR, 2, "operating system wasn't found"},
    {SCREEN_BOOT_ERROR, 2, "operating system not found"},
    {SCREEN_BOOT_ERROR, 2, "windows failed to start"},
    {SCREEN_BOOT_ERROR, 2, "windows could not start because"},
    {SCREEN_BOOT_ERROR, 2, "the boot configuration data"},
    {SCREEN_BOOT_ERROR, 2, "a required device isn't connected or can't be accessed"},
    {SCREEN_BOOT_ERROR, 2, "non system disk or disk error"},
    {SCREEN_BOOT_ERROR, 2, "reboot and select proper boot device"},
    {SCREEN_BOOT_ERROR, 2, "a disk read error occurred"},
    {SCREEN_BOOT_ERROR, 2, "secure boot violation"},
    {SCREEN_BOOT_ERROR, 2, "muss repariert werden"},
    {SCREEN_BOOT_ERROR, 1, "windows boot manager"},
    {SCREEN_BOOT_ERROR, 1, "grub rescue"},
    {SCREEN_RECOVERY, 2, "choose an option"},
    {SCREEN_RECOVERY, 2, "automatic repair"},
    {SCREEN_RECOVERY, 2, "startup repair"},
    {SCREEN_RECOVERY, 2, "diagnosing your pc"},
    {SCREEN_RECOVERY, 2, "attempting repairs"},
    {SCREEN_RECOVERY, 2, "windows didn't load correctly"},
    {SCREEN_RECOVERY, 2, "choose your keyboard layout"},
    {SCREEN_RECOVERY, 2, "system recovery options"},
    {SCREEN_RECOVERY, 2, "please wait while we try to fix"},
    {SCREEN_RECOVERY, 2, "your pc did not start correctly"},
    {SCREEN_RECOVERY, 2, "automatische reparatur"},
    {SCREEN_RECOVERY, 2, "option auswahlen"},
    {SCREEN_RECOVERY, 2, "choisir une option"},
    {SCREEN_RECOVERY, 2, "elegir una opcion"},
    {SCREEN_RECOVERY, 1, "advanced options"},
    {SCREEN_RECOVERY, 1, "troubleshoot"},
    {SCREEN_BOOT_PROMPT, 2, "press any key to boot from"},
    {SCREEN_BOOT_PROMPT, 2, "drucken sie eine beliebige taste um von"},
    {SCREEN_BOOT_PROMPT, 2, "appuyez sur n'importe quelle touche pour demarrer"},
    {SCREEN_SETUP_TEXT, 2, "setup is copying files"},
    {SCREEN_SETUP_TEXT, 2, "setup is inspecting your computer"},
    {SCREEN_SETUP_TEXT, 2, "setup is formatting"},
    {SCREEN_SETUP_TEXT, 2, "press enter to install"},
    {SCREEN_SETUP_TEXT, 2, "press enter to continue the setup"},
    {SCREEN_SETUP_TEXT, 2, "to set up windows now press enter"},
    {SCREEN_SETUP_TEXT, 2, "setup is loading files"},
    {SCREEN_SETUP_TEXT, 2, "welcome to reactos setup"},
    {SCREEN_SETUP_TEXT, 2, "unpartitioned space"},
    {SCREEN_SETUP_TEXT, 2, "setup installs the boot loader"},
    {SCREEN_SETUP_TEXT, 2, "the basic components of reactos have been installed"},
    {SCREEN_SETUP_TEXT, 1, "enter continue"},
    {SCREEN_SETUP_TEXT, 1, "f3 quit"},
    {SCREEN_SETUP_TEXT, 1, "setup"},
    {SCREEN_SETUP, 2, "windows setup"},
    {SCREEN_SETUP, 2, "installing windows"},
    {SCREEN_SETUP, 2, "setup is starting"},
    {SCREEN_SETUP, 2, "where do you want to install windows"},
    {SCREEN_SETUP, 2, "reactos setup"},
    {SCREEN_SETUP, 2, "setup wizard"},
    {SCREEN_SETUP, 2, "installing devices"},
    {SCREEN_SETUP, 2, "registering components"},
    {SCREEN_SETUP, 2, "activate windows enter"},
    {SCREEN_SETUP, 2, "select the operating system you want to install"},
    {SCREEN_SETUP, 2, "language to install"},
    {SCREEN_SETUP, 2, "let's start with region"},
    {SCREEN_SETUP, 2, "is this the right country or region"},
    {SCREEN_SETUP, 1, "install now"},
    {SCREEN_SETUP, 1, "product key"},
    {SCREEN_UPDATING, 2, "getting windows ready"},
    {SCREEN_UPDATING, 2, "working on updates"},
    {SCREEN_UPDATING, 2, "configuring windows updates"},
    {SCREEN_UPDATING, 2, "configuring update for windows"},
    {SCREEN_UPDATING, 2, "preparing to configure windows"},
    {SCREEN_UPDATING, 2, "getting devices ready"},
    {SCREEN_UPDATING, 2, "undoing changes made to your computer"},
    {SCREEN_UPDATING, 2, "updates are underway"},
    {SCREEN_UPDATING, 2, "failure configuring windows updates"},
    {SCREEN_UPDATING, 2, "don't turn off your"},
    {SCREEN_UPDATING, 2, "please keep your computer on"},
    {SCREEN_UPDATING, 2, "this might take several minutes"},
    {SCREEN_UPDATING, 2, "updates werden verarbeitet"},
    {SCREEN_UPDATING, 2, "windows wird vorbereitet"},
    {SCREEN_LOGIN, 2, "ctrl alt delete to"},
    {SCREEN_LOGIN, 2, "ctrl alt del to"},
    {SCREEN_LOGIN, 2, "log on to windows"},
    {SCREEN_LOGIN, 2, "logon to windows"},
    {SCREEN_LOGIN, 2, "sign in options"},
    {SCREEN_LOGIN, 2, "i forgot my pin"},
    {SCREEN_LOGIN, 2, "begin click your user name"},
    {SCREEN_LOGIN, 1, "password"},
    {SCREEN_LOGIN, 1, "other user"},
    {SCREEN_LOGIN, 1, "sign in"},
    {SCREEN_LOGIN, 1, "user name"},
    {SCREEN_LOGIN, 1, "switch user"},
    {SCREEN_DESKTOP, 2, "recycle bin"},
    {SCREEN_DESKTOP, 2, "type here to search"},
    {SCREEN_DESKTOP, 2, "papierkorb"},
    {SCREEN_DESKTOP, 1, "this pc"},
    {SCREEN_DESKTOP, 1, "my computer"},
    {SCREEN_DESKTOP, 1, "my documents"},
    {SCREEN_DESKTOP, 1, "my network places"},
    {SCREEN_DESKTOP, 1, "microsoft edge"},
    {SCREEN_DESKTOP, 1, "internet explorer"},
    {SCREEN_DESKTOP, 1, "start"},
    {SCREEN_DESKTOP, 1, "activate windows"},
};

/* Letters and digits only, as OCR would confuse them; a letter beyond ASCII becomes one '?'. Caller frees. */
static char *screen_squeeze(const char *text) {
    static const char from[] = "015|!8@", to[] = "olslibo";
    char *out = mem_zalloc(strlen(text) + 1, 1);
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        const char *at = strchr(from, *p);
        if (at) {
            out[n++] = to[at - from];
        } else if (isalnum(*p)) {
            out[n++] = *p == 'i' || *p == 'I' ? 'l' : (char)tolower(*p);
        } else if (*p >= 0xc0 && !(*p == 0xe2)) { /* 0xe2 begins typographic quotes and dashes */
            out[n++] = '?';
        }
    }
    out[n] = '\0';
    return out;
}

/* Fewest edits that turn the phrase into some part of the text (Sellers, 1980). */
static size_t screen_edits_within(const char *phrase, const char *text) {
    size_t row[PHRASE_MAX + 1], n = strlen(phrase), best;
    if (n == 0 || n > PHRASE_MAX) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i <= n; i++) {
        row[i] = i;
    }
    best = n;
    for (const char *t = text; *t; t++) {
        size_t diagonal = row[0];
        for (size_t i = 1; i <= n; i++) {
            size_t up = row[i], least = diagonal + (phrase[i - 1] != *t);
            least = up + 1 < least ? up + 1 : least;
            least = row[i - 1] + 1 < least ? row[i - 1] + 1 : least;
            diagonal = up;
            row[i] = least;
        }
        best = row[n] < best ? row[n] : best;
    }
    return best;
}

/* How like the phrase the text is: 1 exactly, 0 not at all. */
static double screen_phrase_likeness(const struct screen_phrase *phrase, const char *squeezed) {
    CLEANUP_FREE char *want = screen_squeeze(phrase->text);
    size_t n = strlen(want), edits = screen_edits_within(want, squeezed);
    return edits <= n / 7 ? 1 - (double)edits / (double)n : 0;
}

static void screen_find_kind(const char *squeezed, struct screen_reading *out) {
    int weight[SCREEN_KIND_COUNT] = {0};
    double likeness[SCREEN_KIND_COUNT] = {0};
    for (size_t i = 0; i < ARRAY_LEN(screen_phrases); i++) {
        const struct screen_phrase *p = &screen_phrases[i];
        double like = screen_phrase_likeness(p, squeezed);
        if (like > 0) {
            weight[p->kind] += p->weight;
            likeness[p->kind] = like > likeness[p->kind] ? like : likeness[p->kind];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(screen_phrases); i++) {
        enum screen_kind k = screen_phrases[i].kind;
        if (weight[k] >= PHRASE_ALONE) {
            out->kind = k;
            out->confidence = likeness[k];
            return;
        }
    }
    out->kind = SCREEN_UNKNOWN;
    out->confidence = 0;
}

/* "0xc000000f" of a boot error: eight digits that begin with c0, as boot managers' status codes (NTSTATUS) do. */
static char *screen_find_status(const char *text) {
    for (const char *p = text; *p; p++) {
        size_t digits = 0;
        uint64_t value = 0;
        bool sure = true;
        if (strchr("0OoQ", *p) && (p[1] == 'x' || p[1] == 'X' || p[1] == '*')) {
            digits = stop_hex(p + 2, &value, &sure);
        }
        if (digits == 8 && (value >> 24) == 0xc0) {
            return str_printf("0x%08llx", (unsigned long long)value);
        }
    }
    return NULL;
}

void screen_text_classify(const char *text, const char *second, bool sure, struct screen_reading *out) {
    CLEANUP_FREE char *squeezed = screen_squeeze(text);
    screen_find_kind(squeezed, out);
    if (stop_read(text, second, sure, out) && out->kind != SCREEN_STOP) {
        out->kind = SCREEN_STOP;
        out->confidence = 0.9;
    }
    if (out->kind == SCREEN_BOOT_ERROR) {
        out->status = screen_find_status(text);
        CLEANUP_FREE char *other = second ? screen_find_status(second) : NULL;
        if (out->status && !sure && other && !str_eq(out->status, other)) {
            free(STEAL(out->status));
            out->left_out = str_dup("the error's code");
        }
    }
}
