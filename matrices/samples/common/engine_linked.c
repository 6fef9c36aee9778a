#include "engine_linked.h"

const struct engine_api *engine_linked_api(void)
{
    return engine_get_api(ENGINE_ABI);
}
