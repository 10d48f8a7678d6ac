#include "payment_world.h"

#include <criterion/criterion.h>

static const struct ds_context of_order = {
    .correlation_id = {"corr-place", 10},
    .actor = {DS_ACTOR_KIND_SYSTEM, {"order", 5}},
    .has_traceparent = true,
    .traceparent = {"00-trace-01", 11},
};

size_t world_requested(ds_decider_kit_t *kit, int64_t total_minor)
{
    struct ds_order_event event = {.context = of_order};
    event.body.kind = DS_ORDER_EVENT_ORDER_PAYMENT_REQUESTED;
    event.body.as.order_payment_requested = (struct ds_order_payment_requested){
        .order_id = DS_STR(ORDER_ID),
        .customer_id = DS_STR("anna"),
        .total_minor = total_minor,
        .currency = DS_STR("EUR"),
        .has_payment_token = true,
        .payment_token = DS_STR("tok_1"),
        .pay_by = ds_kit_now(kit) + 15 * DS_KIT_MINUTE,
    };
    return ds_kit_feed(kit, DS_PAYMENT_INPUT_ORDER, &event);
}

size_t world_fulfilled(ds_decider_kit_t *kit, enum ds_payment_method method, int64_t total_minor)
{
    struct ds_order_event event = {.context = of_order};
    event.body.kind = DS_ORDER_EVENT_ORDER_FULFILLED;
    event.body.as.order_fulfilled = (struct ds_order_fulfilled){.order_id = DS_STR(ORDER_ID),
                                                                .payment_method = method,
                                                                .total_minor = total_minor,
                                                                .currency = DS_STR("EUR")};
    return ds_kit_feed(kit, DS_PAYMENT_INPUT_ORDER, &event);
}

size_t world_lines_cancelled(ds_decider_kit_t *kit, int64_t total_minor)
{
    struct ds_order_event event = {.context = of_order};
    event.body.kind = DS_ORDER_EVENT_ORDER_LINES_CANCELLED;
    event.body.as.order_lines_cancelled = (struct ds_order_lines_cancelled){
        .order_id = DS_STR(ORDER_ID), .total_minor = total_minor, .currency = DS_STR("EUR")};
    return ds_kit_feed(kit, DS_PAYMENT_INPUT_ORDER, &event);
}

size_t world_order_cancelled(ds_decider_kit_t *kit)
{
    struct ds_order_event event = {.context = of_order};
    event.body.kind = DS_ORDER_EVENT_ORDER_CANCELLED;
    event.body.as.order_cancelled.order_id = DS_STR(ORDER_ID);
    return ds_kit_feed(kit, DS_PAYMENT_INPUT_ORDER, &event);
}

static struct ds_command_head head(void)
{
    return (struct ds_command_head){.command_id = DS_STR("01K9REPORT"),
                                    .correlation_id = DS_STR("corr-webhook"),
                                    .actor = {DS_ACTOR_KIND_GATEWAY, DS_STR("sandbox")}};
}

struct ds_payment_command world_charge_report(enum ds_report_outcome outcome, int64_t amount_minor)
{
    struct ds_payment_command command = {.head = head()};
    command.body.kind = DS_PAYMENT_COMMAND_REPORT_CHARGE;
    command.body.as.report_charge =
        (struct ds_report_charge){.order_id = DS_STR(ORDER_ID),
                                  .charge_key = DS_STR(CHARGE_KEY),
                                  .outcome = outcome,
                                  .amount_minor = amount_minor,
                                  .currency = DS_STR("EUR"),
                                  .provider = DS_STR("sandbox"),
                                  .provider_reference = DS_STR("ch_1"),
                                  .has_detail = outcome == DS_REPORT_OUTCOME_FAILED,
                                  .detail = DS_STR("card declined")};
    return command;
}

