/* One partition: records in, folds, and the judgement at the end. */
#include "cli/audit/folds.h"
#include "schemas/framing.h"
#include "stream/partition.h"

#include <stdlib.h>

/* With so many orders it is seen for the first time who may leave. */
#define FIRST_SWEEP  ((size_t)16 * 1024)
#define MAX_PRODUCTS ((size_t)1 << 24)
#define REGISTRY_MS  10000
#define ARENA_FIRST  ((size_t)256 * 1024)

const struct ds_schema *ds_audit_schema(int32_t topic)
{
    static const struct ds_schema *const schemas[DS_AUDIT_TOPICS] = {
        &ds_schema_catalog_events,    &ds_schema_order_events,       &ds_schema_inventory_events,
        &ds_schema_payment_events,    &ds_schema_delivery_events,    &ds_schema_catalog_commands,
        &ds_schema_order_commands,    &ds_schema_inventory_commands, &ds_schema_payment_commands,
        &ds_schema_delivery_commands,
    };
    return schemas[topic];
}

const char *ds_audit_topic(int32_t topic)
{
    static const char *const snapshots[DS_AUDIT_PROCESSORS] = {
        "catalog.snapshots", "order.snapshots",    "inventory.snapshots",
        "payment.snapshots", "delivery.snapshots",
    };
    return topic < DS_AUDIT_TOPICS ? ds_audit_schema(topic)->topic
                                   : snapshots[topic - DS_AUDIT_TOPICS];
}

int32_t ds_audit_input(int32_t processor, int32_t input)
{
    static const int32_t of_order[] = {DS_AUDIT_INVENTORY, DS_AUDIT_PAYMENT, DS_AUDIT_DELIVERY};
    if (input == 0)
        return DS_AUDIT_PROCESSORS + processor;
    if (processor == DS_AUDIT_ORDER)
        return input >= 1 && input <= 3 ? of_order[input - 1] : -1;
    return processor != DS_AUDIT_CATALOG && input == 1 ? DS_AUDIT_ORDER : -1;
}

bool ds_audit_handled(const struct ds_audit_part *part, int32_t processor, int32_t topic,
                      int64_t offset)
{
    for (int32_t input = 0; input < DS_MAX_INPUTS; input++)
        if (ds_audit_input(processor, input) == topic)
            return offset >= 0 && part->streams[processor].through[input] >= offset &&
                   ds_quarantine_any(&part->streams[processor].quarantine, input, offset) == NULL;
    return false;
}

struct ds_audit_place ds_audit_where(const struct ds_audit_part *part, int32_t topic,
                                     int64_t offset, ds_str_t order_id)
{
    return (struct ds_audit_place){ds_audit_topic(topic), part->partition, offset, order_id};
}

struct ds_audit_place ds_audit_at(const struct ds_audit_part *part,
                                  const struct ds_audit_event *event, ds_str_t order_id)
{
    return ds_audit_where(part, event->topic, event->offset, order_id);
}

void ds_audit_know_nothing(struct ds_audit_order *order)
{
    order->order.created = order->order.requested = order->order.requested_by = -1;
    order->order.confirmed = order->order.confirmed_by = -1;
    order->order.picked_up = order->order.picked_up_by = -1;
    order->order.ended = order->order.ended_by = -1;
    order->payment.initiated = order->payment.initiated_by = order->payment.last = -1;
    order->payment.success = order->payment.success_by = -1;
    order->stock.reserved = order->stock.rejected = order->stock.answered_by = -1;
    order->stock.committed = order->stock.committed_by = order->stock.last = -1;
    order->stock.returned = order->stock.returned_by = -1;
    order->delivery.requested = order->delivery.requested_by = order->delivery.in_transit = -1;
    order->delivery.completed = order->delivery.last = -1;
    order->payment.again = order->stock.again = order->delivery.again = -1;
}

static struct ds_audit_order *new_order(struct ds_audit_part *part, ds_str_t order_id,
                                        ds_error_t *error)
{
    struct ds_audit_order *order = ds_arena_alloc(part->arena, sizeof *order, error);
    if (order == NULL || !ds_arena_dup(part->arena, order_id, &order->id, error) ||
        !ds_map_put(part->orders, order->id, order, NULL, error))
        return NULL;
    ds_audit_know_nothing(order);
    return order;
}

struct ds_audit_order *ds_audit_order_of(struct ds_audit_part *part,
                                         const struct ds_audit_event *event, ds_str_t order_id,
                                         ds_error_t *error)
{
    struct ds_audit_order *order = ds_map_get(part->orders, order_id);
    if (order == NULL) {
        order = new_order(part, order_id, error);
        if (order == NULL)
            return NULL;
        order->reborn = order->has_left = ds_audit_has_left(part, order_id);
    }
    const struct ds_event_head *head = event->event;
    if (head->meta.at > order->last_us)
        order->last_us = head->meta.at;
    if (event->offset >= part->streams[event->topic].range.settled)
        order->in_flight = true;
    return order;
}

bool ds_audit_is_over(const struct ds_audit_event *event, bool is_first_step, int64_t last,
                      int64_t last_us, int64_t memory_us, int64_t *again)
{
    const struct ds_event_head *head = event->event;
    if (*again < 0 && is_first_step && last >= 0 &&
        ds_audit_minus(head->meta.at, last_us) >= memory_us)
        *again = event->offset;
    return *again >= 0;
}

