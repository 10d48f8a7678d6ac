#include "cli/load/run.h"
#include "cli/log_span.h"

#include <stdio.h>
#include <stdlib.h>

#define POLL_MS  20
#define ASK_MS   5000
#define STALL_US (60 * DS_US_PER_S)

static const struct ds_schema *const topics[] = {&ds_schema_order_events};

/* An order of this run that the log shows before the answer came, or whose answer never came. */
static struct ds_load_order *new_stranger(struct ds_load_run *run, ds_str_t id, ds_error_t *error)
{
    struct ds_load_order *order = calloc(1, sizeof *order);
    if (order == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "an order");
        return NULL;
    }
    if (!ds_map_put(run->by_id, id, order, NULL, error)) {
        free(order);
        return NULL;
    }
    run->strangers++;
    return order;
}

static void end_order(struct ds_load_run *run, struct ds_load_order *order, int64_t at_us,
                      const char *reason)
{
    order->end_count++;
    order->over_us = at_us;
    order->fulfilled = reason == NULL;
    (void)snprintf(order->reason, sizeof order->reason, "%s", reason == NULL ? "" : reason);
    run->over += order->end_count == 1;
}

static bool is_of_this_run(const struct ds_load_run *run, const struct ds_order_event *event)
{
    ds_str_t customer = {NULL, 0};
    if (event->body.kind == DS_ORDER_EVENT_ORDER_CREATED)
        customer = event->body.as.order_created.customer_id;
    else if (event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED)
        customer = event->body.as.order_refused.customer_id;
    ds_str_t own = ds_str(run->customer);
    return customer.len >= own.len && ds_str_eq((ds_str_t){customer.data, own.len}, own) &&
           (customer.len == own.len || customer.data[own.len] == '-');
}

static int64_t pieces_of(const struct ds_order_created *created)
{
    int64_t pieces = 0;
    for (size_t i = 0; i < created->lines.count; i++)
        pieces += created->lines.items[i].quantity;
    return pieces;
}

static bool note(struct ds_load_run *run, const struct ds_order_event *event, ds_error_t *error)
{
    ds_str_t id = ds_schema_order_events.order_id(event);
    struct ds_load_order *order = ds_map_get(run->by_id, id);
    if (order == NULL && is_of_this_run(run, event) &&
        (order = new_stranger(run, id, error)) == NULL)
        return false;
    if (order == NULL)
        return true;
    int64_t at_us = event->meta.at;
    switch (event->body.kind) {
    case DS_ORDER_EVENT_ORDER_CREATED:
        order->created_count++;
        order->pieces += pieces_of(&event->body.as.order_created);
        break;
    case DS_ORDER_EVENT_ORDER_LINES_CANCELLED:
        for (size_t i = 0; i < event->body.as.order_lines_cancelled.lines.count; i++)
            order->pieces -= event->body.as.order_lines_cancelled.lines.items[i].quantity;
        break;
    case DS_ORDER_EVENT_ORDER_REFUSED:
        order->created_count++;
        end_order(run, order, at_us, ds_refuse_reason_text(event->body.as.order_refused.reason));
        break;
    case DS_ORDER_EVENT_ORDER_CONFIRMED:
        order->confirmed_us = at_us;
        break;
    case DS_ORDER_EVENT_ORDER_FULFILLED:
        end_order(run, order, at_us, NULL);
        break;
    case DS_ORDER_EVENT_ORDER_CANCELLED:
        end_order(run, order, at_us, ds_cancel_reason_text(event->body.as.order_cancelled.reason));
        break;
    default:
        break;
    }
    return true;
}

/* What was read comes to the run. A server that is away comes back. */
static bool turn(struct ds_load_run *run, ds_reader_t *reader, ds_error_t *error)
{
    struct ds_read_batch batch;
    ds_error_t attempt = DS_ERROR_INIT;
    bool ok = true;
    if (!ds_reader_poll(reader, POLL_MS, &batch, &attempt)) {
        if (!attempt.retriable)
            *error = attempt;
        return attempt.retriable;
    }
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; ok && i < batch.count; i++)
        ok = note(run, batch.records[i].event, error);
    pthread_mutex_unlock(&run->lock);
    return ok;
}

static bool is_over(struct ds_load_run *run)
{
    return ds_stopping(run->runtime) || ds_load_is_done(run);
}

static int64_t read_so_far(const struct ds_log_span *span)
{
    int64_t sum = 0;
    for (int32_t p = span->first; p < span->end; p++)
        sum += ds_reader_next_offset(span->reader, 0, p);
    return sum;
}

/* What the log holds already, before the first order: an old log takes long to read, and orders
 * whose events stand behind it would look lost. However long, as long as it goes on. */
static bool catch_up(struct ds_load_run *run, ds_reader_t *reader, ds_error_t *error)
{
    struct ds_log_span span = {0};
    int32_t partitions;
    bool ok = ds_reader_partitions(reader, ASK_MS, &partitions, error) &&
              ds_log_span_begin(&span, reader, 1, 0, partitions, error);
    int64_t moved_us = ds_monotonic_us(run->runtime->clock);
    int64_t so_far = -1;
    while (ok && !ds_log_span_is_read(&span) && !is_over(run)) {
        int64_t now_us = ds_monotonic_us(run->runtime->clock);
        if (read_so_far(&span) != so_far)
            moved_us = now_us;
        so_far = read_so_far(&span);
        ok = now_us - moved_us < STALL_US
                 ? turn(run, reader, error)
                 : ds_log_span_not_read(&span, "order.events was not read to its end", error);
    }
    ds_log_span_cleanup(&span);
    pthread_mutex_lock(&run->lock);
    run->watching = ok && !ds_stopping(run->runtime);
    pthread_mutex_unlock(&run->lock);
    return ok;
}

static bool watch(struct ds_load_run *run, ds_reader_t *reader, ds_error_t *error)
{
    while (!is_over(run))
        if (!turn(run, reader, error))
            return false;
    return true;
}

void *ds_load_watcher(void *run_)
{
    struct ds_load_run *run = run_;
    ds_error_t error = DS_ERROR_INIT;
    ds_reader_t *reader = NULL;
    struct ds_reader_config config = {.brokers = run->settings->brokers,
                                      .client_id = "doorstep-load",
                                      .topics = topics,
                                      .topic_count = 1,
                                      .gather_ms = 100}; /* the times are the events' own */
    if (!ds_reader_new(run->runtime, &config, &reader, &error) || !catch_up(run, reader, &error) ||
        !watch(run, reader, &error))
        ds_load_fail(run, &error);
    ds_reader_destroy(reader);
    return NULL;
}
