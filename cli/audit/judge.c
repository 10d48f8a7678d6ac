/* One order with all topics read: I2 at rest, I4 at rest, I5, and that nothing was lost between the
 * processors. */
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdio.h>

typedef const struct ds_audit_order order_t;

/* How far the clocks of two owners may be apart. */
#define SKEW_US (60 * INT64_C(1000000))

struct judge {
    struct ds_audit_part *part;
    order_t *order;
    bool rest;                           /* still */
    bool is_second[DS_AUDIT_PROCESSORS]; /* what is known there is of a second life */
};

static struct ds_audit_place at(const struct judge *j, int32_t topic, int64_t offset)
{
    return ds_audit_where(j->part, topic, offset, j->order->id);
}

/* Something that has to follow is not there: an anomaly when whoever writes it has read the reason,
 * else in flight. */
static void missing(struct judge *j, int32_t processor, int32_t topic, int64_t offset,
                    const char *invariant, const char *what)
{
    if (!j->is_second[processor] && ds_audit_handled(j->part, processor, topic, offset))
        ds_audit_found(j->part->report, invariant, at(j, topic, offset), "%s", what);
    else
        j->rest = false;
}

static bool is_final(order_t *order)
{
    return order->order.state == DS_AUDIT_O_FULFILLED ||
           order->order.state == DS_AUDIT_O_CANCELLED || order->order.state == DS_AUDIT_O_REFUSED;
}

static bool is_carried(order_t *order)
{
    return order->order.state == DS_AUDIT_O_PICKED_UP ||
           order->order.state == DS_AUDIT_O_RECALLING || order->order.state == DS_AUDIT_O_FULFILLED;
}

static int64_t kept(order_t *order)
{
    return ds_audit_minus(order->payment.captured_minor, order->payment.refunded_minor);
}

/* ---- I5 */

static const char *why_not(order_t *order)
{
    if (order->stock.reserved < 0)
        return "it was never reserved";
    if (order->order.method == DS_PAYMENT_METHOD_CARD && order->payment.success < 0)
        return "it was never paid";
    return NULL;
}

static void judge_right(struct judge *j)
{
    order_t *order = j->order;
    const char *why = why_not(order);

    if (order->order.confirmed >= 0 && why != NULL)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_ORDER, order->order.confirmed),
                       "confirmed, but %s", why);
    else if (order->delivery.in_transit >= 0 && why != NULL)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_DELIVERY, order->delivery.in_transit),
                       "carried, but %s", why);
    else if (order->delivery.requested >= 0 && order->order.confirmed < 0)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_DELIVERY, order->delivery.requested),
                       "a courier is looked for, but it was never confirmed");
    if (order->order.picked_up >= 0 && order->delivery.in_transit < 0)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_ORDER, order->order.picked_up),
                       "picked up, but no courier has it");
    if (order->order.state == DS_AUDIT_O_FULFILLED && order->delivery.completed < 0)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_ORDER, order->order.ended),
                       "fulfilled, but nobody handed it over");
}

static void judge_load(struct judge *j)
{
    order_t *order = j->order;
    int64_t carried = 0;
    int64_t left = 0;

    if (order->order.picked_up < 0 || order->delivery.in_transit < 0)
        return; /* it may still be reduced; from its pick-up on it may not */
    for (size_t i = 0; i < order->delivery.carried_count; i++) {
        const struct ds_line_quantity *line = &order->delivery.carried[i];
        carried += line->quantity;
        if (line->quantity != ds_audit_pieces_left(order, line->line))
            ds_audit_found(j->part->report, "I5",
                           at(j, DS_AUDIT_DELIVERY, order->delivery.in_transit),
                           "%" PRId32 " pieces of line %" PRId32 " carried, %" PRId64 " were left",
                           line->quantity, line->line, ds_audit_pieces_left(order, line->line));
    }
    for (size_t i = 0; i < order->order.line_count; i++)
        left += order->order.lines[i].ordered - order->order.lines[i].cancelled;
    if (carried != left)
        ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_DELIVERY, order->delivery.in_transit),
                       "%" PRId64 " pieces carried of %" PRId64, carried, left);
}

/* ---- I2 */

/* What the shop must have kept of an order that is carried: less what staff gave back. */
static int64_t owed(order_t *order)
{
    int64_t total = ds_audit_total_now(order);
    int64_t given =
        order->order.method == DS_PAYMENT_METHOD_CARD ? order->payment.goodwill_minor : 0;
    return total > given ? ds_audit_minus(total, given) : 0;
}

