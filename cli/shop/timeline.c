#include "cli/shop/timeline.h"

#include "cli/log_span.h"
#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_STEPS   1000
#define MAX_LINE    (1024 * 1024)
#define POLL_MS     50
#define ASK_MS      5000
#define TOPIC_COUNT 4

static const struct ds_schema *const topics[TOPIC_COUNT] = {
    &ds_schema_order_events,
    &ds_schema_inventory_events,
    &ds_schema_payment_events,
    &ds_schema_delivery_events,
};

struct search {
    ds_reader_t *reader;
    ds_str_t order_id;
    struct ds_log_span span;
    struct ds_timeline *timeline;
};

static bool keep(struct search *search, const struct ds_read_record *record, ds_error_t *error)
{
    const struct ds_schema *schema = topics[record->topic];
    struct ds_timeline *timeline = search->timeline;
    if (record->undecodable || !ds_str_eq(schema->order_id(record->event), search->order_id))
        return true;
    if (timeline->count == MAX_STEPS)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_LIMIT, "more than %d events", MAX_STEPS);
    struct ds_timeline_step *steps =
        realloc(timeline->steps, (timeline->count + 1) * sizeof *steps);
    if (steps == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "timeline");
    timeline->steps = steps;
    const struct ds_event_head *head = record->event;
    struct ds_timeline_step *step = &steps[timeline->count];
    *step = (struct ds_timeline_step){
        .offset = record->place.offset, .at_us = head->meta.at, .appended_us = record->appended_us};
    (void)snprintf(step->topic, sizeof step->topic, "%s", schema->topic);
    (void)snprintf(step->type, sizeof step->type, "%s", ds_schema_ce_type(schema, record->event));
    ds_buf_t line;
    ds_buf_init(&line, MAX_LINE);
    bool ok = ds_schema_print_json(schema, record->event, &line, error);
    step->json = ok ? ds_str_dup(ds_buf_str(&line)) : NULL;
    ds_buf_cleanup(&line);
    if (ok && step->json == NULL)
        ok = ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "timeline");
    timeline->count += ok;
    return ok;
}

static bool start(struct search *search, ds_error_t *error)
{
    int32_t partitions;
    if (!ds_reader_partitions(search->reader, ASK_MS, &partitions, error))
        return false;
    int32_t partition = ds_partition_of(ds_str_before(search->order_id, '.'), partitions);
    return ds_log_span_begin(&search->span, search->reader, TOPIC_COUNT, partition, partition + 1,
                             error);
}

static bool read_all(struct search *search, const struct ds_runtime *runtime, int64_t timeout_us,
                     ds_error_t *error)
{
    int64_t deadline = ds_monotonic_us(runtime->clock) + timeout_us;
    while (!ds_log_span_is_read(&search->span)) {
        struct ds_read_batch batch;
        if (ds_stopping(runtime) || ds_monotonic_us(runtime->clock) > deadline)
            return ds_log_span_not_read(&search->span, "the log was not read to its end", error);
        if (!ds_reader_poll(search->reader, POLL_MS, &batch, error))
            return false;
        for (size_t i = 0; i < batch.count; i++)
            if (!keep(search, &batch.records[i], error))
                return false;
    }
    return true;
}

static int by_time(const void *a_, const void *b_)
{
    const struct ds_timeline_step *a = a_, *b = b_;
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order : a->offset < b->offset ? -1 : a->offset > b->offset;
}

bool ds_timeline_read(const struct ds_runtime *runtime, const char *brokers, ds_str_t order_id,
                      int64_t timeout_us, struct ds_timeline *timeline_out, ds_error_t *error)
{
    *timeline_out = (struct ds_timeline){NULL, 0};
    struct ds_reader_config config = {.brokers = brokers,
                                      .client_id = "doorstep-timeline",
                                      .topics = topics,
                                      .topic_count = TOPIC_COUNT};
    struct search search = {.order_id = order_id, .timeline = timeline_out};
    bool ok = ds_reader_new(runtime, &config, &search.reader, error) && start(&search, error) &&
              read_all(&search, runtime, timeout_us, error);
    ds_log_span_cleanup(&search.span);
    ds_reader_destroy(search.reader);
    if (ok && timeline_out->count > 1)
        qsort(timeline_out->steps, timeline_out->count, sizeof *timeline_out->steps, by_time);
    if (!ok)
        ds_timeline_cleanup(timeline_out);
    return ok;
}

void ds_timeline_cleanup(struct ds_timeline *timeline)
{
    for (size_t i = 0; i < timeline->count; i++)
        free(timeline->steps[i].json);
    free(timeline->steps);
    *timeline = (struct ds_timeline){NULL, 0};
}

static void print_json(const struct ds_timeline *timeline, ds_str_t order_id)
{
    printf("{\"orderId\": \"%.*s\", \"steps\": [", DS_STR_ARG(order_id));
    for (size_t i = 0; i < timeline->count; i++) {
        const struct ds_timeline_step *step = &timeline->steps[i];
        char at[DS_TIME_TEXT_BYTES];
        ds_time_to_text(step->at_us, at);
        printf("%s\n  {\"type\": \"%s\", \"topic\": \"%s\", \"offset\": %" PRId64
               ", \"at\": \"%s\", \"sinceFirstMs\": %.3f, \"event\": %s}",
               i == 0 ? "" : ",", step->type, step->topic, step->offset, at,
               (double)(step->at_us - timeline->steps[0].at_us) / 1000.0, step->json);
    }
    printf("]}\n");
}

void ds_timeline_print(const struct ds_timeline *timeline, ds_str_t order_id, bool json)
{
    if (json) {
        print_json(timeline, order_id);
        return;
    }
    printf("  %-28s %-28s %12s %10s\n", "at (UTC)", "event", "since first", "step");
    for (size_t i = 0; i < timeline->count; i++) {
        const struct ds_timeline_step *step = &timeline->steps[i];
        char at[DS_TIME_TEXT_BYTES];
        ds_time_to_text(step->at_us, at);
        int64_t first = timeline->steps[0].at_us;
        int64_t before = i == 0 ? first : timeline->steps[i - 1].at_us;
        printf("  %-28s %-28s %9.1f ms %+7.1f ms\n", at, step->type,
               (double)(step->at_us - first) / 1000.0, (double)(step->at_us - before) / 1000.0);
    }
}
