#include "windows/ops.h"

#include "common/op_clock.h"
#include "common/op_files.h"
#include "windows/guest.h"

void ops_describe_agent(struct session_agent *agent, const char *transport, uint32_t beat_ms)
{
    *agent = (struct session_agent){
        .transport = transport,
        .beat_ms = beat_ms,
        .describe = guest_describe,
        .handler = {[PROTO_OP_EXEC] = op_exec,
                    [PROTO_OP_PUT] = op_put,
                    [PROTO_OP_GET] = op_get,
                    [PROTO_OP_STAT] = op_stat,
                    [PROTO_OP_HASH] = op_hash,
                    [PROTO_OP_LOOK] = op_look,
                    [PROTO_OP_LIST] = op_list,
                    [PROTO_OP_REMOVE] = op_remove,
                    [PROTO_OP_MKDIR] = op_mkdir,
                    [PROTO_OP_PROCESSES] = op_processes,
                    [PROTO_OP_SERVICES] = op_services,
                    [PROTO_OP_DRIVERS] = op_drivers,
                    [PROTO_OP_SERVICE] = op_service,
                    [PROTO_OP_FILE_VERSION] = op_file_version,
                    [PROTO_OP_PRODUCTS] = op_products,
                    [PROTO_OP_REGISTRY] = op_registry,
                    [PROTO_OP_SYSTEM] = op_system,
                    [PROTO_OP_EVENTLOG] = op_eventlog,
                    [PROTO_OP_SHUTDOWN] = op_shutdown,
                    [PROTO_OP_WORKLOAD] = op_workload,
                    [PROTO_OP_CLOCK] = op_clock},
    };
}
