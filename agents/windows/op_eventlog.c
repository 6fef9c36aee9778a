/*
 * eventlog: entries of one channel after a record, through the Windows Event Log of NT 6.0 and
 * later, which is looked up at run time. Wine has its functions but no log behind them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/text.h"

/* From winevt.h, whose declarations ask for NT 6.0. */
#define EVENTLOG_QUERY_CHANNEL_FORWARD 0x101
#define EVENTLOG_RENDER_XML 1
#define EVENTLOG_NEXT_TIMEOUT_MS 2000
#define EVENTLOG_MAX_ROWS 10000

typedef HANDLE(WINAPI *eventlog_query_fn)(HANDLE, const wchar_t *, const wchar_t *, DWORD);
typedef BOOL(WINAPI *eventlog_next_fn)(HANDLE, DWORD, HANDLE *, DWORD, DWORD, DWORD *);
typedef BOOL(WINAPI *eventlog_render_fn)(HANDLE, HANDLE, DWORD, DWORD, void *, DWORD *, DWORD *);
typedef BOOL(WINAPI *eventlog_close_fn)(HANDLE);

struct eventlog_api {
    eventlog_query_fn query;
    eventlog_next_fn next;
    eventlog_render_fn render;
    eventlog_close_fn close;
};

static int eventlog_find_api(struct eventlog_api *api, struct op_error *err)
{
    static const wchar_t dll[] = L"wevtapi.dll";

    if (guest_wine_version() != NULL)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "Wine keeps no event log");
    api->query = (eventlog_query_fn)(void *)guest_function(dll, "EvtQuery");
    api->next = (eventlog_next_fn)(void *)guest_function(dll, "EvtNext");
    api->render = (eventlog_render_fn)(void *)guest_function(dll, "EvtRender");
    api->close = (eventlog_close_fn)(void *)guest_function(dll, "EvtClose");
    if (api->query == NULL || api->next == NULL || api->render == NULL || api->close == NULL)
        return op_fail(err, PROTO_ERR_UNSUPPORTED, "this Windows has no wevtapi");
    return 0;
}

/* The text between <tag ...> and </tag> as a number. */
static uint64_t eventlog_xml_number(const wchar_t *xml, const wchar_t *tag)
{
    const wchar_t *p = wcsstr(xml, tag);
    if (p != NULL)
        p = wcschr(p, L'>');
    return p == NULL ? 0 : wcstoul(p + 1, NULL, 10);
}

/* The value of the first attribute of this name ("Name='"), cut at n. */
static void eventlog_put_attribute(struct jsonw *w, const char *member, const wchar_t *xml,
                                   const wchar_t *attribute)
{
    wchar_t text[256] = L"";
    const wchar_t *p = wcsstr(xml, attribute);

    if (p != NULL) {
        p += wcslen(attribute);
        size_t n = wcscspn(p, L"'\"");
        if (n >= sizeof text / sizeof *text)
            n = sizeof text / sizeof *text - 1;
        wmemcpy(text, p, n);
        text[n] = L'\0';
    }
    guest_put_wide(w, member, text);
}

static int eventlog_row(struct request *rq, const wchar_t *xml, struct op_error *err)
{
    struct jsonw *w = request_item_begin(rq);

    jsonw_put_u64(w, "record", eventlog_xml_number(xml, L"<EventRecordID"));
    jsonw_put_u64(w, "event_id", eventlog_xml_number(xml, L"<EventID"));
    jsonw_put_u64(w, "level", eventlog_xml_number(xml, L"<Level"));
    eventlog_put_attribute(w, "provider", xml, L"Provider Name='");
    eventlog_put_attribute(w, "time", xml, L"SystemTime='");
    guest_put_wide(w, "xml", xml);
    return request_item_end(rq, err);
}

static int eventlog_render(struct request *rq, const struct eventlog_api *api, HANDLE event,
                           struct op_error *err)
{
    DWORD need = 0, properties = 0;
    wchar_t *xml;
    int rc = 0;

    api->render(NULL, event, EVENTLOG_RENDER_XML, 0, NULL, &need, &properties);
    xml = need > 0 && need < (1u << 20) ? calloc(1, need + sizeof *xml) : NULL;
    if (xml != NULL &&
        api->render(NULL, event, EVENTLOG_RENDER_XML, need, xml, &need, &properties))
        rc = eventlog_row(rq, xml, err);
    free(xml);
    return rc;
}

static int eventlog_rows(struct request *rq, const struct eventlog_api *api, HANDLE query,
                         uint64_t max, uint64_t *count, struct op_error *err)
{
    HANDLE event;
    DWORD n;
    int rc = 0;

    while (rc == 0 && *count < max) {
        if (request_stopped(rq, err))
            return -1;
        if (!api->next(query, 1, &event, EVENTLOG_NEXT_TIMEOUT_MS, 0, &n))
            return GetLastError() == ERROR_NO_MORE_ITEMS ? 0 : guest_fail(err, "EvtNext");
        rc = eventlog_render(rq, api, event, err);
        api->close(event);
        ++*count;
    }
    return rc;
}

static int eventlog_query(struct request *rq, const char *channel, uint64_t since, uint64_t max,
                          struct jsonw *result, struct op_error *err)
{
    struct eventlog_api api = {0};
    wchar_t filter[96];
    uint64_t count = 0;

    if (eventlog_find_api(&api, err) < 0)
        return -1;
    wchar_t *wide = text_to_wide(channel);
    if (wide == NULL)
        return op_fail(err, PROTO_ERR_BUSY, "out of memory");
    _snwprintf(filter, sizeof filter / sizeof *filter, L"*[System[EventRecordID > %I64u]]",
               (unsigned long long)since);
    HANDLE query = api.query(NULL, wide, filter, EVENTLOG_QUERY_CHANNEL_FORWARD);
    int rc = query == NULL ? guest_fail(err, "EvtQuery")
                           : eventlog_rows(rq, &api, query, max, &count, err);
    if (query != NULL)
        api.close(query);
    free(wide);
    jsonw_put_u64(result, "count", count);
    return rc;
}

int op_eventlog(struct request *rq, struct jsonw *result, struct op_error *err)
{
    uint64_t since = 0, max = 100;
    char *channel;
    int rc = -1;

    if (request_arg_string(rq, "channel", &channel, err) < 0)
        return -1;
    if (request_opt_u64(rq, "since_record", &since, err) < 0 ||
        request_opt_u64(rq, "max", &max, err) < 0) {
        /* err is filled */
    } else if (max > EVENTLOG_MAX_ROWS) {
        op_fail(err, PROTO_ERR_BAD_ARGS, "max: more than %d", EVENTLOG_MAX_ROWS);
    } else {
        rc = eventlog_query(rq, channel, since, max, result, err);
    }
    free(channel);
    return rc;
}
