#include "gateways/notifications/follower.h"

#include "base/limits.h"
#include "gateways/notifications/contacts.h"
#include "gateways/notifications/events.h"
#include "gateways/notifications/holdback.h"
#include "gateways/notifications/limits.h"
#include "gateways/notifications/notes.h"
#include "schemas/framing.h"
#include "stream/broker.h"
#include "stream/reader.h"

#include <stdlib.h>

#define GROUP_ID      "doorstep-notifications"
#define IDLE_POLL_MS  50
#define BUSY_POLL_MS  2
#define UNREADABLE_US (30 * DS_US_PER_S)
/* The channels may go on for so long after a turn, and after the group's last sign of life: below
 * its session timeout (10 s). Whoever was away for longer may have lost its partitions, and sends
 * nothing until it knows. */
#define LEAVE_US        (3 * DS_US_PER_S)
#define GROUP_LEAVE_US  (8 * DS_US_PER_S)
#define REVOKE_WAIT_US  (2 * DS_US_PER_S)
#define LOOK_US         (2 * DS_US_PER_S) /* positions, hints */
#define POSITION_AGE_US (3600 * DS_US_PER_S)
/* A channel notes a position every POSITION_AGE_US, or that a notice is over before it is too old;
 * one that was silent for longer by this was switched off. */
#define SILENCE_US (2 * POSITION_AGE_US)

/** A position as it was last noted. */
struct noted {
    int64_t next[DS_NOTICE_TOPICS];
    size_t beyond;
    int64_t at_us; /* monotonic */
};

enum slot_state { SLOT_NONE, SLOT_READING, SLOT_CURRENT };

struct slot {
    enum slot_state state;
    bool refused;                   /* its notes cannot be taken; it is asked for again */
    int64_t ends[DS_NOTICE_TOPICS]; /* as they were when the partition came */
    int64_t hinted;
    struct ds_notes_history histories[DS_CHANNELS];
    struct noted noted[DS_CHANNELS];
    struct ds_holdback holdback;
};

struct ds_follower {
    const struct ds_runtime *runtime;
    struct ds_follower_config config;
    bool wanted[DS_CHANNELS];
    ds_reader_t *reader;
    ds_notes_t *notes;
    ds_contacts_t *contacts;
    struct slot *slots;                        /* DS_MAX_PARTITIONS */
    int64_t quiet_until_us[DS_MAX_PARTITIONS]; /* not read before */
    int64_t *beyond;                           /* DS_MAX_SETTLED_BEYOND, three times */
    int64_t look_at_us;
    bool kafka_away;
    bool unreadable;
    ds_metric_t *skipped_old;
    ds_metric_t *skipped_unknown;
    ds_metric_t *contact_count;
    ds_metric_t *contact_dropped;
    int64_t dropped_told;
};

static int64_t now_of(const ds_follower_t *follower)
{
    return ds_monotonic_us(follower->runtime->clock);
}

/* --- a partition goes --------------------------------------------------------------------------
 */

static void clear_slot(ds_follower_t *follower, int32_t partition)
{
    struct slot *slot = &follower->slots[partition];
    ds_holdback_clear(&slot->holdback);
    for (int c = 0; c < DS_CHANNELS; c++) {
        ds_notes_history_cleanup(&slot->histories[c]);
        if (follower->config.senders[c] != NULL)
            ds_sender_revoked(follower->config.senders[c], partition);
    }
    ds_contacts_clear(follower->contacts, partition);
    *slot = (struct slot){.state = SLOT_NONE};
}

static void note_what_is_told(ds_follower_t *follower)
{
    struct ds_ledger_entry *entry;
    for (int c = 0; c < DS_CHANNELS; c++) {
        ds_sender_t *sender = follower->config.senders[c];
        size_t room = 64; /* what cannot be noted comes back to the line's end */
        while (sender != NULL && room-- > 0 && (entry = ds_sender_take_note(sender)) != NULL)
            ds_notes_settle(follower->notes, sender, entry);
    }
}

static bool busy(ds_follower_t *follower, int32_t partition)
{
    for (int c = 0; c < DS_CHANNELS; c++)
        if (follower->config.senders[c] != NULL &&
            ds_sender_busy(follower->config.senders[c], partition))
            return true;
    return false;
}

