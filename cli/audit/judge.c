/* One order with all topics read: I2 at rest, I4 at rest, I5, and that nothing was lost between the
 * processors. */
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdio.h>

typedef const struct ds_audit_order order_t;

struct judge {
    struct ds_audit_part *part;
    order_t *order;
    bool rest; /* still */
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
    if (ds_audit_handled(j->part, processor, topic, offset))
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
    return order->payment.captured_minor - order->payment.refunded_minor;
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

    if (!is_carried(order) || order->delivery.in_transit < 0)
        return;
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
    if (carried < left)
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
    return total > given ? total - given : 0;
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
    if (order->order.requested >= 0 && order->payment.initiated < 0)
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

static void judge_goods(struct judge *j)
{
    order_t *order = j->order;
    char what[160];

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
    if (j->part->streams[DS_AUDIT_ORDER].stopped)
        return; /* damage was found there: who knows what stands behind it */
    ds_audit_found(j->part->report, "STATE", at(j, topic, offset),
                   "an order that order.events knows nothing of");
}

bool ds_audit_judge_order(struct ds_audit_part *part, const struct ds_audit_order *order)
{
    struct judge j = {part, order, true};

    if (order->reborn)
        return true;
    if (order->in_flight)
        return false;
    if (order->order.state == DS_AUDIT_O_NONE) {
        judge_unknown(&j);
        return true;
    }
    judge_right(&j);
    judge_load(&j);
    judge_money(&j);
    judge_goods(&j);
    judge_answers(&j);
    return j.rest;
}
