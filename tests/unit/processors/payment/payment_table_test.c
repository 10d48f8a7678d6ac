/* The table of the choreography, section 4, as data: every pair of state and input. */
#include "payment_world.h"
#include "tests/support/behaviours.h"

#include <criterion/criterion.h>

struct row {
    enum ds_payment_state state;
    enum ds_payment_input input;
    const char *events;
    enum ds_payment_state then;
};

#define INITIATED "payment.initiated"
#define SUCCESS   "payment.success"
#define FAILED    "payment.failed"
#define CHANGED   "payment.due_changed"
#define REFUND    "payment.refund_initiated"
#define REFUNDED  "payment.refunded"
#define REFUSED   "payment.refund_failed"

static const struct row rows[] = {
    {DS_PAYMENT_NONE, DS_PAYMENT_ON_REQUESTED, INITIATED, DS_PAYMENT_CHARGING},
    /* Not in the choreography: a provider is not asked for nothing. */
    {DS_PAYMENT_NONE, DS_PAYMENT_ON_NOTHING_REQUESTED, SUCCESS, DS_PAYMENT_SETTLED},
    {DS_PAYMENT_NONE, DS_PAYMENT_ON_FULFILLED_CASH, SUCCESS, DS_PAYMENT_SETTLED},
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_CHARGED_EXACT, SUCCESS, DS_PAYMENT_SETTLED},
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_CHARGED_MORE, SUCCESS "," REFUND, DS_PAYMENT_REFUNDING},
    /* Not in the choreography, where the provider captures what it was asked for: both rows of a
     * charge that fails and then succeeds, in one decision. */
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_CHARGED_SHORT, FAILED "," SUCCESS "," REFUND,
     DS_PAYMENT_REFUNDING},
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_CHARGE_FAILED, FAILED, DS_PAYMENT_FAILED},
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_TIMER, FAILED, DS_PAYMENT_FAILED},
    {DS_PAYMENT_CHARGING, DS_PAYMENT_ON_LESS_DUE, CHANGED, DS_PAYMENT_CHARGING},
    {DS_PAYMENT_REFUNDING, DS_PAYMENT_ON_LESS_DUE, CHANGED, DS_PAYMENT_REFUNDING},
    {DS_PAYMENT_REFUND_WAIT, DS_PAYMENT_ON_LESS_DUE, CHANGED, DS_PAYMENT_REFUND_WAIT},
    {DS_PAYMENT_SETTLED, DS_PAYMENT_ON_LESS_DUE, REFUND, DS_PAYMENT_REFUNDING},
    {DS_PAYMENT_REFUNDING, DS_PAYMENT_ON_REFUNDED, REFUNDED, DS_PAYMENT_SETTLED},
    {DS_PAYMENT_REFUNDING, DS_PAYMENT_ON_REFUNDED_SHORT, REFUNDED "," REFUND, DS_PAYMENT_REFUNDING},
    {DS_PAYMENT_REFUNDING, DS_PAYMENT_ON_REFUND_FAILED, REFUSED, DS_PAYMENT_REFUND_WAIT},
    {DS_PAYMENT_REFUND_WAIT, DS_PAYMENT_ON_TIMER, REFUND, DS_PAYMENT_REFUNDING},
    {DS_PAYMENT_FAILED, DS_PAYMENT_ON_CHARGED_MORE, SUCCESS "," REFUND, DS_PAYMENT_REFUNDING},
};

static const struct row *find(enum ds_payment_state state, enum ds_payment_input input)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].state == state && rows[i].input == input)
            return &rows[i];
    }
    return NULL;
}

static bool is_charge(enum ds_payment_input input)
{
    return input >= DS_PAYMENT_ON_CHARGED_EXACT && input <= DS_PAYMENT_ON_CHARGE_FAILED;
}

/* Where no row stands, a report is refused and anything else passed over (NULL). */
static const char *refusal_of(enum ds_payment_state state, enum ds_payment_input input)
{
    bool is_refund = input >= DS_PAYMENT_ON_REFUNDED && input <= DS_PAYMENT_ON_OTHER_REFUND;

    if (find(state, input) != NULL || (!is_charge(input) && !is_refund))
        return NULL;
    if (state == DS_PAYMENT_NONE)
        return "CHARGE_UNKNOWN";
    if (is_charge(input))
        return "CHARGE_KNOWN";
    return state == DS_PAYMENT_CHARGING || state == DS_PAYMENT_FAILED ? "CHARGE_UNKNOWN"
                                                                      : "REFUND_KNOWN";
}

static void fire(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    if (ds_kit_next_timer(kit, &timer))
        ds_kit_fire(kit);
    else /* one that was cleared */
        ds_kit_timer(kit, DS_STR(ORDER_ID), (int32_t)world_state(kit), ds_kit_now(kit));
}