/* What is under way is noted before somebody else reads the notes, as far as it ends in time. */
static void on_revoked(void *context, int32_t partition)
{
    ds_follower_t *follower = context;
    int64_t until_us = now_of(follower) + REVOKE_WAIT_US;
    clear_slot(follower, partition);
    while (busy(follower, partition) && now_of(follower) < until_us) {
        note_what_is_told(follower);
        ds_notes_poll(follower->notes, BUSY_POLL_MS);
        ds_health_turn(follower->runtime);
    }
}

static void drop(ds_follower_t *follower, int32_t partition)
{
    clear_slot(follower, partition);
    ds_reader_drop(follower->reader, partition);
}

/* --- a partition comes -------------------------------------------------------------------------
 */

/* Where the notes say nothing, or speak of another log, the channel begins at the end: what was
 * there before is never told. */
static bool begin_topic(struct ds_notes_topic *topic, ds_str_t identity, int64_t end)
{
    if (ds_str_eq(identity, ds_str(topic->identity)))
        return false;
    bool same = topic->identity[0] == '\0' && topic->next == 0; /* it had no claim then */
    if (!ds_str_to_array(identity, topic->identity, sizeof topic->identity))
        topic->identity[0] = '\0';
    if (!same) {
        topic->next = end;
        topic->over_count = 0;
    }
    return !same;
}

static bool begin(ds_follower_t *follower, int32_t partition, struct slot *slot, ds_error_t *error)
{
    char identities[DS_NOTICE_TOPICS][DS_NOTES_IDENTITY_BYTES];
    for (int t = 0; t < DS_NOTICE_TOPICS; t++) {
        ds_str_t identity;
        if (!ds_reader_end(follower->reader, t, partition, DS_LOG_END_TIMEOUT_MS, &slot->ends[t],
                           error) ||
            !ds_reader_log_identity(follower->reader, t, partition, DS_LOG_END_TIMEOUT_MS,
                                    &identity, error))
            return false;
        if (!ds_str_to_array(identity, identities[t], sizeof identities[t]))
            identities[t][0] = '\0';
    }
    for (int c = 0; c < DS_CHANNELS; c++) {
        struct ds_notes_history *history = &slot->histories[c];
        bool news = follower->wanted[c] && !history->begun;
        for (int t = 0; t < DS_NOTICE_TOPICS && follower->wanted[c]; t++) {
            if (!history->begun) {
                (void)ds_str_to_array(ds_str(identities[t]), history->topics[t].identity,
                                      sizeof history->topics[t].identity);
                history->topics[t].next = slot->ends[t];
                history->topics[t].over_count = 0;
            } else if (begin_topic(&history->topics[t], ds_str(identities[t]), slot->ends[t])) {
                news = true;
            }
        }
        if (!news)
            continue;
        if (!ds_notes_position(follower->notes, partition, (enum ds_channel)c, history->topics,
                               true, error))
            return false;
        history->begun = true;
        ds_log_t log = follower->runtime->log;
        log.topic = ds_notice_schemas[0]->topic;
        log.partition = partition;
        log.offset = history->topics[0].next;
        ds_log(&log, DS_LOG_INFO, "notifications.begun", "a channel begins at the end of the log",
               DS_F_CSTR("channel", ds_channel_text((enum ds_channel)c)));
    }
    return true;
}

static bool open_partition(ds_follower_t *follower, int32_t partition, ds_error_t *error)
{
    struct slot *slot = &follower->slots[partition];
    if (ds_notes_load(follower->notes, partition, follower->wanted,
                      follower->config.max_age_us + SILENCE_US, slot->histories, error) &&
        begin(follower, partition, slot, error))
        return true;
    clear_slot(follower, partition);
    if (!error->retriable) { /* tried again all the same: left alone, it would tell nobody */
        ds_log_t log = follower->runtime->log;
        log.topic = ds_schema_notifications_sent.topic;
        log.partition = partition;
        ds_log_error(&log, DS_LOG_ERROR, "notifications.notes_refused", error);
        slot->refused = error->retriable = true;
    }
    return false;
}

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *error)
{
    ds_follower_t *follower = context;
    struct slot *slot = &follower->slots[partition];
    clear_slot(follower, partition);
    if (now_of(follower) < follower->quiet_until_us[partition])
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "an event of this partition cannot be read");
    note_what_is_told(follower);
    ds_notes_poll(follower->notes, 0);
    if (busy(follower, partition))
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_UNAVAILABLE,
                            "notices of this partition are on their way");
    if (!open_partition(follower, partition, error))
        return false;
    for (int c = 0; c < DS_CHANNELS; c++) {
        if (!follower->wanted[c])
            continue;
        ds_sender_assigned(follower->config.senders[c], partition);
        for (int t = 0; t < DS_NOTICE_TOPICS; t++)
            slot->noted[c].next[t] = slot->histories[c].topics[t].next;
        slot->noted[c].at_us = now_of(follower);
    }
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        places_out[t] = DS_PLACE_START;
    slot->state = SLOT_READING;
    return true;
}

