/* `doorstep dlq retry` of letters that are old, and of their copies. */
#include "cli/dlq/desk.h"
#include "cli/dlq/since.h"
#include "cli/roles.h"
#include "letters_kafka.h"
#include "schemas/framing.h"
#include "schemas/schema.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#define HOUR (3600 * DS_US_PER_S)
#define OLD  "order.commands/0/7"

/* The one letter of order.dlq. */
static struct kafka_record letter;
/* How old the records of order.commands are: those before this offset were appended before. */
static int64_t older_than_ttl, older_than_window;
/* When all of them were appended, where a test says so. */
static int64_t appended_us;
static bool stop_when_asked;

static void one_letter(int32_t topic, int64_t offset, struct kafka_record *record)
{
    (void)topic;
    (void)offset;
    *record = letter;
}

bool ds_commands_since(const struct ds_runtime *runtime, const char *brokers, const char *processor,
                       int32_t partitions, int64_t at_us, int64_t *offsets_out, ds_error_t *error)
{
    (void)runtime;
    (void)brokers;
    (void)error;
    cr_assert_str_eq(processor, "order");
    cr_assert_eq(partitions, 1);
    kafka_stop = stop_when_asked;
    if (kafka_now_us - at_us >= 24 * HOUR)
        offsets_out[0] = older_than_window;
    else
        offsets_out[0] = at_us > appended_us ? INT64_MAX : older_than_ttl;
    return true;
}

static bool registry_is_away;
static int times_waited;

bool __real_ds_framing_decode_patiently(ds_framing_t *framing, const struct ds_schema *schema,
                                        ds_bytes_t message, ds_arena_t *arena, void *value_out,
                                        bool *head_ok_out, int64_t timeout_ms, ds_error_t *error);
bool __wrap_ds_framing_decode_patiently(ds_framing_t *framing, const struct ds_schema *schema,
                                        ds_bytes_t message, ds_arena_t *arena, void *value_out,
                                        bool *head_ok_out, int64_t timeout_ms, ds_error_t *error);
bool __wrap_ds_framing_decode_patiently(ds_framing_t *framing, const struct ds_schema *schema,
                                        ds_bytes_t message, ds_arena_t *arena, void *value_out,
                                        bool *head_ok_out, int64_t timeout_ms, ds_error_t *error)
{
    if (!registry_is_away)
        return __real_ds_framing_decode_patiently(framing, schema, message, arena, value_out,
                                                  head_ok_out, timeout_ms, error);
    times_waited++;
    kafka_now_us += timeout_ms * DS_US_PER_MS;
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE, "the registry is away");
}

static ds_buf_t encoded;

/* A letter of a command that this build reads. */
static void holds(int32_t kind)
{
    struct ds_order_command command = {
        .head = {.command_id = DS_STR("01K9ZV3Q4T8W2N6M5B7C1D0E9F")},
    };
    ds_error_t error = DS_ERROR_INIT;

    command.body.kind = kind;
    encoded.len = 0;
    cr_assert(ds_schema_encode(&ds_schema_order_commands, &command, &encoded, &error), "%s",
              error.message);
    letter.value = ds_buf_bytes(&encoded);
}

static void begin(void)
{
    static const uint8_t unknown[] = "\xc3\x01nobody knows this";

    kafka_begin();
    kafka_record_at = one_letter;
    kafka_ends[KAFKA_ORDER_DLQ] = 1;
    letter = (struct kafka_record){.key = OLD,
                                   .at_us = kafka_now_us - DS_US_PER_S,
                                   .has_value = true,
                                   .value = {unknown, sizeof unknown - 1},
                                   .error = "UNKNOWN_SCHEMA"};
    older_than_ttl = older_than_window = 0;
    appended_us = INT64_MAX;
    stop_when_asked = registry_is_away = false;
    times_waited = 0;
    ds_buf_init(&encoded, DS_MAX_RECORD_BYTES);
}

static void end(void)
{
    ds_buf_cleanup(&encoded);
}

TestSuite(dlq, .init = begin, .fini = end);

