/* plant DIR MISTAKE - puts one mistake into a dump that `doorstep audit verify --dump` wrote.
 *
 *   doubled-decision   the last decision of an order that was delivered stands there once more,
 *                      with the next seq
 *   missing-seq        a record in the middle of an epoch of order.events is gone, the ones behind
 *                      it moved up
 *   lost-decision      the decision on a command is gone without a trace: a Progress has its place
 *   lost-answer        the same with inventory's answer to an order that was picked up
 *   torn-delivered     the decision that inventory answered was never completed: a Claim follows
 *   old-epoch          inventory answers a record that an owner wrote after it was deposed
 *   stock-below-zero   the last level that an event of inventory gives is below zero
 *   second-charge      a payment that was captured is captured once more
 *   foreign-charge     a charge succeeded under another key than was asked for
 *   unpaid             the success of a card's charge is gone, and the order was delivered
 *   wrong-price        a line costs something else than the catalogue says
 *   foreign-key        an event's key belongs to another partition
 *   snapshot-differs   inventory's newest snapshot has one piece more than there is
 *   snapshot-lacks     a product is not in it
 *   snapshot-misplaced it is for another record than stands there
 *   snapshot-format    another version of the program wrote it (no mistake)
 *   snapshot-damaged   a bit of it is another (a restore passes it over)
 */
#include "plant_log.h"
#include "plant_snapshot.h"
#include "stream/partition.h"

#include <stdio.h>
#include <stdlib.h>

/* Write the record once more at the end, as what follows there. */
static bool repeat(struct log *log, size_t i, bool as_timer, ds_error_t *error)
{
    size_t end;
    struct ds_event_head *head = log_decode(log, i, error);
    const struct ds_event_head *last =
        log_find_last(log, -1, &end) ? log_decode(log, end, error) : NULL;
    if (head == NULL || last == NULL)
        return false;
    head->meta.epoch = last->meta.epoch;
    head->meta.seq = last->meta.seq + 1;
    head->meta.at = last->meta.at;
    if (as_timer) {
        head->meta.event_id = DS_STR("planted");
        head->meta.cause.kind = DS_META_CAUSE_TIMER_CAUSE;
        head->meta.cause.as.timer_cause = (struct ds_timer_cause){DS_STR("planted"), 1, 1};
    }
    return log_put(log, log->count, head, error);
}

static bool double_decision(struct log *log, ds_error_t *error)
{
    size_t at;
    return log_find_last(log, DS_ORDER_EVENT_ORDER_FULFILLED, &at) && repeat(log, at, false, error);
}

static bool charge_again(struct log *log, ds_error_t *error)
{
    size_t at;
    return log_find_last(log, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, &at) &&
           repeat(log, at, true, error);
}

static bool lose_seq(struct log *log, ds_error_t *error)
{
    size_t at;
    size_t end;
    if (!log_find_last(log, DS_ORDER_EVENT_ORDER_PICKED_UP, &at) || !log_find_last(log, -1, &end))
        return false;
    const struct ds_event_head *gone = log_decode(log, at, error);
    const struct ds_event_head *last = log_decode(log, end, error);
    /* In an older epoch it is the next Open that contradicts the log. */
    if (gone == NULL || last == NULL || gone->meta.epoch != last->meta.epoch)
        return false;
    log->count--;
    for (size_t i = at; i < log->count; i++) {
        log->records[i] = log->records[i + 1];
        log->records[i].offset--;
    }
    return true;
}

static bool sink_stock(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, DS_INVENTORY_EVENT_INVENTORY_RESERVED, &at))
        return false;
    struct ds_inventory_event *event = log_decode(log, at, error);
    if (event == NULL)
        return false;
    event->body.as.inventory_reserved.levels.items[0].available = -1;
    return log_put(log, at, event, error);
}

