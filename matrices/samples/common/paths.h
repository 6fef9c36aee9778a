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

/* What a product looks after: the system drive but for Windows, all products' data, and itself. */
struct paths_scope {
    wchar_t drive[PATHS_MAX];    /* "C:" */
    wchar_t windows[PATHS_MAX];  /* C:\Windows */
    wchar_t data[PATHS_MAX];     /* C:\ProgramData */
    wchar_t users[PATHS_MAX];    /* C:\Users */
    wchar_t programs[PATHS_MAX]; /* C:\Program Files */
    wchar_t own[PATHS_MAX];      /* the running program's folder: a product trusts itself */
};

int paths_find_scope(struct paths_scope *scope, struct err *err);

int paths_is_in_scope(const struct paths_scope *scope, const wchar_t *path);

int paths_join(wchar_t out[PATHS_MAX], const wchar_t *folder, const wchar_t *leaf,
               struct err *err);

/* 1 when path is folder or lies below it; letter case is ignored, as NTFS does. */
int paths_is_below(const wchar_t *path, const wchar_t *folder);

/* Makes the folder; one that exists already is fine. */
int paths_make_folder(const wchar_t *path, struct err *err);

/* Removes a folder and everything in it; links are removed, not followed. */
int paths_remove_tree(const wchar_t *path, struct err *err);

#endif
