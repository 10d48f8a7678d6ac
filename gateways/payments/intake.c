#include "gateways/payments/intake.h"

#include "base/limits.h"
#include "stream/broker.h"
#include "stream/reader.h"

#include <stdlib.h>

#define GROUP_ID       "doorstep-gateway-payments"
#define POLL_MS        50
#define AWAY_POLL_MS   100
#define END_TIMEOUT_MS 1000
#define HINT_US        DS_US_PER_S
#define UNREADABLE_US  (30 * DS_US_PER_S)
#define STILL_US       (5 * DS_US_PER_S)

enum slot_state {
    SLOT_NONE,     /* not ours */
    SLOT_AGAIN,    /* stopped, to be read from `place` */
    SLOT_ASSIGNED, /* the end is not known yet */
    SLOT_READING,  /* towards that end */
    SLOT_CURRENT,  /* its charges may be called */
};

struct slot {
    enum slot_state state;
    int64_t end;
    int64_t next;              /* the reader's, and ... */
    int64_t moved_us;          /* ... when it was another */
    int64_t hinted;            /* the group's offset as last committed */
    struct ds_log_place place; /* the end of the last decision */
    bool deferred;             /* something opened behind `from` that there was no room for */
    struct ds_log_place from;
};

struct ds_intake {
    const struct ds_runtime *runtime;
    ds_calls_t *calls;
    ds_reader_t *reader;
    struct slot slots[DS_MAX_PARTITIONS];
    int64_t quiet_until_us[DS_MAX_PARTITIONS]; /* not read before; an event there is not known */
    int64_t hint_at_us;
    int32_t again;         /* the partition last read again */
    ds_metric_t *deferred; /* charges and refunds, each time one is passed over */
    ds_metric_t *deferred_partitions;
    bool kafka_away;
    bool unreadable; /* one of those was met */
    bool current;    /* all that are ours */
    bool full;       /* of some there is more than there is room for */
    int pause_ms;
};

/* --- partitions --------------------------------------------------------------------------------
 */

static ds_log_t log_of(const ds_intake_t *intake, int32_t partition, int64_t offset)
{
    ds_log_t log = intake->runtime->log;
    log.topic = ds_schema_payment_events.topic;
    log.partition = partition;
    log.offset = offset;
    return log;
}

static bool on_assigned(void *context, int32_t partition, struct ds_log_place *places_out,
                        ds_error_t *error)
{
    ds_intake_t *intake = context;
    if (ds_monotonic_us(intake->runtime->clock) < intake->quiet_until_us[partition])
        return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE,
                            "an event of this partition cannot be read");
    struct slot *slot = &intake->slots[partition];
    if (slot->state != SLOT_AGAIN) {
        ds_calls_assigned(intake->calls, partition);
        slot->place = DS_PLACE_START;
    }
    *slot = (struct slot){.state = SLOT_ASSIGNED,
                          .place = slot->place,
                          .moved_us = ds_monotonic_us(intake->runtime->clock)};
    places_out[0] = slot->place;
    return true;
}

static void on_revoked(void *context, int32_t partition)
{
    ds_intake_t *intake = context;
    ds_calls_revoked(intake->calls, partition);
    intake->slots[partition] = (struct slot){.state = SLOT_NONE};
}

/* An event that this version does not know may be one to act on, or the end of one: skipping it
 * could charge what was cancelled. The partition is read anew after a pause, and waits like that
 * for a version that knows the event. */
static void drop(ds_intake_t *intake, int32_t partition)
{
    intake->unreadable = true;
    intake->quiet_until_us[partition] = ds_monotonic_us(intake->runtime->clock) + UNREADABLE_US;
    on_revoked(intake, partition);
    ds_reader_drop(intake->reader, partition);
}

/* Where a leader hangs, what has arrived of the others is read in between: the reader does not ask
 * it in each turn. */
static void ask_end(ds_intake_t *intake, int32_t partition)
{
    struct slot *slot = &intake->slots[partition];
    ds_error_t ignored = DS_ERROR_INIT;
    if (slot->state != SLOT_ASSIGNED || !ds_reader_may_ask(intake->reader, 0, partition))
        return;
    if (ds_reader_end(intake->reader, 0, partition, END_TIMEOUT_MS, &slot->end, &ignored))
        slot->state = SLOT_READING;
}

