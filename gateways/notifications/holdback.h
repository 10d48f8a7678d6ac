/* gateways/notifications/holdback.h - the hold-back queue of a partition: what may go now, what is
 * held back, and how fast it goes.
 *
 * An event is held back until all three topics have been read as far as they went when it was met:
 * so its order is known, and what it answers is told before it, also when the topics come up at
 * different speeds. Where too much would be held, the topics that are ahead wait for the one that
 * is behind, and what happened before the event that this one has come to goes.
 *
 * Whoever reads the log takes each record in, and releases once a turn.
 * Threads: that of the reader. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_HOLDBACK_H
#define DS_GATEWAYS_NOTIFICATIONS_HOLDBACK_H

#include "gateways/notifications/contacts.h"
#include "gateways/notifications/held.h"
#include "stream/reader.h"

/** Of one partition; the fields are holdback.c's. All zero: nothing was read. */
struct ds_holdback {
    struct ds_held_list held;
    int64_t read[DS_NOTICE_TOPICS];    /* behind the last record */
    int64_t read_us[DS_NOTICE_TOPICS]; /* the time of that record */
    bool full[DS_NOTICE_TOPICS];       /* enough of it is held */
    bool asked;                        /* `targets` is set */
    int64_t targets[DS_NOTICE_TOPICS]; /* once it is read so far, what is held before may go */
};

/** Where what is held comes from, and where it goes. Borrowed for a call. */
struct ds_holdback_route {
    ds_reader_t *reader;
    int32_t partition;
    const ds_contacts_t *contacts; /* of the orders that were read */
    size_t max_held;               /* of a topic */
    /** One that may go; of an order in the order it happened. false: it and all that would go with
     * it are lost, the role must end. */
    bool (*hand_over)(void *context, int32_t partition, const struct ds_held *held,
                      ds_error_t *error);
    void *context;
};

/** @brief A record was read.
 *  @param at_us   when it happened.
 *  @param notice  what it tells, copied. NULL: nothing that is still to be told.
 *  @param error   MEMORY: it does not count as read. */
DS_MUST_CHECK bool ds_holdback_take(struct ds_holdback *holdback, enum ds_notice_topic topic,
                                    int64_t offset, int64_t at_us, const struct ds_notice *notice,
                                    ds_error_t *error);
/** @brief Hand over what may go, and let the reader pause the topics of which enough is held.
 *  @param may_ask  Kafka may be asked where the topics end; with false, or without an answer, what
 *                  was not asked about yet stays.
 *  @param error    MEMORY, or hand_over's. */
DS_MUST_CHECK bool ds_holdback_release(struct ds_holdback *holdback,
                                       const struct ds_holdback_route *route, bool may_ask,
                                       ds_error_t *error);
/** @brief All of the topic before this offset was read, and is held no more. */
int64_t ds_holdback_passed(const struct ds_holdback *holdback, enum ds_notice_topic topic);
/** @brief Forget all; as if nothing was read. */
void ds_holdback_clear(struct ds_holdback *holdback);

#endif