static void judge_cover(struct judge *j)
{
    order_t *order = j->order;
    int64_t total = owed(order);

    if (is_carried(order) && order->order.method == DS_PAYMENT_METHOD_CARD && kept(order) < total)
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, order->payment.last),
                       "%" PRId64 " kept of the charge, %" PRId64 " is carried", kept(order),
                       total);
    if (order->delivery.completed >= 0 &&
        order->order.method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY &&
        (!order->delivery.has_cash || order->delivery.cash_minor < total))
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_DELIVERY, order->delivery.completed),
                       "%" PRId64 " collected at the door of %" PRId64, order->delivery.cash_minor,
                       total);
}

/* A charge, and cash, that order's events ask for. */
static void judge_charge(struct judge *j)
{
    order_t *order = j->order;
    const int64_t initiated = order->payment.initiated;

    if (initiated >= 0 && order->order.requested < 0)
        ds_audit_found(j->part->report, "I3", at(j, DS_AUDIT_PAYMENT, initiated),
                       "a charge that order never asked for");
    else if (initiated >= 0 && order->payment.charged_minor != order->order.requested_minor)
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, initiated),
                       "a charge of %" PRId64 ", order asked for %" PRId64,
                       order->payment.charged_minor, order->order.requested_minor);
    if (order->payment.success < 0)
        return;
    if (order->payment.is_cash != (order->order.method == DS_PAYMENT_METHOD_CASH_ON_DELIVERY))
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, order->payment.success),
                       "booked as %s, the order is paid %s",
                       order->payment.is_cash ? "cash" : "a card's charge",
                       order->payment.is_cash ? "by card" : "in cash");
    else if (order->payment.is_nothing && order->order.requested < 0)
        ds_audit_found(j->part->report, "I3", at(j, DS_AUDIT_PAYMENT, order->payment.success),
                       "paid with nothing, and order never asked for it");
    else if (order->payment.is_nothing && order->order.requested_minor != 0)
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, order->payment.success),
                       "paid with nothing, order asked for %" PRId64, order->order.requested_minor);
    else if (order->payment.is_cash && order->order.state != DS_AUDIT_O_FULFILLED)
        ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, order->payment.success),
                       "cash of an order that was not handed over");
}

/* Money that went back, or was going to, while the goods were still carried: what is owed falls
 * after payment has read why. */
static void judge_lowered(struct judge *j)
{
    order_t *order = j->order;
    const int64_t total = ds_audit_total_now(order);

    if (order->order.picked_up < 0 || order->order.method != DS_PAYMENT_METHOD_CARD)
        return;
    for (const struct ds_audit_lowered *l = order->payment.lowered; l != NULL; l = l->before)
        if (l->owed_minor < total && (order->order.ended < 0 || l->known < order->order.ended ||
                                      order->order.state == DS_AUDIT_O_FULFILLED))
            ds_audit_found(j->part->report, "I2", at(j, DS_AUDIT_PAYMENT, l->offset),
                           "%" PRId64 " is owed from here on, and %" PRId64 " is carried",
                           l->owed_minor, total);
}

static bool money_rests(order_t *order)
{
    return order->payment.state == DS_AUDIT_P_NONE || order->payment.state == DS_AUDIT_P_SETTLED ||
           order->payment.state == DS_AUDIT_P_FAILED;
}

static void judge_money(struct judge *j)
{
    order_t *order = j->order;
    char what[128];
    int64_t want = order->order.state == DS_AUDIT_O_FULFILLED ? owed(order) : 0;

    judge_cover(j);
    judge_charge(j);
    judge_lowered(j);
    if (order->order.requested >= 0 && order->payment.initiated < 0 && !order->payment.is_nothing)
        missing(j, DS_AUDIT_PAYMENT, DS_AUDIT_ORDER, order->order.requested, "STATE",
                "a payment was asked for, and no charge was made");
    if (!money_rests(order) || !is_final(order)) {
        j->rest = false;
        return;
    }
    if (kept(order) == want)
        return;
    (void)snprintf(what, sizeof what,
                   "at rest %" PRId64 " captured - %" PRId64 " refunded, it should be %" PRId64,
                   order->payment.captured_minor, order->payment.refunded_minor, want);
    missing(j, DS_AUDIT_PAYMENT, DS_AUDIT_ORDER, order->order.ended, "I2", what);
}

/* ---- I4 */

/* Pieces of a line that have to be committed and, of these, returned when the order is over. */
static void goods_at_rest(order_t *order, const struct ds_audit_held *held, int64_t *committed_out,
                          int64_t *returned_out)
{
    *committed_out = 0;
    *returned_out = 0;
    if (order->order.state == DS_AUDIT_O_FULFILLED || order->order.goods != DS_GOODS_NOT_TAKEN)
        *committed_out = ds_audit_pieces_left(order, held->line);
    if (order->order.state == DS_AUDIT_O_CANCELLED && order->order.goods == DS_GOODS_RETURNED)
        *returned_out = *committed_out;
}