/* Nothing is called before all that the log knows has been read: the outcome may stand there. */
static void follow_up(ds_intake_t *intake, int32_t partition)
{
    struct slot *slot = &intake->slots[partition];
    if (slot->state != SLOT_READING ||
        ds_reader_next_offset(intake->reader, 0, partition) < slot->end)
        return;
    slot->state = SLOT_CURRENT;
    ds_calls_rebuilt(intake->calls, partition);
    ds_log_t log = log_of(intake, partition, slot->end);
    ds_log(&log, DS_LOG_INFO, "payments.rebuilt", "what is outstanding is known",
           DS_F_INT("outstanding", (int64_t)ds_calls_outstanding(intake->calls)));
}

/* There is no room for what opens there. Only the first such place counts: all behind it is read
 * again, and what was held before it need not be. */
static void defer(ds_intake_t *intake, const struct ds_read_record *record, const ds_error_t *why)
{
    struct slot *slot = &intake->slots[record->partition];
    ds_metric_add(intake->deferred, 1);
    if (slot->deferred)
        return;
    slot->deferred = true;
    slot->from = slot->place;
    ds_log_t log = log_of(intake, record->partition, record->place.offset);
    ds_log_error(&log, DS_LOG_WARN, "payments.deferred", why);
}

static void read_again(ds_intake_t *intake, int32_t partition)
{
    struct slot *slot = &intake->slots[partition];
    ds_calls_again(intake->calls, partition);
    *slot = (struct slot){.state = SLOT_AGAIN,
                          .place = slot->from,
                          .moved_us = ds_monotonic_us(intake->runtime->clock)};
    ds_reader_drop(intake->reader, partition);
    ds_log_t log = log_of(intake, partition, slot->place.offset);
    ds_log(&log, DS_LOG_INFO, "payments.again", "there is room: what was deferred is read",
           DS_F_INT("outstanding", (int64_t)ds_calls_outstanding(intake->calls)));
    intake->again = partition;
}

static bool moves(ds_intake_t *intake, int32_t partition)
{
    struct slot *slot = &intake->slots[partition];
    int64_t next = ds_reader_next_offset(intake->reader, 0, partition);
    int64_t now_us = ds_monotonic_us(intake->runtime->clock);
    if (next != slot->next)
        slot->moved_us = now_us;
    slot->next = next;
    return now_us - slot->moved_us < STILL_US;
}

/* One after the other, so that each has the room for itself; but one that stands still keeps none
 * waiting: its leader hangs, it is damaged, or it waits for a schema. */
static bool may_read_again(ds_intake_t *intake)
{
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        enum slot_state state = intake->slots[p].state;
        if (state != SLOT_NONE && state != SLOT_CURRENT && moves(intake, p))
            return false;
    }
    return ds_calls_has_room(intake->calls);
}

static void look_after_deferred(ds_intake_t *intake)
{
    int64_t deferred = 0;
    int32_t next = -1;
    for (int32_t i = 1; i <= DS_MAX_PARTITIONS; i++) {
        int32_t p = (intake->again + i) % DS_MAX_PARTITIONS;
        const struct slot *slot = &intake->slots[p];
        deferred += slot->deferred;
        if (next < 0 && slot->deferred && slot->state == SLOT_CURRENT)
            next = p;
    }
    intake->full = deferred > 0;
    ds_metric_set(intake->deferred_partitions, deferred);
    if (next >= 0 && may_read_again(intake))
        read_again(intake, next);
}

static void hint(ds_intake_t *intake, int32_t partition)
{
    struct slot *slot = &intake->slots[partition];
    int64_t next = ds_reader_next_offset(intake->reader, 0, partition);
    if (slot->state != SLOT_CURRENT || next == slot->hinted)
        return;
    ds_reader_commit_hint(intake->reader, partition, next);
    slot->hinted = next;
}

static void look_after_partitions(ds_intake_t *intake)
{
    int64_t now = ds_monotonic_us(intake->runtime->clock);
    bool hints = now >= intake->hint_at_us;
    bool any = false, all = true;
    if (hints)
        intake->hint_at_us = now + HINT_US;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        if (intake->slots[p].state == SLOT_NONE)
            continue;
        if (!intake->kafka_away)
            ask_end(intake, p);
        follow_up(intake, p);
        if (hints)
            hint(intake, p);
        any = true;
        all = all && intake->slots[p].state == SLOT_CURRENT;
    }
    intake->current = any && all;
    look_after_deferred(intake);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void log_record(const ds_intake_t *intake, const struct ds_read_record *record,
                       const char *code, const ds_error_t *error)
{
    ds_log_t log = log_of(intake, record->partition, record->place.offset);
    ds_log_error(&log, DS_LOG_ERROR, code, error);
}

