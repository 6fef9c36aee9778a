/* What Setup says when it does not go on. Texts are parts of those that Windows 10, 11 and Server Setup show (English
 * media; another language is told from the outside alone, as a hang), and ReactOS'; OCR errs, so letters are compared
 * without case, white space and punctuation. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "install/install.h"

/* In order: what names a cause more exactly comes first. */
static const struct {
    enum install_cause cause;
    const char *text; /* lower-case letters and digits alone */
} signs_table[] = {
    {INSTALL_CAUSE_SECURE_BOOT, "securebootviolation"},
    {INSTALL_CAUSE_SECURE_BOOT, "accessdenied"},
    {INSTALL_CAUSE_SECURE_BOOT, "verificationfailed"},
    {INSTALL_CAUSE_SECURE_BOOT, "hasinvalidsignature"},
    {INSTALL_CAUSE_SECURE_BOOT, "badshimsignature"},
    {INSTALL_CAUSE_NO_BOOT, "bootmaintenancemanager"}, /* UEFI's menus, where nothing was left to start */
    {INSTALL_CAUSE_DISK_SMALL, "istoosmall"},
    {INSTALL_CAUSE_DISK_SMALL, "notenoughspace"},
    {INSTALL_CAUSE_DISK_SMALL, "notenoughfreespace"},
    {INSTALL_CAUSE_DISK_SMALL, "insufficientfreespace"},
    {INSTALL_CAUSE_DISK_SMALL, "toosmallforthepartitions"},
    {INSTALL_CAUSE_NO_DISK, "wecouldntfindanydrives"},
    {INSTALL_CAUSE_NO_DISK, "nodriveswerefound"},
    {INSTALL_CAUSE_NO_DISK, "nodevicedriverswerefound"},
    {INSTALL_CAUSE_NO_DISK, "adriveryourcomputerneedsismissing"},
    {INSTALL_CAUSE_NO_DISK, "amediadriveryourcomputerneedsismissing"},
    {INSTALL_CAUSE_NO_DISK, "didnotfindaharddisk"},
    {INSTALL_CAUSE_NO_DISK, "couldnotfindaharddisk"},
    {INSTALL_CAUSE_DISK_CONFIG, "diskconfiguration"},
    {INSTALL_CAUSE_DISK_CONFIG, "theselecteddiskisofthegpt"},
    {INSTALL_CAUSE_DISK_CONFIG, "theselecteddiskhasanmbr"},
    {INSTALL_CAUSE_DISK_CONFIG, "windowscannotbeinstalledtothisdisk"},
    {INSTALL_CAUSE_REQUIREMENTS, "thispccantrunwindows"},
    {INSTALL_CAUSE_REQUIREMENTS, "doesntmeettheminimum"},
    {INSTALL_CAUSE_REQUIREMENTS, "doesntcurrentlymeet"},
    {INSTALL_CAUSE_KEY, "productkeyenteredindoesnotmatch"},
    {INSTALL_CAUSE_KEY, "productkeyentereddoesnotmatch"},
    {INSTALL_CAUSE_KEY, "setuphasfailedtovalidatetheproductkey"},
    {INSTALL_CAUSE_KEY, "cannotfindthemicrosoftsoftwarelicenseterms"},
    {INSTALL_CAUSE_KEY, "noimagesareavailable"},
    {INSTALL_CAUSE_ANSWER_WRONG, "theanswerfileisinvalid"},
    {INSTALL_CAUSE_ANSWER_WRONG, "couldnotparseorprocess"},
    {INSTALL_CAUSE_ANSWER_WRONG, "couldnotapplytheunattend"},
    {INSTALL_CAUSE_ANSWER_WRONG, "couldnotcompletetheinstallationtoinstallwindows"},
    {INSTALL_CAUSE_ANSWER_WRONG, "anerrorwasdetectedwhileprocessingtheunattend"},
    {INSTALL_CAUSE_MEDIUM, "cannotinstallrequiredfiles"},
    {INSTALL_CAUSE_MEDIUM, "thefilemaybecorruptormissing"},
    {INSTALL_CAUSE_MEDIUM, "filesrequiredforinstallationarecorrupt"},
    {INSTALL_CAUSE_ANSWER_MISSING, "enteryourlanguageandotherpreferences"},
    {INSTALL_CAUSE_ANSWER_MISSING, "languagetoinstall"},
    {INSTALL_CAUSE_ANSWER_MISSING, "selectlanguagesettings"},
    {INSTALL_CAUSE_ANSWER_MISSING, "enteryourproductkey"},
    {INSTALL_CAUSE_ANSWER_MISSING, "entertheproductkey"},
    {INSTALL_CAUSE_ANSWER_MISSING, "idonthaveaproductkey"},
    {INSTALL_CAUSE_ANSWER_MISSING, "selecttheoperatingsystemyouwanttoinstall"},
    {INSTALL_CAUSE_ANSWER_MISSING, "whichtypeofinstallationdoyouwant"},
    {INSTALL_CAUSE_ANSWER_MISSING, "wheredoyouwanttoinstallwindows"},
    {INSTALL_CAUSE_ANSWER_MISSING, "isthistherightcountryorregion"},
    {INSTALL_CAUSE_ANSWER_MISSING, "letsconnectyoutoanetwork"},
};

/* "Windows could not..." -> "windowscouldnot". */
static void signs_squeeze(const char *text, char *out, size_t size) {
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        if (isalnum((unsigned char)*text)) {
            out[n++] = (char)tolower((unsigned char)*text);
        }
    }
    out[n] = '\0';
}

/* All of the screen, its lines joined by spaces: for people, in an error of one line. */
static void signs_quote(const char *text, char line[INSTALL_SAID]) {
    size_t n = 0;
    for (; *text && n + 1 < INSTALL_SAID; text++) {
        char c = *text == '\n' ? ' ' : *text;
        if (c != ' ' || (n > 0 && line[n - 1] != ' ')) {
            line[n++] = c;
        }
    }
    line[n] = '\0';
}

enum install_cause install_read_signs(const char *text, char line[INSTALL_SAID]) {
    char squeezed[SCREEN_MAX_TEXT];
    signs_squeeze(text, squeezed, sizeof(squeezed));
    for (size_t i = 0; i < ARRAY_LEN(signs_table); i++) {
        if (strstr(squeezed, signs_table[i].text)) {
            signs_quote(text, line);
            return signs_table[i].cause;
        }
    }
    return INSTALL_CAUSE_NONE;
}
