#include "gateways/notifications/ledger.h"

#include "base/heap.h"
#include "base/limits.h"
#include "base/map.h"
#include "gateways/notifications/limits.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_PAUSE_US DS_US_PER_S
#define MAX_PAUSE_US   (300 * DS_US_PER_S)
/* Offsets over behind an open one: a channel that hangs on one notice goes on with others. */
#define MARKS_FACTOR 8

enum state { WAITING, TAKEN, TOLD, NOTING };

/** An offset of the log that had something to tell. Stays until all before it are over. */
struct ds_ledger_mark {
    int64_t offset;
    bool told; /* a position may say so, whether or not the note is in the log yet: it is true */
    bool over; /* and it is noted */
    struct ds_ledger_mark *next;
};

struct track {
    struct ds_ledger_mark *first, *last;
    int64_t refused_from; /* -1: nothing was refused */
};

struct part {
    struct track tracks[DS_NOTICE_TOPICS];
    bool refuses;
    size_t out; /* entries taken, told or being noted */
};

struct ds_notice_ledger {
    struct ds_notice_ledger_config config;
    struct part parts[DS_MAX_PARTITIONS];
    ds_map_t *by_order; /* the first entry of each order's line */
    ds_heap_t *due;     /* the first ones that wait */
    struct ds_ledger_entry *first_told, *last_told;
    size_t count;
    size_t marks;
    size_t unnoted; /* told, being noted */
    size_t taken;
};

static int32_t *handle_of(void *item)
{
    return &((struct ds_ledger_entry *)item)->handle;
}

static int tie(const void *a, const void *b)
{
    const struct ds_ledger_entry *one = a;
    const struct ds_ledger_entry *two = b;
    return one->offset < two->offset ? -1 : one->offset > two->offset;
}

ds_notice_ledger_t *ds_notice_ledger_new(const struct ds_notice_ledger_config *config)
{
    ds_notice_ledger_t *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->config = *config;
    if (ledger->config.first_pause_us == 0)
        ledger->config.first_pause_us = FIRST_PAUSE_US;
    if (ledger->config.max_pause_us == 0)
        ledger->config.max_pause_us = MAX_PAUSE_US;
    if (ledger->config.max_waiting == 0)
        ledger->config.max_waiting = DS_MAX_WAITING_NOTICES;
    ledger->by_order = ds_map_new(ledger->config.max_waiting);
    ledger->due = ds_heap_new(handle_of, tie, ledger->config.max_waiting);
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        for (int t = 0; t < DS_NOTICE_TOPICS; t++)
            ledger->parts[p].tracks[t].refused_from = -1;
    if (ledger->by_order != NULL && ledger->due != NULL)
        return ledger;
    ds_notice_ledger_destroy(ledger);
    return NULL;
}

static void free_entry(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry)
{
    ledger->count--;
    free(entry->notice);
    free(entry);
}

/* --- marks -------------------------------------------------------------------------------------
 */

static struct track *track_of(ds_notice_ledger_t *ledger, const struct ds_ledger_entry *entry)
{
    return &ledger->parts[entry->partition].tracks[entry->topic];
}

static void drop_over(ds_notice_ledger_t *ledger, struct track *track)
{
    while (track->first != NULL && track->first->over) {
        struct ds_ledger_mark *mark = track->first;
        track->first = mark->next;
        if (track->first == NULL)
            track->last = NULL;
        ledger->marks--;
        free(mark);
    }
}

static void clear_track(ds_notice_ledger_t *ledger, struct track *track)
{
    while (track->first != NULL) {
        track->first->over = true;
        drop_over(ledger, track);
    }
    track->refused_from = -1;
}

static struct ds_ledger_mark *add_mark(ds_notice_ledger_t *ledger, struct track *track,
                                       int64_t offset)
{
    struct ds_ledger_mark *mark = calloc(1, sizeof *mark);
    if (mark == NULL)
        return NULL;
    assert(track->last == NULL || track->last->offset < offset);
    mark->offset = offset;
    if (track->last != NULL)
        track->last->next = mark;
    else
        track->first = mark;
    track->last = mark;
    ledger->marks++;
    return mark;
}

/* --- lines of orders ---------------------------------------------------------------------------
 */

static bool make_due(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry, int64_t due_us)
{
    /* The heap has room for as many as there are entries. */
    return ds_heap_set(ledger->due, entry, due_us, NULL);
}

/* What happened earlier is told earlier, also where topics were read in another order; but not
 * before one that was tried already. */
static bool may_stand_before(const struct ds_ledger_entry *entry,
                             const struct ds_ledger_entry *other)
{
    return other->state == WAITING && other->attempts == 0 &&
           entry->notice->at_us < other->notice->at_us;
}

