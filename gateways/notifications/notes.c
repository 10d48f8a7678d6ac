#include "gateways/notifications/notes.h"

#include "base/id.h"
#include "base/limits.h"
#include "gateways/notifications/limits.h"
#include "schemas/framing.h"
#include "stream/broker_kafka.h"
#include "stream/silent.h"

#include <stdio.h>
#include <stdlib.h>

#define IN_FLIGHT_MAX 256
#define POLL_MS       20
#define END_MS        1000
#define LOAD_US       (10 * DS_US_PER_S) /* without a record */
#define WAIT_US       (10 * DS_US_PER_S)
#define FIRST_WINDOW  2000
#define WINDOW_FACTOR 4
/* A longer pause between two notes counts as so much: nobody noted anything then. */
#define GAP_US       (3600 * DS_US_PER_S)
#define STATUS_BYTES 16

struct flight {
    uint64_t tag; /* 0: free */
    ds_sender_t *sender;
    struct ds_ledger_entry *entry;
};

struct ds_notes {
    const struct ds_runtime *runtime;
    ds_broker_t *broker;
    ds_arena_t *arena;
    ds_buf_t value;
    uint64_t tags;
    struct flight flights[IN_FLIGHT_MAX];
    size_t in_flight;
    uint64_t awaited; /* a tag somebody waits for; 0: none */
    enum ds_error_code awaited_code;
    bool lost; /* the producer is to be renewed */
    struct ds_silent silent;
    /* The partition that is being loaded. */
    struct ds_notes_history *histories;
    const bool *wanted;
    int32_t partition;
    int64_t expected; /* offset of its next record */
    int64_t noted_us; /* for how long notes were made, as far as they are read */
    int64_t last_us;  /* of the newest one; 0: none */
    bool heard[DS_CHANNELS];
    ds_error_t failure;
};

bool ds_notes_new(const struct ds_runtime *runtime, const char *brokers, ds_broker_t *broker,
                  ds_notes_t **notes_out, ds_error_t *error)
{
    static const char *const topics[] = {"notifications.sent"};
    const struct ds_broker_kafka_config config = {
        .brokers = brokers,
        .client_id = "notes",
        .topics = topics,
        .topic_count = 1,
        .with_producer = true,
    };
    *notes_out = NULL;
    ds_notes_t *notes = calloc(1, sizeof *notes);
    if (notes == NULL) {
        if (broker != NULL)
            broker->ops->destroy(broker, 0);
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "notes");
    }
    notes->runtime = runtime;
    notes->broker = broker;
    ds_buf_init(&notes->value, DS_MAX_RECORD_BYTES);
    notes->arena = ds_arena_new(16 * 1024, DS_MAX_DECODE_BYTES);
    if (notes->arena == NULL)
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "notes");
    if (notes->arena == NULL ||
        (broker == NULL && !ds_broker_kafka_new(&runtime->log, &config, &notes->broker, error))) {
        ds_notes_destroy(notes, 0);
        return false;
    }
    *notes_out = notes;
    return true;
}

/* --- what became of them -----------------------------------------------------------------------
 */

static void land(ds_notes_t *notes, struct flight *flight, bool kept)
{
    struct flight landed = *flight;
    *flight = (struct flight){0};
    notes->in_flight--;
    ds_sender_noted(landed.sender, landed.entry, kept);
}

static void on_delivery(ds_notes_t *notes, const struct ds_broker_event *event)
{
    if (event->tag == notes->awaited) {
        notes->awaited = 0;
        notes->awaited_code = event->code;
        return;
    }
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        if (notes->flights[i].tag == event->tag && notes->flights[i].sender != NULL) {
            land(notes, &notes->flights[i], event->code == DS_OK);
            return;
        }
}

/* Nothing more is heard of what the old producer had: noted once more, which does no harm. */
static void renew(ds_notes_t *notes)
{
    ds_error_t error = DS_ERROR_INIT;
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        if (notes->flights[i].sender != NULL)
            land(notes, &notes->flights[i], false);
    if (notes->awaited != 0) {
        notes->awaited = 0;
        notes->awaited_code = DS_ERR_UNAVAILABLE;
    }
    notes->lost = !notes->broker->ops->renew_producer(notes->broker, &error);
    if (notes->lost)
        ds_log_error(&notes->runtime->log, DS_LOG_WARN, "notifications.notes", &error);
}

