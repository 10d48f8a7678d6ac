/* cli/events.c - `doorstep events`: what counts in the log, as decoded JSON lines. */
#include "cli/log_span.h"
#include "cli/roles.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>

#define MAX_TOPICS 5
#define POLL_MS    100
#define ASK_MS     5000
#define LINE_BYTES (4 * 1024 * 1024)
#define WAIT_US    (10 * DS_US_PER_S)

struct settings {
    const char *brokers;
    const char *order;
    const char *type;
    bool follow;
    bool json;
    bool protocol;
};

static const struct ds_option options[] = {
    {"kafka-brokers", "KAFKA_BROKERS", DS_OPT_TEXT, offsetof(struct settings, brokers),
     "127.0.0.1:29092", 0, 0, false, false, "Kafka's bootstrap servers."},
    {"order", NULL, DS_OPT_TEXT, offsetof(struct settings, order), "", 0, 0, false, false,
     "Only events of this order."},
    {"type", NULL, DS_OPT_TEXT, offsetof(struct settings, type), "", 0, 0, false, false,
     "Only events of this type, such as order.created."},
    {"follow", NULL, DS_OPT_BOOL, offsetof(struct settings, follow), "0", 0, 0, false, false,
     "Go on with what is written from now on."},
    {"protocol", NULL, DS_OPT_BOOL, offsetof(struct settings, protocol), "0", 0, 0, false, false,
     "The log's own records (claim, open, ...) too."},
    {"json", NULL, DS_OPT_BOOL, offsetof(struct settings, json), "1", 0, 0, false, false,
     "JSON lines; --no-json prints one short line an event."},
    DS_OPTION_END,
};

struct view {
    const struct settings *settings;
    ds_reader_t *reader;
    const struct ds_schema *topics[MAX_TOPICS];
    size_t topic_count;
    struct ds_log_span span; /* none: it follows */
    ds_buf_t line;
    int64_t waiting_since_us; /* for a schema; 0: it does not */
};

static bool choose_topics(struct view *view, int argc, const char *const *argv, ds_error_t *error)
{
    for (const struct ds_schema *const *schema = ds_schemas(); *schema != NULL; schema++) {
        bool named = argc == 0 || strcmp(argv[0], (*schema)->topic) == 0;
        if ((*schema)->kind == DS_SCHEMA_EVENTS && named && view->topic_count < MAX_TOPICS)
            view->topics[view->topic_count++] = *schema;
    }
    if (view->topic_count > 0)
        return true;
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN,
                        "'%s' is not an events topic, such as order.events", argv[0]);
}

/* Whoever follows needs no ends: a partition whose leader is away is read when it is back. */
static bool follow(struct view *view, int32_t first, int32_t end, ds_error_t *error)
{
    for (int32_t t = 0; t < (int32_t)view->topic_count; t++)
        for (int32_t p = first; p < end; p++)
            if (!ds_reader_assign(view->reader, t, p, DS_PLACE_START, error))
                return false;
    return true;
}

static bool start(struct view *view, ds_error_t *error)
{
    ds_str_t order = ds_str(view->settings->order);
    int32_t first = 0;
    int32_t end;
    if (!ds_reader_partitions(view->reader, ASK_MS, &end, error))
        return false;
    if (order.len > 0) {
        first = ds_partition_of(ds_str_before(order, '.'), end);
        end = first + 1;
    }
    if (view->settings->follow)
        return follow(view, first, end, error);
    return ds_log_span_begin(&view->span, view->reader, (int32_t)view->topic_count, first, end,
                             error);
}

static bool is_wanted(const struct view *view, const struct ds_read_record *record)
{
    const struct settings *settings = view->settings;
    const struct ds_schema *schema = view->topics[record->topic];
    if (record->undecodable)
        return settings->order[0] == '\0' && settings->type[0] == '\0';
    if (!settings->protocol && settings->type[0] == '\0' &&
        ds_schema_body_kind(schema, record->event) < DS_PROTOCOL_COMMAND_REJECTED)
        return false;
    if (settings->order[0] != '\0' &&
        !ds_str_eq(schema->aggregate(record->event), ds_str(settings->order)) &&
        !ds_str_eq(schema->order_id(record->event), ds_str(settings->order)))
        return false;
    return settings->type[0] == '\0' ||
           strcmp(ds_schema_ce_type(schema, record->event), settings->type) == 0;
}

