#include <inttypes.h>

#include "base/cleanup.h"
#include "evidence/bugcheck.h"
#include "evidence/microsoft.h"
#include "evidence/stop_code.h"
#include "reports/dump.h"
#include "reports/text.h"

static void dump_text_add(struct str *out, const char *text) {
    text_add_clean(out, text ? text : "", TEXT_MAX);
}

static void dump_text_line(struct str *out, const char *label, const char *text) {
    if (text && *text) {
        str_addf(out, "  %-10s ", label);
        dump_text_add(out, text);
        str_add(out, "\n");
    }
}

static void dump_text_place(const struct dump *d, uint64_t address, struct str *out) {
    const struct dump_module *m = dump_module_at(d, address);
    if (m) {
        dump_text_add(out, m->name);
        str_addf(out, "+0x%" PRIx64, address - m->base);
    } else {
        str_addf(out, "0x%" PRIx64 " (in no module)", address);
    }
}

static void dump_text_head(const struct dump *d, struct str *out) {
    CLEANUP_FREE char *when = dump_report_time(d->time_us);
    CLEANUP_STR struct str s = STR_INIT;
    str_addf(&s, "%s dump, %s", dump_kind_name(d->kind), d->system);
    if (d->os_major || d->os_build) {
        str_addf(&s, " %" PRIu32 ".%" PRIu32 ".%" PRIu32, d->os_major, d->os_minor, d->os_build);
    }
    str_addf(&s, ", %s", dump_arch_name(d->arch));
    if (d->processors) {
        str_addf(&s, ", %" PRIu32 " processor%s", d->processors, d->processors == 1 ? "" : "s");
    }
    dump_text_line(out, "what", str_get(&s));
    str_reset(&s);
    str_addf(&s, "%s", when ? when : "");
    if (d->uptime_us >= 0) {
        str_addf(&s, "%s%s up for ", when ? ", " : "", d->kind == DUMP_USER ? "process" : "system");
        text_add_duration(&s, (double)d->uptime_us / 1000);
    }
    dump_text_line(out, "when", str_get(&s));
}

static void dump_text_bugcheck(const struct dump_bugcheck *b, struct str *out) {
    const struct bugcheck *known = bugcheck_find(b->code);
    const char *detail = bugcheck_subtype(b->code, b->parameters[0]), *name = stop_code_name(b->code);
    if (!b->known) {
        return;
    }
    str_addf(out, "  %-10s 0x%" PRIX32 " %s", "bugcheck", b->code, name ? name : "(not in the table)");
    str_addf(out, b->raw != b->code ? " (0x%08" PRIX32 " in the header)\n" : "\n", b->raw);
    dump_text_line(out, "", known ? known->meaning : NULL);
    dump_text_line(out, "", detail);
    for (size_t i = 0; i < 4; i++) {
        const char *meaning = known ? known->parameters[i] : NULL;
        const char *says = known ? bugcheck_value((enum bugcheck_role)known->roles[i], b->parameters[i]) : NULL;
        str_addf(out, "  %-10s %zu: 0x%016" PRIx64 "%s%s%s%s\n", "", i + 1, b->parameters[i], meaning ? "  " : "",
                 meaning ? meaning : "", says ? ": " : "", says ? says : "");
    }
}

static void dump_text_fault(const struct dump *d, struct str *out) {
    CLEANUP_STR struct str s = STR_INIT;
    if (d->fault.known) {
        if (d->fault.code) {
            str_addf(&s, "%s 0x%08" PRIx32 " at ", dump_code_name(d->fault.code), d->fault.code);
        }
        dump_text_place(d, d->fault.address, &s);
        if (d->fault.has_access) {
            str_addf(&s, ", touching 0x%" PRIx64, d->fault.access);
        }
        str_addf(&s, " (%s)", d->fault.source);
    } else if (d->exception.known) {
        str_addf(&s, "%s 0x%08" PRIx32 " at ", dump_code_name(d->exception.code), d->exception.code);
        dump_text_place(d, d->exception.address, &s);
        str_add(&s, " (where the dump was asked for)");
    }
    dump_text_line(out, "fault", str_get(&s));
}