/* Literals, so that a report may be passed about by value. */
static ds_str_t refund_key(int32_t number)
{
    static const char *const keys[] = {
        ORDER_ID "-r0",  ORDER_ID "-r1",  ORDER_ID "-r2",  ORDER_ID "-r3", ORDER_ID "-r4",
        ORDER_ID "-r5",  ORDER_ID "-r6",  ORDER_ID "-r7",  ORDER_ID "-r8", ORDER_ID "-r9",
        ORDER_ID "-r10", ORDER_ID "-r11", ORDER_ID "-r12",
    };
    cr_assert_lt((size_t)number, sizeof(keys) / sizeof(keys[0]));
    return ds_str(keys[number]);
}

struct ds_payment_command world_refund_report(int32_t number, enum ds_report_outcome outcome,
                                              int64_t amount_minor)
{
    struct ds_payment_command command = {.head = head()};
    command.body.kind = DS_PAYMENT_COMMAND_REPORT_REFUND;
    command.body.as.report_refund = (struct ds_report_refund){.order_id = DS_STR(ORDER_ID),
                                                              .refund_key = refund_key(number),
                                                              .outcome = outcome,
                                                              .amount_minor = amount_minor,
                                                              .currency = DS_STR("EUR"),
                                                              .provider = DS_STR("sandbox"),
                                                              .provider_reference = DS_STR("re_1")};
    return command;
}

struct ds_payment_command world_dispute_report(int64_t amount_minor)
{
    struct ds_payment_command command = {.head = head()};
    command.body.kind = DS_PAYMENT_COMMAND_REPORT_DISPUTE;
    command.body.as.report_dispute =
        (struct ds_report_dispute){.order_id = DS_STR(ORDER_ID),
                                   .charge_key = DS_STR(CHARGE_KEY),
                                   .amount_minor = amount_minor,
                                   .currency = DS_STR("EUR"),
                                   .provider = DS_STR("sandbox"),
                                   .provider_reference = DS_STR("dp_1")};
    return command;
}

size_t world_charged(ds_decider_kit_t *kit, int64_t amount_minor)
{
    struct ds_payment_command command = world_charge_report(DS_REPORT_OUTCOME_OK, amount_minor);
    return ds_kit_command(kit, &command);
}

size_t world_charge_failed(ds_decider_kit_t *kit)
{
    struct ds_payment_command command = world_charge_report(DS_REPORT_OUTCOME_FAILED, 0);
    return ds_kit_command(kit, &command);
}

size_t world_refunded(ds_decider_kit_t *kit, int32_t number, int64_t amount_minor)
{
    struct ds_payment_command command =
        world_refund_report(number, DS_REPORT_OUTCOME_OK, amount_minor);
    return ds_kit_command(kit, &command);
}

size_t world_refund_failed(ds_decider_kit_t *kit, int32_t number)
{
    struct ds_payment_command command = world_refund_report(number, DS_REPORT_OUTCOME_FAILED, 0);
    return ds_kit_command(kit, &command);
}

void world_reach(ds_decider_kit_t *kit, enum ds_payment_state state)
{
    if (state == DS_PAYMENT_NONE)
        return;
    world_requested(kit, TOTAL_MINOR);
    if (state == DS_PAYMENT_FAILED)
        world_charge_failed(kit);
    if (state == DS_PAYMENT_SETTLED || state == DS_PAYMENT_REFUNDING ||
        state == DS_PAYMENT_REFUND_WAIT)
        world_charged(kit, TOTAL_MINOR);
    if (state == DS_PAYMENT_REFUNDING || state == DS_PAYMENT_REFUND_WAIT)
        world_lines_cancelled(kit, 600);
    if (state == DS_PAYMENT_REFUND_WAIT)
        world_refund_failed(kit, 1);
    cr_assert_eq(world_state(kit), state, "state %d was not reached", (int)state);
}

const struct ds_payment *world_payment(const ds_decider_kit_t *kit)
{
    return ds_payments_find(ds_kit_state(kit), DS_STR(ORDER_ID));
}

enum ds_payment_state world_state(const ds_decider_kit_t *kit)
{
    const struct ds_payment *payment = world_payment(kit);
    return payment == NULL ? DS_PAYMENT_NONE : payment->state;
}

const struct ds_payment_event *world_event(const ds_decider_kit_t *kit, size_t i)
{
    return ds_kit_event(kit, i);
}
