/* The fenced log: rule F, causes, event ids. */
#include "story.h"
#include "stream/partition.h"

#include <criterion/criterion.h>

Test(audit_log, a_decision_written_twice_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    story_search(&s);
    story_search(&s); /* the same cause again, with the next numbers */
    hist_expect(s.h, "F", "decided twice");
    story_end(&s);
}

Test(audit_log, a_copied_record_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    hist_copy(s.h, DS_AUDIT_PAYMENT, s.paid);
    hist_expect(s.h, "I8", "do not count");
    story_end(&s);
}

Test(audit_log, a_missing_seq_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    hist_remove(s.h, DS_AUDIT_ORDER, s.requested, true);
    hist_expect(s.h, "I8", "was wanted");
    story_end(&s);
}

Test(audit_log, a_missing_offset_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    hist_remove(s.h, DS_AUDIT_PAYMENT, s.initiated, false);
    hist_expect(s.h, "F", "damage: offset");
    story_end(&s);
}

Test(audit_log, a_log_that_lost_its_beginning_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    hist_remove(s.h, DS_AUDIT_ORDER, 0, false);
    hist_expect(s.h, "F", "damage");
    story_end(&s);
}

/* Kafka says where a topic begins: by a retention, or because it was made anew. */
Test(audit_log, events_that_were_deleted_are_found_and_their_followers_are_not_told)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    for (int32_t topic = 0; topic < DS_AUDIT_PROCESSORS; topic++) {
        s.h->low[topic] = 5;
        hist_expect(s.h, "F", "damage: the 5 records in front of it are gone");
        cr_assert_eq(s.h->report->anomalies, 1, "topic %d: %s", (int)topic,
                     s.h->report->list[1].what);
        cr_assert_eq(s.h->report->list[0].offset, 5);
        cr_assert_str_eq(s.h->report->list[0].topic, ds_audit_topic(topic));
        s.h->low[topic] = 0;
    }
    story_end(&s);
}

/* Commands are kept for 14 days. */
Test(audit_log, commands_that_are_past_their_retention_are_no_anomaly)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    for (int32_t topic = DS_AUDIT_PROCESSORS; topic < DS_AUDIT_TOPICS; topic++)
        s.h->low[topic] = (int64_t)s.h->counts[topic];
    hist_expect_clean(s.h);
    story_end(&s);
}

