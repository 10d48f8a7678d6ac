/* The events of one decision. */
#include "base/limits.h"
#include "decider/decider.h"

#include <criterion/criterion.h>

static ds_decision_t *decision;
static ds_error_t error = DS_ERROR_INIT;

static void set_up(void)
{
    const struct ds_context context = {.correlation_id = DS_STR("c")};

    decision = ds_decision_new(&ds_schema_inventory_events);
    cr_assert_not_null(decision);
    ds_decision_reset(decision, &context);
}

static void tear_down(void)
{
    ds_decision_destroy(decision);
    ds_decision_destroy(NULL);
}

TestSuite(decision, .init = set_up, .fini = tear_down);

Test(decision, events_start_zeroed_with_the_context)
{
    struct ds_inventory_event *event = ds_decision_add(decision, &error);

    cr_assert_not_null(event);
    cr_assert(ds_str_eq(event->context.correlation_id, DS_STR("c")));
    cr_assert_eq(event->meta.seq, 0);
    cr_assert_eq(event->body.as.inventory_updated.changes.count, 0);
    cr_assert_eq(ds_decision_count(decision), 1);
    cr_assert_eq(ds_decision_event(decision, 0), (void *)event);
    cr_assert_null(ds_decision_event(decision, 1));
}

Test(decision, is_bounded)
{
    for (int i = 0; i < DS_MAX_DECISION_RECORDS; i++)
        cr_assert_not_null(ds_decision_add(decision, &error));
    cr_assert_null(ds_decision_add(decision, &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
}

Test(decision, reset_forgets_the_events)
{
    const struct ds_context other = {.correlation_id = DS_STR("d")};

    cr_assert_not_null(ds_decision_add(decision, &error));
    ds_decision_reset(decision, &other);
    cr_assert_eq(ds_decision_count(decision), 0);
    cr_assert(ds_str_eq(
        ((struct ds_event_head *)ds_decision_add(decision, &error))->context.correlation_id,
        DS_STR("d")));
}

Test(decision, context_of_a_deadline_reaches_events_added_before)
{
    const struct ds_context kept = {.correlation_id = DS_STR("kept")};
    struct ds_event_head *before = ds_decision_add(decision, &error);
    struct ds_event_head *after;

    ds_decision_set_context(decision, &kept);
    after = ds_decision_add(decision, &error);
    cr_assert(ds_str_eq(before->context.correlation_id, DS_STR("kept")));
    cr_assert(ds_str_eq(after->context.correlation_id, DS_STR("kept")));
}

Test(decision, refusal_and_repeat_are_events)
{
    const struct ds_protocol_event *event;

    cr_assert(ds_decision_reject(decision, DS_STR("t"), DS_STR("o"), "REASON", &error));
    cr_assert(ds_decision_repeat(decision, DS_STR("id"), true, 7, &error));
    event = ds_decision_event(decision, 0);
    cr_assert_eq(event->body.kind, DS_PROTOCOL_COMMAND_REJECTED);
    cr_assert(ds_str_eq(event->body.as.command_rejected.reason, DS_STR("REASON")));
    event = ds_decision_event(decision, 1);
    cr_assert_eq(event->body.kind, DS_PROTOCOL_COMMAND_REPEATED);
    cr_assert_eq(event->body.as.command_repeated.first_offset, 7);
    cr_assert_str_eq(ds_schema_ce_type(&ds_schema_inventory_events, event), "command.repeated");
}