/* Put a Progress, which says nothing, where a decision of one record stood. */
static bool lose(struct log *log, int32_t kind, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, kind, &at))
        return false;
    const struct ds_event_head *gone = log_decode(log, at, error);
    const struct ds_event_head *before = log_decode(log, at - 1, error);
    if (gone == NULL || before == NULL || before->meta.more)
        return false;
    struct ds_order_event progress = {.meta = gone->meta};
    progress.meta.cause = (struct ds_meta_cause){0};
    progress.body.kind = DS_PROTOCOL_PROGRESS;
    return log_put(log, at, &progress, error);
}

static bool lose_decision(struct log *log, ds_error_t *error)
{
    return lose(log, DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, error);
}

static bool lose_answer(struct log *log, ds_error_t *error)
{
    return lose(log, DS_INVENTORY_EVENT_INVENTORY_COMMITTED, error);
}

/* The log ends with it, and what was to follow never came. */
static bool tear(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, DS_ORDER_EVENT_ORDER_PICKED_UP, &at))
        return false;
    struct ds_order_event *torn = log_decode(log, at, error);
    if (torn == NULL)
        return false;
    torn->meta.more = true;
    log->count = at + 1;
    return log_put(log, at, torn, error) &&
           log_claim(log, torn->meta.epoch, torn->meta.seq, torn->meta.at, error);
}

/* Inventory's last refusal once more, as the answer to this record of order.events. */
static bool answer(struct log *log, const struct ds_meta *to, int64_t offset, ds_error_t *error)
{
    size_t at;
    size_t end;
    if (!log_load(log, DS_AUDIT_INVENTORY, log->partition, error) ||
        !log_find_last(log, DS_INVENTORY_EVENT_INVENTORY_REJECTED, &at) ||
        !log_find_last(log, -1, &end))
        return false;
    struct ds_event_head *head = log_decode(log, at, error);
    const struct ds_event_head *last = log_decode(log, end, error);
    if (head == NULL || last == NULL)
        return false;
    head->meta.epoch = last->meta.epoch;
    head->meta.seq = last->meta.seq + 1;
    head->meta.at = last->meta.at;
    head->meta.event_id = DS_STR("planted");
    head->meta.cause.as.input_cause =
        (struct ds_input_cause){.input = 1, .offset = offset, .epoch = to->epoch, .seq = to->seq};
    return log_put(log, log->count, head, error);
}

/* A deposed owner goes on writing: everybody skips it, but inventory. */
static bool believe_old_epoch(struct log *log, ds_error_t *error)
{
    size_t at;
    size_t end;
    if (!log_find_last(log, DS_ORDER_EVENT_ORDER_CREATED, &at) || !log_find_last(log, -1, &end))
        return false;
    struct ds_event_head *zombie = log_decode(log, at, error);
    const struct ds_event_head *last = log_decode(log, end, error);
    if (zombie == NULL || last == NULL ||
        !log_claim(log, last->meta.epoch, last->meta.seq, last->meta.at, error))
        return false;
    zombie->meta.epoch = last->meta.epoch;
    zombie->meta.seq = last->meta.seq + 1;
    zombie->meta.event_id = DS_STR("planted-zombie");
    int64_t offset = log->records[log->count - 1].offset + 1;
    return log_put(log, log->count, zombie, error) && log_save(log, error) &&
           answer(log, &zombie->meta, offset, error);
}

static bool rename_charge(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, &at))
        return false;
    struct ds_payment_event *event = log_decode(log, at, error);
    if (event == NULL || event->body.as.payment_success.method != DS_PAYMENT_METHOD_CARD)
        return false;
    event->body.as.payment_success.charge_key = DS_STR("planted");
    return log_put(log, at, event, error);
}

static bool lose_payment(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, &at))
        return false;
    struct ds_payment_event *event = log_decode(log, at, error);
    if (event == NULL || event->body.as.payment_success.method != DS_PAYMENT_METHOD_CARD)
        return false;
    return lose(log, DS_PAYMENT_EVENT_PAYMENT_SUCCESS, error);
}

