/*
 * Paths waiting to be looked at, each with the moment it is due. A path that changes again
 * while it waits is one entry still, and is put off, but never beyond QUEUE_PATIENCE_MS after
 * its first change. Safe to use from several threads. Times are GetTickCount64() milliseconds.
 */
#ifndef SAMPLES_QUEUE_H
#define SAMPLES_QUEUE_H

#include <wchar.h>

enum { QUEUE_CAPACITY = 4096, QUEUE_PATIENCE_MS = 1000 };

enum queue_kind {
    QUEUE_CHANGE, /* a file, or a folder that just appeared */
    QUEUE_SWEEP   /* a folder whose changes the system may not report */
};

struct queue_item {
    enum queue_kind kind;
    unsigned tries;      /* how often it was put back */
    wchar_t path[];
};

struct queue;

struct queue *queue_open(void); /* NULL when out of memory */
void queue_close(struct queue *queue);

/* The path is copied. Returns 1 when the queue is full and the path was dropped, else 0. */
int queue_add(struct queue *queue, enum queue_kind kind, const wchar_t *path, unsigned tries,
              unsigned delay_ms);

/* Waits for the next due item; NULL once queue_stop was called. The caller frees it. */
struct queue_item *queue_take(struct queue *queue);

void queue_stop(struct queue *queue);

/* 1 once queue_stop was called. */
int queue_is_stopped(struct queue *queue);

#endif
