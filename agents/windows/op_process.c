/* processes */
#include "windows/guest.h"
#include "windows/ops.h"
#include "windows/process_list.h"

static int process_row(struct request *rq, const struct process_info *p, struct op_error *err)
{
    wchar_t path[1024];

    if (request_stopped(rq, err))
        return -1;
    struct jsonw *w = request_item_begin(rq);
    jsonw_put_u64(w, "pid", p->pid);
    jsonw_put_u64(w, "ppid", p->ppid);
    guest_put_wide(w, "name", p->name);
    process_path(p->pid, path, sizeof path / sizeof *path);
    if (path[0] != L'\0')
        guest_put_wide(w, "path", path);
    jsonw_put_u64(w, "cpu_ms", p->cpu_100ns / 10000);
    jsonw_put_u64(w, "working_set", p->working_set);
    jsonw_put_u64(w, "private_bytes", p->private_bytes);
    jsonw_put_u64(w, "handles", p->handles);
    jsonw_put_u64(w, "threads", p->threads);
    return request_item_end(rq, err);
}

int op_processes(struct request *rq, struct jsonw *result, struct op_error *err)
{
    struct process_list list;
    int rc = process_list_take(&list, err);

    if (rc < 0)
        return -1;
    jsonw_put_u64(result, "count", list.count);
    for (size_t i = 0; i < list.count && rc == 0; i++)
        rc = process_row(rq, &list.row[i], err);
    process_list_free(&list);
    return rc;
}
