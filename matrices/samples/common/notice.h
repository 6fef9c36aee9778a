/* The part of an engine that follows changes as they happen. Each engine links one. */
#ifndef SAMPLES_NOTICE_H
#define SAMPLES_NOTICE_H

#include <wchar.h>

#include "err.h"

struct notice;

/* 0 with *notice NULL when this engine has no such part; -1 with err set when it cannot start. */
int notice_open(struct notice **notice, struct err *err);
void notice_close(struct notice *notice);
void notice_change(struct notice *notice, const wchar_t *path);

#endif
