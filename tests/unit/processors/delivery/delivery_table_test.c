/* CHOREOGRAPHY section 6, first table, written out once more: every pair of state and input, as a
 * table and as what the decider does. What else such a decision holds (the courier goes offline) is
 * in `events` too. */
#include "delivery_inputs.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>
#include <string.h>

#define S(x) DS_DELIVERY_##x
#define I(x) DS_DELIVERY_ON_##x

static const struct {
    enum ds_delivery_state state;
    enum ds_delivery_input input;
    enum ds_delivery_effect effect;
    enum ds_delivery_state next;
    char events[64];
} rows[] = {
    {S(NONE), I(CONFIRMED), S(REQUEST), S(SEARCHING), "delivery.requested"},
    {S(SEARCHING), I(FOUND), S(OFFER), S(OFFERED), "courier.online,delivery.offered"},
    {S(SEARCHING), I(TIMER), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(SEARCHING), I(CANCEL), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(SEARCHING), I(CANCEL_BY_STAFF), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(SEARCHING), I(CANCEL_LINES), S(CANCEL_LINES), S(SEARCHING), "delivery.lines_cancelled"},
    {S(OFFERED), I(ACCEPT), S(ASSIGN), S(ASSIGNED), "delivery.assigned"},
    {S(OFFERED), I(DECLINE), S(END_OFFER), S(SEARCHING), "delivery.offer_ended"},
    {S(OFFERED), I(WENT_OFFLINE), S(END_OFFER), S(SEARCHING),
     "delivery.offer_ended,courier.offline"},
    {S(OFFERED), I(TIMER), S(END_OFFER), S(SEARCHING), "delivery.offer_ended"},
    {S(OFFERED), I(CANCEL), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(OFFERED), I(CANCEL_BY_STAFF), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(OFFERED), I(CANCEL_LINES), S(CANCEL_LINES), S(OFFERED), "delivery.lines_cancelled"},
    {S(ASSIGNED), I(GIVE_BACK), S(UNASSIGN), S(SEARCHING), "delivery.unassigned,courier.offline"},
    {S(ASSIGNED), I(TIMER), S(UNASSIGN), S(SEARCHING), "delivery.unassigned,courier.offline"},
    {S(ASSIGNED), I(CANCEL), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(ASSIGNED), I(CANCEL_BY_STAFF), S(CANCEL), S(CANCELLED), "delivery.cancelled"},
    {S(ASSIGNED), I(CANCEL_LINES), S(CANCEL_LINES), S(ASSIGNED), "delivery.lines_cancelled"},
    {S(ASSIGNED), I(PICK_UP), S(START), S(IN_TRANSIT), "delivery.in_transit"},
    {S(ASSIGNED), I(REASSIGN), S(REASSIGN), S(ASSIGNED), "delivery.reassigned,courier.offline"},
    {S(IN_TRANSIT), I(TIMER), S(FALL_SILENT), S(SILENT), "delivery.courier_silent"},
    {S(IN_TRANSIT), I(ARRIVE), S(ARRIVE), S(IN_TRANSIT), "delivery.arrived"},
    {S(IN_TRANSIT), I(HAND_OVER), S(COMPLETE), S(COMPLETED), "delivery.completed"},
    {S(IN_TRANSIT), I(FAILED_AGAIN), S(FAIL), S(IN_TRANSIT), "delivery.failed"},
    {S(IN_TRANSIT), I(FAILED_LAST), S(FAIL), S(RETURNING), "delivery.failed"},
    {S(IN_TRANSIT), I(CANCEL_BY_STAFF), S(RECALL), S(RETURNING), "delivery.recalled"},
    {S(IN_TRANSIT), I(REASSIGN), S(REASSIGN), S(IN_TRANSIT), "delivery.reassigned,courier.offline"},
    {S(SILENT), I(SEEN), S(LIFT_SILENCE), S(IN_TRANSIT), "courier.seen"},
    {S(SILENT), I(TIMER), S(LOSE), S(LOST), "delivery.lost,courier.offline"},
    {S(SILENT), I(HAND_OVER), S(COMPLETE), S(COMPLETED), "delivery.completed"},
    {S(SILENT), I(FAILED_AGAIN), S(FAIL), S(IN_TRANSIT), "delivery.failed"},
    {S(SILENT), I(FAILED_LAST), S(FAIL), S(RETURNING), "delivery.failed"},
    {S(SILENT), I(CANCEL_BY_STAFF), S(RECALL), S(RETURNING), "delivery.recalled"},
    {S(SILENT), I(REASSIGN), S(REASSIGN), S(IN_TRANSIT), "delivery.reassigned,courier.offline"},
    {S(RETURNING), I(TIMER), S(LOSE), S(LOST), "delivery.lost,courier.offline"},
    {S(RETURNING), I(BACK_AT_STORE), S(TAKE_BACK), S(RETURNED), "delivery.returned"},
    {S(RETURNING), I(REASSIGN), S(REASSIGN), S(RETURNING), "delivery.reassigned,courier.offline"},
};

