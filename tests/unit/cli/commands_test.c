/* I7. */
#include "story.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(audit_commands, a_command_without_an_outcome_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    story_ask_cancel(&s, "lost");
    hist_expect_clean(s.h); /* not read yet */
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    hist_expect(s.h, "I7", "without an outcome");
    cr_assert_eq(s.h->report->list[0].offset, 1);
    story_end(&s);
}

Test(audit_commands, a_refusal_is_an_outcome)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    int64_t at = story_ask_cancel(&s, "early");
    event.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED;
    event.body.as.command_rejected.reason = DS_STR("ORDER_UNKNOWN");
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    story_place(&s);
    hist_expect_clean(s.h);
    story_end(&s);
}

Test(audit_commands, garbage_that_was_refused_has_its_outcome)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    int64_t at = hist_raw(s.h, DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER, "garbage", 7);
    event.body.kind = DS_ORDER_EVENT_INPUT_REJECTED;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect_clean(s.h);
    story_end(&s);
}

Test(audit_commands, a_command_that_takes_effect_twice_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    s.id = DS_STR("s.order2");
    story_place(&s); /* under the same command id */
    hist_expect(s.h, "I7", "takes effect again");
    story_end(&s);
}

Test(audit_commands, a_repeat_that_changes_nothing_is_fine)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    story_place(&s);
    struct ds_order_command again = {.body.kind = DS_ORDER_COMMAND_PLACE_ORDER};
    int64_t at = hist_command(s.h, DS_AUDIT_ORDER, "place", &again);
    event.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    event.body.as.command_repeated.of = DS_STR("place");
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect_clean(s.h);
    story_end(&s);
}

/* The customer is told that the first one counted: there has to be a first one. */
Test(audit_commands, a_repeat_of_something_else_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    struct ds_order_command command = {.body.kind = DS_ORDER_COMMAND_PLACE_ORDER};
    story_place(&s);
    int64_t at = hist_command(s.h, DS_AUDIT_ORDER, "another", &command);
    event.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    event.body.as.command_repeated.first_offset = 0;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect(s.h, "I7", "which has another id");
    story_end(&s);
}

Test(audit_commands, a_repeat_of_what_was_never_decided_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    struct ds_order_command command = {.body.kind = DS_ORDER_COMMAND_PLACE_ORDER};
    story_place(&s);
    int64_t at = hist_command(s.h, DS_AUDIT_ORDER, "another", &command);
    event.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    event.body.as.command_repeated.first_offset = at;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect(s.h, "I7", "was not decided before");
    story_end(&s);
}

Test(audit_commands, an_id_may_be_used_again_after_a_day)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    s.h->now_us += 25 * 3600 * HIST_SECOND;
    s.id = DS_STR("s.order2");
    s.priced = 2;
    story_place(&s);
    hist_expect_clean(s.h);
    story_end(&s);
}

/* The topic was made anew, and is shorter than it was. */
Test(audit_commands, an_answer_to_a_command_that_is_not_there_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    const int32_t topic = DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER;
    story_place(&s);
    hist_remove(s.h, topic, 0, true);
    hist_expect(s.h, "F", "which is not there: the topic ends at 0");
    story_end(&s);
}

Test(audit_commands, an_answer_to_other_bytes_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    struct hist_record *record = &s.h->records[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER][0];
    ((uint8_t *)(uintptr_t)record->record.value.data)[record->record.value.len - 1] ^= 1;
    hist_expect(s.h, "F", "other bytes");
    story_end(&s);
}

Test(audit_commands, an_outcome_with_the_id_of_another_command_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_inventory_event event = {0};
    struct ds_inventory_command command = {.body.kind = DS_INVENTORY_COMMAND_RECEIVE_STOCK};
    int64_t at = hist_command(s.h, DS_AUDIT_INVENTORY, "one", &command);
    event.body.kind = DS_INVENTORY_EVENT_COMMAND_REJECTED;
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_INPUT(0, at), false);
    free((void *)(uintptr_t)s.h->records[DS_AUDIT_PROCESSORS + DS_AUDIT_INVENTORY][at]
             .record.value.data);
    s.h->counts[DS_AUDIT_PROCESSORS + DS_AUDIT_INVENTORY]--;
    hist_command(s.h, DS_AUDIT_INVENTORY, "two", &command);
    hist_expect(s.h, "I7", "with the id of another");
    story_end(&s);
}
