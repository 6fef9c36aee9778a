#include "queue.h"

#include <stdint.h>
#include <stdlib.h>
#include <windows.h>

struct queue_entry {
    uint32_t hash;
    ULONGLONG first; /* when the path was first added */
    ULONGLONG due;
    struct queue_item *item; /* owned */
};

struct queue {
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
    int stopped;
    unsigned count;
    struct queue_entry entries[QUEUE_CAPACITY];
};

struct queue *queue_open(void)
{
    struct queue *queue = calloc(1, sizeof *queue);

    if (!queue)
        return NULL;
    InitializeSRWLock(&queue->lock);
    InitializeConditionVariable(&queue->changed);
    return queue;
}

void queue_close(struct queue *queue)
{
    if (!queue)
        return;
    for (unsigned i = 0; i < queue->count; i++)
        free(queue->entries[i].item);
    free(queue);
}

/* FNV-1a over the characters as they are: two spellings of a path may become two entries. */
static uint32_t queue_hash(const wchar_t *path)
{
    uint32_t hash = 2166136261u;

    for (; *path; path++)
        hash = (hash ^ *path) * 16777619u;
    return hash;
}

static struct queue_entry *queue_find(struct queue *queue, enum queue_kind kind, uint32_t hash,
                                      const wchar_t *path)
{
    for (unsigned i = 0; i < queue->count; i++) {
        struct queue_entry *entry = &queue->entries[i];

        if (entry->hash == hash && entry->item->kind == kind && !wcscmp(entry->item->path, path))
            return entry;
    }
    return NULL;
}

static int queue_insert(struct queue *queue, enum queue_kind kind, const wchar_t *path,
                        unsigned tries, struct queue_entry entry)
{
    size_t size = wcslen(path) + 1;

    if (queue->count == QUEUE_CAPACITY)
        return 1;
    entry.item = malloc(sizeof *entry.item + size * sizeof *path);
    if (!entry.item)
        return 1;
    entry.item->kind = kind;
    entry.item->tries = tries;
    wmemcpy(entry.item->path, path, size);
    queue->entries[queue->count++] = entry;
    return 0;
}

int queue_add(struct queue *queue, enum queue_kind kind, const wchar_t *path, unsigned tries,
              unsigned delay_ms)
{
    ULONGLONG now = GetTickCount64();
    struct queue_entry entry = { .hash = queue_hash(path), .first = now, .due = now + delay_ms };
    struct queue_entry *known;
    int dropped = 0;

    AcquireSRWLockExclusive(&queue->lock);
    known = queue_find(queue, kind, entry.hash, path);
    if (!known) {
        dropped = queue_insert(queue, kind, path, tries, entry);
        WakeConditionVariable(&queue->changed);
    } else if (entry.due < known->first + QUEUE_PATIENCE_MS) {
        known->due = entry.due;
    }
    ReleaseSRWLockExclusive(&queue->lock);
    return dropped;
}

static struct queue_entry *queue_earliest(struct queue *queue)
{
    struct queue_entry *earliest = NULL;

    for (unsigned i = 0; i < queue->count; i++)
        if (!earliest || queue->entries[i].due < earliest->due)
            earliest = &queue->entries[i];
    return earliest;
}

struct queue_item *queue_take(struct queue *queue)
{
    struct queue_item *item = NULL;

    AcquireSRWLockExclusive(&queue->lock);
    while (!queue->stopped && !item) {
        struct queue_entry *entry = queue_earliest(queue);
        ULONGLONG now = GetTickCount64();

        if (entry && entry->due <= now) {
            item = entry->item;
            *entry = queue->entries[--queue->count];
        } else {
            SleepConditionVariableSRW(&queue->changed, &queue->lock,
                                      entry ? (DWORD)(entry->due - now) : INFINITE, 0);
        }
    }
    ReleaseSRWLockExclusive(&queue->lock);
    return item;
}

void queue_stop(struct queue *queue)
{
    AcquireSRWLockExclusive(&queue->lock);
    queue->stopped = 1;
    WakeAllConditionVariable(&queue->changed);
    ReleaseSRWLockExclusive(&queue->lock);
}

int queue_is_stopped(struct queue *queue)
{
    int stopped;

    AcquireSRWLockShared(&queue->lock);
    stopped = queue->stopped;
    ReleaseSRWLockShared(&queue->lock);
    return stopped;
}