/* All lines are reserved, in full, or none. */
static void judge_reserved(struct judge *j)
{
    order_t *order = j->order;

    if (order->stock.reserved < 0 || order->order.created < 0)
        return;
    for (size_t i = 0; i < order->order.line_count; i++) {
        const struct ds_audit_line *line = &order->order.lines[i];
        int64_t reserved = 0;
        for (size_t k = 0; k < order->stock.line_count; k++)
            if (order->stock.lines[k].line == line->line &&
                order->stock.lines[k].product == line->product)
                reserved += order->stock.lines[k].reserved;
        if (reserved != line->ordered)
            ds_audit_found(j->part->report, "I5", at(j, DS_AUDIT_INVENTORY, order->stock.reserved),
                           "%" PRId64 " pieces of line %" PRId32 " reserved, %" PRId64
                           " are ordered",
                           reserved, line->line, line->ordered);
    }
}

static int64_t pieces_cancelled(order_t *order, int32_t line)
{
    for (size_t i = 0; i < order->order.line_count; i++)
        if (order->order.lines[i].line == line)
            return order->order.lines[i].cancelled;
    return 0;
}

/* What inventory has done that order's events do not say. */
static void judge_moves(struct judge *j)
{
    order_t *order = j->order;
    const bool is_dropped =
        order->order.state == DS_AUDIT_O_CANCELLED && order->order.goods == DS_GOODS_NOT_TAKEN;
    const bool is_back =
        order->order.state == DS_AUDIT_O_CANCELLED && order->order.goods == DS_GOODS_RETURNED;

    if (order->stock.committed >= 0 && order->order.picked_up < 0)
        ds_audit_found(j->part->report, "I4", at(j, DS_AUDIT_INVENTORY, order->stock.committed),
                       "committed, and it was not picked up");
    if (order->stock.returned >= 0 && !is_back)
        ds_audit_found(j->part->report, "I4", at(j, DS_AUDIT_INVENTORY, order->stock.returned),
                       "returned, and its goods did not come back");
    for (size_t i = 0; i < order->stock.line_count && !is_dropped; i++) {
        const struct ds_audit_held *held = &order->stock.lines[i];
        if (held->released > pieces_cancelled(order, held->line))
            ds_audit_found(j->part->report, "I4", at(j, DS_AUDIT_INVENTORY, order->stock.last),
                           "%" PRId64 " pieces of line %" PRId32 " released, %" PRId64
                           " are cancelled",
                           held->released, held->line, pieces_cancelled(order, held->line));
    }
}

static void judge_goods(struct judge *j)
{
    order_t *order = j->order;
    char what[160];

    judge_reserved(j);
    judge_moves(j);
    if (order->order.created >= 0 && order->stock.reserved < 0 && order->stock.rejected < 0)
        missing(j, DS_AUDIT_INVENTORY, DS_AUDIT_ORDER, order->order.created, "STATE",
                "created, and inventory neither reserved nor refused it");
    if (!is_final(order))
        return;
    for (size_t i = 0; i < order->stock.line_count; i++) {
        const struct ds_audit_held *held = &order->stock.lines[i];
        int64_t committed;
        int64_t returned;
        goods_at_rest(order, held, &committed, &returned);
        if (held->committed == committed && held->returned == returned &&
            held->released + held->committed == held->reserved)
            continue;
        (void)snprintf(what, sizeof what,
                       "at rest line %" PRId32 " has %" PRId64 " reserved, %" PRId64
                       " released, %" PRId64 " committed, %" PRId64 " returned",
                       held->line, held->reserved, held->released, held->committed, held->returned);
        missing(j, DS_AUDIT_INVENTORY, DS_AUDIT_ORDER, order->order.ended, "I4", what);
        return;
    }
}

/* ---- another life */

/* A processor began anew with the order when it had forgotten it, and order did not. */
static void judge_again(struct judge *j)
{
    order_t *order = j->order;
    const struct {
        const char *invariant;
        int32_t topic;
        int64_t again;
    } all[] = {
        {"I4", DS_AUDIT_INVENTORY, order->stock.again},
        {"I2", DS_AUDIT_PAYMENT, order->payment.again},
        {"STATE", DS_AUDIT_DELIVERY, order->delivery.again},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].again >= 0)
            ds_audit_found(j->part->report, all[i].invariant, at(j, all[i].topic, all[i].again),
                           "it begins anew, and the order was placed once");
}

