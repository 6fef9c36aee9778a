/* The contract with a virtual machine. Two backends: libvirt (real) and fake (virtual clock, faults
 * on demand). Callers use the vm_* functions below, which check the order of calls and trace each
 * one; backends fill in struct vm_ops.
 *
 * Life of a VM:
 *
 *     DEFINED --start--> RUNNING --(guest crashes)--> CRASHED --reset--> RUNNING
 *     DEFINED --restore-> RUNNING --(guest powers off / QEMU dies)--> OFF --start--> RUNNING
 *     RUNNING --save--> RUNNING    RUNNING|CRASHED --stop--> OFF      any --destroy--> gone
 *
 * Calls in the wrong order are refused with ERR_BUG and do nothing; vm_destroy is always possible.
 * An event tells of something that happened, possibly before a call that has since changed the
 * state (a panic just before vm_stop): it is still handed out, but moves the state only when it is
 * younger than that call.
 *
 * A state is a folder that a RUNNING machine was saved into, any number of VMs may be restored from:
 *     memory      the guest's memory and devices, in the backend's own form
 *     disk.qcow2  its disk as it was at that instant: a frozen overlay whose backing files are named by
 *                 absolute path: the golden disk, or disk.qcow2 of the state the VM was restored from
 *                 or saved into before
 * Its files are never changed again. The VM that was saved goes on upon an overlay on top of
 * disk.qcow2, as the restored ones do. So disk.qcow2 has to stay where it is while any of these VMs,
 * or a state saved from one of them, may still be used; `memory` only for further restores.
 *
 * Threads: a struct vm belongs to one thread. The libvirt backend has an event thread of its own
 * and hands events over through a queue; vm_event_fd() becomes readable when one waits.
 */
#ifndef COEXIST_VM_VM_H
#define COEXIST_VM_VM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

enum vm_state { VM_DEFINED, VM_RUNNING, VM_CRASHED, VM_OFF, VM_GONE, VM_STATE_COUNT };
const char *vm_state_name(enum vm_state state);

/* The overlay and three CD drives are what machine "pc" has places for. */
enum { VM_CDROMS_MAX = 3 };

#define VM_STATE_MEMORY "memory"
#define VM_STATE_DISK "disk.qcow2"
#define VM_STATE_NVRAM "nvram.fd" /* the UEFI variables, of machines that have any; a TPM's are in the memory */

enum vm_event_type {
    VM_EVENT_STARTED,  /* it runs again without the lab having asked; the lab's own start, restore
                          and reset are told by their return value alone */
    VM_EVENT_RESET,    /* the guest rebooted by itself (QEMU RESET); not for vm_reset */
    VM_EVENT_SHUTDOWN, /* the guest powered off by itself */
    VM_EVENT_PANICKED, /* panic device; detail has what the device told */
    VM_EVENT_IO_ERROR, /* the host failed the VM: a disk is out of space, the connection to it is lost */
    VM_EVENT_DIED,     /* QEMU is gone without the guest asking for it */
    VM_EVENT_TYPE_COUNT
};
const char *vm_event_name(enum vm_event_type type);

struct vm_event {
    enum vm_event_type type;
    int64_t at_ns;     /* on the VM's clock */
    char detail[512];  /* text for people: reason, crash registers; may be "" */
};

/* What a VM is made of. All strings are borrowed for the duration of vm_create only. */
struct vm_spec {
    const char *name;      /* [a-z0-9-]; unique within the process */
    const char *work_dir;  /* existing folder of this VM alone: overlay, sockets, logs */
    const char *disk;      /* golden disk, read-only; an overlay in work_dir goes on top of it */
    const char *disk_format; /* "qcow2" or "raw" */
    const char *kernel;    /* direct kernel boot; NULL when the disk boots by itself */
    const char *initrd;    /* NULL with kernel NULL */
    const char *cmdline;
    const char *const *cdroms; /* ISO files in CD drives, the one to boot from first; tried before the disk */
    size_t cdrom_count;        /* at most VM_CDROMS_MAX */
    const char *nvram;     /* UEFI variables to begin with, copied; NULL: the firmware's own */
    const json_t *profile; /* hardware profile of the image manifest, see vm/domain_xml.h */
    int ssh_guest_port;    /* forwarded from a free port on 127.0.0.1; 0 for none */
    bool kvm;              /* decided by a real probe (vm/probe.h), never by the device */
};

struct vm_diagnostics { /* cumulative since power-on; -1 where not known */
    int64_t cpu_ns;
    int64_t read_bytes, write_bytes;
    int64_t net_rx_bytes, net_tx_bytes;
    int64_t balloon_bytes; /* memory the guest has */
    int64_t rss_bytes;     /* memory QEMU has on the host */
    int64_t starved_ns;    /* its processors were ready to run and got none of the host's; sum over them */
};

/* Where the guest can be reached from the host; valid while RUNNING or CRASHED. */
struct vm_endpoints {
    int ssh_port;            /* on 127.0.0.1, 0 when there is none */
    const char *agent_socket; /* unix socket of the agent's serial port; borrowed from the vm */
    const char *console_log; /* file that the first serial port is written to; borrowed */
};

enum vm_key { VM_KEY_SPACE, VM_KEY_ENTER, VM_KEY_COUNT };
const char *vm_key_name(enum vm_key key); /* "space", "enter" */

struct vm; /* opaque */

