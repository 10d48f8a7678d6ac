/* I2 as far as payment.events goes: one charge, one success, refunds within it, and what is due
 * only goes down. */
#include "cli/audit/folds.h"
#include "decider/memory.h"

#include <inttypes.h>
#include <stdio.h>

/* The input of payment that is order.events; 0 is its commands. */
#define BY_COMMAND 0
#define BY_ORDER   1

static struct ds_audit_place here(const struct ds_audit_part *part,
                                  const struct ds_audit_event *event,
                                  const struct ds_audit_order *order)
{
    return ds_audit_at(part, event, order->id);
}

/* Keys are made of the order's id (docs/events.md): so no two orders have one charge, and no two
 * refunds one key. */
static void check_key(struct ds_audit_part *part, const struct ds_audit_event *event,
                      const struct ds_audit_order *order, char letter, int32_t number, ds_str_t key)
{
    char want[DS_MAX_ID_BYTES + 16];
    (void)snprintf(want, sizeof want, "%.*s-%c%" PRId32, DS_STR_ARG(order->id), letter, number);
    if (!ds_str_eq(key, ds_str(want)))
        ds_audit_found(part->report, "I3", here(part, event, order),
                       "key %.*s, of this order it is %s", DS_STR_ARG(key), want);
}

/* What is owed: due, and what staff gave back of it. It falls for a reason that order.events has to
 * have, which is judged when that is read. */
static bool note_lowered(struct ds_audit_part *part, const struct ds_audit_event *event,
                         struct ds_audit_order *order, int64_t owed_before, ds_error_t *error)
{
    const int64_t owed = ds_audit_plus(order->payment.due_minor, order->payment.goodwill_minor);

    if (owed >= owed_before)
        return true;
    struct ds_audit_lowered *lowered = ds_arena_alloc(part->arena, sizeof *lowered, error);
    if (lowered == NULL)
        return false;
    *lowered = (struct ds_audit_lowered){order->payment.lowered, owed, event->offset,
                                         part->streams[DS_AUDIT_PAYMENT].through[BY_ORDER]};
    order->payment.lowered = lowered;
    return true;
}

/* Only staff gives back what is not owed, and it stays given. */
static void give(struct ds_audit_part *part, const struct ds_audit_event *event,
                 struct ds_audit_order *order, int64_t goodwill_minor)
{
    const struct ds_event_head *head = event->event;
    const enum ds_actor_kind actor = head->context.actor.kind;

    if (goodwill_minor < order->payment.goodwill_minor)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "%" PRId64 " given back by staff, and it was %" PRId64, goodwill_minor,
                       order->payment.goodwill_minor);
    else if (goodwill_minor > order->payment.goodwill_minor && actor != DS_ACTOR_KIND_STAFF &&
             actor != DS_ACTOR_KIND_ADMIN)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "%" PRId64 " given back that was owed, and not by staff",
                       ds_audit_minus(goodwill_minor, order->payment.goodwill_minor));
    order->payment.goodwill_minor = goodwill_minor;
}

static void lower_due(struct ds_audit_part *part, const struct ds_audit_event *event,
                      struct ds_audit_order *order, int64_t due_minor)
{
    if (due_minor > order->payment.due_minor || due_minor < 0)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "%" PRId64 " is due now, and was %" PRId64 ": it only goes down", due_minor,
                       order->payment.due_minor);
    order->payment.due_minor = due_minor;
}

static bool initiate(struct ds_audit_part *part, const struct ds_audit_event *event,
                     struct ds_audit_order *order, const struct ds_payment_initiated *e,
                     ds_error_t *error)
{
    if (order->payment.initiated >= 0)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "a second charge is made; the first at offset %" PRId64,
                       order->payment.initiated);
    order->payment.initiated = event->offset;
    order->payment.charged_minor = e->amount_minor;
    order->payment.due_minor = e->amount_minor;
    check_key(part, event, order, 'c', 1, e->charge_key);
    ds_audit_note_reason(part, event, order, BY_ORDER, "I3", &order->payment.initiated_by);
    return ds_arena_dup(part->arena, e->charge_key, &order->payment.charge_key, error);
}

/* Cash is booked when the order is fulfilled, nothing when it is to be paid, a card's charge when
 * somebody reports it. */
static void check_reporter(struct ds_audit_part *part, const struct ds_audit_event *event,
                           struct ds_audit_order *order, enum ds_audit_payment_step step)
{
    int64_t report = -1;

    order->payment.is_cash = step == DS_AUDIT_ON_CASH;
    order->payment.is_nothing = step == DS_AUDIT_ON_NOTHING;
    if (step == DS_AUDIT_ON_CARD)
        ds_audit_note_reason(part, event, order, BY_COMMAND, "I3", &report);
    else
        ds_audit_note_reason(part, event, order, BY_ORDER, "I2", &order->payment.success_by);
}

