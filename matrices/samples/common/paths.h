/* Where a sample product keeps its things. All paths are absolute and without a tail slash. */
#ifndef SAMPLES_PATHS_H
#define SAMPLES_PATHS_H

#include <stddef.h>
#include <wchar.h>

#include "err.h"

enum { PATHS_MAX = 1024 }; /* characters, terminator included; longer paths are not followed */

/* C:\ProgramData\<Vendor>[\<leaf>]; leaf may be NULL. */
int paths_data(wchar_t out[PATHS_MAX], const wchar_t *leaf, struct err *err);

/* The running program's own folder[\<leaf>]; leaf may be NULL. */
int paths_install(wchar_t out[PATHS_MAX], const wchar_t *leaf, struct err *err);

/* C:\Users and C:\Program Files. */
int paths_users(wchar_t out[PATHS_MAX], struct err *err);
int paths_programs(wchar_t out[PATHS_MAX], struct err *err);

int paths_join(wchar_t out[PATHS_MAX], const wchar_t *folder, const wchar_t *leaf,
               struct err *err);

/* 1 when path is folder or lies below it; letter case is ignored, as NTFS does. */
int paths_is_below(const wchar_t *path, const wchar_t *folder);

/* Makes the folder; one that exists already is fine. */
int paths_make_folder(const wchar_t *path, struct err *err);

/* Removes a folder and everything in it; links are removed, not followed. */
int paths_remove_tree(const wchar_t *path, struct err *err);

#endif
