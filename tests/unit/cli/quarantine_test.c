/* What waits for a quarantined aggregate (ADR 21): no anomaly while it waits, and decided once, as
 * the record that it is, in order, after a release. */
#include "story.h"

#include <criterion/criterion.h>

#define ORDER_1 "s.order1"
#define HOUR    (3600 * HIST_SECOND)

static struct story s;

static void set_up(void)
{
    s = story_begin(DS_PAYMENT_METHOD_CARD);
}

static void tear_down(void)
{
    story_end(&s);
}

TestSuite(audit_quarantine, .init = set_up, .fini = tear_down);

static void emit(int32_t kind, struct hist_cause cause)
{
    struct ds_order_event event = {.body.kind = kind};

    if (kind == DS_ORDER_EVENT_AGGREGATE_QUARANTINED)
        event.body.as.aggregate_quarantined.aggregate = DS_STR(ORDER_1);
    else if (kind == DS_ORDER_EVENT_INPUT_HELD)
        event.body.as.input_held.aggregate = DS_STR(ORDER_1);
    else if (kind == DS_ORDER_EVENT_AGGREGATE_RELEASED)
        event.body.as.aggregate_released.aggregate = DS_STR(ORDER_1);
    else if (kind == DS_ORDER_EVENT_INPUT_PASSED)
        event.body.as.input_passed.aggregate = DS_STR(ORDER_1);
    hist_emit(s.h, DS_AUDIT_ORDER, &event, cause, false);
}

static int64_t command(const char *id)
{
    struct ds_order_command value = {0};

    return hist_command(s.h, DS_AUDIT_ORDER, id, &value);
}

static void quarantine(int64_t offset)
{
    emit(DS_ORDER_EVENT_AGGREGATE_QUARANTINED, HIST_INPUT(0, offset));
}

static void release(void)
{
    emit(DS_ORDER_EVENT_AGGREGATE_RELEASED, HIST_INPUT(0, command("release")));
}

static void refuse(struct hist_cause cause)
{
    emit(DS_ORDER_EVENT_COMMAND_REJECTED, cause);
}

static void repeat(struct hist_cause cause, int64_t first_offset)
{
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED};

    event.body.as.command_repeated.first_offset = first_offset;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, cause, false);
}

static void drop(int64_t offset)
{
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_INPUT_DROPPED};

    event.body.as.input_dropped = (struct ds_input_dropped){.topic = DS_STR("order.commands"),
                                                            .offset = offset,
                                                            .has_aggregate = true,
                                                            .aggregate = DS_STR(ORDER_1)};
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, command("drop")), false);
}

/* Read one topic after another, and beside each other. */
static void expect_clean(void)
{
    hist_expect_clean(s.h);
    s.h->by_time = true;
    hist_expect_clean(s.h);
}

Test(audit_quarantine, a_command_that_waits_has_no_outcome_so_far)
{
    int64_t first = command("first");
    int64_t second = command("second");

    quarantine(first);
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, second));
    story_place(&s);
    expect_clean();
}

Test(audit_quarantine, what_waited_is_decided_after_the_release)
{
    int64_t first = command("first");
    int64_t second = command("second");

    quarantine(first);
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, second));
    release();
    refuse(HIST_HELD(ORDER_1, 0, first));
    refuse(HIST_HELD(ORDER_1, 0, second));
    story_place(&s);
    expect_clean();
}

Test(audit_quarantine, a_second_time_it_waits_no_more)
{
    int64_t first = command("first");
    int64_t second = command("second");

    quarantine(first);
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, second));
    release();
    refuse(HIST_HELD(ORDER_1, 0, first));
    refuse(HIST_HELD(ORDER_1, 0, first));
    hist_expect(s.h, "F", "does not wait for s.order1");
}

