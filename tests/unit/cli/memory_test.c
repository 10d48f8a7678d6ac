/* What an audit holds follows what is open, and not how long the log is. */
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HOUR (3600 * HIST_SECOND)

/* One order a day, each of them over by the next. */
static struct story days(int count)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    for (int day = 0; day < count; day++) {
        char id[32];
        ds_error_t error = DS_ERROR_INIT;
        (void)snprintf(id, sizeof id, "s.order%d", day);
        cr_assert(ds_arena_dup(s.h->arena, ds_str(id), &s.id, &error));
        story_receive(&s, 2);
        story_card(&s);
        s.h->now_us += 25 * HOUR;
    }
    return s;
}

static struct hist_held held_of(int count, bool by_time)
{
    struct story s = days(count);
    s.h->by_time = by_time;
    s.h->sweep_at = by_time ? 1 : 0;
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->checked[DS_AUDIT_ORDERS], count);
    struct hist_held held = s.h->held;
    story_end(&s);
    return held;
}

Test(audit_memory, a_log_of_many_days_holds_what_one_of_a_few_does)
{
    const struct hist_held few = held_of(20, true);
    const struct hist_held many = held_of(60, true);
    cr_assert_eq(many.orders, few.orders);
    cr_assert_eq(many.effects, few.effects);
    cr_assert_eq(many.runs, few.runs);
    cr_assert_eq(many.named, few.named);
    cr_assert_leq(many.orders, 12, "eleven days of them");
}

/* Topics come one after another: what waits for the next is as many runs as there are epochs. */
Test(audit_memory, topics_read_one_after_another_name_runs_and_no_records)
{
    const struct hist_held few = held_of(10, false);
    const struct hist_held many = held_of(60, false);
    cr_assert_gt(few.named, 0);
    cr_assert_eq(many.runs, few.runs);
    cr_assert_eq(many.named, few.named);
}

/* As many as a block of the audit's holds, and some more, refused on the spot. */
static void ask_often(struct story *s, int day)
{
    for (int i = 0; i < DS_AUDIT_BLOCK + 100; i++) {
        struct ds_order_event event = {0};
        char id[32];
        (void)snprintf(id, sizeof id, "cancel-%d-%d", day, i);
        int64_t at = story_ask_cancel(s, id);
        event.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED;
        event.body.as.command_rejected.reason = DS_STR("ORDER_UNKNOWN");
        hist_emit(s->h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    }
    s->h->now_us += 26 * HOUR;
}

static struct story many_commands(int days)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    for (int day = 0; day < days; day++)
        ask_often(&s, day);
    s.h->by_time = true;
    return s;
}

Test(audit_memory, commands_leave_when_they_are_decided_and_a_day_old)
{
    struct story few = many_commands(4);
    struct story many = many_commands(9);
    hist_expect_clean(few.h);
    hist_expect_clean(many.h);
    cr_assert_leq(many.h->held.blocks, few.h->held.blocks + 1, "where in a block it ends");
    cr_assert_leq(many.h->held.blocks, 5 + 2);
    cr_assert_eq(many.h->report->checked[DS_AUDIT_COMMANDS],
                 9 * (DS_AUDIT_BLOCK + 100) + 2 /* of the story's beginning */);
    story_end(&few);
    story_end(&many);
}

Test(audit_memory, a_command_without_an_outcome_is_found_among_those_that_left)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->by_time = true;
    ask_often(&s, 0);
    int64_t lost = story_ask_cancel(&s, "lost");
    for (int day = 1; day < 4; day++)
        ask_often(&s, day);
    hist_expect(s.h, "I7", "without an outcome");
    cr_assert_eq(s.h->report->anomalies, 1);
    cr_assert_eq(s.h->report->list[0].offset, lost);
    story_end(&s);
}

/* A repeat is of the last 24 hours: its first is still held then, however many came between. */
Test(audit_memory, a_repeat_finds_its_first_within_a_day)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    struct ds_order_command command = {0};
    s.h->by_time = true;
    ask_often(&s, 0);
    s.h->now_us -= 25 * HOUR;
    ask_often(&s, 1);
    s.h->now_us -= 4 * HOUR;
    int64_t at = hist_command(s.h, DS_AUDIT_ORDER, "another", &command);
    event.body.kind = DS_ORDER_EVENT_COMMAND_REPEATED;
    event.body.as.command_repeated.first_offset = DS_AUDIT_BLOCK + 100;
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect(s.h, "I7", "which has another id");
    story_end(&s);
}