static bool line_up(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry, ds_error_t *error)
{
    struct ds_ledger_entry *first = ds_map_get(ledger->by_order, entry->notice->order_id);
    struct ds_ledger_entry *at = first;
    if (first == NULL || may_stand_before(entry, first)) {
        entry->next_of_order = first;
        if (!ds_map_put(ledger->by_order, entry->notice->order_id, entry, NULL, error))
            return false;
        if (first != NULL)
            ds_heap_remove(ledger->due, first);
        return make_due(ledger, entry, 0);
    }
    while (at->next_of_order != NULL && !may_stand_before(entry, at->next_of_order))
        at = at->next_of_order;
    entry->next_of_order = at->next_of_order;
    at->next_of_order = entry;
    return true;
}

/* The first of its line goes; the next one's turn. */
static void leave_line(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry)
{
    struct ds_ledger_entry *next = entry->next_of_order;
    if (next == NULL) {
        (void)ds_map_take(ledger->by_order, entry->notice->order_id);
        return;
    }
    /* A replacement: neither of these needs memory. */
    bool put = ds_map_put(ledger->by_order, entry->notice->order_id, next, NULL, NULL);
    assert(put);
    put = make_due(ledger, next, 0);
    assert(put);
    (void)put;
}

/* --- partitions --------------------------------------------------------------------------------
 */

void ds_notice_ledger_assigned(ds_notice_ledger_t *ledger, int32_t partition)
{
    ds_notice_ledger_revoked(ledger, partition);
}

static void drop_line(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry)
{
    while (entry != NULL) {
        struct ds_ledger_entry *next = entry->next_of_order;
        entry->mark = NULL;
        entry->next_of_order = NULL;
        if (entry->state == WAITING) {
            ds_heap_remove(ledger->due, entry);
            free_entry(ledger, entry);
        } else {
            entry->left = true;
        }
        entry = next;
    }
}

void ds_notice_ledger_revoked(ds_notice_ledger_t *ledger, int32_t partition)
{
    struct part *part = &ledger->parts[partition];
    size_t cursor = 0;
    ds_str_t key;
    void *value;
    while (ds_map_next(ledger->by_order, &cursor, &key, &value)) {
        struct ds_ledger_entry *entry = value;
        if (entry->partition != partition)
            continue;
        (void)ds_map_take(ledger->by_order, key);
        drop_line(ledger, entry);
    }
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        clear_track(ledger, &part->tracks[t]);
    part->refuses = false;
}

void ds_notice_ledger_destroy(ds_notice_ledger_t *ledger)
{
    if (ledger == NULL)
        return;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS && ledger->by_order != NULL; p++)
        ds_notice_ledger_revoked(ledger, p);
    while (ledger->first_told != NULL) {
        struct ds_ledger_entry *entry = ledger->first_told;
        ledger->first_told = entry->next_told;
        free_entry(ledger, entry);
    }
    ds_map_destroy(ledger->by_order, NULL);
    ds_heap_destroy(ledger->due);
    free(ledger);
}

/* --- adding ------------------------------------------------------------------------------------
 */

static bool is_full(const ds_notice_ledger_t *ledger)
{
    return ledger->count >= ledger->config.max_waiting ||
           ledger->marks >= MARKS_FACTOR * ledger->config.max_waiting;
}

static bool no_memory(ds_error_t *error)
{
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "a notice");
}

bool ds_notice_ledger_add(ds_notice_ledger_t *ledger, int32_t partition, enum ds_notice_topic topic,
                          int64_t offset, const struct ds_notice *notice, bool *full_out,
                          ds_error_t *error)
{
    struct part *part = &ledger->parts[partition];
    struct track *track = &part->tracks[topic];
    *full_out = part->refuses || is_full(ledger);
    if (*full_out) {
        part->refuses = true;
        if (track->refused_from < 0)
            track->refused_from = offset;
        return true;
    }
    struct ds_ledger_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return no_memory(error);
    *entry = (struct ds_ledger_entry){.partition = partition,
                                      .topic = topic,
                                      .offset = offset,
                                      .handle = -1,
                                      .notice = ds_notice_dup(notice)};
    entry->mark = entry->notice == NULL ? NULL : add_mark(ledger, track, offset);
    ledger->count++;
    if (entry->mark != NULL && line_up(ledger, entry, error))
        return true;
    if (entry->mark != NULL)
        entry->mark->over = true; /* the role ends: positions do not matter any more */
    free_entry(ledger, entry);
    return no_memory(error);
}

bool ds_notice_ledger_add_over(ds_notice_ledger_t *ledger, int32_t partition,
                               enum ds_notice_topic topic, int64_t offset, ds_error_t *error)
{
    struct track *track = &ledger->parts[partition].tracks[topic];
    if (track->first == NULL)
        return true; /* nothing open before it */
    struct ds_ledger_mark *mark = add_mark(ledger, track, offset);
    if (mark == NULL)
        return no_memory(error);
    mark->told = mark->over = true;
    return true;
}

bool ds_notice_ledger_wants_again(const ds_notice_ledger_t *ledger, int32_t partition)
{
    return ledger->parts[partition].refuses && ledger->count <= ledger->config.max_waiting / 2 &&
           ledger->marks <= MARKS_FACTOR * ledger->config.max_waiting / 2;
}

