/* Files that no product may touch: what the lab gave the guest's user before anything of a product ran, and files of
 * the system. Each look records what they are; whether something is lost is for the analysis to say, which knows the
 * first look also where this cell began at another cell's state. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell_state.h"

enum {
    KEEP_PATH_MAX = 400,
    KEEP_PROFILES_MAX = 3, /* users whose folders get files */
    KEEP_LOOK_MAX = 64,    /* files in one look; the agent takes 100 */
    KEEP_LINK_SIZE = 76,   /* ShellLinkHeader: [MS-SHLLINK] 2.1 */
};

/* Windows files that a guest with a Windows face has and that no product replaces: Windows Resource Protection
 * refuses it (learn.microsoft.com, "About Windows Resource Protection"). What a guest does not have is not judged.
 * Each is among what public outages have named, or what a boot, a logon or any program needs. */
static const char *const keep_system[] = {
    "C:\\Windows\\explorer.exe",
    "C:\\Windows\\System32\\advapi32.dll",
    "C:\\Windows\\System32\\cmd.exe",
    "C:\\Windows\\System32\\combase.dll",
    "C:\\Windows\\System32\\conhost.exe",
    "C:\\Windows\\System32\\csrss.exe",
    "C:\\Windows\\System32\\drivers\\etc\\hosts",
    "C:\\Windows\\System32\\drivers\\ndis.sys",
    "C:\\Windows\\System32\\drivers\\ntfs.sys",
    "C:\\Windows\\System32\\drivers\\tcpip.sys",
    "C:\\Windows\\System32\\gdi32.dll",
    "C:\\Windows\\System32\\hal.dll",
    "C:\\Windows\\System32\\kernel32.dll",
    "C:\\Windows\\System32\\kernelbase.dll",
    "C:\\Windows\\System32\\lsass.exe",
    "C:\\Windows\\System32\\lsasrv.dll",
    "C:\\Windows\\System32\\msvcrt.dll",
    "C:\\Windows\\System32\\netapi32.dll",
    "C:\\Windows\\System32\\notepad.exe",
    "C:\\Windows\\System32\\ntdll.dll",
    "C:\\Windows\\System32\\ntoskrnl.exe",
    "C:\\Windows\\System32\\rpcrt4.dll",
    "C:\\Windows\\System32\\rundll32.exe",
    "C:\\Windows\\System32\\services.exe",
    "C:\\Windows\\System32\\smss.exe",
    "C:\\Windows\\System32\\spoolsv.exe",
    "C:\\Windows\\System32\\svchost.exe",
    "C:\\Windows\\System32\\taskmgr.exe",
    "C:\\Windows\\System32\\ucrtbase.dll",
    "C:\\Windows\\System32\\user32.dll",
    "C:\\Windows\\System32\\userinit.exe",
    "C:\\Windows\\System32\\wininit.exe",
    "C:\\Windows\\System32\\winload.exe",
    "C:\\Windows\\System32\\winlogon.exe",
    "C:\\Windows\\System32\\ws2_32.dll",
};

/* What the lab gives each user, below C:\Users\<name>, and everybody. */
static const struct keep_canary {
    const char *below; /* NULL: of each user; else the folder it lies in, for everybody */
    const char *name;
    const char *text;  /* NULL: a shortcut */
} keep_canaries[] = {
    {NULL, "Documents\\Household budget.csv", "month;rent;food;rest\r\n1;820;310;95\r\n2;820;288;117\r\n"},
    {NULL, "Documents\\Letter to the landlord.rtf",
     "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Times New Roman;}}\\f0\\fs24 The heating is cold again.\\par}\r\n"},
    {NULL, "Desktop\\Shopping.txt", "bread, milk, two light bulbs\r\n"},
    {NULL, "Desktop\\Text editor.lnk", NULL},
    {NULL, "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Text editor.lnk", NULL},
    {"C:\\Users\\Public", "Documents\\Minutes of the meeting.txt", "present: all. decided: nothing.\r\n"},
    {"C:\\Users\\Public", "Desktop\\Text editor.lnk", NULL},
    {"C:\\ProgramData", "Microsoft\\Windows\\Start Menu\\Programs\\Text editor.lnk", NULL},
};

static_assert(ARRAY_LEN(keep_system) <= KEEP_LOOK_MAX, "every file of the system fits one look");
static_assert(ARRAY_LEN(keep_canaries) * KEEP_PROFILES_MAX <= KEEP_LOOK_MAX, "so does every user's file");

/* ---- whose folders ------------------------------------------------------------------------- */

struct keep_profiles {
    char *paths[KEEP_PROFILES_MAX];
    size_t count;
};

static void keep_profiles_free(struct keep_profiles *p) {
    for (size_t i = 0; i < p->count; i++) {
        free(p->paths[i]);
    }
}

/* A line for each path is what the agent is sent: a name with a line's end in it would be two. */
static bool keep_is_name(const char *name) {
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("/\\:*?\"<>|", *c)) {
            return false;
        }
    }
    return *name && strlen(name) < 64;
}