static void feed(ds_decider_kit_t *kit, enum ds_payment_input input)
{
    switch (input) {
    case DS_PAYMENT_ON_REQUESTED:
        world_requested(kit, TOTAL_MINOR);
        return;
    case DS_PAYMENT_ON_NOTHING_REQUESTED:
        world_requested(kit, 0);
        return;
    case DS_PAYMENT_ON_FULFILLED_CASH:
        world_fulfilled(kit, DS_PAYMENT_METHOD_CASH_ON_DELIVERY, TOTAL_MINOR);
        return;
    case DS_PAYMENT_ON_LESS_DUE:
        world_lines_cancelled(kit, 500);
        return;
    case DS_PAYMENT_ON_CHARGED_EXACT:
        world_charged(kit, TOTAL_MINOR);
        return;
    case DS_PAYMENT_ON_CHARGED_MORE:
        world_charged(kit, TOTAL_MINOR + 1);
        return;
    case DS_PAYMENT_ON_CHARGED_SHORT:
        world_charged(kit, TOTAL_MINOR - 1);
        return;
    case DS_PAYMENT_ON_CHARGE_FAILED:
        world_charge_failed(kit);
        return;
    case DS_PAYMENT_ON_REFUNDED:
        world_refunded(kit, 1, 400);
        return;
    case DS_PAYMENT_ON_REFUNDED_SHORT:
        world_refunded(kit, 1, 399);
        return;
    case DS_PAYMENT_ON_REFUND_FAILED:
        world_refund_failed(kit, 1);
        return;
    case DS_PAYMENT_ON_OTHER_REFUND:
        world_refunded(kit, 7, 400);
        return;
    case DS_PAYMENT_ON_TIMER:
        fire(kit);
        return;
    }
}

/* What the way in makes of a pair before the table is asked: money for an unknown charge is
 * unmatched, and in FAILED, where nothing is due, any capture is more than that. */
static bool cannot_be_fed(enum ds_payment_state state, enum ds_payment_input input)
{
    if (state == DS_PAYMENT_NONE)
        return is_charge(input) && input != DS_PAYMENT_ON_CHARGE_FAILED;
    return state == DS_PAYMENT_FAILED &&
           (input == DS_PAYMENT_ON_CHARGED_EXACT || input == DS_PAYMENT_ON_CHARGED_SHORT);
}

static void check_pair(enum ds_payment_state state, enum ds_payment_input input)
{
    const struct row *row = find(state, input);
    const char *refusal = refusal_of(state, input);
    const char *events = row != NULL ? row->events : refusal != NULL ? "command.rejected" : "";
    ds_decider_kit_t *kit = ds_kit_new(&ds_payment_decider, NULL);

    world_reach(kit, state);
    feed(kit, input);
    cr_expect_str_eq(ds_kit_types(kit), events, "state %d, input %d: \"%s\", wanted \"%s\"",
                     (int)state, (int)input, ds_kit_types(kit), events);
    cr_expect_str_eq(ds_kit_refusal(kit), refusal == NULL ? "" : refusal,
                     "state %d, input %d: refused as \"%s\"", (int)state, (int)input,
                     ds_kit_refusal(kit));
    cr_expect_eq(world_state(kit), row == NULL ? state : row->then, "state %d, input %d: then %d",
                 (int)state, (int)input, (int)world_state(kit));
    ds_kit_destroy(kit);
}

DS_BEHAVIOURS(payment_table, NULL, NULL)

DS_BEHAVIOUR(payment_table, every_pair_of_state_and_input_does_what_the_choreography_says)
{
    for (int s = 0; s < DS_PAYMENT_STATES; s++) {
        for (int i = 0; i < DS_PAYMENT_INPUTS; i++) {
            enum ds_payment_state state = (enum ds_payment_state)s;
            enum ds_payment_input input = (enum ds_payment_input)i;
            const char *refusal = ds_payment_react(state, input).refusal;
            const char *wanted = refusal_of(state, input);
            cr_expect_str_eq(refusal == NULL ? "" : refusal, wanted == NULL ? "" : wanted,
                             "state %d, input %d", s, i);
            if (!cannot_be_fed(state, input))
                check_pair(state, input);
        }
    }
}

DS_BEHAVIOUR(payment_table, only_an_open_charge_and_a_failed_refund_have_a_deadline)
{
    for (int s = 0; s < DS_PAYMENT_STATES; s++) {
        ds_decider_kit_t *kit = ds_kit_new(&ds_payment_decider, NULL);
        struct ds_timer timer;
        bool wanted = s == DS_PAYMENT_CHARGING || s == DS_PAYMENT_REFUND_WAIT;
        world_reach(kit, (enum ds_payment_state)s);
        cr_expect_eq(ds_kit_next_timer(kit, &timer), wanted, "state %d", s);
        if (wanted)
            cr_expect_eq(timer.kind, s);
        ds_kit_destroy(kit);
    }
}
