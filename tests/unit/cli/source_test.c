/* An audit's records from a broker whose topics lose their oldest ones meanwhile. */
#include "cli/audit/source.h"
#include "stream/broker_kafka.h"

#include <criterion/criterion.h>

#define PARTITIONS 2
#define END        6
#define TOPICS     (DS_AUDIT_TOPICS + DS_AUDIT_PROCESSORS)
#define COMMANDS   (DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER)

/* The first offset that is still there. */
static int64_t lows[TOPICS][PARTITIONS];
/* Of a partition: nobody tells its ends; its last topic cannot be started. */
static bool is_away[PARTITIONS];
static bool is_refused[PARTITIONS];

struct fake {
    ds_broker_t base; /* first */
    int64_t next[TOPICS][PARTITIONS];
    bool reads[TOPICS][PARTITIONS];
    struct ds_broker_event event;
};
static struct fake fakes[2];
static size_t fake_count;

static void destroy(ds_broker_t *broker, int timeout_ms)
{
    (void)broker;
    (void)timeout_ms;
}

/* One record, or that the offset is outside the log, which ends the reading. */
static bool poll_one(ds_broker_t *broker, int timeout_ms, bool with_records,
                     const struct ds_broker_event **events_out, size_t *count_out,
                     ds_error_t *error)
{
    struct fake *fake = (struct fake *)broker;
    (void)timeout_ms;
    (void)with_records;
    (void)error;
    *events_out = &fake->event;
    *count_out = 0;
    for (int32_t t = 0; t < TOPICS; t++)
        for (int32_t p = 0; p < PARTITIONS; p++) {
            int64_t next = fake->next[t][p];
            if (!fake->reads[t][p] || next == END || *count_out == 1)
                continue;
            *count_out = 1;
            fake->event = (struct ds_broker_event){
                .kind = DS_BROKER_RECORD, .topic = t, .partition = p, .offset = next};
            fake->next[t][p]++;
            if (next >= lows[t][p])
                continue;
            fake->event.kind = DS_BROKER_READ_FAILED;
            fake->event.code = DS_ERR_DAMAGE;
            fake->reads[t][p] = false;
        }
    return true;
}

static bool start(ds_broker_t *broker, int32_t topic, int32_t partition, int64_t offset,
                  ds_error_t *error)
{
    struct fake *fake = (struct fake *)broker;
    if (is_refused[partition] && topic == DS_AUDIT_TOPICS - 1)
        return ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_UNAVAILABLE, "refused");
    fake->reads[topic][partition] = true;
    fake->next[topic][partition] = offset;
    return true;
}

static void stop(ds_broker_t *broker, int32_t topic, int32_t partition)
{
    ((struct fake *)broker)->reads[topic][partition] = false;
}

static bool tell_ends(ds_broker_t *broker, struct ds_broker_end *list, size_t count, int timeout_ms,
                      ds_error_t *error)
{
    (void)broker;
    (void)timeout_ms;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        list[i].ok = list[i].topic < DS_AUDIT_TOPICS && !is_away[list[i].partition];
        list[i].low = lows[list[i].topic][list[i].partition];
        list[i].end = END;
    }
    return true;
}

static bool count_partitions(ds_broker_t *broker, int32_t topic_count, int timeout_ms,
                             int32_t *count_out, ds_error_t *error)
{
    (void)broker;
    (void)topic_count;
    (void)timeout_ms;
    (void)error;
    *count_out = PARTITIONS;
    return true;
}

static const struct ds_broker_ops fake_ops = {.destroy = destroy,
                                              .poll = poll_one,
                                              .start = start,
                                              .stop = stop,
                                              .ends = tell_ends,
                                              .partitions = count_partitions};

/* In the place of Kafka's (the linker's --wrap). */
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error);
bool __wrap_ds_broker_kafka_new(const ds_log_t *log, const struct ds_broker_kafka_config *config,
                                ds_broker_t **broker_out, ds_error_t *error)
{
    (void)log;
    (void)config;
    (void)error;
    fakes[fake_count] = (struct fake){.base = {&fake_ops}};
    *broker_out = &fakes[fake_count++].base;
    return true;
}

static const volatile sig_atomic_t running = 0;

static struct ds_audit_source *source_of(struct ds_runtime *runtime)
{
    struct ds_audit_source *source;
    ds_error_t error = DS_ERROR_INIT;
    *runtime = (struct ds_runtime){.clock = ds_system_clock(), .stop = &running};
    cr_assert(ds_audit_source_kafka(runtime, "nowhere", 1000, &source, &error), "%s",
              error.message);
    return source;
}