/* --- events ------------------------------------------------------------------------------------
 */

static bool reaches(const struct ds_notice *notice, enum ds_channel channel)
{
    switch (channel) {
    case DS_CHANNEL_EMAIL:
        return notice->email.len > 0;
    case DS_CHANNEL_PUSH:
        return notice->push_token.len > 0;
    case DS_CHANNEL_LOG:
        return true;
    case DS_CHANNELS:
        break;
    }
    return false;
}

/* Whether some channel still wants the event, as far as the notes and the clock know. */
static bool is_wanted(ds_follower_t *follower, const struct slot *slot, enum ds_notice_topic topic,
                      int64_t offset, const struct ds_notice *notice)
{
    bool open = false;
    for (int c = 0; c < DS_CHANNELS; c++)
        open = open || (follower->wanted[c] && offset >= slot->histories[c].topics[topic].next);
    if (!open)
        return false;
    if (notice->at_us >= ds_now_us(follower->runtime->clock) - follower->config.max_age_us)
        return true;
    ds_metric_add(follower->skipped_old, 1);
    return false;
}

static bool hand_over(void *context, int32_t partition, const struct ds_held *held,
                      ds_error_t *error)
{
    ds_follower_t *follower = context;
    struct slot *slot = &follower->slots[partition];
    if (!ds_contacts_fill(follower->contacts, partition, held->notice)) {
        ds_metric_add(follower->skipped_unknown, 1);
        return true;
    }
    for (int c = 0; c < DS_CHANNELS; c++) {
        ds_sender_t *sender = follower->config.senders[c];
        const struct ds_notes_topic *noted = &slot->histories[c].topics[held->topic];
        if (sender == NULL || held->offset < noted->next)
            continue;
        if (ds_notes_over(noted, held->offset)
                ? !ds_sender_add_over(sender, partition, held->topic, held->offset, error)
                : reaches(held->notice, (enum ds_channel)c) &&
                      !ds_sender_add(sender, partition, held->topic, held->offset, held->notice,
                                     error))
            return false;
    }
    return true;
}

static void log_unreadable(const ds_follower_t *follower, const struct ds_read_record *record)
{
    ds_log_t log = follower->runtime->log;
    log.topic = ds_notice_schemas[record->topic]->topic;
    log.partition = record->partition;
    log.offset = record->place.offset;
    ds_log_write(&log, DS_LOG_ERROR, "notifications.unreadable",
                 "an event cannot be read; its partition waits for a version that can", NULL);
}

static bool take_record(ds_follower_t *follower, const struct ds_read_record *record,
                        ds_error_t *error)
{
    struct slot *slot = &follower->slots[record->partition];
    enum ds_notice_topic topic = (enum ds_notice_topic)record->topic;
    char amount[DS_AMOUNT_TEXT_BYTES];
    struct ds_notice notice;
    if (slot->state == SLOT_NONE)
        return true; /* dropped earlier in this batch */
    if (record->undecodable) {
        follower->unreadable = true;
        follower->quiet_until_us[record->partition] = now_of(follower) + UNREADABLE_US;
        log_unreadable(follower, record);
        drop(follower, record->partition);
        return true;
    }
    if (topic == DS_NOTICE_ORDER &&
        !ds_contacts_event(follower->contacts, record->partition, record->event, error))
        return false;
    bool tells = ds_notice_of_event(topic, record->event, amount, &notice) &&
                 is_wanted(follower, slot, topic, record->place.offset, &notice);
    return ds_holdback_take(&slot->holdback, topic, record->place.offset,
                            ((const struct ds_event_head *)record->event)->meta.at,
                            tells ? &notice : NULL, error);
}