static bool print_json_line(struct view *view, const struct ds_read_record *record,
                            ds_error_t *error)
{
    const struct ds_schema *schema = view->topics[record->topic];
    ds_buf_clear(&view->line);
    if (!ds_buf_printf(&view->line, error,
                       "{\"topic\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64
                       ",\"key\":",
                       schema->topic, record->partition, record->place.offset) ||
        !ds_buf_append_json(&view->line, record->key, error) ||
        !ds_buf_append_text(&view->line,
                            record->undecodable ? ",\"undecodable\":true}" : ",\"value\":", error))
        return false;
    if (!record->undecodable && (!ds_schema_print_json(schema, record->event, &view->line, error) ||
                                 !ds_buf_append_char(&view->line, '}', error)))
        return false;
    printf("%.*s\n", DS_STR_ARG(ds_buf_str(&view->line)));
    return true;
}

static bool print_record(struct view *view, const struct ds_read_record *record, ds_error_t *error)
{
    if (view->settings->json)
        return print_json_line(view, record, error);
    const struct ds_schema *schema = view->topics[record->topic];
    const struct ds_event_head *head = record->event;
    char at[DS_TIME_TEXT_BYTES];
    ds_time_to_text(head->meta.at, at);
    ds_str_t aggregate = record->undecodable ? DS_STR("?") : schema->aggregate(record->event);
    printf("%s %s/%" PRId32 "/%" PRId64 " %-28s %.*s\n", at, schema->topic, record->partition,
           record->place.offset,
           record->undecodable ? "(undecodable)" : ds_schema_ce_type(schema, record->event),
           DS_STR_ARG(aggregate));
    return true;
}

/* A partition that waits for the registry, or for a newer version, holds up the end: say so rather
 * than wait for ever. */
static bool may_go_on(struct view *view, const struct ds_runtime *runtime, ds_error_t *error)
{
    int64_t now_us = ds_monotonic_us(runtime->clock);
    const char *waiting = ds_reader_waiting(view->reader);
    if (waiting == NULL || view->waiting_since_us == 0)
        view->waiting_since_us = waiting == NULL ? 0 : now_us;
    return waiting == NULL || now_us - view->waiting_since_us < WAIT_US ||
           ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNAVAILABLE, "%s", waiting);
}

/* *awaited_out: there was one among them that stood in front of an end. */
static bool print_batch(struct view *view, const struct ds_read_batch *batch, bool *awaited_out,
                        ds_error_t *error)
{
    *awaited_out = false;
    for (size_t i = 0; i < batch->count; i++) {
        const struct ds_read_record *r = &batch->records[i];
        if (is_wanted(view, r) && !print_record(view, r, error))
            return false;
        *awaited_out =
            *awaited_out || (!view->settings->follow && ds_log_span_holds(&view->span, r));
    }
    return true;
}

static bool show(struct view *view, const struct ds_runtime *runtime, ds_error_t *error)
{
    bool follows = view->settings->follow;
    while (!ds_stopping(runtime) && (follows || !ds_log_span_is_read(&view->span))) {
        struct ds_read_batch batch;
        bool awaited;
        if (!ds_reader_poll(view->reader, POLL_MS, &batch, error) ||
            !print_batch(view, &batch, &awaited, error))
            return false;
        if (follows)
            (void)fflush(stdout);
        else if (!awaited && !may_go_on(view, runtime, error))
            return false;
    }
    return true;
}

static int run(const struct ds_runtime *runtime, const void *settings, int argc,
               const char *const *argv, ds_error_t *error)
{
    struct view view = {.settings = settings};
    if (argc > 1) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_INVALID, "one topic at most");
        return 2;
    }
    if (!choose_topics(&view, argc, argv, error))
        return 2;
    ds_buf_init(&view.line, LINE_BYTES);
    struct ds_reader_config config = {.brokers = view.settings->brokers,
                                      .client_id = "doorstep-events",
                                      .topics = view.topics,
                                      .topic_count = view.topic_count};
    bool ok = ds_reader_new(runtime, &config, &view.reader, error) && start(&view, error) &&
              show(&view, runtime, error);
    ds_reader_destroy(view.reader);
    ds_log_span_cleanup(&view.span);
    ds_buf_cleanup(&view.line);
    return ok ? 0 : 1;
}

const struct ds_role ds_role_events = {
    .name = "events",
    .summary = "print what counts in the log, decoded",
    .usage = "[TOPIC]",
    .examples = "  doorstep events order.events --follow\n"
                "  doorstep events --order berlin-1.01K9ZV3Q4T8W2N6M5B7C1D0E9F --no-json\n"
                "  doorstep events payment.events --type payment.refunded | jq .value.body\n",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .run = run,
};
