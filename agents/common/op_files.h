/* put, get, stat, hash, look, list, remove, mkdir: the same on every system. */
#ifndef COEXIST_COMMON_OP_FILES_H
#define COEXIST_COMMON_OP_FILES_H

#include "common/request.h"

op_handler op_put, op_get, op_stat, op_hash, op_look, op_list, op_remove, op_mkdir;

#endif
