/* Shared by the readers of Windows kernel dumps; nobody else includes it. */
#ifndef COEXIST_EVIDENCE_KDUMP_IMPL_H
#define COEXIST_EVIDENCE_KDUMP_IMPL_H

#include "evidence/dump_impl.h"

#define KDUMP_PAGE 4096u

struct kdump_run { /* physical pages that lie in a row in the file */
    uint64_t page, count; /* in pages */
    uint64_t first;       /* how many pages lie before them in the file */
};

struct kdump_phys {
    struct kdump_run *runs; /* ascending; NULL: a bitmap is used */
    size_t run_count;
    struct bytes bitmap;    /* one bit for each physical page; its page is in the file when set */
    uint64_t bits;
    uint64_t *ranks;        /* bits set before each 4096 bits */
    uint64_t at;            /* offset of the first page in the file */
    uint64_t pages;         /* in all, as the dump promises */
};

struct kdump {
    struct bytes file;
    bool wide;   /* PAGEDU64 */
    size_t head; /* bytes before what DumpType says */
    uint64_t table;       /* DirectoryTableBase: physical */
    uint64_t loaded_list; /* PsLoadedModuleList: virtual */
    uint64_t debugger_block; /* KdDebuggerDataBlock: virtual */
    bool pae;
    enum dump_arch arch;
    int levels; /* of page tables, once they are known to lead somewhere; 0: not known */
    struct dump_ranges ranges; /* virtual memory of a triage dump */
    struct kdump_phys phys;
    struct bytes kdbg;       /* KDDEBUGGER_DATA64 of a triage dump; else empty */
    uint8_t kdbg_copy[0x380];
    size_t kdbg_size;        /* bytes of kdbg_copy that are right; 0: not there or encoded */
    size_t text_left;        /* bytes of names still believed: all together no more than the file */
};

/* kdump_phys.c. Sets d->damage when pages are missing at the end of the file. */
int kdump_phys_open(struct kdump *k, struct dump *d, struct err *err);
void kdump_phys_close(struct kdump *k);
/* Within one page. */
bool kdump_phys_read(const struct kdump *k, uint64_t physical, void *out, size_t size);

/* kdump_virt.c */
/* Which page tables lead to the kernel's own data; a note when none do. */
void kdump_virt_open(struct kdump *k, struct dump *d);
bool kdump_virt_read(const struct kdump *k, uint64_t address, void *out, size_t size);
/* A pointer of the guest's width; false also when it is not readable. */
bool kdump_virt_pointer(const struct kdump *k, uint64_t address, uint64_t *out);
/* A UNICODE_STRING at address as UTF-8, at most max bytes of it; NULL when unreadable or empty. Caller frees. */
char *kdump_virt_unicode(struct kdump *k, uint64_t address, size_t max);

/* kdump_triage.c */
int kdump_triage(struct kdump *k, struct dump *d, struct err *err);

/* kdump_lists.c: what a dump with memory holds where a triage dump has copies. */
void kdump_debugger_data(struct kdump *k, struct dump *d);
void kdump_modules(struct kdump *k, struct dump *d);
void kdump_unloaded(struct kdump *k, struct dump *d);
void kdump_stack(struct kdump *k, struct dump *d);
uint64_t kdump_debugger_pointer(const struct kdump *k, size_t offset); /* 0: not known */
uint16_t kdump_debugger_offset(const struct kdump *k, size_t offset);  /* 0: not known */

/* kdump_version.c: of each module whose version resource is in the dump; a note when not all are. */
void kdump_versions(const struct kdump *k, struct dump *d);

/* kdump_process.c */
void kdump_process(struct kdump *k, struct dump *d);
/* The process' name from the bytes of its EPROCESS; NULL: not found. Caller frees. */
char *kdump_image_name(const struct kdump *k, struct bytes process);

/* kdump_fault.c: what the bugcheck's parameters lead to. */
void kdump_fault(struct kdump *k, struct dump *d);

#endif
