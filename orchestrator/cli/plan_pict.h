/* The part of 'coexist plan' that reads PICT's models. */
#ifndef COEXIST_CLI_PLAN_PICT_H
#define COEXIST_CLI_PLAN_PICT_H

#include "cli/cli.h"

/* An argument of PICT's command line: "-o:3", "-c". */
bool plan_pict_is_option(const char *arg);
/* What `coexist plan --pict FILE` does; returns an enum cli_exit. effort: the option's value, or NULL. */
int plan_pict_run(const struct cli_args *args, const char *file, const char *effort, bool as_json);

#endif