static bool take_batch(ds_follower_t *follower, const struct ds_read_batch *batch,
                       ds_error_t *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!take_record(follower, &batch->records[i], error))
            return false;
    return true;
}

/* --- partitions, turn by turn ------------------------------------------------------------------
 */

static bool release_held(ds_follower_t *follower, int32_t partition, ds_error_t *error)
{
    const struct ds_holdback_route route = {
        .reader = follower->reader,
        .partition = partition,
        .contacts = follower->contacts,
        .max_held = follower->config.max_held,
        .hand_over = hand_over,
        .context = follower,
    };
    return ds_holdback_release(&follower->slots[partition].holdback, &route, !follower->kafka_away,
                               error);
}

/* false: there is nothing new to note, or it is too much. */
static bool position_of(ds_follower_t *follower, int32_t partition, int channel,
                        struct ds_notes_topic topics_out[DS_NOTICE_TOPICS], struct noted *noted_out)
{
    struct slot *slot = &follower->slots[partition];
    *noted_out = (struct noted){.at_us = now_of(follower)};
    for (int t = 0; t < DS_NOTICE_TOPICS; t++) {
        const struct ds_notes_topic *history = &slot->histories[channel].topics[t];
        int64_t *beyond = follower->beyond + (size_t)t * DS_MAX_SETTLED_BEYOND;
        int64_t read = ds_holdback_passed(&slot->holdback, (enum ds_notice_topic)t);
        size_t count = 0;
        if (read < history->next) /* still reading what is over */
            read = history->next;
        int64_t next = ds_sender_position(follower->config.senders[channel], partition,
                                          (enum ds_notice_topic)t, read, beyond,
                                          DS_MAX_SETTLED_BEYOND, &count);
        if (count > DS_MAX_SETTLED_BEYOND)
            return false;
        topics_out[t] = (struct ds_notes_topic){.next = next, .over = beyond, .over_count = count};
        memcpy(topics_out[t].identity, history->identity, sizeof history->identity);
        noted_out->next[t] = next;
        noted_out->beyond += count;
    }
    return true;
}

static bool is_new(const struct noted *noted, const struct noted *before)
{
    return noted->at_us - before->at_us >= POSITION_AGE_US || noted->beyond != before->beyond ||
           memcmp(noted->next, before->next, sizeof noted->next) != 0;
}

/* Only where all that the notes knew has been read again: a position must not know less. */
static void note_positions(ds_follower_t *follower, int32_t partition)
{
    struct slot *slot = &follower->slots[partition];
    for (int c = 0; c < DS_CHANNELS && slot->state == SLOT_CURRENT; c++) {
        struct ds_notes_topic topics[DS_NOTICE_TOPICS];
        struct noted noted;
        ds_error_t error = DS_ERROR_INIT;
        if (follower->wanted[c] && position_of(follower, partition, c, topics, &noted) &&
            is_new(&noted, &slot->noted[c]) &&
            ds_notes_position(follower->notes, partition, (enum ds_channel)c, topics, false,
                              &error))
            slot->noted[c] = noted;
    }
}

static void come_up(ds_follower_t *follower, int32_t partition)
{
    struct slot *slot = &follower->slots[partition];
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        if (ds_reader_next_offset(follower->reader, t, partition) < slot->ends[t])
            return;
    slot->state = SLOT_CURRENT;
    ds_log_t log = follower->runtime->log;
    log.topic = ds_notice_schemas[0]->topic;
    log.partition = partition;
    log.offset = slot->ends[0];
    ds_log(&log, DS_LOG_INFO, "notifications.current", "the partition is read to its end",
           DS_F_INT("contacts", (int64_t)ds_contacts_count(follower->contacts)));
}

static void hint(ds_follower_t *follower, int32_t partition)
{
    struct slot *slot = &follower->slots[partition];
    int64_t next = ds_reader_next_offset(follower->reader, 0, partition);
    if (slot->state != SLOT_CURRENT || next == slot->hinted)
        return;
    ds_reader_commit_hint(follower->reader, partition, next);
    slot->hinted = next;
}

