#include "reports/dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "evidence/bugcheck.h"
#include "evidence/microsoft.h"
#include "evidence/stop_code.h"
#include "reports/text.h"

char *dump_report_time(int64_t us) {
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    if (us <= 0 || !gmtime_r(&seconds, &tm)) {
        return NULL;
    }
    return str_printf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                      tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

/* Numbers of 64 bits are texts: JSON's readers keep 53. */
static json_t *dump_json_hex(uint64_t value) {
    return json_sprintf("0x%" PRIx64, value);
}

static json_t *dump_json_hex_or_null(uint64_t value) {
    return value ? dump_json_hex(value) : json_null();
}

static json_t *dump_json_count(uint64_t value) {
    return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *dump_json_time(int64_t us) {
    CLEANUP_FREE char *text = dump_report_time(us);
    return text_json(text);
}

static json_t *dump_json_place(const struct dump *d, uint64_t address) {
    const struct dump_module *m = dump_module_at(d, address);
    return json_pack("{s:o, s:o, s:o}", "address", dump_json_hex(address), "module", text_json(m ? m->name : NULL),
                     "offset", m ? dump_json_hex(address - m->base) : json_null());
}

static json_t *dump_json_parameters(const struct dump_bugcheck *b, const struct bugcheck *known) {
    json_t *list = json_array();
    for (size_t i = 0; i < 4; i++) {
        const char *value = known ? bugcheck_value((enum bugcheck_role)known->roles[i], b->parameters[i]) : NULL;
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "value", dump_json_hex(b->parameters[i]), "meaning",
                                              text_json(known ? known->parameters[i] : NULL), "says",
                                              text_json(value)));
    }
    return list;
}

static json_t *dump_json_bugcheck(const struct dump_bugcheck *b) {
    if (!b->known) {
        return json_null();
    }
    const struct bugcheck *known = bugcheck_find(b->code);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "code", dump_json_hex(b->code), "raw", dump_json_hex(b->raw),
                     "name", text_json(stop_code_name(b->code)), "meaning",
                     text_json(known ? known->meaning : NULL), "detail",
                     text_json(bugcheck_subtype(b->code, b->parameters[0])), "parameters",
                     dump_json_parameters(b, known));
}

static json_t *dump_json_exception(const struct dump *d) {
    const struct dump_exception *e = &d->exception;
    if (!e->known) {
        return json_null();
    }
    json_t *parameters = json_array();
    for (uint32_t i = 0; i < e->count; i++) {
        json_array_append_new(parameters, dump_json_hex(e->parameters[i]));
    }
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "code", dump_json_hex(e->code), "name",
                     d->is_windows ? dump_code_name(e->code) : "exception", "flags", dump_json_hex(e->flags), "place",
                     dump_json_place(d, e->address), "parameters", parameters, "thread",
                     d->kind == DUMP_USER ? json_integer(e->thread) : json_null());
}

static json_t *dump_json_fault(const struct dump *d) {
    const struct dump_fault *f = &d->fault;
    if (!f->known) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "place", dump_json_place(d, f->address), "source",
                     text_json(f->source), "code", f->code ? dump_json_hex(f->code) : json_null(), "name",
                     f->code ? json_string(dump_code_name(f->code)) : json_null(), "touched",
                     f->has_access ? dump_json_hex(f->access) : json_null());
}

static json_t *dump_json_blame(const struct dump_report *r) {
    const struct dump_blame *b = r->blame;
    const struct model_product *owner = b->name ? products_owner(r->products, b->name) : NULL;
    return json_pack("{s:s, s:o, s:o, s:f, s:o, s:o, s:o, s:o}", "how", dump_blame_how_name(b->how), "module",
                     text_json(b->name), "offset", dump_json_hex_or_null(b->offset), "confidence", b->confidence,
                     "reason", text_json(b->reason), "fault_module", text_json(b->at ? b->at->name : NULL), "product",
                     text_json(owner ? owner->id : NULL), "vendor", text_json(owner ? owner->vendor : NULL));
}

static json_t *dump_json_process(const struct dump_process *p) {
    if (!p->known) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", text_json(p->name), "id", dump_json_count(p->id),
                     "command_line", text_json(p->command_line), "created", dump_json_time(p->created * 1000000),
                     "user_s", p->user_s < 0 ? json_null() : json_integer(p->user_s), "kernel_s",
                     p->kernel_s < 0 ? json_null() : json_integer(p->kernel_s));
}

static json_t *dump_json_stack(const struct dump *d) {
    json_t *list = json_array();
    size_t at = dump_stack_start(d);
    uint64_t address = 0;
    while (json_array_size(list) < DUMP_REPORT_STACK && dump_stack_next(d, &at, &address)) {
        json_array_append_new(list, dump_json_place(d, address));
    }
    return list;
}