static bool take_record(ds_intake_t *intake, const struct ds_read_record *record, ds_error_t *error)
{
    ds_error_t cause = DS_ERROR_INIT;
    struct slot *slot = &intake->slots[record->partition];
    if (slot->state == SLOT_NONE || slot->state == SLOT_AGAIN)
        return true; /* dropped earlier in this batch */
    if (record->undecodable) {
        ds_error_set(&cause, DS_DOMAIN_SCHEMA, DS_ERR_UNKNOWN,
                     "an event cannot be read; its partition waits for a version that can");
        log_record(intake, record, "payments.unreadable", &cause);
        drop(intake, record->partition);
        return true;
    }
    bool noted = ds_calls_event(intake->calls, record->partition, record->event, &cause);
    if (!noted && cause.code == DS_ERR_LIMIT)
        defer(intake, record, &cause);
    else if (!noted)
        log_record(intake, record, "payments.event", &cause);
    if (record->last)
        slot->place = record->place;
    if (noted || cause.code == DS_ERR_LIMIT || cause.code == DS_ERR_INVALID)
        return true; /* INVALID: it could not be called either; for people to look at */
    *error = cause;
    return false;
}

static bool take_batch(ds_intake_t *intake, const struct ds_read_batch *batch, ds_error_t *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!take_record(intake, &batch->records[i], error))
            return false;
    if (batch->count > 0)
        ds_calls_go(intake->calls);
    return true;
}

/* Also while many wait for their first call: the outcomes of some may stand behind. */
static bool read_some(ds_intake_t *intake, ds_error_t *error)
{
    struct ds_read_batch batch;
    ds_error_t cause = DS_ERROR_INIT;
    intake->pause_ms = 0;
    if (ds_reader_poll(intake->reader, POLL_MS, &batch, &cause)) {
        intake->kafka_away = false;
        return take_batch(intake, &batch, error);
    }
    if (cause.code == DS_ERR_NOT_OWNER) { /* another process bears our name in the group */
        *error = cause;
        return false;
    }
    intake->kafka_away = cause.code == DS_ERR_UNAVAILABLE;
    if (!intake->kafka_away)
        ds_log_error(&intake->runtime->log, DS_LOG_ERROR, "payments.read", &cause);
    intake->pause_ms = AWAY_POLL_MS;
    return true;
}

/* --- outside -----------------------------------------------------------------------------------
 */

static void drop_brokers(const struct ds_intake_config *config)
{
    if (config->broker != NULL)
        config->broker->ops->destroy(config->broker, 0);
    if (config->lookup != NULL)
        config->lookup->ops->destroy(config->lookup, 0);
}

bool ds_intake_new(const struct ds_runtime *runtime, const struct ds_intake_config *config,
                   ds_intake_t **intake_out, ds_error_t *error)
{
    static const struct ds_schema *const topics[] = {&ds_schema_payment_events};
    ds_intake_t *intake = calloc(1, sizeof *intake);
    struct ds_reader_config reader = {
        .brokers = config->brokers,
        .client_id = "gateway-payments",
        .group_id = GROUP_ID,
        .group_instance_id = config->group_instance_id,
        .topics = topics,
        .topic_count = 1,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .context = intake,
        .broker = config->broker,
        .lookup = config->lookup,
    };
    *intake_out = NULL;
    if (intake == NULL) {
        drop_brokers(config);
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_MEMORY, "intake");
    }
    intake->runtime = runtime;
    intake->calls = config->calls;
    intake->deferred =
        ds_metrics_get(runtime->metrics, DS_COUNTER, "doorstep_payments_deferred_total",
                       "Charges and refunds passed over for want of room, to be read again.", NULL);
    intake->deferred_partitions =
        ds_metrics_get(runtime->metrics, DS_GAUGE, "doorstep_payments_deferred_partitions",
                       "Partitions with some of those.", NULL);
    if (!ds_reader_new(runtime, &reader, &intake->reader, error)) {
        free(intake);
        return false;
    }
    *intake_out = intake;
    return true;
}

void ds_intake_destroy(ds_intake_t *intake)
{
    if (intake == NULL)
        return;
    ds_reader_destroy(intake->reader);
    free(intake);
}

bool ds_intake_turn(ds_intake_t *intake, ds_error_t *error)
{
    bool ok = read_some(intake, error);
    look_after_partitions(intake);
    return ok;
}

int ds_intake_pause_ms(const ds_intake_t *intake)
{
    return intake->pause_ms;
}

const char *ds_intake_waiting(const ds_intake_t *intake)
{
    const char *schema = ds_reader_waiting(intake->reader);
    return intake->kafka_away   ? "kafka is away"
           : schema != NULL     ? schema
           : intake->unreadable ? "an event cannot be read"
           : intake->full       ? "more is outstanding than there is room for"
                                : NULL;
}

bool ds_intake_current(const ds_intake_t *intake)
{
    return intake->current;
}
