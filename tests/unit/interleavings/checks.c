#include "checks.h"

#include "commands.h"
#include "processors/delivery/delivery_state.h"
#include "processors/inventory/reservation.h"
#include "processors/order/order_table.h"
#include "processors/payment/payment_table.h"

/* What is known of one order, from all sides. */
struct view {
    const struct scenario *scenario;
    int order;
    bool cash;
    const struct order_facts *o;
    const struct reservation_facts *r;
    const struct payment_facts *p;
    const struct delivery_facts *d;
    const struct outside_order *out;
};

static const struct facts *facts_of(const shop_t *shop, const struct world *world, enum part part)
{
    return machine_facts(shop_machine(shop, part), world->part[part]);
}

static struct view view_of(const shop_t *shop, const struct world *world, int order)
{
    return (struct view){
        .scenario = shop_scenario(shop),
        .order = order,
        .cash = shop_scenario(shop)->orders[order].cash,
        .o = &facts_of(shop, world, ORDER)->orders[order],
        .r = &facts_of(shop, world, INVENTORY)->reservations[order],
        .p = &facts_of(shop, world, PAYMENT)->payments[order],
        .d = &facts_of(shop, world, DELIVERY)->deliveries[order],
        .out = &shop_outside(shop, world->outside)->orders[order],
    };
}

static int price_carried(const struct view *v)
{
    int total = DELIVERY_FEE;
    for (int k = 0; k < LINES; k++)
        total += v->out->carried[k] * unit_price(k);
    return total;
}

/* What must be kept of the money: what is carried, less what staff gave back. */
static int owed_for(const struct view *v)
{
    int given = gifts_total(v->scenario, v->order, v->out->gifts);
    int price = price_carried(v);

    return price > given ? price - given : 0;
}

/* ---- always ---- */

static const char *check_stock(const struct facts *facts, int product)
{
    const struct stock_facts *s = &facts->stock[product];
    int reserved = 0;
    int committed = 0;

    if (s->available < 0 || s->reserved < 0 || s->committed < 0 ||
        s->received != s->available + s->reserved + s->committed)
        return "I1: stock is not conserved";
    for (int i = 0; i < ORDERS; i++) {
        const struct reservation_facts *r = &facts->reservations[i];
        if (r->quantity[product] < 0)
            return "I4: more is released than was held";
        if (r->state == DS_RESERVATION_HELD)
            reserved += r->quantity[product];
        if (r->state == DS_RESERVATION_COMMITTED)
            committed += r->quantity[product];
    }
    return reserved == s->reserved && committed == s->committed
               ? NULL
               : "I4: reservations and stock disagree";
}

static const char *check_money(const struct view *v)
{
    int kept = v->p->captured - v->p->refunded;
    int slack = v->scenario->odd ? 1 : 0;

    if (v->p->refunded > v->p->captured || kept - v->p->pending < 0)
        return "I2: more is refunded than was captured";
    if (v->cash)
        return NULL;
    if (v->out->charged > full_price(v->scenario, v->order) + slack)
        return "I2: an order is charged more than once";
    if (v->p->goodwill != gifts_total(v->scenario, v->order, v->out->gifts))
        return "I3: payment counts more or less goodwill than was given";
    if (v->p->captured > v->out->charged || v->p->refunded > v->out->refunded ||
        v->out->refunded > v->out->charged)
        return "I3: payment's books are not the provider's";
    return NULL;
}

static const char *check_goods(const struct view *v)
{
    bool out = v->out->road == ON_THE_WAY || v->out->road == HANDED_OVER;

    if (!out)
        return NULL;
    for (int k = 0; k < LINES; k++) {
        if (v->out->carried[k] > 0 &&
            ((v->r->state != DS_RESERVATION_HELD && v->r->state != DS_RESERVATION_COMMITTED) ||
             v->r->quantity[k] < v->out->carried[k]))
            return "I5: goods are carried that are not reserved";
    }
    if (!v->cash && v->p->captured - v->p->refunded - v->p->pending < owed_for(v))
        return "I5: goods are carried that are not paid";
    return NULL;
}

static const char *check_cash(const struct view *v)
{
    return v->cash && v->out->road == ON_THE_WAY && v->d->total != NOT_KNOWN &&
                   v->d->total != price_carried(v)
               ? "more or less cash is asked for than the goods cost"
               : NULL;
}

static const char *check_ends(const struct view *v)
{
    if (v->o->state == DS_ORDER_FULFILLED && v->out->road != HANDED_OVER)
        return "fulfilled, and not delivered";
    if (v->o->state == DS_ORDER_CANCELLED && v->out->road == HANDED_OVER)
        return "delivered, and cancelled";
    return NULL;
}

static bool is_bound(enum ds_delivery_state state)
{
    return state == DS_DELIVERY_OFFERED || state == DS_DELIVERY_ASSIGNED ||
           state == DS_DELIVERY_IN_TRANSIT || state == DS_DELIVERY_SILENT ||
           state == DS_DELIVERY_RETURNING;
}

static bool exists(const struct delivery_facts *d)
{
    return d->state != DS_DELIVERY_NONE;
}

