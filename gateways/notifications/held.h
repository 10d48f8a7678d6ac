/* gateways/notifications/held.h - a list of events that are held back, by topic and time; which of
 * them go is holdback.h's to say. Threads: one list, one thread. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_HELD_H
#define DS_GATEWAYS_NOTIFICATIONS_HELD_H

#include "base/error.h"
#include "gateways/notifications/notice.h"

struct ds_held {
    struct ds_notice *notice; /* owned */
    enum ds_notice_topic topic;
    int64_t offset;
    struct ds_held *next;
};

/** Of each topic by offset. All zero: empty. */
struct ds_held_list {
    struct ds_held *first, *last;
    size_t count;
    size_t of[DS_NOTICE_TOPICS]; /* how many are of each topic */
};

/** Whether one may go. */
typedef bool (*ds_held_goes_fn)(void *context, const struct ds_held *held);

/** @brief Add a copy of the notice at the end. MEMORY. */
DS_MUST_CHECK bool ds_held_put(struct ds_held_list *list, enum ds_notice_topic topic,
                               int64_t offset, const struct ds_notice *notice, ds_error_t *error);
/** @brief Take out those that may go. Of a topic, what stands behind one that may not stays too.
 *  @param taken_out  an array of the caller's to free, each of it too (ds_held_free): what answers
 *                    another event comes behind it. MEMORY: nothing is taken. */
DS_MUST_CHECK bool ds_held_take(struct ds_held_list *list, ds_held_goes_fn goes, void *context,
                                struct ds_held ***taken_out, size_t *count_out, ds_error_t *error);
/** @brief Offset of the first of a topic; `otherwise`: there is none. */
int64_t ds_held_first(const struct ds_held_list *list, enum ds_notice_topic topic,
                      int64_t otherwise);
void ds_held_free(struct ds_held *held);
void ds_held_clear(struct ds_held_list *list);

#endif