static json_t *dump_json_modules(const struct dump_report *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->dump->module_count; i++) {
        const struct dump_module *m = &r->dump->modules[i];
        const char *why = NULL;
        bool own = microsoft_module(r->dump, m, &why) != MICROSOFT_NOT;
        const struct model_product *owner = products_owner(r->products, m->name);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:b, s:s, s:o}", "name", text_json(m->name), "path",
                            text_json(m->path), "base", dump_json_hex(m->base), "size", (json_int_t)m->size,
                            "timestamp", dump_json_hex_or_null(m->timestamp), "checksum",
                            dump_json_hex_or_null(m->checksum), "version", text_json(*m->version ? m->version : NULL),
                            "microsoft", own && !owner, "decided", owner ? "a product file names it" : why, "product",
                            text_json(owner ? owner->id : NULL)));
    }
    return list;
}

static json_t *dump_json_unloaded(const struct dump *d) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->unloaded_count; i++) {
        const struct dump_unloaded *u = &d->unloaded[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "name", text_json(u->name), "base",
                                              dump_json_hex(u->base), "size", (json_int_t)(u->size & INT64_MAX),
                                              "timestamp", dump_json_hex_or_null(u->timestamp), "checksum",
                                              dump_json_hex_or_null(u->checksum), "unloaded_at",
                                              dump_json_time(u->time_us)));
    }
    return list;
}

static json_t *dump_json_threads(const struct dump *d) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->thread_count; i++) {
        const struct dump_thread *t = &d->threads[i];
        json_array_append_new(
            list, json_pack("{s:I, s:o, s:b, s:o, s:o, s:o, s:I}", "id", (json_int_t)t->id, "name", text_json(t->name),
                            "crashed", d->exception.known && d->exception.thread == t->id, "place",
                            dump_json_place(d, t->pc), "sp", dump_json_hex(t->sp), "stack_base",
                            dump_json_hex(t->stack_base), "stack_size", (json_int_t)t->stack_size));
    }
    return list;
}

static json_t *dump_json_notes(const struct dump *d) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->note_count; i++) {
        json_array_append_new(list, text_json(d->notes[i]));
    }
    return list;
}

static json_t *dump_json_system(const struct dump *d) {
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:s, s:o, s:o, s:o}", "name", text_json(d->system), "major",
                     (json_int_t)d->os_major, "minor", (json_int_t)d->os_minor, "build", dump_json_count(d->os_build),
                     "service_pack", text_json(d->service_pack), "architecture", dump_arch_name(d->arch), "machine",
                     dump_json_hex(d->machine), "processors", dump_json_count(d->processors), "processor",
                     text_json(d->processor));
}

static json_t *dump_json_memory(const struct dump_memory_info *m) {
    if (!m->regions) {
        return json_null();
    }
    return json_pack("{s:I, s:o, s:o, s:o}", "regions", (json_int_t)m->regions, "committed",
                     dump_json_hex(m->committed), "reserved", dump_json_hex(m->reserved), "executable_private",
                     dump_json_hex(m->executable_private));
}

json_t *dump_report_json(const struct dump_report *r) {
    const struct dump *d = r->dump;
    if (!d) {
        return json_pack("{s:o, s:o}", "file", text_json(r->file), "error", text_json(r->error));
    }
    json_t *o = json_pack("{s:o, s:o, s:s, s:I, s:o, s:o, s:o}", "file", text_json(r->file), "error",
                          text_json(d->damage), "kind", dump_kind_name(d->kind), "type", (json_int_t)d->type, "system",
                          dump_json_system(d), "time", dump_json_time(d->time_us), "uptime_s",
                          d->uptime_us < 0 ? json_null() : json_real((double)d->uptime_us / 1e6));
    json_object_set_new(o, "bugcheck", dump_json_bugcheck(&d->bugcheck));
    json_object_set_new(o, "exception", dump_json_exception(d));
    json_object_set_new(o, "fault", dump_json_fault(d));
    json_object_set_new(o, "blame", dump_json_blame(r));
    json_object_set_new(o, "process", dump_json_process(&d->process));
    json_object_set_new(o, "context", json_pack("{s:o, s:o, s:o}", "pc", dump_json_hex_or_null(d->pc), "sp",
                                                dump_json_hex_or_null(d->sp), "fp", dump_json_hex_or_null(d->fp)));
    json_object_set_new(o, "stack", dump_json_stack(d));
    json_object_set_new(o, "modules", dump_json_modules(r));
    json_object_set_new(o, "unloaded", dump_json_unloaded(d));
    json_object_set_new(o, "threads", dump_json_threads(d));
    json_object_set_new(o, "memory", dump_json_memory(&d->memory));
    json_object_set_new(o, "comment", text_json(d->comment));
    json_object_set_new(o, "notes", dump_json_notes(d));
    return o;
}
