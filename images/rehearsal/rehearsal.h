/* The rehearsal's Setup: what stands in for Windows Setup on a CD made of Debian packages alone. One static program,
 * the /init of two initial RAM disks: that of the CD (reads the answer file, makes partitions, applies the image,
 * resets) and that of the installed disk (specialises, resets, logs on for the first time). It obeys the part of the
 * answer file that the lab uses, says on the screen what Windows Setup would say, and then stands still as that does.
 */
#ifndef COEXIST_REHEARSAL_H
#define COEXIST_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REHEARSAL_SECTOR = 512, REHEARSAL_PATH = 512 };

/* ---- main.c: screen, console, what ends it --------------------------------------------------- */

__attribute__((format(printf, 1, 2))) void setup_log(const char *format, ...); /* kernel log, serial port */
/* Clears the screen and shows lines of text, separated by \n. */
void setup_show(const char *text);
/* Shows it, and stands still for ever. */
__attribute__((noreturn)) void setup_stop(const char *text);
__attribute__((noreturn)) void setup_reset(void);
long long setup_now_ms(void);

/* ---- answer.c: the answer file ---------------------------------------------------------------- */

struct answer_node { /* one XML element; names without namespace prefixes */
    char *name, *text; /* text: of its own, trimmed; never NULL */
    char *pass;        /* attribute "pass" or, of a component, "name"; NULL: none */
    struct answer_node *parent, *child, *next;
};
/* NULL when it is no well-formed XML or not an <unattend>. */
struct answer_node *answer_read(const char *path);
/* The nth (0 ...) element below n by a path of names "Disk/CreatePartitions/CreatePartition"; NULL: none. Only the last
 * name is counted, the others mean the first. */
const struct answer_node *answer_find(const struct answer_node *n, const char *path, int nth);
const char *answer_text(const struct answer_node *n, const char *path, const char *otherwise);
/* <settings pass="..."><component name="...">; NULL: none. */
const struct answer_node *answer_component(const struct answer_node *root, const char *pass, const char *component);

/* ---- partition.c ----------------------------------------------------------------------------- */

enum { PARTITIONS_MAX = 4 };
enum partition_type { PARTITION_PRIMARY, PARTITION_EFI, PARTITION_MSR, PARTITION_RECOVERY };

struct partition {
    enum partition_type type;
    bool active;
    uint64_t first, count; /* sectors */
};
struct partition_plan {
    struct partition parts[PARTITIONS_MAX];
    int count;
};
enum partition_fault { PARTITION_FINE, PARTITION_WRONG, PARTITION_TOO_SMALL };
/* From <Disk>; sectors: of the whole disk. */
enum partition_fault partition_read(const struct answer_node *disk, bool gpt, uint64_t sectors,
                                    struct partition_plan *plan);
/* Writes the table to an open disk. 0, or -1 with errno. */
int partition_write_mbr(int fd, const struct partition_plan *plan);
int partition_write_gpt(int fd, const struct partition_plan *plan, uint64_t sectors);

/* ---- wim.c ----------------------------------------------------------------------------------- */

/* Applies the image that has this key ("/IMAGE/INDEX", "/IMAGE/NAME") and value to the partition open as `to`, at most
 * `limit` bytes long. step is called now and then. */
enum wim_fault { WIM_FINE, WIM_DAMAGED, WIM_NO_IMAGE, WIM_TOO_LARGE, WIM_NOT_WRITTEN };
enum wim_fault wim_apply(const char *path, const char *key, const char *value, int to, uint64_t limit,
                         void (*step)(void *ctx, uint64_t done, uint64_t all), void *ctx);

/* ---- devices.c ------------------------------------------------------------------------------- */

void device_load_modules(void);
/* Waits until a disk is there (at most ms); path of it ("/dev/sda") or false. */
bool device_find_disk(char path[REHEARSAL_PATH], int ms);
void device_partition(const char *disk, int number, char path[REHEARSAL_PATH]);
/* Mounts every CD on /cd/0, /cd/1, ...; how many there are. */
int device_mount_cds(const char *below);
/* Path below /cd of a file at a CD's root, whatever its case and on whichever CD; false: nowhere. */
bool device_find_on_cds(const char *name, char path[REHEARSAL_PATH]);
bool device_is_uefi(void);
int device_secure_boot(void); /* 1 on, 0 off, -1: no UEFI, or not told */
/* The partition whose file system (ext4) has this label; false: none within ms. */
bool device_find_label(const char *label, char path[REHEARSAL_PATH], int ms);
/* A word of the kernel's command line "NAME=value"; false: not there. */
bool device_word(const char *name, char *value, size_t size);

/* ---- install.c, disk.c: the two programs ------------------------------------------------------- */

/* What Setup leaves for the boots after it, in the guest: a line "KEY=value" each. */
#define REHEARSAL_STATE "C:/windows/Panther/rehearsal.state"
#define REHEARSAL_COMMANDS "C:/windows/Panther/rehearsal.commands" /* "specialize COMMAND", "logon COMMAND" */
#define REHEARSAL_LABEL "winelab"

__attribute__((noreturn)) void install_from_cd(void);
__attribute__((noreturn)) void disk_go_on(void);

#endif