static void take_note(ds_notes_t *notes, const struct ds_notification_note *note)
{
    if (notes->last_us != 0 && note->at > notes->last_us) {
        int64_t gap_us = note->at - notes->last_us;
        notes->noted_us += gap_us < GAP_US ? gap_us : GAP_US;
    }
    if (note->at > notes->last_us)
        notes->last_us = note->at;
    if (!notes->wanted[note->channel])
        return;
    notes->heard[note->channel] = true;
    (void)!ds_notes_take(notes->histories, note, &notes->failure);
}

static void on_record(ds_notes_t *notes, const struct ds_broker_event *event)
{
    if (notes->histories == NULL || event->partition != notes->partition ||
        event->offset < notes->expected || ds_error_is_set(&notes->failure))
        return;
    bool head_ok;
    struct ds_notification_note note;
    ds_error_t error = DS_ERROR_INIT;
    notes->expected = event->offset + 1;
    ds_arena_reset(notes->arena);
    if (!event->has_value)
        return;
    if (ds_framing_decode(notes->runtime->framing, &ds_schema_notifications_sent, event->value,
                          notes->arena, &note, &head_ok, &error)) {
        take_note(notes, &note);
        return;
    }
    /* Of a later version: not to know what it says could mean to tell twice. */
    if (error.code == DS_ERR_UNKNOWN)
        error.retriable = true;
    if (error.retriable || error.code == DS_ERR_MEMORY) {
        notes->failure = error;
        return;
    }
    /* Somebody else's bytes. */
    ds_log_t log = notes->runtime->log;
    log.topic = "notifications.sent";
    log.partition = event->partition;
    log.offset = event->offset;
    ds_log_error(&log, DS_LOG_ERROR, "notifications.note_unreadable", &error);
}

static void take_events(ds_notes_t *notes, int timeout_ms)
{
    const struct ds_broker_event *events = NULL;
    size_t count = 0;
    ds_error_t error = DS_ERROR_INIT;
    if (!notes->broker->ops->poll(notes->broker, timeout_ms, true, &events, &count, &error)) {
        if (!ds_error_is_set(&notes->failure))
            notes->failure = error;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        switch (events[i].kind) {
        case DS_BROKER_DELIVERY:
            on_delivery(notes, &events[i]);
            break;
        case DS_BROKER_RECORD:
            on_record(notes, &events[i]);
            break;
        case DS_BROKER_READ_FAILED:
            if (!ds_error_is_set(&notes->failure))
                ds_error_set(&notes->failure, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                             "read notifications.sent/%d: %s", (int)events[i].partition,
                             events[i].reason == NULL ? "" : events[i].reason);
            break;
        case DS_BROKER_PRODUCER_LOST:
            notes->lost = true;
            break;
        case DS_BROKER_AT_END:
            break; /* it reads to an end it asked for */
        case DS_BROKER_ASSIGNED:
        case DS_BROKER_REVOKED:
        case DS_BROKER_GROUP_LOST:
            break; /* no group */
        }
    }
}

void ds_notes_poll(ds_notes_t *notes, int timeout_ms)
{
    ds_error_clear(&notes->failure);
    take_events(notes, timeout_ms);
    if (notes->lost)
        renew(notes);
}