static void succeed(struct ds_audit_part *part, const struct ds_audit_event *event,
                    struct ds_audit_order *order, enum ds_audit_payment_step step,
                    const struct ds_payment_success *e)
{
    bool card = step == DS_AUDIT_ON_CARD;
    check_reporter(part, event, order, step);
    if (order->payment.success >= 0)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "charged a second time; the first at offset %" PRId64,
                       order->payment.success);
    else if (card && order->payment.initiated < 0)
        ds_audit_found(part->report, "I3", here(part, event, order),
                       "a charge that payment never asked for");
    else if (card && (!e->has_charge_key || !ds_str_eq(e->charge_key, order->payment.charge_key)))
        ds_audit_found(part->report, "I3", here(part, event, order),
                       "charge %.*s succeeded, %.*s was asked for", DS_STR_ARG(e->charge_key),
                       DS_STR_ARG(order->payment.charge_key));
    if (card)
        lower_due(part, event, order, e->due_minor);
    else
        order->payment.due_minor = e->due_minor;
    if (e->amount_minor < 0)
        ds_audit_found(part->report, "I2", here(part, event, order), "%" PRId64 " captured",
                       e->amount_minor);
    order->payment.captured_minor = ds_audit_plus(order->payment.captured_minor, e->amount_minor);
    order->payment.success = event->offset;
}

static bool initiate_refund(struct ds_audit_part *part, const struct ds_audit_event *event,
                            struct ds_audit_order *order,
                            const struct ds_payment_refund_initiated *e, ds_error_t *error)
{
    int64_t kept = ds_audit_minus(order->payment.captured_minor, order->payment.refunded_minor);

    lower_due(part, event, order, e->due_minor);
    give(part, event, order, e->goodwill_minor);
    check_key(part, event, order, 'r', e->number, e->refund_key);
    if (e->amount_minor > kept)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "a refund of %" PRId64 ", only %" PRId64 " of the charge is left",
                       e->amount_minor, kept);
    else if (e->amount_minor != ds_audit_minus(kept, e->due_minor))
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "a refund of %" PRId64 ", but %" PRId64 " is kept and %" PRId64 " is due",
                       e->amount_minor, kept, e->due_minor);
    if (e->number != ds_audit_plus(order->payment.refund_number, 1))
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "refund number %" PRId32 " follows %" PRId32, e->number,
                       order->payment.refund_number);
    order->payment.refund_number = e->number;
    order->payment.pending_minor = e->amount_minor;
    return ds_arena_dup(part->arena, e->refund_key, &order->payment.refund_key, error);
}

static void refund(struct ds_audit_part *part, const struct ds_audit_event *event,
                   struct ds_audit_order *order, const struct ds_payment_refunded *e)
{
    if (!ds_str_eq(e->refund_key, order->payment.refund_key))
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "refund %.*s is done, %.*s was asked for", DS_STR_ARG(e->refund_key),
                       DS_STR_ARG(order->payment.refund_key));
    else if (e->amount_minor > order->payment.pending_minor || e->amount_minor < 0)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "%" PRId64 " refunded, %" PRId64 " was asked for", e->amount_minor,
                       order->payment.pending_minor);
    order->payment.refunded_minor = ds_audit_plus(order->payment.refunded_minor, e->amount_minor);
    order->payment.pending_minor = 0;
    if (order->payment.refunded_minor > order->payment.captured_minor)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "%" PRId64 " refunded of %" PRId64 " captured",
                       order->payment.refunded_minor, order->payment.captured_minor);
    if (e->captured_minor != order->payment.captured_minor ||
        e->refunded_minor != order->payment.refunded_minor)
        ds_audit_found(part->report, "I2", here(part, event, order),
                       "it says %" PRId64 " captured and %" PRId64
                       " refunded, the fold gives %" PRId64 " and %" PRId64,
                       e->captured_minor, e->refunded_minor, order->payment.captured_minor,
                       order->payment.refunded_minor);
}

