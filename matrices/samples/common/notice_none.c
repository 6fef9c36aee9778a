#include "notice.h"

#include <stddef.h>

int notice_open(struct notice **notice, struct err *err)
{
    (void)err;
    *notice = NULL;
    return 0;
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