/* A topic that has nothing of the first life may have begun with the second. Or it answered so late
 * that nobody knows of which it is: so what is lacking there is not told. */
static void keep_first(struct judge *j, struct ds_audit_order *order)
{
    const int64_t second_us = ds_audit_minus(order->reborn_us, SKEW_US);
    struct ds_audit_order none = {0};

    ds_audit_know_nothing(&none);
    if (order->stock.last >= 0 && order->stock.first_us >= second_us) {
        order->stock = none.stock;
        j->is_second[DS_AUDIT_INVENTORY] = true;
    }
    if (order->payment.last >= 0 && order->payment.first_us >= second_us) {
        order->payment = none.payment;
        j->is_second[DS_AUDIT_PAYMENT] = true;
    }
    if (order->delivery.last >= 0 && order->delivery.first_us >= second_us) {
        order->delivery = none.delivery;
        j->is_second[DS_AUDIT_DELIVERY] = true;
    }
}

/* ---- what has to follow */

static bool delivery_is_over(order_t *order)
{
    return order->delivery.state == DS_AUDIT_D_COMPLETED ||
           order->delivery.state == DS_AUDIT_D_CANCELLED ||
           order->delivery.state == DS_AUDIT_D_RETURNED || order->delivery.state == DS_AUDIT_D_LOST;
}

static void judge_answers(struct judge *j)
{
    order_t *order = j->order;

    if (order->order.confirmed >= 0 && order->delivery.requested < 0)
        missing(j, DS_AUDIT_DELIVERY, DS_AUDIT_ORDER, order->order.confirmed, "STATE",
                "confirmed, and no courier was looked for");
    if (order->delivery.in_transit >= 0 && order->order.picked_up < 0)
        missing(j, DS_AUDIT_ORDER, DS_AUDIT_DELIVERY, order->delivery.in_transit, "STATE",
                "a courier has it, and order did not note it");
    if (delivery_is_over(order) && !is_final(order))
        missing(j, DS_AUDIT_ORDER, DS_AUDIT_DELIVERY, order->delivery.last, "STATE",
                "the delivery is over, and the order is not");
    if (order->order.state == DS_AUDIT_O_PAYING && order->payment.last >= 0 && money_rests(order))
        missing(j, DS_AUDIT_ORDER, DS_AUDIT_PAYMENT, order->payment.last, "STATE",
                "the payment is decided, and the order still waits for it");
    if (order->order.state == DS_AUDIT_O_RESERVING && order->stock.last >= 0)
        missing(j, DS_AUDIT_ORDER, DS_AUDIT_INVENTORY, order->stock.last, "STATE",
                "the stock is decided, and the order still waits for it");
    if (order->delivery.state != DS_AUDIT_D_NONE && !delivery_is_over(order))
        j->rest = false;
}

static void judge_unknown(struct judge *j)
{
    order_t *order = j->order;
    int32_t topic = order->stock.last >= 0     ? DS_AUDIT_INVENTORY
                    : order->payment.last >= 0 ? DS_AUDIT_PAYMENT
                                               : DS_AUDIT_DELIVERY;
    int64_t offset = topic == DS_AUDIT_INVENTORY ? order->stock.last
                     : topic == DS_AUDIT_PAYMENT ? order->payment.last
                                                 : order->delivery.last;
    ds_audit_found(j->part->report, "STATE", at(j, topic, offset),
                   "an order that order.events knows nothing of");
}

/* Of a topic nothing was read behind some damage: what of the order stands there nobody knows. It
 * was told, and its followers would be told without end. */
static bool is_behind_damage(const struct ds_audit_part *part, order_t *order)
{
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        if (part->streams[p].stopped && order->last_us > part->streams[p].last_at_us - SKEW_US)
            return true;
    return false;
}

static void judge_life(struct judge *j)
{
    judge_right(j);
    judge_load(j);
    judge_money(j);
    judge_goods(j);
    judge_answers(j);
    ds_audit_judge_reasons(j->part, j->order);
}

bool ds_audit_judge_order(struct ds_audit_part *part, const struct ds_audit_order *order)
{
    struct judge j = {part, order, true, {false}};
    struct ds_audit_order first;

    if (order->has_left)
        return true;
    if (order->in_flight || is_behind_damage(part, order))
        return false;
    if (order->order.state == DS_AUDIT_O_NONE) {
        judge_unknown(&j);
        return true;
    }
    if (order->reborn) {
        first = *order;
        j.order = &first;
        keep_first(&j, &first);
    }
    judge_life(&j);
    if (!order->reborn)
        judge_again(&j);
    return j.rest;
}
