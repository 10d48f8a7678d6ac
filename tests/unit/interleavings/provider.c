/* The gateway, the payment provider, and staff who give money back. The gateway calls with a key;
 * the provider applies a key once, and may report it late, twice or never. */
#include "shop.h"

#include <assert.h>

static uint32_t report(struct shop *shop, int order, int key, bool ok, int amount)
{
    uint64_t name =
        ((uint64_t)order << 40) | ((uint64_t)key << 32) | ((uint64_t)ok << 31) | (uint64_t)amount;
    uint32_t id;

    if (memo_get(shop->reports, name, &id))
        return id;
    id = key == 0 ? command_charge_report(shop->book, order, ok, amount)
                  : command_refund_report(shop->book, order, key, ok, amount);
    memo_put(shop->reports, name, id);
    return id;
}

static uint8_t times(const struct shop *shop)
{
    return shop->scenario->reports == 0 ? 1 : shop->scenario->reports;
}

/* ---- calls ---- */

static void ask_charge(const struct walker *w, int order, const struct ds_payment_initiated *charge)
{
    struct outside next = *shop_outside(w->shop, w->world->outside);
    struct outside_order *o = &next.orders[order];

    if (o->charge == NOT_ASKED) {
        o->charge = ASKED;
        o->asked = (int16_t)charge->amount_minor;
        walker_outside(w, BY_QUEUE, "the gateway asks for the charge", order, &next, true);
        if (w->shop->scenario->gateway_dies)
            walker_outside(w, BY_PERSON,
                           "the gateway asks for the charge, and dies before noting it", order,
                           &next, false);
        return;
    }
    if (w->shop->wiring == NO_IDEMPOTENCY_KEY) {
        o->charge = ASKED;
        o->charged = (int16_t)(o->charged + o->asked);
    }
    walker_outside(w, BY_QUEUE, "the gateway asks for the charge again", order, &next, true);
}

static void do_refund(const struct walker *w, int order, int key, int amount, const char *what)
{
    struct outside next = *shop_outside(w->shop, w->world->outside);
    struct outside_order *o = &next.orders[order];

    o->refunded = (int16_t)(o->refunded + amount);
    o->refunds[key - 1] = (struct refund_call){REFUND_DONE, times(w->shop), (int16_t)amount};
    walker_outside(w, BY_QUEUE, what, order, &next, true);
    if (w->shop->scenario->gateway_dies)
        walker_outside(w, BY_PERSON, "the provider refunds, and the gateway dies before noting it",
                       order, &next, false);
}

static void ask_refund(const struct walker *w, int order,
                       const struct ds_payment_refund_initiated *refund)
{
    struct outside next = *shop_outside(w->shop, w->world->outside);
    struct outside_order *o = &next.orders[order];

    assert(refund->number >= 1 && refund->number <= REFUNDS_MAX);
    if (o->refunds[refund->number - 1].state != NO_REFUND) {
        walker_outside(w, BY_QUEUE, "the gateway asks for the refund again", order, &next, true);
        return;
    }
    do_refund(w, order, refund->number, (int)refund->amount_minor, "the provider refunds");
    if (w->shop->scenario->odd && refund->amount_minor > 1)
        do_refund(w, order, refund->number, (int)refund->amount_minor - 1,
                  "the provider refunds one less");
    if (o->refusals == 0)
        return;
    o->refusals--;
    o->refunds[refund->number - 1] = (struct refund_call){REFUND_REFUSED, times(w->shop), 0};
    walker_outside(w, BY_PERSON, "the provider refuses the refund", order, &next, true);
}

static void gateway_steps(const struct walker *w)
{
    uint32_t id;

    if (!shop_head(w->shop, w->world->queue[PAYMENT_TO_GATEWAY], &id))
        return;
    const struct message *message = messages_get(w->shop->book, id);
    const struct ds_payment_event *event = message->value;
    if (event->body.kind == DS_PAYMENT_EVENT_PAYMENT_INITIATED)
        ask_charge(w, message->order, &event->body.as.payment_initiated);
    else
        ask_refund(w, message->order, &event->body.as.payment_refund_initiated);
}

/* ---- answers ---- */