void ds_notes_destroy(ds_notes_t *notes, int64_t wait_ms)
{
    if (notes == NULL)
        return;
    int64_t until = ds_monotonic_us(notes->runtime->clock) + wait_ms * DS_US_PER_MS;
    while (notes->broker != NULL && notes->in_flight > 0 &&
           ds_monotonic_us(notes->runtime->clock) < until)
        ds_notes_poll(notes, POLL_MS);
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        if (notes->flights[i].sender != NULL)
            land(notes, &notes->flights[i], false);
    if (notes->broker != NULL)
        notes->broker->ops->destroy(notes->broker, 2000);
    ds_arena_destroy(notes->arena);
    ds_buf_cleanup(&notes->value);
    free(notes);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void forget(ds_notes_t *notes)
{
    for (int c = 0; c < DS_CHANNELS; c++) {
        ds_notes_history_cleanup(&notes->histories[c]);
        notes->heard[c] = false;
    }
    notes->noted_us = notes->last_us = 0;
}

static bool read_window(ds_notes_t *notes, int64_t from, int64_t end, ds_error_t *error)
{
    ds_broker_t *broker = notes->broker;
    const ds_clock_t *clock = notes->runtime->clock;
    int64_t until_us = ds_monotonic_us(clock) + LOAD_US;
    forget(notes);
    notes->expected = from;
    ds_error_clear(&notes->failure);
    if (!broker->ops->start(broker, 0, notes->partition, from, error))
        return false;
    while (notes->expected < end && !ds_error_is_set(&notes->failure) &&
           ds_monotonic_us(clock) < until_us && !ds_stopping(notes->runtime)) {
        int64_t before = notes->expected;
        take_events(notes, POLL_MS);
        if (notes->expected > before)
            until_us = ds_monotonic_us(clock) + LOAD_US;
        ds_health_turn(notes->runtime);
    }
    broker->ops->stop(broker, 0, notes->partition);
    if (ds_error_is_set(&notes->failure)) {
        *error = notes->failure;
        return false;
    }
    if (notes->expected < end)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                            "notifications.sent/%d: read to %lld of %lld, then nothing came",
                            (int)notes->partition, (long long)notes->expected, (long long)end);
    return true;
}

/* Whether what was read says where each channel goes on. One that is switched on notes a position
 * now and then, or, where that would be too long, what it tells: so silence means that it was off,
 * and what stands further back is of no use. */
static bool is_enough(const ds_notes_t *notes, int64_t silent_us)
{
    bool enough = true;
    for (int c = 0; c < DS_CHANNELS; c++)
        enough = enough && (!notes->wanted[c] || notes->histories[c].begun ||
                            (!notes->heard[c] && notes->noted_us > silent_us));
    return enough;
}

static bool ask_end(ds_notes_t *notes, struct ds_broker_end *end, ds_error_t *error)
{
    int64_t asked_us = ds_monotonic_us(notes->runtime->clock);
    int ask_ms = ds_silent_ask_ms(&notes->silent, 0, end->partition, END_MS, asked_us);
    bool ok = ask_ms > 0 && notes->broker->ops->ends(notes->broker, end, 1, ask_ms, error);
    if (ask_ms > 0)
        ds_silent_note(&notes->silent, 0, end->partition, ok, asked_us,
                       ds_monotonic_us(notes->runtime->clock));
    return (ok && end->ok) ||
           ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                        "notifications.sent/%d: its end is not known", (int)end->partition);
}

/* Backwards, in ever larger windows. */
static bool load(ds_notes_t *notes, int64_t silent_us, ds_error_t *error)
{
    struct ds_broker_end end = {.partition = notes->partition, .want_low = true};
    if (!ask_end(notes, &end, error))
        return false;
    int64_t width = FIRST_WINDOW;
    int64_t from = end.end;
    forget(notes);
    while (!is_enough(notes, silent_us) && from > end.low) {
        from = end.end - width > end.low ? end.end - width : end.low;
        width *= WINDOW_FACTOR;
        if (!read_window(notes, from, end.end, error))
            return false;
    }
    ds_notes_taken(notes->histories);
    return true;
}

bool ds_notes_load(ds_notes_t *notes, int32_t partition, const bool wanted[DS_CHANNELS],
                   int64_t silent_us, struct ds_notes_history histories_out[DS_CHANNELS],
                   ds_error_t *error)
{
    for (int c = 0; c < DS_CHANNELS; c++)
        histories_out[c] = (struct ds_notes_history){0};
    notes->histories = histories_out;
    notes->wanted = wanted;
    notes->partition = partition;
    bool ok = load(notes, silent_us, error);
    notes->histories = NULL;
    notes->wanted = NULL;
    if (notes->lost)
        renew(notes);
    return ok;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static bool put(ds_notes_t *notes, int32_t partition, ds_str_t key,
                const struct ds_notification_note *note, uint64_t tag, ds_error_t *error)
{
    ds_buf_clear(&notes->value);
    if (!ds_framing_ready(notes->runtime->framing, &ds_schema_notifications_sent))
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "the registry has not told the id of notifications.sent yet");
    if (!ds_framing_encode(notes->runtime->framing, &ds_schema_notifications_sent, note,
                           &notes->value, error))
        return false;
    const struct ds_broker_message message = {
        .partition = partition,
        .has_key = true,
        .key = key,
        .has_value = true,
        .value = ds_buf_bytes(&notes->value),
    };
    switch (notes->broker->ops->produce(notes->broker, &message, tag, error)) {
    case DS_BROKER_PUT_OK:
        return true;
    case DS_BROKER_PUT_FULL:
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_BUSY, "notes are queued");
    case DS_BROKER_PUT_FAILED:
        break;
    }
    return false;
}