/* A version that is newer than this program has begun to write: one sentence, not a hundred. */
Test(audit_log, what_stands_behind_an_unknown_schema_is_not_judged)
{
    static const uint8_t unknown[] = {0xC3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_until_confirmed(&s);
    hist_raw(s.h, DS_AUDIT_DELIVERY, unknown, sizeof unknown);
    story_deliver(&s);
    hist_expect(s.h, "F", "not known here, nothing behind it was read");
    cr_assert_eq(s.h->report->anomalies, 1, "%s", s.h->report->list[1].what);
    cr_assert_eq(s.h->report->in_flight, 1);
    story_end(&s);
}

Test(audit_log, records_of_somebody_else_are_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    hist_raw(s.h, DS_AUDIT_ORDER, "hello", 5);
    story_card(&s);
    hist_expect(s.h, "I8", "no processor wrote");
    cr_assert_eq(s.h->report->anomalies, 1);
    s.h->report->allow_skipped = true;
    hist_expect_clean(s.h);
    cr_assert_eq(s.h->report->skipped[DS_AUDIT_SKIP_STRANGER], 1);
    story_end(&s);
}

Test(audit_log, an_event_of_ours_that_was_overwritten_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    struct hist_record *record = &s.h->records[DS_AUDIT_ORDER][s.confirmed];
    ((uint8_t *)(uintptr_t)record->record.value.data)[0] = 'x';
    hist_expect(s.h, "I8", "was wanted");
    s.h->report->allow_skipped = true;
    cr_assert_gt(hist_audit(s.h)->skipped[DS_AUDIT_SKIP_UNEXPLAINED], 0);
    story_end(&s);
}

Test(audit_log, a_record_of_an_epoch_nobody_claimed_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    s.h->epoch[DS_AUDIT_ORDER] = 7;
    story_place(&s);
    hist_expect(s.h, "F", "damage, nothing behind it");
    story_end(&s);
}

Test(audit_log, an_open_that_contradicts_the_log_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    int64_t seq = s.h->seq[DS_AUDIT_ORDER];
    s.h->seq[DS_AUDIT_ORDER] = seq + 3;
    hist_claim(s.h, DS_AUDIT_ORDER);
    hist_expect(s.h, "F", "damage: offset");
    story_end(&s);
}

Test(audit_log, an_epoch_without_open_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    hist_claim(s.h, DS_AUDIT_ORDER);
    hist_remove(s.h, DS_AUDIT_ORDER, (int64_t)s.h->counts[DS_AUDIT_ORDER] - 1, true);
    s.h->seq[DS_AUDIT_ORDER] = 0;
    story_place(&s);
    hist_expect(s.h, "F", "an Open has seq 1");
    story_end(&s);
}

Test(audit_log, an_answer_to_a_record_that_does_not_count_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    int64_t valid = s.created;
    s.created = (int64_t)s.h->counts[DS_AUDIT_ORDER];
    hist_copy(s.h, DS_AUDIT_ORDER, valid);
    hist_claim(s.h, DS_AUDIT_ORDER);
    story_reserve(&s); /* answers the copy, which rule F skips */
    hist_expect(s.h, "F", "does not count");
    story_end(&s);
}

Test(audit_log, an_answer_to_a_record_that_is_not_there_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    s.created = 99;
    story_reserve(&s);
    hist_expect(s.h, "F", "is not there");
    story_end(&s);
}

Test(audit_log, an_answer_out_of_order_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_card(&s);
    story_release(&s, 0, s.created);
    hist_expect(s.h, "F", "decided twice or out of order");
    story_end(&s);
}

Test(audit_log, time_that_runs_back_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    s.h->now_us -= 10 * HIST_SECOND;
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    hist_expect(s.h, "F", "before what stands in front");
    story_end(&s);
}

Test(audit_log, a_log_that_is_shorter_than_it_said_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_audit_report *report = ds_audit_report_new();
    struct ds_audit_range ranges[DS_AUDIT_TOPICS] = {{0}};
    struct ds_audit_part *part;
    ds_error_t error = DS_ERROR_INIT;
    ranges[DS_AUDIT_ORDER] = (struct ds_audit_range){0, 5, 5};
    cr_assert(ds_audit_part_new(report, 0, 1, ranges, &part, &error));
    cr_assert(ds_audit_part_take(part, &s.h->records[DS_AUDIT_ORDER][0].record, &error));
    cr_assert(ds_audit_part_judge(part, &error));
    cr_assert_eq(report->anomalies, 1);
    cr_assert_not_null(strstr(report->list[0].what, "ends here"));
    ds_audit_part_destroy(part);
    ds_audit_report_destroy(report);
    story_end(&s);
}

/* A store whose partition is another one. */
static ds_str_t foreign_key(const struct history *h)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    size_t i = 0;
    while (ds_partition_of(ds_str(keys[i]), HIST_PARTITIONS) == h->partition)
        cr_assert_lt(++i, sizeof keys / sizeof *keys, "all keys belong to one partition");
    return ds_str(keys[i]);
}

Test(audit_log, an_event_in_a_partition_that_is_not_its_stores_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    story_place(&s);
    struct ds_audit_record *created = &s.h->records[DS_AUDIT_ORDER][s.created].record;
    created->key = foreign_key(s.h);
    hist_expect(s.h, "F", "its key belongs to another partition");
    cr_expect_eq(s.h->report->list[0].offset, s.created);
    cr_expect_eq(s.h->report->list[0].partition, s.h->partition);
    created->has_key = false;
    hist_expect(s.h, "F", "it has no key");
    story_end(&s);
}

Test(audit_log, a_misplaced_command_that_is_carried_out_is_found)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_order_event event = {0};
    int64_t at = story_ask_cancel(&s, "early");
    s.h->records[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER][at].record.key = foreign_key(s.h);
    hist_expect_clean(s.h); /* not read yet */
    event.body.kind = DS_ORDER_EVENT_COMMAND_REJECTED;
    event.body.as.command_rejected.reason = DS_STR("ORDER_UNKNOWN");
    hist_emit(s.h, DS_AUDIT_ORDER, &event, HIST_INPUT(0, at), false);
    hist_expect_clean(s.h); /* refused: it did nothing */
    story_place(&s);
    int64_t placed = (int64_t)s.h->counts[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER] - 1;
    s.h->records[DS_AUDIT_PROCESSORS + DS_AUDIT_ORDER][placed].record.key = foreign_key(s.h);
    hist_expect(s.h, "F", "and yet order.events/");
    cr_expect_eq(s.h->report->list[0].offset, placed);
    cr_expect_str_eq(s.h->report->list[0].topic, "order.commands");
    story_end(&s);
}