Test(audit_quarantine, out_of_order_is_found)
{
    int64_t first = command("first");
    int64_t second = command("second");

    quarantine(first);
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, second));
    release();
    refuse(HIST_HELD(ORDER_1, 0, second));
    hist_expect(s.h, "F", "is not the next that waits");
}

Test(audit_quarantine, without_a_release_is_found)
{
    int64_t first = command("first");

    quarantine(first);
    refuse(HIST_HELD(ORDER_1, 0, first));
    hist_expect(s.h, "F", "is not the next that waits");
}

Test(audit_quarantine, found_impossible_again_it_waits_on)
{
    int64_t first = command("first");

    quarantine(first);
    release();
    emit(DS_ORDER_EVENT_AGGREGATE_QUARANTINED, HIST_HELD(ORDER_1, 0, first));
    story_place(&s);
    expect_clean();
    refuse(HIST_HELD(ORDER_1, 0, first));
    hist_expect(s.h, "F", "is not the next that waits");
}

Test(audit_quarantine, one_that_waits_for_nobody_is_found)
{
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, command("first")));
    hist_expect(s.h, "F", "no owner folds it");
}

Test(audit_quarantine, other_bytes_than_were_held_are_found)
{
    int64_t first = command("first");
    struct hist_record *record = &s.h->records[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER][first];

    quarantine(first);
    ((uint8_t *)(uintptr_t)record->record.value.data)[record->record.value.len - 1] ^= 1;
    hist_expect(s.h, "F", "it waits, but with other bytes");
    release();
    refuse(HIST_HELD(ORDER_1, 0, first)); /* of those bytes */
    hist_expect(s.h, "F", "another record than the one that waits");
}

Test(audit_quarantine, dropped_is_an_outcome)
{
    int64_t first = command("first");
    int64_t second = command("second");

    quarantine(first);
    emit(DS_ORDER_EVENT_INPUT_HELD, HIST_INPUT(0, second));
    drop(first);
    release();
    refuse(HIST_HELD(ORDER_1, 0, second));
    expect_clean();
    drop(first);
    hist_expect(s.h, "F", "which does not wait");
}

Test(audit_quarantine, what_was_dropped_was_not_decided)
{
    int64_t first = command("first");

    quarantine(first);
    drop(first);
    repeat(HIST_INPUT(0, command("first")), first);
    hist_expect(s.h, "I7", "was not decided before");
}

/* Its id counts from its decision on, so a later one of the same id may have been first. */
Test(audit_quarantine, one_that_waited_may_repeat_a_later_one)
{
    story_place(&s);
    int64_t first = command("cancel");
    quarantine(first);
    int64_t second = command("cancel");
    refuse(HIST_INPUT(0, second));
    release();
    repeat(HIST_HELD(ORDER_1, 0, first), second);
    expect_clean();
}

Test(audit_quarantine, what_waits_cannot_be_repeated_yet)
{
    int64_t first = command("cancel");

    quarantine(first);
    repeat(HIST_INPUT(0, command("cancel")), first);
    hist_expect(s.h, "I7", "was not decided before");
}

Test(audit_quarantine, two_effects_of_one_id_are_found)
{
    int64_t first = command("place");

    quarantine(first);
    s.h->now_us += 25 * HOUR; /* counts from its decision on */
    release();
    emit(DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED, HIST_HELD(ORDER_1, 0, first));
    story_place(&s); /* under the same command id */
    hist_expect(s.h, "I7", "takes effect again");
}

/* ---- a corrected command has an id of its own */

static void edit(const char *corrected, struct ds_order_event *decided)
{
    struct ds_order_event event = {.body.kind = DS_ORDER_EVENT_INPUT_EDITED};
    int64_t at = command("edit");

    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), true);
    hist_emit_as(s.h, DS_AUDIT_ORDER, decided, HIST_INPUT(0, at), corrected);
}