static int retry(bool all, bool old, ds_error_t *error)
{
    static const char *const words[] = {"retry", OLD};
    const struct ds_desk_settings settings = {.brokers = "nowhere",
                                              .processor = "",
                                              .error = "",
                                              .state = "open",
                                              .after = "",
                                              .limit = 100,
                                              .actor = "anna",
                                              .reason = "reads it now",
                                              .value = "",
                                              .timeout_us = 60 * DS_US_PER_S,
                                              .place_ttl_us = 900 * DS_US_PER_S,
                                              .all = all,
                                              .old = old,
                                              .json = true};

    *error = (ds_error_t)DS_ERROR_INIT;
    return ds_role_dlq.run(&kafka_runtime, &settings, all ? 1 : 2, words, error);
}

static void is_retried(bool old)
{
    ds_error_t error;

    cr_assert_eq(retry(false, old, &error), 0, "%s", error.message);
    cr_assert_eq(kafka_written_count, 2);
    cr_assert_eq(kafka_written[0].topic, KAFKA_ORDER_COMMANDS);
    cr_assert_eq(kafka_written[1].topic, KAFKA_ORDER_DLQ);
    cr_assert_str_eq(kafka_written[1].action, "retried");
}

/* By its name and with all, neither a copy nor a note. */
static void is_left(const char *why)
{
    ds_error_t error;

    cr_assert_eq(retry(false, false, &error), 1);
    cr_assert_not_null(strstr(error.message, OLD), "%s", error.message);
    cr_assert_not_null(strstr(error.message, why), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "--old"), "%s", error.message);
    cr_assert_eq(retry(true, false, &error), 1);
    cr_assert_not_null(strstr(error.message, "1 letter"), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "--old"), "%s", error.message);
    cr_assert_eq(kafka_written_count, 0);
}

Test(dlq, a_young_letter_is_retried)
{
    is_retried(false);
    cr_assert_str_eq(kafka_written[0].retry_of, OLD);
    cr_assert_str_eq(kafka_written[0].retry_first, OLD);
}

Test(dlq, a_letter_older_than_the_window_of_command_ids_is_left)
{
    holds(DS_ORDER_COMMAND_CANCEL_ORDER);
    letter.at_us = kafka_now_us - 25 * HOUR;
    is_left("24 h");
}

Test(dlq, a_letter_that_came_late_of_an_old_command_is_left)
{
    holds(DS_ORDER_COMMAND_CANCEL_ORDER);
    older_than_window = 8;
    is_left("24 h");
}

Test(dlq, an_order_that_was_placed_before_the_time_to_live_is_left)
{
    holds(DS_ORDER_COMMAND_PLACE_ORDER);
    letter.at_us = kafka_now_us - HOUR;
    is_left("ORDER_PLACE_TTL");
}

Test(dlq, what_may_be_an_order_is_left_like_one)
{
    older_than_ttl = 8;
    is_left("ORDER_PLACE_TTL");
}

Test(dlq, another_command_is_retried_for_a_day)
{
    holds(DS_ORDER_COMMAND_CANCEL_ORDER);
    letter.at_us = kafka_now_us - 23 * HOUR;
    older_than_ttl = 8;
    older_than_window = 7;
    is_retried(false);
}

Test(dlq, a_copy_is_as_old_as_the_first)
{
    letter.retry_of = "order.commands/0/6";
    letter.retry_first = "order.commands/0/2";
    older_than_ttl = older_than_window = 3;
    is_left("24 h");
    letter.retry_first = NULL; /* by a tool that did not say */
    older_than_ttl = older_than_window = 7;
    is_left("24 h");
}

Test(dlq, a_copy_says_what_the_first_was)
{
    letter.retry_of = "order.commands/0/6";
    letter.retry_first = "order.commands/0/2";
    is_retried(false);
    cr_assert_str_eq(kafka_written[0].retry_of, OLD);
    cr_assert_str_eq(kafka_written[0].retry_first, "order.commands/0/2");
}

Test(dlq, an_old_letter_is_retried_where_somebody_says_so)
{
    letter.at_us = kafka_now_us - 25 * HOUR;
    older_than_ttl = older_than_window = 8;
    is_retried(true);
}

/* ---- many */

#define MANY 150000
#define LAST "order.commands/0/149999"

static int64_t letter_count; /* the rest of the topic are notes, of the first letters */
static int64_t letter_at_us; /* 0: when they are read */

static void many_letters(int32_t topic, int64_t offset, struct kafka_record *record)
{
    (void)topic;
    (void)snprintf(record->key, sizeof record->key, "order.commands/0/%" PRId64,
                   offset % letter_count);
    record->value = (ds_bytes_t){(const uint8_t *)record->key, (uint32_t)strlen(record->key)};
    record->has_value = offset < letter_count;
    if (letter_at_us != 0)
        record->at_us = letter_at_us;
    if (offset >= letter_count)
        record->action = "dropped";
    else
        record->error = offset == letter_count - 1 ? "UNKNOWN_SCHEMA" : "UNDECODABLE";
}