static bool wants_again(ds_follower_t *follower, int32_t partition)
{
    for (int c = 0; c < DS_CHANNELS; c++)
        if (follower->config.senders[c] != NULL &&
            ds_sender_wants_again(follower->config.senders[c], partition))
            return true;
    return false;
}

static bool look_after(ds_follower_t *follower, int32_t partition, bool now_and_then,
                       ds_error_t *error)
{
    struct slot *slot = &follower->slots[partition];
    if (!release_held(follower, partition, error))
        return false;
    if (slot->state == SLOT_READING)
        come_up(follower, partition);
    if (!now_and_then)
        return true;
    note_positions(follower, partition);
    hint(follower, partition);
    if (slot->state == SLOT_CURRENT && wants_again(follower, partition))
        drop(follower, partition);
    return true;
}

static void tell_meters(ds_follower_t *follower)
{
    int64_t dropped = ds_contacts_dropped(follower->contacts);
    ds_metric_set(follower->contact_count, (int64_t)ds_contacts_count(follower->contacts));
    ds_metric_add(follower->contact_dropped, dropped - follower->dropped_told);
    follower->dropped_told = dropped;
}

static bool look_after_all(ds_follower_t *follower, ds_error_t *error)
{
    int64_t now = now_of(follower);
    bool now_and_then = now >= follower->look_at_us;
    if (now_and_then) {
        follower->look_at_us = now + LOOK_US;
        tell_meters(follower);
    }
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (follower->slots[p].state != SLOT_NONE && !look_after(follower, p, now_and_then, error))
            return false;
    return true;
}

static int poll_ms(ds_follower_t *follower)
{
    bool active = ds_notes_in_flight(follower->notes) > 0;
    for (int c = 0; c < DS_CHANNELS; c++)
        active = active || (follower->config.senders[c] != NULL &&
                            ds_sender_active(follower->config.senders[c]));
    return active ? BUSY_POLL_MS : IDLE_POLL_MS;
}

static void allow(ds_follower_t *follower)
{
    int64_t now = now_of(follower);
    int64_t until = now + LEAVE_US;
    int64_t group_until = now - ds_reader_group_silent_us(follower->reader) + GROUP_LEAVE_US;
    if (!ds_notes_up(follower->notes))
        return;
    for (int c = 0; c < DS_CHANNELS; c++)
        if (follower->config.senders[c] != NULL)
            ds_sender_allow(follower->config.senders[c], until < group_until ? until : group_until);
}

bool ds_follower_turn(ds_follower_t *follower, ds_error_t *error)
{
    struct ds_read_batch batch;
    ds_error_t cause = DS_ERROR_INIT;
    if (ds_reader_poll(follower->reader, poll_ms(follower), &batch, &cause)) {
        follower->kafka_away = false;
        if (!take_batch(follower, &batch, error))
            return false;
        allow(follower);
    } else if (cause.code == DS_ERR_NOT_OWNER) { /* another process bears our name in the group */
        *error = cause;
        return false;
    } else {
        follower->kafka_away = cause.code == DS_ERR_UNAVAILABLE;
        if (!follower->kafka_away)
            ds_log_error(&follower->runtime->log, DS_LOG_ERROR, "notifications.read", &cause);
    }
    note_what_is_told(follower);
    ds_notes_poll(follower->notes, follower->kafka_away ? IDLE_POLL_MS : 0);
    return look_after_all(follower, error);
}

/* --- start and end -----------------------------------------------------------------------------
 */

static void make_meters(ds_follower_t *follower)
{
    static const struct ds_label old[] = {{"reason", "too_old"}, {NULL, NULL}};
    static const struct ds_label unknown[] = {{"reason", "unknown_order"}, {NULL, NULL}};
    ds_metrics_t *metrics = follower->runtime->metrics;
    follower->skipped_old =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_skipped_total",
                       "Events that are told to nobody, by the reason.", old);
    follower->skipped_unknown =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_skipped_total",
                       "Events that are told to nobody, by the reason.", unknown);
    follower->contact_count = ds_metrics_get(metrics, DS_GAUGE, "doorstep_notifications_contacts",
                                             "Orders whose contact is remembered.", NULL);
    follower->contact_dropped =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_contacts_dropped_total",
                       "Contacts forgotten because there were too many.", NULL);
}