Test(audit_quarantine, a_repeat_of_a_corrected_command_is_fine)
{
    struct ds_order_event refused = {.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED};
    int64_t at = (int64_t)s.h->counts[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER];

    edit("corrected", &refused);
    repeat(HIST_INPUT(0, command("corrected")), at);
    expect_clean();
}

Test(audit_quarantine, a_corrected_command_that_takes_effect_twice_is_found)
{
    struct ds_order_event cancel = {.body.kind = DS_ORDER_EVENT_ORDER_CANCEL_REQUESTED};

    story_place(&s);
    edit("place", &cancel);
    hist_expect(s.h, "I7", "takes effect again");
}

/* ---- events */

Test(audit_quarantine, what_should_have_followed_waits_with_its_event)
{
    struct ds_inventory_event event = {.body.kind = DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED};

    story_place(&s);
    event.body.as.aggregate_quarantined.aggregate = DS_STR(ORDER_1);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s.created), false);
    expect_clean();
}

Test(audit_quarantine, an_event_that_waits_is_a_delivered_one)
{
    struct ds_inventory_event event = {.body.kind = DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED};

    event.body.as.aggregate_quarantined.aggregate = DS_STR(ORDER_1);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, 77), false);
    hist_expect(s.h, "F", "which is not there");
    s.h->by_time = true;
    hist_expect(s.h, "F", "which is not there");
}

Test(audit_quarantine, an_event_is_decided_as_the_one_that_waited)
{
    struct ds_inventory_event event = {.body.kind = DS_INVENTORY_EVENT_AGGREGATE_QUARANTINED};
    struct hist_record *record;

    story_place(&s);
    event.body.as.aggregate_quarantined.aggregate = DS_STR(ORDER_1);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(1, s.created), false);
    struct ds_inventory_command command_ = {0};
    int64_t asked = hist_command(s.h, DS_AUDIT_INVENTORY, "release", &command_);
    event = (struct ds_inventory_event){.body.kind = DS_INVENTORY_EVENT_AGGREGATE_RELEASED};
    event.body.as.aggregate_released.aggregate = DS_STR(ORDER_1);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(0, asked), false);
    event = (struct ds_inventory_event){.body.kind = DS_INVENTORY_EVENT_INPUT_PASSED};
    event.body.as.input_passed.aggregate = DS_STR(ORDER_1);
    record = &s.h->records[DS_AUDIT_ORDER][s.created];
    record->seq++; /* the cause is made with it */
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_HELD(ORDER_1, 1, s.created), false);
    hist_expect(s.h, "F", "another record than the one that waits");
}

/* How many orders left of one, quarantined or not, and one of days later. */
static size_t left_of_two(bool is_quarantined)
{
    s.h->by_time = true;
    s.h->sweep_at = 1;
    story_card(&s);
    if (is_quarantined)
        quarantine(story_ask_cancel(&s, "late"));
    s.h->now_us += 100 * HOUR;
    s.id = DS_STR("s.order2");
    story_card(&s);
    hist_expect_clean(s.h);
    return s.h->left;
}

/* Days later something is still to be decided for it. */
Test(audit_quarantine, an_order_does_not_leave_while_it_is_quarantined)
{
    size_t left = left_of_two(true);

    story_end(&s);
    s = story_begin(DS_PAYMENT_METHOD_CARD);
    cr_assert_eq(left_of_two(false), left + 1);
}

/* A step answers the record that allows it, also when that had waited. */
Test(audit_quarantine, an_order_is_confirmed_on_a_payment_that_waited)
{
    story_place(&s);
    story_reserve(&s);
    story_request_payment(&s);
    story_initiate(&s);
    story_pay(&s, STORY_TOTAL, STORY_TOTAL, false);
    emit(DS_ORDER_EVENT_AGGREGATE_QUARANTINED, HIST_INPUT(2, s.paid));
    release();
    story_confirm_on(&s, HIST_HELD(ORDER_1, 2, s.paid));
    story_deliver(&s);
    hist_expect_clean(s.h);
}