/* --- telling -----------------------------------------------------------------------------------
 */

static void append_told(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry)
{
    entry->state = TOLD;
    if (entry->mark != NULL)
        entry->mark->told = true;
    entry->next_told = NULL;
    if (ledger->last_told != NULL)
        ledger->last_told->next_told = entry;
    else
        ledger->first_told = entry;
    ledger->last_told = entry;
}

static void begin_out(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry)
{
    ds_heap_remove(ledger->due, entry);
    ledger->parts[entry->partition].out++;
}

struct ds_ledger_entry *ds_notice_ledger_take(ds_notice_ledger_t *ledger, int64_t now_us,
                                              int64_t wall_now_us)
{
    int64_t due_us;
    struct ds_ledger_entry *entry = ds_heap_peek(ledger->due, &due_us);
    while (entry != NULL && due_us <= now_us &&
           ledger->unnoted + ledger->taken < ledger->config.unnoted_max) {
        begin_out(ledger, entry);
        if (entry->notice->at_us >= wall_now_us - ledger->config.max_age_us) {
            entry->state = TAKEN;
            ledger->taken++;
            return entry;
        }
        entry->outcome = DS_TOLD_EXPIRED;
        ledger->unnoted++;
        append_told(ledger, entry);
        entry = ds_heap_peek(ledger->due, &due_us);
    }
    return NULL;
}

void ds_notice_ledger_told(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry,
                           const struct ds_told_answer *answer, int64_t now_us)
{
    assert(entry->state == TAKEN);
    ledger->taken--;
    entry->attempts++;
    entry->status = answer->status;
    if (answer->told != DS_TOLD_LATER) {
        entry->outcome = answer->told;
        ledger->unnoted++;
        append_told(ledger, entry);
        return;
    }
    ledger->parts[entry->partition].out--;
    if (entry->left) { /* the next owner tells it */
        free_entry(ledger, entry);
        return;
    }
    int64_t pause_us = ds_backoff_us(ledger->config.random, (unsigned)(entry->attempts - 1),
                                     ledger->config.first_pause_us, ledger->config.max_pause_us);
    if (answer->retry_after_us > pause_us)
        pause_us = answer->retry_after_us < ledger->config.max_pause_us
                       ? answer->retry_after_us
                       : ledger->config.max_pause_us;
    entry->state = WAITING;
    bool due = make_due(ledger, entry, now_us + pause_us);
    assert(due); /* it was in the heap before: there is room */
    (void)due;
}

struct ds_ledger_entry *ds_notice_ledger_take_note(ds_notice_ledger_t *ledger)
{
    struct ds_ledger_entry *entry = ledger->first_told;
    if (entry == NULL)
        return NULL;
    ledger->first_told = entry->next_told;
    if (ledger->first_told == NULL)
        ledger->last_told = NULL;
    entry->state = NOTING;
    return entry;
}

void ds_notice_ledger_noted(ds_notice_ledger_t *ledger, struct ds_ledger_entry *entry, bool kept)
{
    assert(entry->state == NOTING);
    if (!kept) {
        append_told(ledger, entry);
        return;
    }
    ledger->unnoted--;
    ledger->parts[entry->partition].out--;
    if (!entry->left) {
        entry->mark->over = true;
        drop_over(ledger, track_of(ledger, entry));
        leave_line(ledger, entry);
    }
    free_entry(ledger, entry);
}

/* --- asking ------------------------------------------------------------------------------------
 */

int64_t ds_notice_ledger_position(const ds_notice_ledger_t *ledger, int32_t partition,
                                  enum ds_notice_topic topic, int64_t read, int64_t *beyond,
                                  size_t max, size_t *count_out)
{
    const struct track *track = &ledger->parts[partition].tracks[topic];
    const struct ds_ledger_mark *mark = track->first;
    while (mark != NULL && mark->told)
        mark = mark->next;
    int64_t next = mark != NULL ? mark->offset : read;
    *count_out = 0;
    if (track->refused_from >= 0 && track->refused_from < next)
        next = track->refused_from;
    for (mark = track->first; mark != NULL && *count_out <= max; mark = mark->next) {
        if (!mark->told || mark->offset < next)
            continue;
        if (*count_out < max)
            beyond[*count_out] = mark->offset;
        (*count_out)++;
    }
    return next;
}

bool ds_notice_ledger_busy(const ds_notice_ledger_t *ledger, int32_t partition)
{
    return ledger->parts[partition].out > 0;
}

bool ds_notice_ledger_active(const ds_notice_ledger_t *ledger)
{
    return ledger->taken + ledger->unnoted > 0;
}

bool ds_notice_ledger_next_due(const ds_notice_ledger_t *ledger, int64_t *due_us_out)
{
    return ds_heap_peek(ledger->due, due_us_out) != NULL;
}

size_t ds_notice_ledger_count(const ds_notice_ledger_t *ledger)
{
    return ledger->count;
}
