#include "run/worker_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "run/cell.h"
#include "run/sweep.h"
#include "vm/libvirt.h"

#define WATCH_BEAT (5 * CLOCK_S)
/* The longest that a teardown may take after "now"; the scheduler's own patience is a little
 * shorter. */
#define WATCH_LAST_RESORT (30 * CLOCK_S)

struct worker_watch {
    int report_fd;   /* borrowed */
    const char *work_dir;
    int signals[2];  /* self-pipe */
    int cut;         /* eventfd: readable when everything is to be cut short */
    volatile int stop; /* enum cell_stop; only ever grows */
    volatile int signal; /* the first one that came; 0: none */
    pthread_mutex_t mutex; /* around lines and stop */
    pthread_t thread;
    bool ending;     /* the main thread is done with us */
    int64_t beats;
};

/* Where the signal handler writes to. A handler gets no context: this is the one place where the
 * process has to know itself. */
static volatile sig_atomic_t watch_signal_fd = -1;

static void watch_on_signal(int sig) {
    int saved = errno;
    unsigned char byte = (unsigned char)sig;
    ssize_t n = write(watch_signal_fd, &byte, 1);
    (void)n; /* full: there is enough to read already */
    errno = saved;
}

static void watch_order(struct worker_watch *w, int stop) {
    if (stop > w->stop) {
        w->stop = stop;
    }
    if (stop >= CELL_STOP_NOW) {
        uint64_t one = 1;
        ssize_t n = write(w->cut, &one, sizeof(one));
        (void)n; /* only fails when it is readable already */
    }
}

/* The mutex keeps lines whole. Called with it held. */
static void watch_write(struct worker_watch *w, const char *line, size_t len) {
    while (len > 0 && w->stop < CELL_STOP_NOW + 1) {
        ssize_t n = write(w->report_fd, line, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            watch_order(w, CELL_STOP_NOW + 1); /* nobody reads: not even more lines are tried */
            return;
        }
        line += n;
        len -= (size_t)n;
    }
}

void worker_watch_emit(void *watch, const struct observation *o) {
    struct worker_watch *w = watch;
    json_t *j = obs_to_json(o);
    CLEANUP_FREE char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text) {
        return; /* cell_emit makes only what can be written */
    }
    CLEANUP_FREE char *line = str_printf("%s\n", text);
    pthread_mutex_lock(&w->mutex);
    watch_write(w, line, strlen(line));
    pthread_mutex_unlock(&w->mutex);
}

void worker_watch_rests(void *watch, enum cell_rest rest) {
    static const char *const lines[] = {
        [CELL_WORKS] = "{\"rests\":false}\n",
        [CELL_RESTS] = "{\"rests\":true}\n",
        [CELL_LAST_REST] = "{\"rests\":true,\"last\":true}\n",
    };
    struct worker_watch *w = watch;
    const char *line = lines[rest];
    pthread_mutex_lock(&w->mutex);
    watch_write(w, line, strlen(line));
    pthread_mutex_unlock(&w->mutex);
}

static void watch_beat(struct worker_watch *w) {
    char line[64];
    int n = snprintf(line, sizeof(line), "{\"beat\":%lld}\n", (long long)w->beats++);
    watch_write(w, line, (size_t)n);
}

static void watch_read_signals(struct worker_watch *w) {
    unsigned char sigs[16];
    ssize_t n = read(w->signals[0], sigs, sizeof(sigs));
    for (ssize_t i = 0; i < n; i++) {
        if (sigs[i] == 0) {
            w->ending = true;
        } else {
            w->signal = w->signal ? w->signal : sigs[i];
            watch_order(w, sigs[i] == SIGTERM ? CELL_STOP_AFTER_STEP : CELL_STOP_NOW);
        }
    }
}

static void *watch_thread(void *arg) {
    struct worker_watch *w = arg;
    struct clock *clock = clock_monotonic();
    int64_t beat_at = clock_now(clock), last_resort = CLOCK_NEVER;
    for (;;) {
        pthread_mutex_lock(&w->mutex);
        if (clock_now(clock) >= beat_at) {
            watch_beat(w);
            beat_at = clock_after(clock, WATCH_BEAT);
        }
        if (w->stop >= CELL_STOP_NOW && last_resort == CLOCK_NEVER) {
            last_resort = clock_after(clock, WATCH_LAST_RESORT);
        }
        bool ending = w->ending;
        pthread_mutex_unlock(&w->mutex);
        if (ending) {
            return NULL;
        }
        if (clock_now(clock) >= last_resort) {
            CLEANUP_FREE char *vm = fs_join(w->work_dir, SWEEP_VM_DIR);
            vm_libvirt_sweep(vm, NULL);
            _exit(3);
        }
        struct pollfd p = {.fd = w->signals[0], .events = POLLIN};
        int64_t until = beat_at < last_resort ? beat_at : last_resort;
        if (poll(&p, 1, clock_poll_ms(clock, until)) > 0) {
            pthread_mutex_lock(&w->mutex);
            watch_read_signals(w);
            pthread_mutex_unlock(&w->mutex);
        }
    }
}

static void watch_take_signals(struct worker_watch *w) {
    watch_signal_fd = w->signals[1];
    struct sigaction act = {.sa_handler = watch_on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void watch_close(struct worker_watch *w) {
    for (int i = 0; i < 2; i++) {
        if (w->signals[i] >= 0) {
            close(w->signals[i]);
        }
    }
    if (w->cut >= 0) {
        close(w->cut);
    }
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

struct worker_watch *worker_watch_start(int report_fd, const char *work_dir, struct err *err) {
    struct worker_watch *w = mem_zalloc(1, sizeof(*w));
    *w = (struct worker_watch){.report_fd = report_fd, .work_dir = work_dir,
                               .signals = {-1, -1}, .cut = -1};
    pthread_mutex_init(&w->mutex, NULL);
    if (pipe2(w->signals, O_CLOEXEC | O_NONBLOCK) < 0 ||
        (w->cut = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        err_sys(err, errno, "make the worker's descriptors");
        watch_close(w);
        return NULL;
    }
    watch_take_signals(w);
    int rc = pthread_create(&w->thread, NULL, watch_thread, w);
    if (rc != 0) {
        err_sys(err, rc, "start the worker's second thread");
        watch_signal_fd = -1;
        watch_close(w);
        return NULL;
    }
    return w;
}

void worker_watch_end(struct worker_watch *w) {
    if (!w) {
        return;
    }
    unsigned char end = 0;
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    pthread_mutex_unlock(&w->mutex);
    ssize_t n = write(w->signals[1], &end, 1);
    (void)n;
    pthread_join(w->thread, NULL);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    watch_signal_fd = -1;
    watch_close(w);
}

const volatile int *worker_watch_stop(struct worker_watch *w) {
    return &w->stop;
}

const volatile int *worker_watch_signal(struct worker_watch *w) {
    return &w->signal;
}

int worker_watch_fd(const struct worker_watch *w) {
    return w->cut;
}