/* Why a command without a row is refused, by state: DELIVERY_REFUSES of the model. */
static const char reasons[DS_DELIVERY_STATES][24] = {
    [S(NONE)] = "DELIVERY_UNKNOWN",        [S(SEARCHING)] = "NOT_OFFERED",
    [S(OFFERED)] = "NOT_ASSIGNED",         [S(ASSIGNED)] = "NOT_PICKED_UP",
    [S(IN_TRANSIT)] = "ALREADY_PICKED_UP", [S(SILENT)] = "ALREADY_PICKED_UP",
    [S(RETURNING)] = "RETURNING",          [S(COMPLETED)] = "DELIVERY_OVER",
    [S(CANCELLED)] = "DELIVERY_OVER",      [S(RETURNED)] = "DELIVERY_OVER",
    [S(LOST)] = "DELIVERY_OVER",
};

static size_t row_of(enum ds_delivery_state state, enum ds_delivery_input input)
{
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && (rows[i].state != state || rows[i].input != input))
        i++;
    return i;
}

static bool has_row(size_t row)
{
    return row < sizeof rows / sizeof rows[0];
}

static bool is_command(enum ds_delivery_input input)
{
    return input >= DS_DELIVERY_ON_ACCEPT;
}

DS_BEHAVIOURS(delivery_table, NULL, NULL)

DS_BEHAVIOUR(delivery_table, every_pair_is_as_in_the_choreography)
{
    for (int s = 0; s < DS_DELIVERY_STATES; s++)
        for (int i = 0; i < DS_DELIVERY_INPUTS; i++) {
            enum ds_delivery_state state = (enum ds_delivery_state)s;
            enum ds_delivery_input input = (enum ds_delivery_input)i;
            size_t row = row_of(state, input);
            struct ds_delivery_step step = ds_delivery_step(state, input);
            if (has_row(row)) {
                cr_assert_eq(step.verdict, DS_DELIVERY_DO, "state %d input %d", s, i);
                cr_assert_eq(step.effect, rows[row].effect, "state %d input %d", s, i);
                cr_assert_eq(step.next, rows[row].next, "state %d input %d", s, i);
                continue;
            }
            cr_assert_eq(step.next, state, "state %d input %d", s, i);
            cr_assert_eq(step.verdict, is_command(input) ? DS_DELIVERY_REFUSE : DS_DELIVERY_PASS,
                         "state %d input %d", s, i);
            if (is_command(input))
                cr_assert_str_eq(step.reason, reasons[state], "state %d input %d", s, i);
        }
}

static void feed_event(ds_decider_kit_t *kit, enum ds_delivery_state state,
                       enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_CONFIRMED:
        confirmed(kit, "shop.o1", CARD);
        break;
    case DS_DELIVERY_ON_CANCEL:
        cancel_order(kit, "shop.o1", DS_CANCEL_BY_TIMER);
        break;
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        cancel_order(kit, "shop.o1", DS_CANCEL_BY_STAFF);
        break;
    case DS_DELIVERY_ON_CANCEL_LINES:
        cancel_line(kit, "shop.o1", 1, 1);
        break;
    case DS_DELIVERY_ON_FOUND:
        online(kit, "shop.c9", 1);
        break;
    case DS_DELIVERY_ON_TIMER:
        if (delivery_of(kit, "shop.o1") != NULL && delivery_of(kit, "shop.o1")->timer_handle >= 0)
            ds_kit_fire(kit);
        else
            ds_kit_timer(kit, DS_STR("shop.o1"), (int32_t)state, ds_kit_now(kit));
        break;
    case DS_DELIVERY_ON_WENT_OFFLINE:
        offline(kit, "shop.c1");
        break;
    default:
        see(kit, "shop.c1");
        break;
    }
}