static void begin_many(int64_t letters, int64_t notes)
{
    begin();
    letter_count = letters;
    letter_at_us = 0;
    kafka_record_at = many_letters;
    kafka_ends[KAFKA_ORDER_DLQ] = letters + notes;
}

static int run(const char *verb, const char *key, const char *error_name)
{
    const char *const words[] = {verb, key};
    const struct ds_desk_settings settings = {.brokers = "nowhere",
                                              .processor = "",
                                              .error = error_name,
                                              .state = "open",
                                              .after = "",
                                              .limit = 1,
                                              .actor = "anna",
                                              .reason = "to see",
                                              .value = "",
                                              .timeout_us = 60 * DS_US_PER_S,
                                              .place_ttl_us = 900 * DS_US_PER_S,
                                              .all = key == NULL};
    ds_error_t error = DS_ERROR_INIT;
    int code = ds_role_dlq.run(&kafka_runtime, &settings, key == NULL ? 1 : 2, words, &error);

    cr_expect_eq(code, 0, "%s: %s", verb, error.message);
    return code;
}

Test(dlq_many, one_is_shown_and_retried, .fini = end)
{
    begin_many(MANY, 0);
    cr_assert_eq(run("show", LAST, ""), 0);
    cr_assert_eq(run("retry", LAST, ""), 0);
    cr_assert_eq(kafka_written_count, 2);
    cr_assert_eq(kafka_written[0].value.len, strlen(LAST));
    cr_assert_str_eq(kafka_written[1].key, LAST);
}

Test(dlq_many, those_of_one_error_are_retried, .fini = end)
{
    begin_many(MANY, 0);
    cr_assert_eq(run("retry", NULL, "UNKNOWN_SCHEMA"), 0);
    cr_assert_eq(kafka_written_count, 2);
    cr_assert_str_eq(kafka_written[0].retry_of, LAST);
}

/* Of ten letters of what may be orders three are retried: each takes twenty seconds, and fifty are
 * left of the time to live. */
static void are_left_as_they_grow_old(void)
{
    ds_error_t error;

    kafka_put_us = 10 * DS_US_PER_S;
    cr_assert_eq(retry(true, false, &error), 1);
    cr_assert_not_null(strstr(error.message, "7 letters were left"), "%s", error.message);
    cr_assert_eq(kafka_written_count, 6);
}

Test(dlq_many, those_that_grow_old_meanwhile_are_left, .fini = end)
{
    begin_many(10, 0);
    letter_at_us = kafka_now_us - 850 * DS_US_PER_S;
    are_left_as_they_grow_old();
}

Test(dlq_many, those_whose_originals_grow_old_meanwhile_are_left, .fini = end)
{
    begin_many(10, 0);
    appended_us = kafka_now_us - 850 * DS_US_PER_S;
    are_left_as_they_grow_old();
}

Test(dlq_many, the_registry_is_waited_for_once, .fini = end)
{
    ds_error_t error;

    begin_many(10, 0);
    older_than_ttl = 10;
    registry_is_away = true;
    cr_assert_eq(retry(true, false, &error), 1);
    cr_assert_eq(error.code, DS_ERR_UNAVAILABLE, "%s", error.message);
    cr_assert_not_null(strstr(error.message, "order.commands/0/0"), "%s", error.message);
    cr_assert_eq(times_waited, 1);
    cr_assert_eq(kafka_written_count, 0);
}

Test(dlq_many, a_retry_stops_between_letters, .fini = end)
{
    ds_error_t error;

    begin_many(10, 0);
    stop_when_asked = true;
    cr_assert_eq(retry(true, false, &error), 1);
    cr_assert_eq(error.code, DS_ERR_SHUTDOWN, "%s", error.message);
    cr_assert_eq(kafka_written_count, 2);
}

Test(dlq_many, those_that_are_left_open_are_dropped, .fini = end)
{
    begin_many(MANY, MANY - 2500);
    cr_assert_eq(run("drop", NULL, ""), 0);
    cr_assert_eq(kafka_written_count, 2500);
    cr_assert_eq(kafka_written[0].topic, KAFKA_ORDER_DLQ);
}