struct ds_audit_product *ds_audit_product_of(struct ds_audit_part *part, ds_str_t product_id,
                                             ds_error_t *error)
{
    struct ds_audit_product *product = ds_map_get(part->products, product_id);
    if (product != NULL)
        return product;
    product = ds_arena_alloc(part->product_arena, sizeof *product, error);
    if (product == NULL || !ds_arena_dup(part->product_arena, product_id, &product->id, error) ||
        !ds_map_put(part->products, product->id, product, NULL, error))
        return NULL;
    return product;
}

bool ds_audit_is_placed(const struct ds_audit_part *part, const struct ds_audit_record *record)
{
    return record->has_key && ds_partition_of(record->key, part->partitions) == part->partition;
}

bool ds_audit_part_new(struct ds_audit_report *report, int32_t partition, int32_t partitions,
                       const struct ds_audit_range *ranges, struct ds_audit_part **part_out,
                       ds_error_t *error)
{
    struct ds_audit_part *part = calloc(1, sizeof *part);

    *part_out = NULL;
    if (part == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a partition");
    part->report = report;
    part->partition = partition;
    part->partitions = partitions;
    part->orders = ds_map_new(DS_AUDIT_MAX_ORDERS);
    part->products = ds_map_new(MAX_PRODUCTS);
    part->arena = ds_arena_new(ARENA_FIRST, DS_AUDIT_ARENA_MAX);
    part->product_arena = ds_arena_new(ARENA_FIRST, DS_AUDIT_ARENA_MAX);
    part->sweep_at = FIRST_SWEEP;
    if (part->orders == NULL || part->products == NULL || part->arena == NULL ||
        part->product_arena == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: a partition");
        goto out;
    }
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        if (!ds_audit_stream_init(&part->streams[p], ranges[p], error) ||
            !ds_audit_commands_init(&part->commands[p], ranges[DS_AUDIT_PROCESSORS + p], error))
            goto out;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        ds_audit_stream_begin(part, p);
    report->checked[DS_AUDIT_PARTITIONS]++;
    *part_out = part;
    return true;
out:
    ds_audit_part_destroy(part);
    return false;
}

void ds_audit_part_destroy(struct ds_audit_part *part)
{
    if (part == NULL)
        return;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        ds_audit_stream_cleanup(&part->streams[p]);
        ds_audit_commands_cleanup(&part->commands[p]);
    }
    ds_map_destroy(part->orders, NULL);
    ds_map_destroy(part->products, NULL);
    ds_arena_destroy(part->arena);
    ds_arena_destroy(part->product_arena);
    free(part->left.slots);
    free(part);
}

bool ds_audit_decode(const struct ds_audit_part *part, const struct ds_audit_record *record,
                     ds_arena_t *arena, void *value_out, bool *head_ok_out, ds_error_t *error)
{
    return ds_framing_decode_patiently(part->framing, ds_audit_schema(record->topic), record->value,
                                       arena, value_out, head_ok_out, REGISTRY_MS, error);
}

static bool fold(struct ds_audit_part *part, const struct ds_audit_event *event, ds_error_t *error)
{
    switch (event->topic) {
    case DS_AUDIT_CATALOG:
        return ds_audit_fold_catalog(part, event, error);
    case DS_AUDIT_ORDER:
        return ds_audit_fold_order(part, event, error);
    case DS_AUDIT_INVENTORY:
        return ds_audit_fold_stock(part, event, error);
    case DS_AUDIT_PAYMENT:
        return ds_audit_fold_payment(part, event, error);
    default:
        return ds_audit_fold_delivery(part, event, error);
    }
}

bool ds_audit_part_take(struct ds_audit_part *part, const struct ds_audit_record *record,
                        ds_error_t *error)
{
    const struct ds_audit_event *events;
    size_t count;

    if (record->topic >= DS_AUDIT_PROCESSORS)
        return ds_audit_fold_command(part, record->topic - DS_AUDIT_PROCESSORS, record, error);
    if (!ds_audit_stream_take(part, record->topic, record, &events, &count, error))
        return false;
    if (count > 0 && !ds_audit_decision(part, record->topic, events, count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!fold(part, &events[i], error))
            return false;
    if (count > 0 && part->also != NULL &&
        !part->also(part->also_context, record->topic, events, count, error))
        return false;
    return ds_map_count(part->orders) < part->sweep_at || ds_audit_sweep(part, error);
}

void ds_audit_judge_one(struct ds_audit_part *part, struct ds_audit_order *order)
{
    part->report->checked[DS_AUDIT_ORDERS]++;
    order->is_at_rest = ds_audit_judge_order(part, order);
    if (!order->is_at_rest)
        part->report->in_flight++;
    ds_audit_judge_prices(part, order);
}

bool ds_audit_part_judge(struct ds_audit_part *part, ds_error_t *error)
{
    ds_str_t id;
    void *value;
    size_t cursor = 0;

    (void)error;
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        ds_audit_stream_judge(part, p);
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        ds_audit_judge_commands(part, p);
    while (ds_map_next(part->orders, &cursor, &id, &value)) {
        ds_audit_judge_one(part, value);
    }
    return true;
}