/* Folders below C:\Users that are nobody's, as every Windows has them. */
static bool keep_is_person(const char *name) {
    static const char *const nobody[] = {"Public", "Default", "Default User", "All Users", ".", ".."};
    for (size_t i = 0; i < ARRAY_LEN(nobody); i++) {
        if (str_eq_nocase(name, nobody[i])) {
            return false;
        }
    }
    return keep_is_name(name);
}

/* 0, also when the guest tells of no folder; negative with err. */
static int keep_find_profiles(struct cell *c, struct keep_profiles *out, struct err *err) {
    json_auto_t *result = NULL;
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (cell_call(c, "list", json_pack("{s:s}", "path", "C:\\Users"), c->env->limits.call, &result,
                  &refused) < 0) {
        if (refused.cls != ERR_REFUSED) {
            err_move(err, &refused);
            return -1;
        }
        return 0;
    }
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(result, "items"), i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && json_is_true(json_object_get(item, "dir")) && keep_is_person(name) &&
            out->count < KEEP_PROFILES_MAX) {
            out->paths[out->count++] = str_printf("C:\\Users\\%s", name);
        }
    }
    return 0;
}

/* ---- giving -------------------------------------------------------------------------------- */

/* A shortcut to the text editor: header, description and relative path ([MS-SHLLINK] 2.1 and 2.4). */
static void keep_write_link(struct str *out) {
    static const unsigned char head[] = {
        0x4c, 0, 0, 0, 0x01, 0x14, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46, /* size, CLSID */
        0x8c, 0, 0, 0, /* LinkFlags: HasName, HasRelativePath, IsUnicode */
        0x20, 0, 0, 0, /* FILE_ATTRIBUTE_ARCHIVE */
    };
    static const char *const texts[] = {"Text editor", "..\\..\\..\\Windows\\System32\\notepad.exe"};
    str_add_bytes(out, head, sizeof(head));
    for (size_t i = sizeof(head); i < KEEP_LINK_SIZE; i++) {
        unsigned char rest = i == 0x3c ? 1 : 0; /* ShowCommand: SW_SHOWNORMAL */
        str_add_bytes(out, &rest, 1);
    }
    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        size_t n = strlen(texts[k]);
        unsigned char count[2] = {(unsigned char)n, 0};
        str_add_bytes(out, count, 2);
        for (size_t i = 0; i < n; i++) {
            unsigned char wide[2] = {(unsigned char)texts[k][i], 0};
            str_add_bytes(out, wide, 2);
        }
    }
}

/* Not kept beyond the call, so not worth waiting for the disk. */
static int keep_write(struct cell *c, const char *path, const struct str *bytes, struct err *err) {
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(bytes->data, 1, bytes->len, f) == bytes->len;
    if (f && fclose(f) != 0) {
        ok = false;
    }
    if (!ok) {
        c->side = CELL_SIDE_HOST;
        return err_sys(err, errno, "write %s", path);
    }
    return 0;
}

static int keep_give_one(struct cell *c, const struct keep_canary *k, const char *path,
                         struct err *err) {
    CLEANUP_STR struct str bytes = STR_INIT;
    CLEANUP_FREE char *from = fs_join(c->env->scratch_dir, "canary.bin");
    CLEANUP_ERR struct err refused = ERR_INIT;
    if (k->text) {
        str_add(&bytes, k->text);
    } else {
        keep_write_link(&bytes);
    }
    if (keep_write(c, from, &bytes, err) < 0) {
        return -1;
    }
    if (cell_put(c, from, path, &refused) < 0) {
        if (refused.cls != ERR_REFUSED) {
            err_move(err, &refused);
            return -1;
        }
        cell_note(c, "no canary file: %s", err_text(&refused));
    }
    return 0;
}

