#include "engine_linked.h"

#include <stddef.h>

const struct engine_api *engine_linked_api(void)
{
    return NULL;
}
