/* A log that somebody made to harm: bytes changed, numbers as large as they get, records gone,
 * twice and in each other's place. Whatever stands there the audit comes to its end, and says so.
 */
#include "story.h"
#include "stream/partition.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Enough for each place of the story's log to be hit; the sanitizers are the judges. */
#define ROUNDS 500

/* splitmix64 */
static uint64_t roll(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t count)
{
    return (size_t)(roll(state) % count);
}

static struct hist_record *any_record(struct history *h, uint64_t *state)
{
    int32_t topic;
    do
        topic = (int32_t)below(state, DS_AUDIT_TOPICS);
    while (h->counts[topic] == 0);
    return &h->records[topic][below(state, h->counts[topic])];
}

static void replace(struct hist_record *record, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, len);
    free((void *)(uintptr_t)record->record.value.data);
    record->record.value = (ds_bytes_t){copy, (uint32_t)len};
}

static void change_byte(struct hist_record *record, uint64_t *state)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)record->record.value.data;
    if (record->record.value.len > 0)
        bytes[below(state, record->record.value.len)] = (uint8_t)roll(state);
}

/* Where a number of one byte stood there is the largest, or the smallest, now. */
static void blow_up(struct hist_record *record, uint64_t *state)
{
    uint8_t bytes[4096];
    const size_t len = record->record.value.len;
    const uint8_t first = (roll(state) & 1) == 0 ? 0xFE : 0xFF;

    if (len < 11 || len + 9 > sizeof bytes)
        return;
    const size_t at = 10 + below(state, len - 10); /* behind the frame */
    memcpy(bytes, record->record.value.data, at);
    bytes[at] = first;
    memset(bytes + at + 1, 0xFF, 8);
    bytes[at + 9] = 0x01;
    memcpy(bytes + at + 10, record->record.value.data + at + 1, len - at - 1);
    replace(record, bytes, len + 9);
}

static void swap(struct hist_record *a, struct hist_record *b)
{
    const ds_bytes_t value = a->record.value;
    a->record.value = b->record.value;
    b->record.value = value;
}

static void spoil(struct history *h, uint64_t *state)
{
    struct hist_record *record = any_record(h, state);
    switch (below(state, 8)) {
    case 0:
    case 1:
        change_byte(record, state);
        break;
    case 2:
    case 3:
    case 4:
        blow_up(record, state);
        break;
    case 5:
        swap(record, any_record(h, state));
        break;
    case 6:
        record->record.appended_us = (roll(state) & 1) == 0 ? INT64_MIN : INT64_MAX;
        record->record.has_key = (roll(state) & 1) == 0;
        break;
    case 7:
        hist_copy(h, record->record.topic, record->record.offset);
        break;
    default:
        break;
    }
}

static struct story some_story(uint64_t *state)
{
    struct story s = story_begin((roll(state) & 1) == 0 ? DS_PAYMENT_METHOD_CARD
                                                        : DS_PAYMENT_METHOD_CASH_ON_DELIVERY);
    s.h->by_time = (roll(state) & 1) == 0;
    s.h->sweep_at = s.h->by_time ? 1 : 0;
    if (s.method == DS_PAYMENT_METHOD_CARD)
        story_card(&s);
    else
        story_cash(&s);
    hist_claim(s.h, DS_AUDIT_ORDER);
    s.id = DS_STR("s.order2");
    s.h->now_us += 3600 * HIST_SECOND;
    story_place(&s);
    story_reserve(&s);
    story_cancel(&s, HIST_INPUT(0, story_ask_cancel(&s, "cancel")), DS_GOODS_NOT_TAKEN);
    story_release(&s, 2, s.cancelled);
    return s;
}

Test(audit_hostile, no_log_ends_the_audit_otherwise_than_with_a_report)
{
    int64_t found = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        uint64_t state = seed;
        struct story s = some_story(&state);
        for (size_t i = 1 + below(&state, 3); i > 0; i--)
            spoil(s.h, &state);
        found += hist_audit(s.h)->anomalies > 0;
        story_end(&s);
    }
    cr_assert_gt(found, ROUNDS / 2, "most of it is seen: %d of %d", (int)found, ROUNDS);
}

/* All numbers of an epoch at their end. */
Test(audit_hostile, numbers_at_the_end_of_their_range_are_no_arithmetic)
{
    struct story s = story_begin(DS_PAYMENT_METHOD_CARD);
    struct ds_inventory_event event = {0};
    struct ds_stock_level level = {DS_STR("s.milk"), INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    struct ds_stock_item item = {DS_STR("s.milk"), INT32_MAX};
    event.body.kind = DS_INVENTORY_EVENT_INVENTORY_UPDATED;
    event.body.as.inventory_updated.changes = (struct ds_array_of_stock_item){&item, 1};
    event.body.as.inventory_updated.levels = (struct ds_array_of_stock_level){&level, 1};
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_expect(s.h, "I1", "9223372036854775807, the fold gives");
    level = (struct ds_stock_level){DS_STR("s.milk"), INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
    item.quantity = INT32_MIN;
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_emit(s.h, DS_AUDIT_INVENTORY, &event, HIST_TIMER, false);
    hist_expect(s.h, "I1", "below zero");
    story_end(&s);
}
