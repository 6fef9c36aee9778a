/* Which module to suspect of a failure when no crash dump names one. */
#ifndef COEXIST_ANALYSIS_SUSPECT_H
#define COEXIST_ANALYSIS_SUSPECT_H

#include "analysis/judge.h"

/* File name, borrowed from the model, with *why for people; NULL: no idea. */
const char *suspect_module(const struct judged *c, const char **why);

#endif
