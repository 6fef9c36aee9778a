/* coexist image inspect: what an installation medium is. */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "media/media.h"

static const struct cli_option options[] = {
    {"json", NULL, "print it as JSON (reports/schema/media.schema.json) on standard output"},
    {NULL, NULL, NULL},
};

static void inspect_size(struct str *out, int64_t bytes) {
    double mib = (double)bytes / (1 << 20);
    if (mib >= 1024) {
        str_addf(out, "%.1f GiB", mib / 1024);
    } else {
        str_addf(out, "%.1f MiB", mib);
    }
}

static void inspect_boots(const struct media *m, struct str *out) {
    if (m->boot_count == 0) {
        str_add(out, "nothing");
    }
    for (size_t i = 0; i < m->boot_count; i++) {
        const struct media_boot *b = &m->boots[i];
        str_addf(out, "%s%s by %s", i ? ", " : "", b->uefi ? "UEFI" : b->platform == 0 ? "BIOS" : "another firmware",
                 b->path ? b->path : "a file without a name");
    }
    if (m->kind == MEDIA_WINDOWS && m->uefi) {
        str_addf(out, "; a UEFI boot without \"Press any key\" is %son it", m->noprompt ? "" : "not ");
    }
}

static void inspect_editions(const struct media *m, struct str *out) {
    str_addf(out, "  image       %s (%s, ", m->image_path, media_image_kind_name(m->image));
    inspect_size(out, m->image_bytes);
    if (m->parts > 1) {
        str_addf(out, ", %d of %d parts", m->parts_found, m->parts);
    }
    str_add(out, ")\n");
    for (size_t i = 0; i < m->edition_count; i++) {
        const struct media_edition *e = &m->editions[i];
        str_addf(out, "  %3d  %-22s %-12s %-6s %d.%d.%d.%d ", e->index, *e->edition_id ? e->edition_id : "-",
                 *e->installation ? e->installation : "-", media_arch_name(e->arch), e->major, e->minor, e->build,
                 e->revision);
        for (size_t k = 0; e->languages[k]; k++) {
            str_addf(out, " %s", e->languages[k]);
        }
        str_addf(out, "  %s%s\n", e->name, e->evaluation ? "  (evaluation: takes no key)" : "");
    }
}

static void inspect_print(const struct media *m) {
    CLEANUP_STR struct str out = STR_INIT;
    str_addf(&out, "%s: %s\n", m->path, m->what);
    if (m->kind != MEDIA_NO_ISO) {
        str_addf(&out, "  label       %s\n  size        ", *m->label ? m->label : "(none)");
        inspect_size(&out, m->bytes);
        str_addf(&out, "\n  files       %s\n  boots       ",
                 m->udf && m->iso9660 ? "UDF and ISO 9660" : m->udf ? "UDF" : "ISO 9660");
        inspect_boots(m, &out);
        str_add(&out, "\n");
    }
    if (m->image_path) {
        inspect_editions(m, &out);
    }
    for (size_t i = 0; m->drivers[i]; i++) {
        str_addf(&out, "  driver      %s\n", m->drivers[i]);
    }
    fputs(str_get(&out), stdout);
}

static int inspect_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    CLEANUP_ERR struct err err = ERR_INIT;
    CLEANUP(media_free_ptr) struct media *m = media_inspect(args->operands[0], &err);
    if (!m) {
        fprintf(stderr, "coexist: error: %s\n", err_text(&err));
        return err.cls == ERR_SYSTEM ? CLI_LAB_FAILED : CLI_BAD_INPUT;
    }
    if (cli_value(cmd_image_inspect(), args, "json")) {
        json_t *j = media_to_json(m);
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
    } else {
        inspect_print(m);
    }
    if (m->kind == MEDIA_NO_ISO || m->trouble) {
        fprintf(stderr, "%s: error: %s\n", m->path, m->trouble ? m->trouble : m->what);
        return CLI_BAD_INPUT;
    }
    return CLI_SHIP;
}

const struct cli_verb *cmd_image_inspect(void) {
    static const struct cli_verb verb = {
        .name = "image inspect",
        .operands = "ISO",
        .min_operands = 1,
        .max_operands = 1,
        .summary = "tell what an installation medium is: Windows editions, drivers, boot records",
        .about = "Reads an ISO file, UDF or ISO 9660: label, what it boots, and for Windows Setup media every image of "
                 "sources/install.wim, .esd or .swm with edition, type, architecture, build and languages; for virtio "
                 "media the systems they have drivers for. Of an install image only its header, table and XML are "
                 "read: size does not matter.\n"
                 "What is no CD is told by its name (a saved web page, an archive, a bare WIM), an incomplete download "
                 "or split image as well; the exit code is 2 then.",
        .options = options,
        .run = inspect_run,
    };
    return &verb;
}
