/* Windows event logs (.evtx): records, and from those that matter here typed facts. The format is read by libevtx, in
 * another process with limits (base/fence.h): logs come from a guest and are not trusted. What an event's data mean:
 * Microsoft's event manifests of the providers named in evtx_facts.c. */
#ifndef COEXIST_EVIDENCE_EVTX_H
#define COEXIST_EVIDENCE_EVTX_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum event_kind {
    EVENT_OTHER, /* a record that is no fact; only with `all` */
    EVENT_BUGCHECK,        /* WER-SystemErrorReporting / BugCheck 1001, Kernel-Power 41 with a code */
    EVENT_UNEXPECTED_OFF,  /* Kernel-Power 41 without a code, EventLog 6008 */
    EVENT_SERVICE_CRASH,   /* Service Control Manager 7031, 7034 */
    EVENT_SERVICE_FAILED,  /* 7000, 7009, 7023, 7024, 7026 */
    EVENT_SERVICE_NEW,     /* 7045 */
    EVENT_BOOT_TIME,       /* Diagnostics-Performance 100 */
    EVENT_APP_CRASH,       /* Application Error 1000, .NET Runtime 1026 */
    EVENT_APP_HANG,        /* Application Hang 1002 */
    EVENT_MALWARE,         /* Windows Defender 1116, 1117, 1006, 1007 */
    EVENT_PROTECTION,      /* Windows Defender 5001, 5010, 2001, 3002: protection off or failing */
    EVENT_UPDATE,          /* Windows Update 19, 20 */
    EVENT_DISK,            /* volsnap, disk, ntfs 7, 51, 55 */
    EVENT_BOOT,            /* Kernel-General 12, 13: started, stopping */
    EVENT_CODE_INTEGRITY,  /* CodeIntegrity 3033, 3077 */
    EVENT_KIND_COUNT
};
const char *event_kind_name(enum event_kind k); /* "service-crash". Static storage */

struct event_datum {
    char *name;  /* "param1"; "" when it has none. Owned, never NULL */
    char *value; /* owned, never NULL */
};

struct event_record {
    enum event_kind kind;
    uint64_t id;       /* EventRecordID */
    char *time;        /* UTC, ISO 8601 with milliseconds: "2019-07-24T13:09:55.339Z"; sorts as text. Never NULL */
    char *provider, *channel, *computer; /* never NULL */
    uint32_t event;    /* event id */
    int level;         /* 0 always, 1 critical, 2 error, 3 warning, 4 information, 5 verbose */
    bool recovered;    /* found in space that the log no longer counts: from before, or of a damaged part */
    struct event_datum *data;
    size_t data_count;
    char *text;        /* of a fact: one line for people; "" else. Never NULL */
    char *module;      /* of a fact: file name of the program or driver it speaks of; NULL: none */
    bool has_code;     /* bug check */
    uint32_t code;
};

struct event_log {
    struct event_record *records; /* by time, then id */
    size_t count;
    size_t read;      /* records that were read, facts or not */
    size_t unread;    /* records that are there and could not be read */
    bool corrupted;   /* the file says or shows that it was not closed well, or is damaged */
    char *missing;    /* what could not be read, for people; NULL: nothing is known to be missing */
};

#define EVTX_MAX_BYTES ((size_t)256 << 20)
enum { EVTX_SECONDS = 120, EVTX_MAX_RECORDS = 1000000, EVTX_MAX_DATA = 64 };

/* all: every record, else facts only. Recovered records are taken in with `all`, and facts among them. ERR_INPUT: no
 * event log; others as base/fence.h. A damaged log is no error: what is readable comes, `missing` says what is not. */
int evtx_read_file(const char *path, bool all, struct event_log *out, struct err *err);
void event_log_clear(struct event_log *l);

/* Sets kind, text, module and code of a record from the rest of it (evtx_facts.c). */
void event_find_fact(struct event_record *r);
/* A datum by name, or by position when it has no names; "" when there is none. Borrowed. */
const char *event_datum(const struct event_record *r, const char *name, size_t at);

/* {"kind","id","time","provider","channel","computer","event","level","recovered","data":[[name,value]],"text"?,
 * "module"?,"code"?}. New reference. */
json_t *event_to_json(const struct event_record *r);

#endif