struct vm_ops {
    const char *backend; /* "libvirt", "fake" */
    /* Each gets the backend's own object. A deadline is on the vm's clock. 0 or negative with
     * err. */
    int (*start)(void *self, int64_t deadline, struct err *err);
    /* Orderly power-off is the guest's business (guest agent); this pulls the plug, fast. */
    int (*stop)(void *self, int64_t deadline, struct err *err);
    /* Hard reset, as automatic restart after a stop screen does; also from CRASHED. */
    int (*reset)(void *self, int64_t deadline, struct err *err);
    /* Makes dir (absolute, existing, empty) a state; the guest stands still meanwhile and then goes
     * on. What a failure leaves in dir the wrapper removes; the disk must not lie there then. */
    int (*save)(void *self, const char *dir, int64_t deadline, struct err *err);
    /* Goes on from the state in dir (absolute; has memory and disk.qcow2), on an overlay of its own. */
    int (*restore)(void *self, const char *dir, int64_t deadline, struct err *err);
    /* PNG of the first screen to `path`. */
    int (*screenshot)(void *self, const char *path, struct err *err);
    /* Presses and lets go of one key. ERR_CLOSED: nobody is there. May be NULL: has no keyboard. */
    int (*press)(void *self, enum vm_key key, struct err *err);
    /* The guest's memory to `path` (ELF or kdump), guest stopped meanwhile. May be NULL. */
    int (*dump)(void *self, const char *path, int64_t deadline, struct err *err);
    int (*diagnose)(void *self, struct vm_diagnostics *out, struct err *err);
    /* Whether the host's processors serve this machine before those that are not favoured; a machine that starts is
     * not. NULL: nobody can say so on its host. */
    int (*favour)(void *self, bool on, struct err *err);
    /* Next event: 1 with *ev, 0 when the deadline passed without one, negative with err. */
    int (*next_event)(void *self, int64_t deadline, struct vm_event *ev, struct err *err);
    int (*event_fd)(void *self); /* readable while an event waits; -1: has none (fake) */
    int (*endpoints)(void *self, struct vm_endpoints *out, struct err *err);
    /* Path of the overlay disk, for offline reading once the VM is OFF; borrowed until the next save
     * or restore, which give the VM another one. */
    const char *(*disk_path)(void *self);
    /* File of the UEFI variables, NULL for a machine without; borrowed. May be NULL: none has any. */
    const char *(*nvram_path)(void *self);
    /* Whether the host it runs on still answers, within half a minute; ERR_SYSTEM: no. NULL: it always does. */
    int (*host_answers)(void *self, struct err *err);
    /* Ends everything the VM has on the host and frees self. Cannot fail from the caller's view. */
    void (*destroy)(void *self);
};

/* Wraps a backend. Takes self. clock and log are borrowed and must outlive the vm. */
struct vm *vm_wrap(const struct vm_ops *ops, void *self, const char *name, struct clock *clock,
                   struct log *log);

int vm_start(struct vm *vm, int64_t deadline, struct err *err);
int vm_stop(struct vm *vm, int64_t deadline, struct err *err);
int vm_reset(struct vm *vm, int64_t deadline, struct err *err);
/* Saves the state of a RUNNING machine, which goes on afterwards (about a second later). dir: an existing
 * empty folder on the file system of the VM's work_dir, else ERR_INPUT and ERR_SYSTEM. Complete or nothing:
 * after a failure dir is empty again and the VM runs on, except that a deadline that passes costs the
 * VM its life, as in every call. ERR_INTERRUPT: the guest crashed or went off, an event waits.
 * ERR_NOSPACE: no room for the state. ERR_REFUSED: the machine has something no state can hold. */
int vm_save(struct vm *vm, const char *dir, int64_t deadline, struct err *err);
/* Goes on from the state in dir, from DEFINED, with the hardware profile it was saved with. Nothing in
 * dir is changed; others may do the same at the same time, each in a process of its own. The guest's
 * clock stands where it stood (guest_set_clock). ERR_INPUT: dir has no whole state. After a failure the
 * VM is DEFINED still. */
int vm_restore(struct vm *vm, const char *dir, int64_t deadline, struct err *err);
int vm_screenshot(struct vm *vm, const char *path, struct err *err);
int vm_press(struct vm *vm, enum vm_key key, struct err *err); /* RUNNING; ERR_REFUSED: no keyboard */
int vm_dump(struct vm *vm, const char *path, int64_t deadline, struct err *err);
int vm_diagnose(struct vm *vm, struct vm_diagnostics *out, struct err *err);
/* What is measured has its processor before what only has to get done. ERR_REFUSED: not on this host. */
int vm_favour(struct vm *vm, bool on, struct err *err);
/* Also moves the wrapper's state (PANICKED -> CRASHED, SHUTDOWN/DIED -> OFF). */
int vm_next_event(struct vm *vm, int64_t deadline, struct vm_event *ev, struct err *err);
int vm_event_fd(struct vm *vm);
int vm_endpoints(struct vm *vm, struct vm_endpoints *out, struct err *err);
const char *vm_disk_path(struct vm *vm);
const char *vm_nvram_path(struct vm *vm); /* UEFI variables as they are now; NULL: none */
/* 0, or negative when the host that the VM runs on is not there: then nothing can be said of the guest. */
int vm_host_answers(struct vm *vm, struct err *err);
enum vm_state vm_state(const struct vm *vm);
struct clock *vm_clock(struct vm *vm);
void vm_destroy(struct vm *vm); /* NULL is fine */
static inline void vm_destroy_ptr(struct vm **vm) {
    vm_destroy(*vm);
}

#endif
