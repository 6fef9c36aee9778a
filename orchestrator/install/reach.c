#include "install/reach.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/keys.h"
#include "media/answer.h"

enum { REACH_KEY_MAX = 4096, REACH_OUTPUT_MAX = 4096 };
#define REACH_PACE CLOCK_S
#define REACH_COMMAND_MS 60000

/* Waits a moment for things to change. Negative: the machine is no longer there, or the time is over: *why tells what
 * was seen last. */
static int reach_pause(const struct install_reach *r, int64_t deadline, const struct err *why, struct err *err) {
    struct clock *clock = vm_clock(r->vm);
    int64_t next = clock_after(clock, REACH_PACE);
    struct vm_event ev = {.detail = ""};
    int rc = next < deadline ? vm_next_event(r->vm, next, &ev, err) : 0;
    if (rc < 0) {
        return -1;
    }
    if (vm_state(r->vm) != VM_RUNNING) {
        return err_set(err, ERR_SYSTEM, "the machine ended: %s %s", rc > 0 ? vm_event_name(ev.type) : "", ev.detail);
    }
    return next < deadline ? 0 : err_set(err, ERR_REFUSED, "%s", err_text(why));
}

static char *reach_host_key(const struct install_reach *r, int64_t deadline, struct err *err) {
    CLEANUP_FREE char *path = fs_join(r->work_dir, "host_key.pub");
    for (;;) {
        CLEANUP_ERR struct err why = ERR_INIT;
        if (guest_get(r->guest, ANSWER_SSH_HOST_KEY, path, REACH_KEY_MAX, deadline, &why) == 0) {
            char *line = fs_read(path, REACH_KEY_MAX, NULL, err);
            unlink(path);
            return line;
        }
        if (reach_pause(r, deadline, &why, err) < 0) {
            err_prefix(err, "OpenSSH was installed and made no host key (" ANSWER_SSH_HOST_KEY ")");
            return NULL;
        }
    }
}

/* A server that is another than expected, or lets nobody in, stays so; one that is not there yet may come. */
static int reach_log_in(const struct install_reach *r, struct guest *ssh, int64_t deadline, struct err *err) {
    for (;;) {
        CLEANUP_ERR struct err why = ERR_INIT;
        struct guest_exec x = {0};
        int rc = guest_exec(ssh, "cmd.exe /c ver", REACH_COMMAND_MS, REACH_OUTPUT_MAX, deadline, &x, &why);
        bool good = rc == 0 && x.exit_code == 0 && !x.timed_out;
        guest_exec_free(&x);
        if (good) {
            return 0;
        }
        if (rc == 0) {
            return err_set(err, ERR_REFUSED, "a command over SSH did not come to its end");
        }
        if (why.cls == ERR_REFUSED) {
            err_move(err, &why);
            return -1;
        }
        guest_disconnect(ssh);
        if (reach_pause(r, deadline, &why, err) < 0) {
            return -1;
        }
    }
}

json_t *install_reach_ssh(const struct install_reach *r, int64_t deadline, struct err *err) {
    CLEANUP_FREE char *line = reach_host_key(r, deadline, err);
    json_t *ssh = line ? image_keys_ssh(r->user, line, err) : NULL;
    if (line && !ssh) {
        err_prefix(err, ANSWER_SSH_HOST_KEY);
    }
    if (!ssh) {
        return NULL;
    }
    CLEANUP(guest_destroy_ptr) struct guest *g =
        r->open_ssh(r->ctx, r->vm, json_string_value(json_object_get(ssh, "host_key")), err);
    if (!g || reach_log_in(r, g, deadline, err) < 0) {
        err_prefix(err, "SSH as '%s' with the lab's key", r->user);
        json_decref(ssh);
        return NULL;
    }
    return ssh;
}