static bool apply(struct ds_audit_part *part, const struct ds_audit_event *event,
                  struct ds_audit_order *order, enum ds_audit_payment_step step, ds_error_t *error)
{
    const struct ds_payment_event *e = event->event;
    switch (step) {
    case DS_AUDIT_ON_INITIATED:
        return initiate(part, event, order, &e->body.as.payment_initiated, error);
    case DS_AUDIT_ON_CARD:
    case DS_AUDIT_ON_CASH:
    case DS_AUDIT_ON_NOTHING:
        succeed(part, event, order, step, &e->body.as.payment_success);
        return true;
    case DS_AUDIT_ON_FAILED:
        order->payment.due_minor = 0;
        order->payment.is_asked_for =
            e->body.as.payment_failed.reason == DS_FAIL_REASON_PROVIDER_SILENT;
        return true;
    case DS_AUDIT_ON_DUE_CHANGED:
        lower_due(part, event, order, e->body.as.payment_due_changed.due_minor);
        give(part, event, order, e->body.as.payment_due_changed.goodwill_minor);
        return true;
    case DS_AUDIT_ON_REFUND_INITIATED:
        return initiate_refund(part, event, order, &e->body.as.payment_refund_initiated, error);
    case DS_AUDIT_ON_REFUNDED:
        refund(part, event, order, &e->body.as.payment_refunded);
        return true;
    case DS_AUDIT_ON_REFUND_FAILED:
        order->payment.pending_minor = 0;
        return true;
    case DS_AUDIT_ON_DISPUTED:
        if (e->body.as.payment_disputed.has_charge_key &&
            !ds_str_eq(e->body.as.payment_disputed.charge_key, order->payment.charge_key))
            ds_audit_found(part->report, "I3", here(part, event, order),
                           "charge %.*s is disputed, %.*s was asked for",
                           DS_STR_ARG(e->body.as.payment_disputed.charge_key),
                           DS_STR_ARG(order->payment.charge_key));
        return true;
    }
    return true;
}

static enum ds_audit_payment_step success_step(const struct ds_payment_success *e)
{
    if (e->method != DS_PAYMENT_METHOD_CARD)
        return DS_AUDIT_ON_CASH;
    return e->has_charge_key || e->amount_minor != 0 ? DS_AUDIT_ON_CARD : DS_AUDIT_ON_NOTHING;
}

static bool is_success(enum ds_audit_payment_step step)
{
    return step == DS_AUDIT_ON_CARD || step == DS_AUDIT_ON_CASH || step == DS_AUDIT_ON_NOTHING;
}

static bool is_first(enum ds_audit_payment_step step)
{
    return step == DS_AUDIT_ON_INITIATED || step == DS_AUDIT_ON_CASH || step == DS_AUDIT_ON_NOTHING;
}

/* Of an order that has left only what the provider's books know it by. */
static bool note_charge(struct ds_audit_part *part, const struct ds_payment_event *e,
                        struct ds_audit_order *order, ds_error_t *error)
{
    return e->body.kind != DS_PAYMENT_EVENT_PAYMENT_INITIATED ||
           ds_arena_dup(part->arena, e->body.as.payment_initiated.charge_key,
                        &order->payment.charge_key, error);
}

static bool step_of(const struct ds_payment_event *e, enum ds_audit_payment_step *step_out)
{
    switch (e->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
        *step_out = DS_AUDIT_ON_INITIATED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        *step_out = success_step(&e->body.as.payment_success);
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        *step_out = DS_AUDIT_ON_FAILED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED:
        *step_out = DS_AUDIT_ON_DUE_CHANGED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        *step_out = DS_AUDIT_ON_REFUND_INITIATED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        *step_out = DS_AUDIT_ON_REFUNDED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_FAILED:
        *step_out = DS_AUDIT_ON_REFUND_FAILED;
        return true;
    case DS_PAYMENT_EVENT_PAYMENT_DISPUTED:
        *step_out = DS_AUDIT_ON_DISPUTED;
        return true;
    default: /* payment.unmatched is about a charge that nobody here knows */
        return false;
    }
}

bool ds_audit_fold_payment(struct ds_audit_part *part, const struct ds_audit_event *event,
                           ds_error_t *error)
{
    const struct ds_payment_event *e = event->event;
    enum ds_audit_payment_step step;

    if (!step_of(e, &step))
        return true;
    struct ds_audit_order *order =
        ds_audit_order_of(part, event, ds_schema_payment_events.order_id(e), error);
    if (order == NULL)
        return false;
    if (order->has_left)
        return note_charge(part, e, order, error);
    if (ds_audit_is_over(event, is_first(step), order->payment.last, order->payment.last_us,
                         DS_PAYMENT_MEMORY_US, &order->payment.again))
        return true;
    enum ds_audit_payment_state before = order->payment.state;
    bool told = (step == DS_AUDIT_ON_INITIATED && order->payment.initiated >= 0) ||
                (is_success(step) && order->payment.success >= 0);
    if (!ds_audit_follow_payment(&order->payment.state, step) && !told)
        ds_audit_found(part->report, "STATE", here(part, event, order), "%s in state %s",
                       ds_schema_ce_type(&ds_schema_payment_events, e),
                       ds_audit_payment_state_text(before));
    if (order->payment.last < 0)
        order->payment.first_us = e->meta.at;
    order->payment.last = event->offset;
    order->payment.last_us = e->meta.at;
    int64_t owed = ds_audit_plus(order->payment.due_minor, order->payment.goodwill_minor);
    return apply(part, event, order, step, error) && note_lowered(part, event, order, owed, error);
}
