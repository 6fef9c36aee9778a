/* The ops of the Windows agent beside the common ones. */
#ifndef COEXIST_WINDOWS_OPS_H
#define COEXIST_WINDOWS_OPS_H

#include "common/request.h"
#include "common/session.h"

op_handler op_exec, op_processes, op_services, op_drivers, op_service, op_file_version, op_products,
    op_registry, op_system, op_eventlog, op_shutdown, op_workload;

/* The agent over the given transport ("serial", "stdio"). */
void ops_describe_agent(struct session_agent *agent, const char *transport, uint32_t beat_ms);

#endif