static bool change_price(struct log *log, ds_error_t *error)
{
    size_t at;
    if (!log_find_last(log, DS_ORDER_EVENT_ORDER_CREATED, &at))
        return false;
    struct ds_order_event *event = log_decode(log, at, error);
    if (event == NULL)
        return false;
    event->body.as.order_created.lines.items[0].unit_price_minor++;
    return log_put(log, at, event, error);
}

static bool misplace(struct log *log, ds_error_t *error)
{
    static const char *const stores[] = {"a", "b", "c", "d"};
    size_t at;
    size_t i = 0;
    (void)error;
    if (log->source->partitions < 2 || !log_find_last(log, DS_ORDER_EVENT_ORDER_FULFILLED, &at))
        return false;
    while (i < 3 && ds_partition_of(ds_str(stores[i]), log->source->partitions) == log->partition)
        i++;
    log->records[at].key = ds_str(stores[i]);
    return true;
}

static const struct {
    const char *name;
    int32_t topic;
    bool (*plant)(struct log *log, ds_error_t *error);
} mistakes[] = {
    {"doubled-decision", DS_AUDIT_ORDER, double_decision},
    {"missing-seq", DS_AUDIT_ORDER, lose_seq},
    {"lost-decision", DS_AUDIT_ORDER, lose_decision},
    {"lost-answer", DS_AUDIT_INVENTORY, lose_answer},
    {"torn-delivered", DS_AUDIT_ORDER, tear},
    {"old-epoch", DS_AUDIT_ORDER, believe_old_epoch},
    {"foreign-charge", DS_AUDIT_PAYMENT, rename_charge},
    {"unpaid", DS_AUDIT_PAYMENT, lose_payment},
    {"wrong-price", DS_AUDIT_ORDER, change_price},
    {"foreign-key", DS_AUDIT_ORDER, misplace},
    {"stock-below-zero", DS_AUDIT_INVENTORY, sink_stock},
    {"second-charge", DS_AUDIT_PAYMENT, charge_again},
    {"snapshot-differs", DS_AUDIT_TOPICS + DS_AUDIT_INVENTORY, plant_wrong_item},
    {"snapshot-lacks", DS_AUDIT_TOPICS + DS_AUDIT_INVENTORY, plant_lost_item},
    {"snapshot-misplaced", DS_AUDIT_TOPICS + DS_AUDIT_ORDER, plant_wrong_place},
    {"snapshot-format", DS_AUDIT_TOPICS + DS_AUDIT_PAYMENT, plant_other_format},
    {"snapshot-damaged", DS_AUDIT_TOPICS + DS_AUDIT_DELIVERY, plant_damaged_chunk},
};

/* In the first partition that has what is needed for it. */
static bool plant(struct log *log, const char *name, ds_error_t *error)
{
    for (size_t m = 0; m < sizeof mistakes / sizeof *mistakes; m++)
        for (int32_t p = 0; strcmp(mistakes[m].name, name) == 0 && p < log->source->partitions;
             p++) {
            if (!log_load(log, mistakes[m].topic, p, error))
                return false;
            if (mistakes[m].plant(log, error))
                return log_save(log, error);
            if (ds_error_is_set(error))
                return false;
        }
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_UNKNOWN, "no place for '%s' in %s", name,
                        log->folder);
}

int main(int argc, char **argv)
{
    struct log log = {0};
    ds_error_t error = DS_ERROR_INIT;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s DIR MISTAKE\n", argv[0]);
        return 2;
    }
    log.folder = argv[1];
    log.arena = ds_arena_new(1 << 20, (size_t)1 << 30);
    bool ok = log.arena != NULL && ds_audit_source_dump(argv[1], &log.source, &error) &&
              plant(&log, argv[2], &error);
    if (!ok)
        (void)fprintf(stderr, "%s: %s\n", argv[0], error.message);
    free(log.records);
    ds_audit_source_destroy(log.source);
    ds_arena_destroy(log.arena);
    return ok ? 0 : 1;
}
