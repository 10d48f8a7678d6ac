/* gateways/notifications/follower.h - from the events topics to the channels, and the notes back.
 *
 * The main thread's part: it reads under rule F, folds contacts, gives notices to the channels,
 * notes what is over, and says how long the channels may go on. Partition p of order.events is what
 * the group gives; p of payment.events and delivery.events, and of the notes, go with it.
 *
 * A partition is read from its beginning, for the contacts; what the notes say is over, or is older
 * than `max_age_us`, is passed over. Where the notes say nothing the channel begins at the end; so
 * does one of which nothing was noted for longer than notices are told.
 *
 * The three topics come up at different speeds: what may be told already, and what is held back, is
 * holdback.h's to say.
 */
#ifndef DS_GATEWAYS_NOTIFICATIONS_FOLLOWER_H
#define DS_GATEWAYS_NOTIFICATIONS_FOLLOWER_H

#include "gateways/notifications/sender.h"

struct ds_follower_config {
    const char *brokers;
    const char *group_instance_id; /* NULL: none */
    int64_t max_age_us;
    ds_sender_t *senders[DS_CHANNELS]; /* NULL: not used; borrowed */
    size_t max_held;                   /* 0: DS_MAX_HELD */
    /** For tests; taken, also on failure. NULL: Kafka at `brokers`. */
    struct ds_broker *broker;
    struct ds_broker *lookup;
    struct ds_broker *notes; /* of notifications.sent */
};

typedef struct ds_follower ds_follower_t;

DS_MUST_CHECK bool ds_follower_new(const struct ds_runtime *runtime,
                                   const struct ds_follower_config *config,
                                   ds_follower_t **follower_out, ds_error_t *error);
/** @brief The senders must be stopped: what they still tell is noted first, some seconds at most.
 */
void ds_follower_destroy(ds_follower_t *follower);
/** @brief Read, hand over, note. @return false: the role must end. */
DS_MUST_CHECK bool ds_follower_turn(ds_follower_t *follower, ds_error_t *error);
/** @brief What is missing, a literal for people; NULL: nothing. */
const char *ds_follower_waiting(const ds_follower_t *follower);
/** @brief The notes of a partition cannot be taken, and nothing of it is told; it is tried again.
 */
bool ds_follower_refused(const ds_follower_t *follower);
/** @brief All partitions that are ours have been read to where they ended. */
bool ds_follower_current(const ds_follower_t *follower);

#endif
