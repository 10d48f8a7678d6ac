/* gateways/notifications/notes.h - the topic notifications.sent: what has been told.
 *
 * Partition p of it speaks of partition p of the events topics. A note is a fact and stays true
 * whoever wrote it, so there is no fence: two processes that write at once only say more. A
 * position sums up all notes in front of it, so that a start reads the end of the topic only.
 * Threads: one, whoever polls. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_NOTES_H
#define DS_GATEWAYS_NOTIFICATIONS_NOTES_H

#include "gateways/notifications/sender.h"
#include "schemas/schema.h"
#include "stream/broker.h"

#define DS_NOTES_IDENTITY_BYTES 64

/** What the notes say of one events topic. */
struct ds_notes_topic {
    char identity[DS_NOTES_IDENTITY_BYTES]; /* of its log */
    int64_t next;                           /* everything before is over */
    int64_t *over;                          /* and these; rising */
    size_t over_count;
    size_t over_capacity;
};

/** What they say of one channel in one partition. */
struct ds_notes_history {
    bool begun; /* there is a position */
    struct ds_notes_topic topics[DS_NOTICE_TOPICS];
};

void ds_notes_history_cleanup(struct ds_notes_history *history);
/** @brief Whether the event at this offset is over. Pure. */
bool ds_notes_over(const struct ds_notes_topic *topic, int64_t offset);
/** @brief Take one note into the history; in the order of the topic. Pure. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_notes_take(struct ds_notes_history histories[DS_CHANNELS],
                                 const struct ds_notification_note *note, ds_error_t *error);
/** @brief After the last note: sort. */
void ds_notes_taken(struct ds_notes_history histories[DS_CHANNELS]);

typedef struct ds_notes ds_notes_t;

/** @param broker  for tests: of notifications.sent, taken, also on failure. NULL: Kafka. */
DS_MUST_CHECK bool ds_notes_new(const struct ds_runtime *runtime, const char *brokers,
                                ds_broker_t *broker, ds_notes_t **notes_out, ds_error_t *error);
/** @brief Waits up to wait_ms for acknowledgements; what has none is given back as not kept. */
void ds_notes_destroy(ds_notes_t *notes, int64_t wait_ms);
/** @brief Read what is known of a partition. Blocks while records come, and 10 s without any.
 *  @param wanted         the channels that are asked for; nothing is said of others. The reading
 *                        goes back until each has a position, or was silent for `silent_us`.
 *  @param silent_us      a channel of which nothing at all was noted while notes were made for so
 *                        long is new, or was switched off: it is not looked for any further.
 *  @param histories_out  the caller's to clean up, also on failure; zeroed before.
 *  @param error          UNAVAILABLE: Kafka or the schema registry is away. */
DS_MUST_CHECK bool ds_notes_load(ds_notes_t *notes, int32_t partition,
                                 const bool wanted[DS_CHANNELS], int64_t silent_us,
                                 struct ds_notes_history histories_out[DS_CHANNELS],
                                 ds_error_t *error);
/** @brief Note that an entry of the sender is over; it is given back when the log has said whether
 *  it has the note. BUSY, UNAVAILABLE: not now; it is given back at once. */
void ds_notes_settle(ds_notes_t *notes, ds_sender_t *sender, struct ds_ledger_entry *entry);
/** @brief Note a position. @param wait  until the log has it, 10 s at most. */
DS_MUST_CHECK bool ds_notes_position(ds_notes_t *notes, int32_t partition, enum ds_channel channel,
                                     const struct ds_notes_topic topics[DS_NOTICE_TOPICS],
                                     bool wait, ds_error_t *error);
/** @brief Hear what became of notes; waits up to timeout_ms. */
void ds_notes_poll(ds_notes_t *notes, int timeout_ms);
/** @brief Notes on their way. */
size_t ds_notes_in_flight(const ds_notes_t *notes);
/** @brief Whether notes can be written, as far as is known. */
bool ds_notes_up(const ds_notes_t *notes);

/** @brief "order.events", ...: by enum ds_notice_topic. */
extern const struct ds_schema *const ds_notice_schemas[DS_NOTICE_TOPICS];

#endif
