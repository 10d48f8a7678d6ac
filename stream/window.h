/* stream/window.h - the command ids of the last 24 hours of one partition (protocol R11).
 *
 * Part of the partition's state: it changes only by the partition's own events (each carries the
 * command it answers), so every owner rebuilds the same. Time is the commands' append time; ids
 * leave when an event is more than 24 h younger. Memory: 40 bytes an id. Threads: one window, one
 * thread. */
#ifndef DS_STREAM_WINDOW_H
#define DS_STREAM_WINDOW_H

#include "base/error.h"
#include "base/str.h"

#define DS_WINDOW_US      (INT64_C(24) * 3600 * 1000 * 1000)
#define DS_WINDOW_MAX_IDS (1 << 26) /* 2.7 GB; its index has no bits for more */

struct ds_window_entry {
    uint8_t id[16];
    uint64_t body_hash;
    int64_t appended_us;
    int64_t first_offset; /* in the commands topic */
};

/** Sees an id that a watch is about (ds_window_watch). */
typedef void (*ds_window_seen_fn)(void *context, const struct ds_window_entry *entry);

struct ds_window {
    struct ds_window_entry *entries; /* a ring, oldest first */
    size_t capacity;                 /* a power of two */
    size_t first;
    size_t count;
    uint32_t *slots; /* hash table of ring places + 1; 2 * capacity */
    size_t max;
    uint64_t dropped;       /* ids that left early because the maximum was reached */
    ds_window_seen_fn seen; /* NULL: nobody watches */
    void *seen_context;
    size_t unseen; /* of the ids that were there when the watch began; they are the last of all but
                      the `added` since */
    size_t added;
};

void ds_window_init(struct ds_window *window, size_t max_ids);
void ds_window_cleanup(struct ds_window *window);
/** @brief Forget all ids. */
void ds_window_clear(struct ds_window *window);
/** @brief The entry of a command id, borrowed until the next add; NULL: not seen within the window.
 */
const struct ds_window_entry *ds_window_find(const struct ds_window *window, ds_str_t id);
/** @brief Remember an id; one that is in already stays as it is. At the maximum the oldest leaves.
 * MEMORY. */
DS_MUST_CHECK bool ds_window_add(struct ds_window *window, ds_str_t id, ds_str_t body_hash,
                                 int64_t appended_us, int64_t first_offset, ds_error_t *error);
/** @brief Drop what was appended more than 24 h before `event_us`. */
void ds_window_expire(struct ds_window *window, int64_t event_us);
/** @brief Put an entry behind the others, as it was in another window: oldest first. MEMORY. */
DS_MUST_CHECK bool ds_window_restore(struct ds_window *window, const struct ds_window_entry *entry,
                                     ds_error_t *error);
/** @brief Begin to watch: every id that is in the window now is shown to `seen` once, oldest first,
 * either by ds_window_watch_next or just before it leaves. NULL: end the watch. */
void ds_window_watch(struct ds_window *window, ds_window_seen_fn seen, void *context);
/** @brief Show the next; false: all were. */
bool ds_window_watch_next(struct ds_window *window);
bool ds_window_same_body(const struct ds_window_entry *entry, ds_str_t body_hash);

#endif
