/* api/catalogue_follow.c - the thread that keeps the catalogue up with catalog.events.
 *
 * It also looks up the identity of every events log, which Consistency-Tokens carry. */
#include "api/catalogue_internal.h"
#include "stream/reader.h"

#include <time.h>

enum {
    POLL_MS = 50,
    END_TIMEOUT_MS = 1000,
    IDENTITY_TIMEOUT_MS = 1000,
    ASK_END_US = 2000000,      /* well below catalog_fresh_us */
    ASK_IDENTITY_US = 3000000, /* of a log that has no writer yet */
    IDENTITIES_A_TURN = 4,
    PAUSE_MS = 250,
};

static const struct ds_schema *const topics[DS_TOPICS] = {
    [DS_TOPIC_CATALOG] = &ds_schema_catalog_events,
    [DS_TOPIC_ORDER] = &ds_schema_order_events,
    [DS_TOPIC_PAYMENT] = &ds_schema_payment_events,
    [DS_TOPIC_INVENTORY] = &ds_schema_inventory_events,
    [DS_TOPIC_DELIVERY] = &ds_schema_delivery_events,
};

static int64_t now_us(const struct ds_catalogue_follower *follower)
{
    return ds_monotonic_us(follower->catalog->runtime->clock);
}

static void pause_ms(int ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL);
}

static void tell(struct ds_catalogue_follower *follower, const ds_error_t *error)
{
    const struct ds_runtime *runtime = follower->catalog->runtime;
    if (error->code == DS_ERR_DAMAGE)
        ds_log_error(&runtime->log, DS_LOG_ERROR, "catalog.damage", error);
    else if (!follower->told_away)
        ds_log_error(&runtime->log, DS_LOG_WARN, "catalog.away", error);
    follower->told_away = true;
}

static bool open_reader(struct ds_catalogue_follower *follower, ds_error_t *error)
{
    struct ds_reader_config config = {.brokers = follower->catalog->brokers,
                                      .client_id = "doorstep-api",
                                      .topics = topics,
                                      .topic_count = DS_TOPICS};
    int32_t count = 0;
    if (follower->reader == NULL &&
        !ds_reader_new(follower->catalog->runtime, &config, &follower->reader, error))
        return false;
    if (!ds_reader_partitions(follower->reader, END_TIMEOUT_MS, &count, error))
        return false;
    if (count < 1 || count > DS_MAX_PARTITIONS)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_LIMIT, "%d partitions", (int)count);
    for (int32_t p = 0; p < count; p++)
        if (!ds_reader_assign(follower->reader, DS_TOPIC_CATALOG, p, DS_PLACE_START, error))
            return false;
    follower->partitions = count;
    return true;
}

/* A price may be in it: better no prices than old ones. */
static void note_lost(ds_catalogue_t *catalog, const struct ds_read_record *record,
                      const char *code, const ds_error_t *error)
{
    struct ds_catalogue_partition *partition = &catalog->partitions[record->partition];
    ds_log_t log = catalog->runtime->log;
    log.topic = topics[record->topic]->topic;
    log.partition = record->partition;
    log.offset = record->place.offset;
    if (!partition->lost) /* what follows in it may fail for the same reason */
        ds_log_error(&log, DS_LOG_ERROR, code, error);
    partition->lost = true;
}

static void take_record(ds_catalogue_t *catalog, const struct ds_read_record *record)
{
    ds_error_t error = DS_ERROR_INIT;
    if (record->undecodable) {
        (void)ds_error_set(&error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                           "this version does not know the event; its partition prices no more");
        note_lost(catalog, record, "catalog.unreadable", &error);
    } else if (!ds_catalogue_fold(catalog, record->event, record->partition, record->place.offset,
                                  &error)) {
        note_lost(catalog, record, "catalog.not_taken", &error);
    }
}

void ds_catalogue_take(ds_catalogue_t *catalog, const struct ds_read_batch *batch)
{
    /* Readers come in between: many new products take some time to be put in order. */
    for (size_t i = 0; i < batch->count; i++) {
        (void)pthread_rwlock_wrlock(&catalog->lock);
        take_record(catalog, &batch->records[i]);
        (void)pthread_rwlock_unlock(&catalog->lock);
    }
}

