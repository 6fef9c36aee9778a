/* processes */
#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/process_info.h"

struct process_rows {
    struct request *rq;
    uint64_t count;
};

static int process_row(void *arg, const struct process_info *p, struct op_error *err)
{
    struct process_rows *rows = arg;

    if (request_stopped(rows->rq, err))
        return -1;
    struct jsonw *w = request_item_begin(rows->rq);
    jsonw_put_u64(w, "pid", p->pid);
    jsonw_put_u64(w, "ppid", p->ppid);
    guest_put_wide(w, "name", p->name);
    if (p->path[0] != L'\0')
        guest_put_wide(w, "path", p->path);
    if (p->has_times)
        jsonw_put_u64(w, "cpu_ms", p->cpu_100ns / 10000);
    if (p->has_memory) {
        jsonw_put_u64(w, "working_set", p->working_set);
        jsonw_put_u64(w, "private_bytes", p->private_bytes);
    }
    if (p->has_handles)
        jsonw_put_u64(w, "handles", p->handles);
    jsonw_put_u64(w, "threads", p->threads);
    rows->count++;
    return request_item_end(rows->rq, err);
}

int op_processes(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct process_rows rows = {.rq = rq};
    int rc = process_info_each(process_row, &rows, err);
    jsonw_put_u64(result, "count", rows.count);
    return rc;
}
