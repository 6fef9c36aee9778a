/* Ops that only the POSIX agent has in this form. */
#ifndef COEXIST_POSIX_OPS_H
#define COEXIST_POSIX_OPS_H

#include "common/request.h"

op_handler op_exec, op_system;

#endif