static void approve(const struct walker *w, int order, enum cause cause, int more, const char *what)
{
    struct outside next = *shop_outside(w->shop, w->world->outside);
    struct outside_order *o = &next.orders[order];

    o->charge = APPROVED;
    o->approved = (int16_t)(o->asked + more);
    o->charged = (int16_t)(o->charged + o->approved);
    o->ok_reports = times(w->shop);
    walker_outside(w, cause, what, order, &next, false);
}

static void charge_answers(const struct walker *w, int order)
{
    const struct scenario *scenario = w->shop->scenario;
    struct outside next = *shop_outside(w->shop, w->world->outside);
    struct outside_order *o = &next.orders[order];

    if (o->charge == ASKED) {
        approve(w, order, BY_PROVIDER, 0, "the provider approves");
        if (scenario->odd) {
            approve(w, order, BY_PERSON, -1, "the provider approves one less");
            approve(w, order, BY_PERSON, 1, "the provider approves one more");
        }
        o->charge = DECLINED;
        o->failed_reports = times(w->shop);
        walker_outside(w, BY_PROVIDER, "the provider declines", order, &next, false);
    } else if (o->charge == DECLINED && scenario->contradict) {
        approve(w, order, BY_PERSON, 0, "the provider approves after all");
    }
}

static void tell(const struct walker *w, int order, int key, bool ok, int amount,
                 const struct outside *next)
{
    walker_decide(w, BY_REPORT, PAYMENT, report(w->shop, order, key, ok, amount), EARLY, QUEUES,
                  pool_id(w->shop->outsides, next, sizeof(*next)));
}

static void report_steps(const struct walker *w, int order)
{
    const struct outside *now = shop_outside(w->shop, w->world->outside);
    const struct outside_order *o = &now->orders[order];
    struct outside next = *now;

    if (o->ok_reports > 0) {
        next.orders[order].ok_reports--;
        tell(w, order, 0, true, o->approved, &next);
        next = *now;
    }
    if (o->failed_reports > 0) {
        next.orders[order].failed_reports--;
        tell(w, order, 0, false, 0, &next);
        next = *now;
    }
    for (int key = 1; key <= REFUNDS_MAX; key++) {
        const struct refund_call *refund = &o->refunds[key - 1];
        if (refund->reports == 0)
            continue;
        next.orders[order].refunds[key - 1].reports--;
        tell(w, order, key, refund->state == REFUND_DONE, refund->amount, &next);
        next = *now;
    }
}

static void dispute_steps(const struct walker *w, int order)
{
    const struct outside_order *o = &shop_outside(w->shop, w->world->outside)->orders[order];

    if (!w->shop->scenario->dispute || o->charged == 0)
        return;
    walker_decide(w, BY_PERSON, PAYMENT, command_dispute(w->shop->book, order, o->charged, true),
                  EARLY, QUEUES, w->world->outside);
    walker_decide(w, BY_PERSON, PAYMENT, command_dispute(w->shop->book, order, o->charged, false),
                  EARLY, QUEUES, w->world->outside);
}

/* Staff give money back. A command whose id is known is not decided again: each gift counts once,
 * when it was taken. */
static void gift_steps(const struct walker *w, int order)
{
    struct shop *shop = w->shop;

    for (int gift = 0; shop->scenario->goodwill && gift < GIFTS; gift++) {
        struct outside next = *shop_outside(shop, w->world->outside);
        uint32_t command =
            command_gift(shop->book, order, gift_amount(shop->scenario, order, gift));
        if ((next.orders[order].gifts & (1U << gift)) != 0 && shop->wiring != REPEATS_DECIDED)
            continue;
        struct outcome outcome =
            machine_step(shop->machines[PAYMENT], w->world->part[PAYMENT], command, EARLY);
        if (outcome.state == w->world->part[PAYMENT])
            continue; /* refused */
        next.orders[order].gifts |= (uint8_t)(1U << gift);
        walker_decide(w, BY_PERSON, PAYMENT, command, EARLY, QUEUES,
                      pool_id(shop->outsides, &next, sizeof(next)));
    }
}

void provider_steps(const struct walker *w)
{
    gateway_steps(w);
    for (int i = 0; i < ORDERS; i++) {
        if (w->shop->scenario->orders[i].lines == 0 || w->shop->scenario->orders[i].cash)
            continue;
        charge_answers(w, i);
        report_steps(w, i);
        dispute_steps(w, i);
        gift_steps(w, i);
    }
}
