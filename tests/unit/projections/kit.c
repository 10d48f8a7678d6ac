#include "tests/unit/projections/kit.h"

#include <stdio.h>
#include <stdlib.h>

#define ORDER_LINES 2

static struct ds_order_line lines[ORDER_LINES] = {
    {.line = 1, .quantity = 2, .unit_price_minor = 150, .total_minor = 300, .catalog_offset = 7},
    {.line = 2, .quantity = 1, .unit_price_minor = 200, .total_minor = 200, .catalog_offset = 8},
};
static struct ds_line_quantity one_milk[] = {{.line = 1, .quantity = 1}};

static void must(bool ok, const ds_error_t *error)
{
    if (ok)
        return;
    fprintf(stderr, "kit: %s\n", error->message);
    abort();
}

void ds_kit_init(struct ds_kit *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    *kit = (struct ds_kit){0};
    ds_buf_init(&kit->scratch, 1024 * 1024);
    must(ds_sheets_init(&kit->sheets, &error), &error);
    kit->fold = (struct ds_fold){.sheets = &kit->sheets, .scratch = &kit->scratch, .partition = 3};
}

void ds_kit_cleanup(struct ds_kit *kit)
{
    ds_sheets_cleanup(&kit->sheets);
    ds_buf_cleanup(&kit->scratch);
}

int64_t ds_kit_fold(struct ds_kit *kit, enum ds_fold_topic topic, const void *event)
{
    ds_error_t error = DS_ERROR_INIT;
    kit->fold.topic = topic;
    kit->fold.offset = kit->next_offset++;
    kit->fold.command_offset = -1;
    must(ds_fold_want(&kit->sheets, topic, event, &error), &error);
    must(ds_fold_event(&kit->fold, event, &error), &error);
    return kit->fold.offset;
}

const void *ds_kit_row(const struct ds_kit *kit, enum ds_table_id table, const char *key)
{
    return ds_sheet_peek(&kit->sheets, table, ds_str(key));
}

const void *ds_kit_nth(const struct ds_kit *kit, enum ds_table_id table, size_t index)
{
    size_t cursor = index;
    ds_str_t key;
    return ds_sheet_next(&kit->sheets, table, &cursor, &key);
}

bool ds_kit_is(ds_str_t text, const char *expected)
{
    return expected == NULL ? text.data == NULL : ds_str_eq(text, ds_str(expected));
}

static struct ds_order_event blank(int32_t kind)
{
    struct ds_order_event e = {0};
    e.meta.event_id = DS_STR("order-3-0-1-0");
    e.meta.at = KIT_TIME;
    e.meta.epoch = 1;
    e.context.correlation_id = DS_STR("corr-1");
    e.context.actor.kind = DS_ACTOR_KIND_CUSTOMER;
    e.context.actor.id = DS_STR("anna");
    e.body.kind = kind;
    return e;
}

struct ds_order_event ds_kit_created(const char *order_id)
{
    struct ds_order_event e = blank(DS_ORDER_EVENT_ORDER_CREATED);
    struct ds_order_created *c = &e.body.as.order_created;
    lines[0].product_id = DS_STR("berlin-1.milk");
    lines[0].name = DS_STR("Milk");
    lines[1].product_id = DS_STR("berlin-1.bread");
    lines[1].name = DS_STR("Bread");
    c->order_id = ds_str(order_id);
    c->store_id = DS_STR("berlin-1");
    c->customer_id = DS_STR("anna");
    c->lines.items = lines;
    c->lines.count = ORDER_LINES;
    c->currency = DS_STR("EUR");
    c->subtotal_minor = 500;
    c->delivery_fee_minor = 100;
    c->total_minor = 600;
    c->payment_method = DS_PAYMENT_METHOD_CARD;
    c->has_payment_token = true;
    c->payment_token = DS_STR("tok_secret");
    c->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    c->personal.as.personal_data.street = DS_STR("123 Main St");
    c->personal.as.personal_data.city = DS_STR("Berlin");
    c->placed_at = KIT_TIME - 1000;
    return e;
}

struct ds_order_event ds_kit_order(int32_t kind, const char *order_id)
{
    struct ds_order_event e = blank(kind);
    /* Every body of the order's topic begins with the order's id. */
    e.body.as.order_picked_up.order_id = ds_str(order_id);
    return e;
}

struct ds_order_event ds_kit_cancelled(const char *order_id, enum ds_cancel_reason reason)
{
    struct ds_order_event e = ds_kit_order(DS_ORDER_EVENT_ORDER_CANCELLED, order_id);
    e.body.as.order_cancelled.reason = reason;
    e.body.as.order_cancelled.goods = DS_GOODS_NOT_TAKEN;
    return e;
}

struct ds_order_event ds_kit_confirmed(const char *order_id)
{
    struct ds_order_event e = ds_kit_order(DS_ORDER_EVENT_ORDER_CONFIRMED, order_id);
    e.body.as.order_confirmed.total_minor = 600;
    e.body.as.order_confirmed.currency = DS_STR("EUR");
    e.body.as.order_confirmed.personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    return e;
}

struct ds_order_event ds_kit_fulfilled(const char *order_id, int64_t total_minor)
{
    struct ds_order_event e = ds_kit_order(DS_ORDER_EVENT_ORDER_FULFILLED, order_id);
    e.body.as.order_fulfilled.total_minor = total_minor;
    e.body.as.order_fulfilled.currency = DS_STR("EUR");
    return e;
}

struct ds_order_event ds_kit_line_cancelled(const char *order_id)
{
    struct ds_order_event e = ds_kit_order(DS_ORDER_EVENT_ORDER_LINES_CANCELLED, order_id);
    struct ds_order_lines_cancelled *c = &e.body.as.order_lines_cancelled;
    one_milk[0].product_id = DS_STR("berlin-1.milk");
    c->lines.items = one_milk;
    c->lines.count = 1;
    c->subtotal_minor = 350;
    c->total_minor = 450;
    c->currency = DS_STR("EUR");
    return e;
}

void ds_kit_answer(void *event, int64_t command_offset, const char *command_id)
{
    struct ds_event_head *head = event;
    head->meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    head->meta.cause.as.input_cause.input = 0;
    head->meta.cause.as.input_cause.offset = command_offset;
    head->context.has_command = true;
    head->context.command.id = ds_str(command_id);
    head->context.command.body_hash = DS_STR("HASH");
    head->context.command.appended_at = KIT_TIME - 1000;
}