static bool read_some(struct ds_catalogue_follower *follower, ds_error_t *error)
{
    struct ds_read_batch batch;
    if (!ds_reader_poll(follower->reader, POLL_MS, &batch, error))
        return false;
    if (batch.count > 0)
        ds_catalogue_take(follower->catalog, &batch);
    return true;
}

static bool ask_end(struct ds_catalogue_follower *follower, int32_t p, ds_error_t *error)
{
    int64_t asked_us = now_us(follower);
    if (!ds_reader_end(follower->reader, DS_TOPIC_CATALOG, p, END_TIMEOUT_MS, &follower->ends[p],
                       error))
        return false;
    follower->asked_us[p] = follower->ends_asked_us[p] = asked_us;
    return true;
}

/* A leader that does not answer ends the turn; the next one goes on with the others, and what has
 * arrived is read in between. */
static bool ask_ends(struct ds_catalogue_follower *follower, ds_error_t *error)
{
    bool all = true;
    for (int32_t p = 0; p < follower->partitions; p++) {
        if (follower->asked_us[p] != 0 && now_us(follower) - follower->asked_us[p] < ASK_END_US)
            continue;
        bool asks = ds_reader_may_ask(follower->reader, DS_TOPIC_CATALOG, p);
        if (asks && !ask_end(follower, p, error))
            return false;
        all = all && asks;
    }
    if (all)
        follower->told_away = false;
    return true;
}

static void note_reached(struct ds_catalogue_follower *follower)
{
    for (int32_t p = 0; p < follower->partitions; p++) {
        if (follower->ends_asked_us[p] == 0 ||
            ds_reader_next_offset(follower->reader, DS_TOPIC_CATALOG, p) < follower->ends[p])
            continue;
        ds_catalogue_caught_up(follower->catalog, p, follower->partitions,
                               follower->ends_asked_us[p]);
        follower->ends_asked_us[p] = 0;
    }
}

static bool identify_one(struct ds_catalogue_follower *follower, int32_t topic, int32_t partition,
                         ds_error_t *error)
{
    ds_catalogue_t *catalog = follower->catalog;
    ds_str_t identity;
    follower->identity_at_us[topic][partition] = now_us(follower) + ASK_IDENTITY_US;
    if (!ds_reader_log_identity(follower->reader, topic, partition, IDENTITY_TIMEOUT_MS, &identity,
                                error))
        return false;
    if (identity.len == 0)
        return true;
    (void)pthread_rwlock_wrlock(&catalog->lock);
    (void)ds_str_to_array(identity, catalog->partitions[partition].identity[topic],
                          sizeof catalog->partitions[partition].identity[topic]);
    (void)pthread_rwlock_unlock(&catalog->lock);
    follower->identity_at_us[topic][partition] = INT64_MAX;
    return true;
}

static bool identify(struct ds_catalogue_follower *follower, ds_error_t *error)
{
    int left = IDENTITIES_A_TURN;
    int64_t now = now_us(follower);
    for (int32_t topic = 0; topic < DS_TOPICS; topic++) {
        for (int32_t p = 0; left > 0 && p < follower->partitions; p++) {
            if (follower->identity_at_us[topic][p] > now)
                continue;
            left--;
            if (!identify_one(follower, topic, p, error))
                return false;
        }
    }
    return true;
}

bool ds_catalogue_turn(struct ds_catalogue_follower *follower)
{
    ds_error_t error = DS_ERROR_INIT;
    bool ok = follower->partitions > 0 || open_reader(follower, &error);
    ok = ok && read_some(follower, &error) && ask_ends(follower, &error);
    if (follower->partitions > 0)
        note_reached(follower);
    ok = ok && identify(follower, &error);
    if (!ok)
        tell(follower, &error);
    return ok;
}

void *ds_catalogue_follow(void *catalog_)
{
    static const struct ds_catalogue_follower empty;
    struct ds_catalogue_follower follower = empty;
    follower.catalog = catalog_;
    while (!atomic_load(&follower.catalog->stop))
        if (!ds_catalogue_turn(&follower))
            pause_ms(PAUSE_MS);
    ds_reader_destroy(follower.reader);
    return NULL;
}
