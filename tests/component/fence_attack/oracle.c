/* See oracle.h. */
#include "oracle.h"

#include "stream/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORDS_MAX  8192
#define DECISION_MAX 256

struct content {
    int64_t epoch;
    int64_t seq;
    ds_bytes_t value;
};

struct due {
    ds_str_t product;
    int64_t due_us;
    bool fired;
};

/* Where in order.events the delivered OrderCancelled stand, and when they were delivered. */
struct order {
    int64_t offset;
    int64_t delivered_us;
};

struct audit {
    struct rig *rig;
    int32_t p;
    bool on_time;
    struct oracle *out;
    ds_arena_t *arena;
    struct order orders[RECORDS_MAX];
    size_t order_count;
    size_t order_next;
    ds_str_t ids[RECORDS_MAX];
    size_t id_count;
    struct due dues[RECORDS_MAX];
    size_t due_count;
    struct content contents[RECORDS_MAX];
    size_t content_count;
    struct ds_inventory_event decision[DECISION_MAX];
    size_t decision_count;
};

static void wrong(struct audit *a, const char *what)
{
    if (a->out->wrong == NULL)
        a->out->wrong = what;
}

/* ---- order.events ---- */

static void read_orders(struct audit *a)
{
    int64_t end = ds_fake_end(a->rig->log, RIG_ORDERS, a->p);
    int64_t epoch = 0;
    int64_t seq = 0;
    size_t pending = 0; /* from here on: not delivered */

    for (int64_t offset = 0; offset < end; offset++) {
        const struct ds_fake_record *r = ds_fake_record(a->rig->log, RIG_ORDERS, a->p, offset);
        ds_error_t error = DS_ERROR_INIT;
        struct ds_order_event event;

        if (!ds_schema_decode(&ds_schema_order_events, r->value, a->arena, &event, NULL, &error))
            continue;
        if (event.body.kind == DS_ORDER_EVENT_CLAIM && event.meta.epoch == epoch + 1) {
            epoch++;
            seq = 0;
            a->order_count = pending;
        } else if (event.body.kind != DS_ORDER_EVENT_CLAIM && event.meta.epoch == epoch &&
                   epoch > 0 && event.meta.seq == seq + 1) {
            seq++;
            if (event.body.kind == DS_ORDER_EVENT_ORDER_CANCELLED)
                a->orders[a->order_count++].offset = offset;
            for (size_t i = pending; !event.meta.more && i < a->order_count; i++)
                a->orders[i].delivered_us = r->appended_us;
            if (!event.meta.more)
                pending = a->order_count;
        }
    }
    a->order_count = pending;
}

/* ---- what each input should lead to ---- */

static bool seen(struct audit *a, ds_str_t id)
{
    for (size_t i = 0; i < a->id_count; i++)
        if (ds_str_eq(a->ids[i], id))
            return true;
    a->ids[a->id_count++] = id;
    return false;
}

static void expect_kind(struct audit *a, size_t count, int32_t kind)
{
    if (a->decision_count != count)
        wrong(a, "a decision has another number of events");
    for (size_t i = 0; i < a->decision_count; i++)
        if (a->decision[i].body.kind != kind)
            wrong(a, "a decision has events of another kind");
}

static void set_due(struct audit *a)
{
    const struct ds_inventory_updated *update = &a->decision[0].body.as.inventory_updated;
    struct due due = {update->changes.items[0].product_id, 0, false};

    if (!ds_str_to_i64(ds_str_after(update->reason, ':'), &due.due_us))
        wrong(a, "a deadline has no time");
    a->dues[a->due_count++] = due;
}