static bool open_notes(ds_follower_t *follower, ds_error_t *error)
{
    struct ds_broker *broker = follower->config.notes;
    follower->config.notes = NULL;
    return ds_notes_new(follower->runtime, follower->config.brokers, broker, &follower->notes,
                        error);
}

static bool open_reader(ds_follower_t *follower, ds_error_t *error)
{
    const char *instance = follower->config.group_instance_id;
    const struct ds_reader_config config = {
        .brokers = follower->config.brokers,
        .client_id = "notifications",
        .group_id = GROUP_ID,
        .group_instance_id = instance != NULL && instance[0] != '\0' ? instance : NULL,
        .topics = ds_notice_schemas,
        .topic_count = DS_NOTICE_TOPICS,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .context = follower,
        .broker = follower->config.broker,
        .lookup = follower->config.lookup,
    };
    follower->config.broker = follower->config.lookup = NULL; /* the reader's, also on failure */
    return ds_reader_new(follower->runtime, &config, &follower->reader, error);
}

static void drop_broker(struct ds_broker *broker)
{
    if (broker != NULL)
        broker->ops->destroy(broker, 0);
}

/* What nobody else has taken. */
static void drop_brokers(const struct ds_follower_config *config)
{
    drop_broker(config->broker);
    drop_broker(config->lookup);
    drop_broker(config->notes);
}

bool ds_follower_new(const struct ds_runtime *runtime, const struct ds_follower_config *config,
                     ds_follower_t **follower_out, ds_error_t *error)
{
    *follower_out = NULL;
    ds_follower_t *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        drop_brokers(config);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a follower");
    }
    follower->runtime = runtime;
    follower->config = *config;
    if (config->max_held == 0)
        follower->config.max_held = DS_MAX_HELD;
    for (int c = 0; c < DS_CHANNELS; c++)
        follower->wanted[c] = config->senders[c] != NULL;
    make_meters(follower);
    follower->slots = calloc(DS_MAX_PARTITIONS, sizeof *follower->slots);
    follower->beyond =
        calloc((size_t)DS_NOTICE_TOPICS * DS_MAX_SETTLED_BEYOND, sizeof *follower->beyond);
    follower->contacts = ds_contacts_new(0);
    bool ok = follower->slots != NULL && follower->beyond != NULL && follower->contacts != NULL;
    if (!ok)
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a follower");
    ok = ok && open_notes(follower, error) && open_reader(follower, error);
    if (!ok) {
        drop_brokers(&follower->config);
        ds_follower_destroy(follower);
        return false;
    }
    *follower_out = follower;
    return true;
}

void ds_follower_destroy(ds_follower_t *follower)
{
    if (follower == NULL)
        return;
    if (follower->notes != NULL)
        note_what_is_told(follower);
    ds_notes_destroy(follower->notes, REVOKE_WAIT_US / DS_US_PER_MS);
    if (follower->reader != NULL)
        ds_reader_destroy(follower->reader);
    for (int32_t p = 0; p < DS_MAX_PARTITIONS && follower->slots != NULL; p++)
        if (follower->contacts != NULL)
            clear_slot(follower, p);
    ds_contacts_destroy(follower->contacts);
    free(follower->slots);
    free(follower->beyond);
    free(follower);
}

const char *ds_follower_waiting(const ds_follower_t *follower)
{
    const char *schemas = ds_reader_waiting(follower->reader);
    if (follower->kafka_away)
        return "kafka is away";
    if (schemas == NULL)
        schemas = ds_framing_waiting(follower->runtime->framing);
    if (schemas != NULL)
        return schemas;
    if (ds_follower_refused(follower))
        return "what has been told cannot be read";
    return follower->unreadable ? "an event cannot be read" : NULL;
}

bool ds_follower_refused(const ds_follower_t *follower)
{
    bool any = false;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        any = any || follower->slots[p].refused;
    return any;
}

bool ds_follower_current(const ds_follower_t *follower)
{
    bool any = false, all = true;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        any = any || follower->slots[p].state != SLOT_NONE;
        all = all &&
              (follower->slots[p].state == SLOT_NONE || follower->slots[p].state == SLOT_CURRENT);
    }
    return any && all && !ds_follower_refused(follower) &&
           ds_framing_ready(follower->runtime->framing, &ds_schema_notifications_sent);
}