static const char *check_couriers(const struct facts *facts)
{
    for (int i = 0; i < ORDERS; i++) {
        const struct delivery_facts *d = &facts->deliveries[i];
        if (exists(d) && is_bound((enum ds_delivery_state)d->state) != (d->courier != NOBODY))
            return "a courier is bound to a delivery that does not need one, or none to one that "
                   "does";
    }
    for (int x = 0; x < COURIERS; x++) {
        if (facts->couriers[x].bound > facts->couriers[x].capacity)
            return "a courier has more orders than it can carry";
    }
    return NULL;
}

/* In time, an order that a courier has room for waits only for the end of a pause. */
static const char *check_waiting(const struct facts *facts)
{
    bool room = false;

    for (int x = 0; x < COURIERS; x++)
        room = room || (facts->couriers[x].online &&
                        facts->couriers[x].bound < facts->couriers[x].capacity);
    for (size_t i = 0; i < facts->timer_count; i++)
        room = room && facts->timers[i].kind != DS_DELIVERY_TIMER_RETRY;
    for (int i = 0; room && i < ORDERS; i++) {
        if (facts->deliveries[i].state == DS_DELIVERY_SEARCHING)
            return "an order waits beside a courier that has room";
    }
    return NULL;
}

const char *check_always(const shop_t *shop, const struct world *world)
{
    const char *broken = check_couriers(facts_of(shop, world, DELIVERY));

    if (broken == NULL && shop_scenario(shop)->in_time)
        broken = check_waiting(facts_of(shop, world, DELIVERY));

    for (int k = 0; k < LINES && broken == NULL; k++)
        broken = check_stock(facts_of(shop, world, INVENTORY), k);
    for (int i = 0; i < ORDERS && broken == NULL; i++) {
        struct view v = view_of(shop, world, i);
        if (v.scenario->orders[i].lines == 0)
            continue;
        broken = check_money(&v);
        if (broken == NULL)
            broken = check_goods(&v);
        if (broken == NULL)
            broken = check_cash(&v);
        if (broken == NULL)
            broken = check_ends(&v);
    }
    return broken;
}

/* ---- at rest ---- */

static const char *rest_of_goods(const struct view *v)
{
    bool fulfilled = v->o->state == DS_ORDER_FULFILLED;

    if (v->r->state == DS_RESERVATION_HELD)
        return "at rest: a reservation is left";
    for (int k = 0; fulfilled && k < LINES; k++) {
        if (v->r->quantity[k] != v->out->carried[k])
            return "at rest: stock does not say what was delivered";
    }
    if (fulfilled && v->r->state != DS_RESERVATION_COMMITTED)
        return "at rest: stock does not say what was delivered";
    if (!fulfilled && v->r->state == DS_RESERVATION_COMMITTED && v->out->road != LOST)
        return "at rest: committed stock of a cancelled order";
    if (v->out->road == LOST && v->r->state == DS_RESERVATION_RETURNED)
        return "at rest: lost goods are on the shelf";
    return NULL;
}

static const char *rest_of_money(const struct view *v)
{
    int owed = v->o->state == DS_ORDER_FULFILLED ? owed_for(v) : 0;

    if (v->o->state == DS_ORDER_FULFILLED && v->out->fulfilled != price_carried(v))
        return "at rest: the total is not that of what was delivered";
    if (v->p->captured - v->p->refunded != owed)
        return "at rest: captured - refunded is not what was delivered";
    if (!v->cash && v->out->charged - v->out->refunded != owed)
        return "at rest: the provider's books are not what was delivered";
    switch ((enum ds_payment_state)v->p->state) {
    case DS_PAYMENT_NONE:
    case DS_PAYMENT_SETTLED:
    case DS_PAYMENT_FAILED:
        return NULL;
    default:
        return "at rest: a payment is not";
    }
}

static const char *rest_of_order(const struct view *v)
{
    const char *broken;

    if (v->o->state != DS_ORDER_FULFILLED && v->o->state != DS_ORDER_CANCELLED)
        return "at rest: an order is not final";
    if (is_bound((enum ds_delivery_state)v->d->state) || v->d->state == DS_DELIVERY_SEARCHING)
        return "at rest: a delivery is not over";
    broken = rest_of_goods(v);
    if (broken == NULL)
        broken = rest_of_money(v);
    if (broken == NULL && (v->out->ok_reports > 0 || v->out->failed_reports > 0))
        broken = "at rest: a report is under way";
    for (int k = 0; k < REFUNDS_MAX && broken == NULL; k++) {
        if (v->out->refunds[k].reports > 0)
            broken = "at rest: a report is under way";
    }
    return broken;
}

const char *check_rest(const shop_t *shop, const struct world *world)
{
    const char *broken = NULL;

    for (int q = 0; q < QUEUES; q++) {
        if (world->queue[q] != 0)
            return "at rest: a record is not read";
    }
    for (int i = 0; i < ORDERS && broken == NULL; i++) {
        struct view v = view_of(shop, world, i);
        if (v.scenario->orders[i].lines > 0)
            broken = rest_of_order(&v);
    }
    for (int x = 0; x < COURIERS && broken == NULL; x++) {
        if (facts_of(shop, world, DELIVERY)->couriers[x].bound > 0)
            broken = "at rest: a courier is not free";
    }
    return broken;
}