static void on_count(struct audit *a, const struct ds_count_stock *count)
{
    int32_t n = count->items.items[0].quantity;

    if (n > DECISION_MAX || ds_str_eq(count->store_id, DS_STR("huge"))) {
        expect_kind(a, 1, DS_INVENTORY_EVENT_COMMAND_REJECTED);
        return;
    }
    expect_kind(a, (size_t)n, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    a->out->total += n;
}

static void on_command(struct audit *a, int64_t offset)
{
    const struct ds_fake_record *r = ds_fake_record(a->rig->log, RIG_COMMANDS, a->p, offset);
    ds_error_t error = DS_ERROR_INIT;
    struct ds_inventory_command command;

    if (offset != a->out->commands)
        wrong(a, "a command is left out, or decided twice");
    a->out->commands = offset + 1;
    if (r == NULL) {
        wrong(a, "a cause names a command that is none");
    } else if (!ds_schema_decode(&ds_schema_inventory_commands, r->value, a->arena, &command, NULL,
                                 &error)) {
        expect_kind(a, 1, DS_INVENTORY_EVENT_INPUT_REJECTED);
        a->out->rejected++;
    } else if (ds_partition_of(r->key, RIG_PARTITIONS) != a->p) {
        expect_kind(a, 1, DS_INVENTORY_EVENT_INPUT_REJECTED);
        a->out->rejected++;
    } else if (seen(a, command.head.command_id)) {
        expect_kind(a, 1, DS_INVENTORY_EVENT_COMMAND_REPEATED);
    } else if (command.body.kind == DS_INVENTORY_COMMAND_RECEIVE_STOCK) {
        const struct ds_receive_stock *receive = &command.body.as.receive_stock;

        expect_kind(a, receive->items.count, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
        for (size_t i = 0; i < receive->items.count; i++)
            a->out->total += receive->items.items[i].quantity;
    } else if (command.body.kind == DS_INVENTORY_COMMAND_ADJUST_STOCK) {
        expect_kind(a, 1, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
        set_due(a);
    } else if (command.body.kind == DS_INVENTORY_COMMAND_COUNT_STOCK) {
        on_count(a, &command.body.as.count_stock);
    } else {
        expect_kind(a, 1, DS_INVENTORY_EVENT_COMMAND_REJECTED);
    }
}

static void on_order(struct audit *a, const struct ds_input_cause *cause)
{
    expect_kind(a, 1, DS_INVENTORY_EVENT_INVENTORY_RELEASED);
    if (a->order_next == a->order_count)
        wrong(a, "an order's event is decided that was not delivered, or twice");
    else if (a->orders[a->order_next++].offset != cause->offset)
        wrong(a, "an order's event is left out, decided twice, or was never delivered");
    a->out->orders++;
}

static void inputs_of_its_time_came_first(struct audit *a, int64_t due_us)
{
    const struct ds_fake_record *next =
        ds_fake_record(a->rig->log, RIG_COMMANDS, a->p, a->out->commands);

    if (next != NULL && next->appended_us < due_us)
        wrong(a, "a deadline fired before a command that had arrived");
    if (a->order_next < a->order_count && a->orders[a->order_next].delivered_us < due_us)
        wrong(a, "a deadline fired before an order's event that had arrived");
}

static void on_timer(struct audit *a, const struct ds_timer_cause *cause)
{
    const struct ds_inventory_event *event = &a->decision[0];

    expect_kind(a, 1, DS_INVENTORY_EVENT_INVENTORY_UPDATED);
    if (event->meta.at < a->decision[0].meta.cause.as.timer_cause.due_at)
        wrong(a, "a deadline fired before its time");
    if (a->on_time)
        inputs_of_its_time_came_first(a, cause->due_at);
    a->out->fired++;
    for (size_t i = 0; i < a->due_count; i++) {
        if (a->dues[i].fired || !ds_str_eq(a->dues[i].product, cause->aggregate) ||
            a->dues[i].due_us != cause->due_at)
            continue;
        a->dues[i].fired = true;
        return;
    }
    wrong(a, "a deadline fired that was not set, or twice");
}

/* Protocol R9: each rejected input has its dead letter, at least once. */
static void look_for_letter(struct audit *a, const struct ds_inventory_event *event)
{
    char key[192];

    (void)snprintf(key, sizeof(key), "%.*s/%" PRId32 "/%" PRId64,
                   DS_STR_ARG(event->body.as.input_rejected.topic), a->p,
                   event->meta.cause.as.input_cause.offset);
    for (int64_t i = 0; i < ds_fake_end(a->rig->log, RIG_DLQ, a->p); i++)
        if (ds_str_eq(ds_fake_record(a->rig->log, RIG_DLQ, a->p, i)->key, ds_str(key)))
            return;
    a->out->letters_missing++;
}

/* ---- the own log ---- */

static bool same_cause(const struct ds_meta *a, const struct ds_meta *b)
{
    if (a->cause.kind != b->cause.kind)
        return false;
    return a->cause.kind != DS_META_CAUSE_INPUT_CAUSE ||
           (a->cause.as.input_cause.input == b->cause.as.input_cause.input &&
            a->cause.as.input_cause.offset == b->cause.as.input_cause.offset);
}

static void delivered(struct audit *a)
{
    const struct ds_meta *meta = &a->decision[0].meta;

    for (size_t i = 0; i < a->decision_count; i++) {
        const struct ds_inventory_event *event = &a->decision[i];

        if (!same_cause(meta, &event->meta))
            wrong(a, "a decision has events of two causes");
        if (event->body.kind >= DS_INVENTORY_EVENT_COMMAND_REJECTED)
            a->out->digest = ds_str_hash(event->meta.event_id, a->out->digest);
        if (event->body.kind == DS_INVENTORY_EVENT_INPUT_REJECTED)
            look_for_letter(a, event);
    }
    if (meta->cause.kind == DS_META_CAUSE_TIMER_CAUSE)
        on_timer(a, &meta->cause.as.timer_cause);
    else if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE && meta->cause.as.input_cause.input == 0)
        on_command(a, meta->cause.as.input_cause.offset);
    else if (meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE)
        on_order(a, &meta->cause.as.input_cause);
    a->decision_count = 0;
}

/* Protocol R3: one (epoch, seq), one content. */
static void one_content(struct audit *a, const struct ds_meta *meta, ds_bytes_t value)
{
    for (size_t i = 0; i < a->content_count; i++) {
        const struct content *c = &a->contents[i];

        if (c->epoch == meta->epoch && c->seq == meta->seq &&
            (c->value.len != value.len || memcmp(c->value.data, value.data, value.len) != 0))
            wrong(a, "one (epoch, seq) has two contents");
    }
    a->contents[a->content_count++] = (struct content){meta->epoch, meta->seq, value};
}

static void read_own(struct audit *a)
{
    int64_t end = ds_fake_end(a->rig->log, RIG_EVENTS, a->p);
    int64_t seq = 0;

    for (int64_t offset = 0; offset < end && a->out->wrong == NULL; offset++) {
        const struct ds_fake_record *r = ds_fake_record(a->rig->log, RIG_EVENTS, a->p, offset);
        ds_error_t error = DS_ERROR_INIT;
        struct ds_inventory_event event;
        bool claim;

        a->out->at = offset;
        if (!ds_schema_decode(&ds_schema_inventory_events, r->value, a->arena, &event, NULL,
                              &error))
            continue;
        claim = event.body.kind == DS_INVENTORY_EVENT_CLAIM;
        if (event.meta.epoch > a->out->epoch + claim)
            wrong(a, "a record of an epoch that was never opened");
        if (!claim)
            one_content(a, &event.meta, r->value);
        if (claim && event.meta.epoch == a->out->epoch + 1) {
            a->out->epoch++;
            seq = 0;
            a->decision_count = 0;
        } else if (!claim && a->out->epoch > 0 && event.meta.epoch == a->out->epoch &&
                   event.meta.seq == seq + 1) {
            seq++;
            a->decision[a->decision_count++] = event;
            if (!event.meta.more)
                delivered(a);
        }
    }
}

void oracle_read(struct rig *rig, int32_t p, bool on_time, struct oracle *oracle_out)
{
    struct audit *a = calloc(1, sizeof(*a));

    *oracle_out = (struct oracle){0};
    if (a == NULL)
        abort();
    a->rig = rig;
    a->p = p;
    a->on_time = on_time;
    a->out = oracle_out;
    a->arena = ds_arena_new(1024 * 1024, (size_t)1024 * 1024 * 1024);
    read_orders(a);
    read_own(a);
    for (size_t i = 0; i < a->due_count; i++)
        oracle_out->deadlines += !a->dues[i].fired;
    ds_arena_destroy(a->arena);
    free(a);
}

int64_t oracle_orders(struct rig *rig, int32_t p)
{
    struct audit *a = calloc(1, sizeof(*a));
    int64_t count;

    if (a == NULL)
        abort();
    a->rig = rig;
    a->p = p;
    a->arena = ds_arena_new(1024 * 1024, (size_t)1024 * 1024 * 1024);
    read_orders(a);
    count = (int64_t)a->order_count;
    ds_arena_destroy(a->arena);
    free(a);
    return count;
}