static void feed_command(ds_decider_kit_t *kit, enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_ACCEPT:
        accept(kit, "shop.o1", 1, "shop.c1");
        break;
    case DS_DELIVERY_ON_DECLINE:
        decline(kit, "shop.o1", 1, "shop.c1");
        break;
    case DS_DELIVERY_ON_GIVE_BACK:
        give_back(kit, "shop.o1", "shop.c1");
        break;
    case DS_DELIVERY_ON_PICK_UP:
        pick_up(kit, "shop.o1", "shop.c1");
        break;
    case DS_DELIVERY_ON_ARRIVE:
        arrive(kit, "shop.o1", "shop.c1");
        break;
    case DS_DELIVERY_ON_HAND_OVER:
        hand_over(kit, "shop.o1", "shop.c1", -1);
        break;
    case DS_DELIVERY_ON_FAILED_LAST:
        attempt_failed(kit, "shop.o1", "shop.c1");
        attempt_failed(kit, "shop.o1", "shop.c1");
        break;
    case DS_DELIVERY_ON_REASSIGN:
        online(kit, "shop.c2", 1);
        reassign(kit, "shop.o1", "shop.c2");
        break;
    case DS_DELIVERY_ON_BACK_AT_STORE:
        back_at_store(kit, "shop.o1");
        break;
    default:
        attempt_failed(kit, "shop.o1", "shop.c1");
        break;
    }
}

/* Two pairs cannot be had alone: an offer of the past is refused as such before the table is asked,
 * and a second courier that comes for a reassignment takes a searching order. */
static bool drivable(enum ds_delivery_state state, enum ds_delivery_input input)
{
    if (input == DS_DELIVERY_ON_REASSIGN)
        return state != DS_DELIVERY_SEARCHING;
    return (input != DS_DELIVERY_ON_ACCEPT && input != DS_DELIVERY_ON_DECLINE) ||
           state != DS_DELIVERY_ASSIGNED;
}

static void check_pair(enum ds_delivery_state state, enum ds_delivery_input input)
{
    size_t row = row_of(state, input);
    ds_decider_kit_t *kit = order_in(state, "shop.o1", CARD);
    if (is_command(input))
        feed_command(kit, input);
    else
        feed_event(kit, state, input);
    cr_assert_eq(state_of(kit, "shop.o1"), has_row(row) ? rows[row].next : state,
                 "state %d input %d: now %d", (int)state, (int)input,
                 (int)state_of(kit, "shop.o1"));
    if (has_row(row))
        cr_assert_str_eq(ds_kit_types(kit), rows[row].events, "state %d input %d: %s", (int)state,
                         (int)input, ds_kit_types(kit));
    else if (is_command(input))
        cr_assert_str_eq(ds_kit_refusal(kit), reasons[state], "state %d input %d: %s", (int)state,
                         (int)input, ds_kit_refusal(kit));
    else
        /* A courier comes, goes or is seen without any effect on this order. */
        cr_assert_null(strstr(ds_kit_types(kit), "delivery."), "state %d input %d: %s", (int)state,
                       (int)input, ds_kit_types(kit));
    ds_kit_destroy(kit);
}

DS_BEHAVIOUR(delivery_table, decider_does_what_each_pair_says)
{
    for (int s = 0; s < DS_DELIVERY_STATES; s++)
        for (int i = 0; i < DS_DELIVERY_INPUTS; i++)
            if (drivable((enum ds_delivery_state)s, (enum ds_delivery_input)i))
                check_pair((enum ds_delivery_state)s, (enum ds_delivery_input)i);
}