/* Calls fn for every canary there may be. Negative as soon as one is. */
static int keep_each_canary(struct cell *c, const struct keep_profiles *p,
                            int (*fn)(struct cell *, const struct keep_canary *, const char *,
                                      void *, struct err *),
                            void *ctx, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(keep_canaries); i++) {
        const struct keep_canary *k = &keep_canaries[i];
        size_t times = k->below ? 1 : p->count;
        for (size_t u = 0; u < times; u++) {
            CLEANUP_FREE char *path =
                str_printf("%s\\%s", k->below ? k->below : p->paths[u], k->name);
            if (strlen(path) < KEEP_PATH_MAX && fn(c, k, path, ctx, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int keep_give(struct cell *c, const struct keep_canary *k, const char *path, void *ctx,
                     struct err *err) {
    (void)ctx;
    return keep_give_one(c, k, path, err);
}

int cell_give_canaries(struct cell *c, struct err *err) {
    CLEANUP(keep_profiles_free) struct keep_profiles p = {{NULL}, 0};
    return keep_find_profiles(c, &p, err) < 0 || keep_each_canary(c, &p, keep_give, NULL, err) < 0
               ? -1
               : 0;
}

/* ---- looking ------------------------------------------------------------------------------- */

/* What is to be looked at, in the order of asking. */
struct keep_look {
    struct str paths; /* a line each */
    char *paths_of[KEEP_LOOK_MAX];
    size_t count;
    bool digest; /* small files by their digest; the system's by size and time of the last change, */
    bool crc;    /* and by their checksum where it matters: to read them all at every look would take too long */
};

static void keep_look_free(struct keep_look *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->paths_of[i]);
    }
    str_free(&l->paths);
}

static void keep_add(struct keep_look *l, const char *path) {
    if (l->count < KEEP_LOOK_MAX) {
        str_addf(&l->paths, "%s\n", path);
        l->paths_of[l->count++] = str_dup(path);
    }
}

static int keep_add_canary(struct cell *c, const struct keep_canary *k, const char *path, void *ctx,
                           struct err *err) {
    (void)c, (void)k, (void)err;
    keep_add(ctx, path);
    return 0;
}

/* What a file is, null when it is gone; NULL when the guest cannot tell just now: a scanner may hold it. New. */
static json_t *keep_mark(const json_t *item, const struct keep_look *l) {
    const json_t *exists = json_object_get(item, "exists");
    const json_t *size = json_object_get(item, "size");
    const json_t *mtime = json_object_get(item, "mtime_unix_ms");
    const char *hex = json_string_value(json_object_get(item, l->crc ? "crc32" : "sha256"));
    bool sum = l->digest || l->crc;
    if (json_is_false(exists)) {
        return json_null();
    }
    if (!json_is_true(exists) || (sum ? !hex : !json_is_integer(size) || !json_is_integer(mtime))) {
        return NULL;
    }
    return sum    ? cell_text(hex, strlen(hex), FS_SHA256_HEX)
                  : json_sprintf("%lld bytes of %lld", (long long)json_integer_value(size),
                                 (long long)json_integer_value(mtime));
}

static void keep_say(struct cell *c, const char *role, const struct keep_look *l, const json_t *items) {
    json_t *files = json_object();
    size_t k;
    json_t *item;
    json_array_foreach((json_t *)items, k, item) {
        json_int_t i = json_integer_value(json_object_get(item, "i"));
        json_t *mark = i >= 0 && (size_t)i < l->count ? keep_mark(item, l) : NULL;
        if (mark) {
            json_object_set_new(files, l->paths_of[i], mark);
        }
    }
    cell_emit(c, OBS_FILES, json_pack("{s:s, s:o}", "role", role, "files", files));
}

static int keep_look(struct cell *c, const char *role, const struct keep_look *l, struct err *err) {
    json_auto_t *result = NULL;
    json_t *args = json_pack("{s:s, s:b, s:b}", "paths", str_get(&l->paths), "digest", (int)l->digest,
                             "crc", (int)l->crc);
    CLEANUP_ERR struct err why = ERR_INIT;
    if (cell_call(c, "look", args, c->env->limits.file, &result, &why) < 0) {
        if (c->look == CELL_LOOK_UNTRIED && why.cls == ERR_REFUSED && strstr(err_text(&why), "unknown-op")) {
            c->look = CELL_LOOK_UNKNOWN;
            cell_note(c, "whether files are lost is not looked at: this image's agent is older than that");
            return 0;
        }
        err_move(err, &why);
        err_prefix(err, "look at the %s files", role);
        return -1;
    }
    c->look = CELL_LOOK_KNOWN;
    if (!c->drilling) { /* else files were removed on purpose */
        keep_say(c, role, l, json_object_get(result, "items"));
    }
    return 0;
}

static int keep_look_at_system(struct cell *c, bool crc, struct err *err) {
    CLEANUP(keep_look_free) struct keep_look system = {.paths = STR_INIT, .crc = crc};
    for (size_t i = 0; i < ARRAY_LEN(keep_system); i++) {
        keep_add(&system, keep_system[i]);
    }
    return keep_look(c, crc ? "system-crc" : "system", &system, err);
}

int cell_look_into_files(struct cell *c, struct err *err) {
    return c->look == CELL_LOOK_UNKNOWN ? 0 : keep_look_at_system(c, true, err);
}

int cell_look_at_files(struct cell *c, struct err *err) {
    if (c->look == CELL_LOOK_UNKNOWN) {
        return 0;
    }
    CLEANUP(keep_profiles_free) struct keep_profiles p = {{NULL}, 0};
    CLEANUP(keep_look_free) struct keep_look canaries = {.paths = STR_INIT, .digest = true};
    if (keep_find_profiles(c, &p, err) < 0 || keep_each_canary(c, &p, keep_add_canary, &canaries, err) < 0) {
        err_prefix(err, "look at the user's files");
        return -1;
    }
    int rc = keep_look(c, "canary", &canaries, err);
    return rc < 0 || c->look == CELL_LOOK_UNKNOWN ? rc : keep_look_at_system(c, false, err);
}
