/* Which paths a CD can have; shared by the two ways to make one. */
#ifndef COEXIST_MEDIA_LABCD_PATHS_H
#define COEXIST_MEDIA_LABCD_PATHS_H

#include "media/labcd.h"

/* ERR_INPUT names the first path that is wrong, stands twice or is both file and folder. */
int labcd_check_paths(const struct labcd_file *files, size_t count, struct err *err);

#endif
