/* coexist events: what Windows event logs say. */
#include <jansson.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "evidence/evtx.h"

static const struct cli_option options[] = {
    {"json", NULL, "print an object for each file, with every member of the records"},
    {"all", NULL, "every record, and those found in space the log no longer counts"},
    {NULL, NULL, NULL},
};

/* The guest's words: nothing of them may move a terminal's cursor. */
static void events_put(const char *text) {
    for (; *text; text++) {
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
    }
}

static void events_print(const struct event_log *l) {
    for (size_t i = 0; i < l->count; i++) {
        const struct event_record *r = &l->records[i];
        printf("%s %s", r->time, event_kind_name(r->kind));
        fputs(" [", stdout);
        events_put(r->provider);
        printf(" %u, record %llu%s] ", r->event, (unsigned long long)r->id, r->recovered ? ", recovered" : "");
        events_put(r->text);
        for (size_t k = 0; r->kind == EVENT_OTHER && k < r->data_count && k < 4; k++) {
            fputs(k ? ", " : "", stdout);
            events_put(r->data[k].value);
        }
        putchar('\n');
    }
}

static json_t *events_json(const char *path, const struct event_log *l) {
    json_t *list = json_array();
    for (size_t i = 0; i < l->count; i++) {
        json_array_append_new(list, event_to_json(&l->records[i]));
    }
    json_t *j = json_pack("{s:I, s:I, s:b, s:o}", "read", (json_int_t)l->read, "unread", (json_int_t)l->unread,
                          "corrupted", l->corrupted, "events", list);
    json_object_set_new(j, "file", json_string(path));
    json_object_set_new(j, "missing", l->missing ? json_string(l->missing) : json_null());
    return j;
}

static int events_run(struct cli *cli, const struct cli_args *args) {
    (void)cli;
    bool as_json = cli_value(cmd_events(), args, "json"), all = cli_value(cmd_events(), args, "all");
    int rc = CLI_SHIP;
    json_t *files = json_array();
    for (int i = 0; i < args->operand_count; i++) {
        const char *path = args->operands[i];
        CLEANUP_ERR struct err err = ERR_INIT;
        CLEANUP(event_log_clear) struct event_log l;
        if (evtx_read_file(path, all, &l, &err) < 0) {
            json_array_append_new(files, json_pack("{s:s, s:s}", "file", path, "error", err_text(&err)));
            err_prefix(&err, "%s", path);
            rc = cli_fail(&err);
            continue;
        }
        if (as_json) {
            json_array_append_new(files, events_json(path, &l));
            continue;
        }
        events_print(&l);
        printf("%s: %zu records, %zu shown%s%s\n", path, l.read, l.count, l.missing ? "; " : "",
               l.missing ? l.missing : "");
    }
    if (as_json) {
        json_dumpf(files, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(files);
    return rc;
}

const struct cli_verb *cmd_events(void) {
    static const struct cli_verb verb = {
        .name = "events",
        .operands = "FILE...",
        .min_operands = 1,
        .max_operands = -1,
        .summary = "list what Windows event logs (.evtx) say about crashes, services, updates, disks",
        .about = "Prints, in order of time (UTC), the facts a log holds: bug checks, unexpected ends of services, "
                 "crashes and hangs of programs, boots and their times, malware found, updates, disk errors, code "
                 "that was refused. Of a damaged log, what is readable; the last line says what is missing.",
        .options = options,
        .run = events_run,
    };
    return &verb;
}
