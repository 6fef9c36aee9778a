/* Cabinet files through the system's cabinet.dll. Paths are UTF-8. */
#ifndef COEXIST_WINDOWS_CABINET_H
#define COEXIST_WINDOWS_CABINET_H

#include "common/op_error.h"

struct cabinet_writer;

/* dir ends with a backslash and also takes the temporary files. */
struct cabinet_writer *cabinet_create(const char *dir, const char *name, struct op_error *err);
int cabinet_add(struct cabinet_writer *c, const char *path, const char *stored_name,
                struct op_error *err);
/* Completes the file; frees c in every case. */
int cabinet_finish(struct cabinet_writer *c, struct op_error *err);
void cabinet_abandon(struct cabinet_writer *c);

/* Extracts all of dir+name into target (ends with a backslash). Sets *files to how many. */
int cabinet_extract(const char *dir, const char *name, const char *target, unsigned *files,
                    struct op_error *err);

#endif