static struct flight *free_flight(ds_notes_t *notes)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        if (notes->flights[i].sender == NULL)
            return &notes->flights[i];
    return NULL;
}

void ds_notes_settle(ds_notes_t *notes, ds_sender_t *sender, struct ds_ledger_entry *entry)
{
    static const enum ds_notice_outcome outcomes[] = {
        [DS_TOLD_SENT] = DS_NOTICE_OUTCOME_SENT,
        [DS_TOLD_REFUSED] = DS_NOTICE_OUTCOME_REFUSED,
        [DS_TOLD_EXPIRED] = DS_NOTICE_OUTCOME_EXPIRED,
    };
    char status[STATUS_BYTES];
    ds_error_t error = DS_ERROR_INIT;
    struct flight *flight = free_flight(notes);
    (void)snprintf(status, sizeof status, "%d", entry->status);
    const struct ds_notification_note note = {
        .channel = (enum ds_notification_channel)ds_sender_channel(sender),
        .at = ds_now_us(notes->runtime->clock),
        .has_settled = true,
        .settled =
            {
                .event_id = entry->notice->event_id,
                .order_id = entry->notice->order_id,
                .topic = ds_str(ds_notice_schemas[entry->topic]->topic),
                .offset = entry->offset,
                .outcome = outcomes[entry->outcome],
                .attempts = entry->attempts,
                .has_detail = entry->status != 0,
                .detail = ds_str(status),
            },
    };
    if (flight != NULL && put(notes, entry->partition, ds_id_store(entry->notice->order_id), &note,
                              ++notes->tags, &error)) {
        *flight = (struct flight){notes->tags, sender, entry};
        notes->in_flight++;
        return;
    }
    ds_sender_noted(sender, entry, false);
}

static bool await(ds_notes_t *notes, uint64_t tag, ds_error_t *error)
{
    int64_t until_us = ds_monotonic_us(notes->runtime->clock) + WAIT_US;
    notes->awaited = tag;
    notes->awaited_code = DS_ERR_TIMEOUT;
    while (notes->awaited != 0 && ds_monotonic_us(notes->runtime->clock) < until_us) {
        ds_notes_poll(notes, POLL_MS);
        ds_health_turn(notes->runtime);
    }
    notes->awaited = 0;
    return notes->awaited_code == DS_OK || ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE,
                                                        "a position was not acknowledged");
}

bool ds_notes_position(ds_notes_t *notes, int32_t partition, enum ds_channel channel,
                       const struct ds_notes_topic topics[DS_NOTICE_TOPICS], bool wait,
                       ds_error_t *error)
{
    struct ds_notice_topic_position places[DS_NOTICE_TOPICS];
    for (int t = 0; t < DS_NOTICE_TOPICS; t++)
        places[t] = (struct ds_notice_topic_position){
            .topic = ds_str(ds_notice_schemas[t]->topic),
            .identity = ds_str(topics[t].identity),
            .next = topics[t].next,
            .beyond = {topics[t].over, topics[t].over_count},
        };
    const struct ds_notification_note note = {
        .channel = (enum ds_notification_channel)channel,
        .at = ds_now_us(notes->runtime->clock),
        .has_position = true,
        .position = {.topics = {places, DS_NOTICE_TOPICS}},
    };
    uint64_t tag = ++notes->tags;
    return put(notes, partition, ds_str(ds_channel_text(channel)), &note, tag, error) &&
           (!wait || await(notes, tag, error));
}

size_t ds_notes_in_flight(const ds_notes_t *notes)
{
    return notes->in_flight;
}

bool ds_notes_up(const ds_notes_t *notes)
{
    return !notes->lost && !notes->broker->ops->away(notes->broker);
}