static void dump_text_blame(const struct dump_report *r, struct str *out) {
    const struct dump_blame *b = r->blame;
    const struct model_product *owner = b->name ? products_owner(r->products, b->name) : NULL;
    CLEANUP_STR struct str s = STR_INIT;
    str_add(&s, b->name ? b->name : "nobody");
    if (b->name) {
        str_addf(&s, "%s%s%s, confidence %.2f", owner ? " of " : "", owner ? owner->vendor : "",
                 b->how == DUMP_BLAME_MICROSOFT ? " (Microsoft's own)" : "", b->confidence);
    }
    dump_text_line(out, "blame", str_get(&s));
    dump_text_line(out, "", b->reason);
}

static void dump_text_process(const struct dump_process *p, struct str *out) {
    CLEANUP_STR struct str s = STR_INIT;
    if (!p->known) {
        return;
    }
    str_add(&s, p->name ? p->name : "name not known");
    if (p->id) {
        str_addf(&s, ", id %" PRIu64, p->id);
    }
    dump_text_line(out, "process", str_get(&s));
    dump_text_line(out, "command", p->command_line);
}

static void dump_text_stack(const struct dump *d, struct str *out) {
    size_t at = dump_stack_start(d), shown = 0;
    uint64_t address = 0;
    if (!d->stack) {
        return;
    }
    str_add(out, "  stack      words that point into modules, innermost first; remnants of earlier calls among them\n");
    while (shown < DUMP_REPORT_STACK / 4 && dump_stack_next(d, &at, &address)) {
        str_add(out, "             ");
        dump_text_place(d, address, out);
        str_add(out, "\n");
        shown++;
    }
}

static void dump_text_modules(const struct dump_report *r, struct str *out) {
    const struct dump *d = r->dump;
    size_t own = 0;
    for (size_t i = 0; i < d->module_count; i++) {
        own += microsoft_module(d, &d->modules[i], NULL) != MICROSOFT_NOT;
    }
    str_addf(out, "  modules    %zu, of them %zu Microsoft's own (by name, folder or version); the others:\n",
             d->module_count, own);
    for (size_t i = 0; i < d->module_count; i++) {
        const struct dump_module *m = &d->modules[i];
        const struct model_product *owner = products_owner(r->products, m->name);
        if (microsoft_module(d, m, NULL) != MICROSOFT_NOT && !owner) {
            continue;
        }
        str_addf(out, "             0x%016" PRIx64 " %8" PRIu32 " KiB  ", m->base, m->size / 1024);
        dump_text_add(out, m->path);
        str_addf(out, "%s%s", *m->version ? " " : "", m->version);
        if (m->timestamp) {
            str_addf(out, " timestamp 0x%08" PRIx32, m->timestamp);
        }
        if (owner) {
            str_add(out, "  of ");
            dump_text_add(out, owner->vendor);
        }
        str_add(out, "\n");
    }
    for (size_t i = 0; i < d->unloaded_count; i++) {
        str_addf(out, "  %-10s 0x%016" PRIx64 " %8" PRIu64 " KiB  ", i ? "" : "unloaded", d->unloaded[i].base,
                 d->unloaded[i].size / 1024);
        dump_text_add(out, d->unloaded[i].name);
        CLEANUP_FREE char *when = dump_report_time(d->unloaded[i].time_us);
        str_addf(out, "%s%s\n", when ? " at " : "", when ? when : "");
    }
}

void dump_report_text(const struct dump_report *r, struct str *out) {
    const struct dump *d = r->dump;
    dump_text_add(out, r->file);
    str_add(out, "\n");
    if (!d) {
        dump_text_line(out, "error", r->error);
        return;
    }
    dump_text_head(d, out);
    dump_text_bugcheck(&d->bugcheck, out);
    dump_text_fault(d, out);
    dump_text_blame(r, out);
    dump_text_process(&d->process, out);
    dump_text_line(out, "comment", d->comment);
    dump_text_stack(d, out);
    dump_text_modules(r, out);
    for (size_t i = 0; i < d->note_count; i++) {
        dump_text_line(out, "note", d->notes[i]);
    }
    dump_text_line(out, "damaged", d->damage);
}
