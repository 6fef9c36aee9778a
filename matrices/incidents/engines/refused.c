/* An engine that does not open: its updater has to notice and take it back. */
#include "notice.h"

int notice_open(struct notice **notice, struct err *err)
{
    *notice = NULL;
    return err_set(err, 0, "rules and engine do not fit together");
}

void notice_close(struct notice *notice)
{
    (void)notice;
}

void notice_change(struct notice *notice, const wchar_t *path)
{
    (void)notice;
    (void)path;
}