struct seen {
    int64_t count;
    int64_t first; /* of the commands of order */
    int64_t deleted_at;
};

/* Kafka deletes the first four of them when the first is read. */
static bool take(void *context, const struct ds_audit_record *record, ds_error_t *error)
{
    struct seen *seen = context;
    (void)error;
    if (record->topic != COMMANDS)
        return true;
    if (seen->count++ == 0)
        seen->first = record->offset;
    if (record->offset == seen->deleted_at)
        lows[COMMANDS][record->partition] = 4;
    return true;
}

Test(audit_source, a_partition_begins_where_its_topics_begin_when_it_is_fetched)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = source_of(&runtime);
    struct seen seen = {.deleted_at = -1};
    ds_error_t error = DS_ERROR_INIT;

    lows[COMMANDS][1] = 4;
    lows[DS_AUDIT_PAYMENT][1] = 2;
    cr_assert(source->read(source, 0, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_eq(seen.count, END);
    cr_assert_eq(source->ranges[1][COMMANDS].low, 4);
    cr_assert_eq(source->ranges[1][DS_AUDIT_PAYMENT].low, 2, "which is told of it");
    seen = (struct seen){.deleted_at = -1};
    cr_assert(source->read(source, 1, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(seen.first, 4);
    ds_audit_source_destroy(source);
}

Test(audit_source, commands_that_are_deleted_while_they_are_read_are_passed_over)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = source_of(&runtime);
    struct seen seen = {.deleted_at = 0};
    ds_error_t error = DS_ERROR_INIT;

    cr_assert(source->read(source, 0, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_eq(seen.count, 3, "0, 4 and 5");
    ds_audit_source_destroy(source);
}

/* All that was still to be read. */
Test(audit_source, commands_that_are_all_deleted_are_at_their_end)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = source_of(&runtime);
    struct seen seen = {.deleted_at = -1};
    ds_error_t error = DS_ERROR_INIT;

    lows[COMMANDS][0] = END;
    cr_assert(source->read(source, 0, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_eq(seen.count, 0);
    ds_audit_source_destroy(source);
}

Test(audit_source, events_that_are_deleted_while_they_are_read_are_an_error)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = source_of(&runtime);
    struct seen seen = {.deleted_at = -1};
    ds_error_t error = DS_ERROR_INIT;

    lows[DS_AUDIT_ORDER][0] = 1;
    cr_assert_not(source->read(source, 0, NULL, take, &seen, &error));
    cr_assert_eq(error.code, DS_ERR_DAMAGE);
    ds_audit_source_destroy(source);
}

/* The second fails when the first is read. */
static struct ds_audit_source *read_first(struct ds_runtime *runtime, bool *fails)
{
    struct ds_audit_source *source = source_of(runtime);
    struct seen seen = {.deleted_at = -1};
    ds_error_t error = DS_ERROR_INIT;

    *fails = true;
    cr_assert(source->read(source, 0, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_not(ds_error_is_set(&error), "%s", error.message);
    cr_assert_eq(seen.count, END);
    return source;
}

static void read_second(struct ds_audit_source *source)
{
    struct seen seen = {.deleted_at = -1};
    ds_error_t error = DS_ERROR_INIT;

    lows[COMMANDS][1] = 4;
    cr_assert(ds_audit_source_begin(source, 1, &error), "%s", error.message);
    cr_assert_eq(source->ranges[1][COMMANDS].low, 4);
    cr_assert(source->read(source, 1, NULL, take, &seen, &error), "%s", error.message);
    cr_assert_eq(seen.count, 2);
    ds_audit_source_destroy(source);
}

Test(audit_source, a_partition_whose_leader_is_away_takes_none_in_front_of_it_with_it)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = read_first(&runtime, &is_away[1]);
    ds_error_t error = DS_ERROR_INIT;

    cr_assert_not(ds_audit_source_begin(source, 1, &error));
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE);
    ds_audit_source_destroy(source);
}

Test(audit_source, a_partition_whose_leader_is_back_is_asked_in_its_turn)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = read_first(&runtime, &is_away[1]);

    is_away[1] = false;
    read_second(source);
}

Test(audit_source, a_partition_that_cannot_be_fetched_ahead_is_read_in_its_turn)
{
    struct ds_runtime runtime;
    struct ds_audit_source *source = read_first(&runtime, &is_refused[1]);

    for (int32_t t = 0; t < TOPICS; t++)
        cr_assert_not(fakes[1].reads[t][1], "nothing of it is fetched");
    is_refused[1] = false;
    read_second(source);
}
