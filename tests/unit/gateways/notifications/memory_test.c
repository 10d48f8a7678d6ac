/* What the gateway knows: contacts, and what notes add up to. */
#include "gateways/notifications/contacts.h"
#include "gateways/notifications/events.h"
#include "gateways/notifications/notes.h"

#include <criterion/criterion.h>

#define HOUR_US (3600 * DS_US_PER_S)

static struct ds_order_event created(const char *order, const char *email)
{
    struct ds_order_event event = {.meta = {.at = HOUR_US}};
    event.body.kind = DS_ORDER_EVENT_ORDER_CREATED;
    struct ds_order_created *body = &event.body.as.order_created;
    body->order_id = ds_str(order);
    body->currency = DS_STR("EUR");
    body->total_minor = 2999;
    body->personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_PERSONAL_DATA;
    struct ds_personal_data *personal = &body->personal.as.personal_data;
    personal->has_recipient = personal->has_email = true;
    personal->has_push_token = personal->has_language = true;
    personal->recipient = DS_STR("Anna");
    personal->email = ds_str(email);
    personal->push_token = DS_STR("device:1");
    personal->language = DS_STR("de");
    return event;
}

static struct ds_order_event ended(const char *order, int64_t at_us)
{
    struct ds_order_event event = {.meta = {.at = at_us}};
    event.body.kind = DS_ORDER_EVENT_ORDER_CANCELLED;
    event.body.as.order_cancelled.order_id = ds_str(order);
    return event;
}

static void take(ds_contacts_t *contacts, int32_t partition, struct ds_order_event event)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_contacts_event(contacts, partition, &event, &error));
}

static bool known(ds_contacts_t *contacts, int32_t partition, const char *order,
                  struct ds_notice *notice)
{
    *notice = (struct ds_notice){.order_id = ds_str(order)};
    return ds_contacts_fill(contacts, partition, notice);
}

Test(contacts, of_an_order_are_those_it_was_placed_with)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(0);
    take(contacts, 3, created("b.A", "anna@home.example"));
    cr_assert(known(contacts, 3, "b.A", &notice));
    cr_expect(ds_str_eq(notice.email, DS_STR("anna@home.example")));
    cr_expect(ds_str_eq(notice.push_token, DS_STR("device:1")));
    cr_expect(ds_str_eq(notice.language, DS_STR("de")));
    cr_expect(ds_str_eq(notice.recipient, DS_STR("Anna")));
    cr_expect(ds_str_eq(notice.total, DS_STR("29.99 EUR")));
    cr_expect(ds_contacts_knows(contacts, 3, DS_STR("b.A")));
    cr_expect_not(ds_contacts_knows(contacts, 2, DS_STR("b.A")));
    cr_expect_not(known(contacts, 2, "b.A", &notice));
    cr_expect_not(known(contacts, 3, "b.B", &notice));
    ds_contacts_clear(contacts, 3);
    cr_expect_not(known(contacts, 3, "b.A", &notice));
    cr_expect_eq(ds_contacts_count(contacts), 0);
    ds_contacts_destroy(contacts);
}

Test(contacts, the_total_follows_the_lines)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(0);
    struct ds_order_event fewer = {.body.kind = DS_ORDER_EVENT_ORDER_LINES_CANCELLED};
    fewer.body.as.order_lines_cancelled.order_id = DS_STR("b.A");
    fewer.body.as.order_lines_cancelled.total_minor = 5;
    take(contacts, 0, created("b.A", "anna@home.example"));
    take(contacts, 0, fewer);
    cr_assert(known(contacts, 0, "b.A", &notice));
    cr_expect(ds_str_eq(notice.total, DS_STR("0.05 EUR")));
    ds_contacts_destroy(contacts);
}

/* A log may hold what today's door would refuse. */
Test(contacts, that_are_none_are_left_out)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(0);
    struct ds_order_event event = created("b.A", "anna@home.example\r\nBcc: x@y.example");
    event.body.as.order_created.personal.as.personal_data.push_token = DS_STR("two words");
    event.body.as.order_created.personal.as.personal_data.language = DS_STR("../..");
    take(contacts, 0, event);
    cr_assert(known(contacts, 0, "b.A", &notice));
    cr_expect_eq(notice.email.len + notice.push_token.len + notice.language.len, 0);
    event = created("b.B", "anna@home.example");
    event.body.as.order_created.personal.kind = DS_UNION_PERSONAL_DATA_SEALED_DATA_SEALED_DATA;
    event.body.as.order_created.personal.as.sealed_data =
        (struct ds_sealed_data){.key_id = DS_STR("k")};
    take(contacts, 0, event);
    cr_assert(known(contacts, 0, "b.B", &notice));
    cr_expect_eq(notice.email.len + notice.recipient.len, 0);
    ds_contacts_destroy(contacts);
}

Test(contacts, are_forgotten_ten_days_of_the_log_after_the_end)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(0);
    take(contacts, 0, created("b.A", "anna@home.example"));
    take(contacts, 0, created("b.B", "anna@home.example"));
    take(contacts, 0, ended("b.A", 2 * HOUR_US));
    take(contacts, 0, ended("b.other", (2 + 8 * 24) * HOUR_US));
    cr_expect(known(contacts, 0, "b.A", &notice), "of a late success that is given back");
    take(contacts, 0, ended("b.other", (1 + 10 * 24) * HOUR_US));
    cr_expect(known(contacts, 0, "b.A", &notice));
    take(contacts, 0, ended("b.other", (2 + 10 * 24) * HOUR_US));
    cr_expect_not(known(contacts, 0, "b.A", &notice));
    cr_expect(known(contacts, 0, "b.B", &notice));
    cr_expect_eq(ds_contacts_dropped(contacts), 0);
    ds_contacts_destroy(contacts);
}

Test(contacts, have_a_maximum_and_those_of_ended_orders_go_first)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(2);
    take(contacts, 0, created("b.A", "anna@home.example"));
    take(contacts, 0, created("b.B", "anna@home.example"));
    take(contacts, 0, ended("b.B", 2 * HOUR_US));
    take(contacts, 0, created("b.C", "anna@home.example"));
    cr_expect(known(contacts, 0, "b.A", &notice));
    cr_expect_not(known(contacts, 0, "b.B", &notice));
    take(contacts, 0, created("b.D", "anna@home.example"));
    cr_expect_not(known(contacts, 0, "b.A", &notice));
    cr_expect(known(contacts, 0, "b.D", &notice));
    cr_expect_eq(ds_contacts_count(contacts), 2);
    cr_expect_eq(ds_contacts_dropped(contacts), 2);
    ds_contacts_destroy(contacts);
}

/* The maximum is of all partitions, and so is the choice of what goes. */
Test(contacts, of_a_partition_that_comes_when_all_room_is_taken_are_known)
{
    static const char *const of_others[] = {"a.A", "a.B", "a.C", "a.D"};
    static const char *const orders[] = {"b.A", "b.B", "b.C"};
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(4);
    for (int i = 0; i < 4; i++) {
        int32_t partition = i % 2 * 2; /* 0 and 2, in turns */
        take(contacts, partition, created(of_others[i], "anna@home.example"));
        take(contacts, partition, ended(of_others[i], (2 + i) * HOUR_US));
    }
    for (int i = 0; i < 3; i++)
        take(contacts, 1, created(orders[i], "anna@home.example"));
    for (int i = 0; i < 3; i++) {
        cr_expect(known(contacts, 1, orders[i], &notice), "%s", orders[i]);
        cr_expect_not(known(contacts, i % 2 * 2, of_others[i], &notice), "%s", of_others[i]);
    }
    cr_expect(known(contacts, 2, of_others[3], &notice), "the one that ended last");
    cr_expect_eq(ds_contacts_count(contacts), 4);
    cr_expect_eq(ds_contacts_dropped(contacts), 3);
    ds_contacts_destroy(contacts);
}

Test(contacts, of_open_orders_go_where_there_are_most_of_them)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(3);
    take(contacts, 0, created("a.A", "anna@home.example"));
    take(contacts, 0, created("a.B", "anna@home.example"));
    take(contacts, 0, created("a.C", "anna@home.example"));
    take(contacts, 1, created("b.A", "anna@home.example"));
    take(contacts, 1, created("b.B", "anna@home.example"));
    cr_expect_not(known(contacts, 0, "a.A", &notice));
    cr_expect_not(known(contacts, 0, "a.B", &notice));
    cr_expect(known(contacts, 0, "a.C", &notice));
    cr_expect(known(contacts, 1, "b.A", &notice));
    cr_expect(known(contacts, 1, "b.B", &notice));
    cr_expect_eq(ds_contacts_count(contacts), 3);
    ds_contacts_destroy(contacts);
}

Test(contacts, an_order_is_created_once)
{
    struct ds_notice notice;
    ds_contacts_t *contacts = ds_contacts_new(0);
    take(contacts, 0, created("b.A", "anna@home.example"));
    take(contacts, 0, created("b.A", "eve@home.example"));
    cr_assert(known(contacts, 0, "b.A", &notice));
    cr_expect(ds_str_eq(notice.email, DS_STR("anna@home.example")));
    ds_contacts_destroy(contacts);
}

/* --- notes -------------------------------------------------------------------------------------
 */

static struct ds_notes_history histories[DS_CHANNELS];

static void settled(enum ds_notification_channel channel, const char *topic, int64_t offset)
{
    ds_error_t error = DS_ERROR_INIT;
    const struct ds_notification_note note = {.channel = channel,
                                              .has_settled = true,
                                              .settled = {.topic = ds_str(topic),
                                                          .offset = offset}};
    cr_assert(ds_notes_take(histories, &note, &error));
}

static void position_with(const char *identity, int64_t next, int64_t *list, size_t count)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_notice_topic_position topic = {
        .topic = DS_STR("order.events"), .identity = ds_str(identity), .next = next};
    topic.beyond.items = list;
    topic.beyond.count = count;
    struct ds_notification_note note = {.channel = DS_NOTIFICATION_CHANNEL_EMAIL,
                                        .has_position = true};
    note.position.topics.items = &topic;
    note.position.topics.count = 1;
    cr_assert(ds_notes_take(histories, &note, &error), "%s", error.message);
}

static void position(const char *identity, int64_t next, int64_t beyond)
{
    position_with(identity, next, &beyond, beyond >= 0);
}

static bool over(int64_t offset)
{
    ds_notes_taken(histories);
    return ds_notes_over(&histories[DS_CHANNEL_EMAIL].topics[DS_NOTICE_ORDER], offset);
}

static void clean(void)
{
    for (int c = 0; c < DS_CHANNELS; c++)
        ds_notes_history_cleanup(&histories[c]);
}

TestSuite(notes, .fini = clean);

Test(notes, what_a_note_or_a_position_says_is_over)
{
    position("log", 100, 120);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "order.events", 130);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "order.events", 110);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "payment.events", 111);
    settled(DS_NOTIFICATION_CHANNEL_PUSH, "order.events", 112);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "later.events", 113);
    static const int64_t yes[] = {0, 99, 110, 120, 130};
    static const int64_t no[] = {100, 111, 112, 113, 121, 131};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        cr_expect(over(yes[i]), "%lld", (long long)yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_expect_not(over(no[i]), "%lld", (long long)no[i]);
    cr_expect(histories[DS_CHANNEL_EMAIL].begun);
    cr_expect_not(histories[DS_CHANNEL_PUSH].begun);
}

/* A process that was paused may note an older position behind a newer one. */
Test(notes, an_older_position_takes_nothing_back)
{
    position("log", 100, -1);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "order.events", 110);
    position("log", 50, 60);
    cr_expect(over(99));
    cr_expect(over(110));
    cr_expect_not(over(100));
}

Test(notes, of_another_log_say_nothing)
{
    position("log", 100, 120);
    settled(DS_NOTIFICATION_CHANNEL_EMAIL, "order.events", 130);
    position("another", 3, 7);
    cr_expect(over(2));
    cr_expect(over(7));
    cr_expect_not(over(3));
    cr_expect_not(over(120));
    cr_expect_not(over(130));
}

#define BEYOND 2000 /* DS_MAX_SETTLED_BEYOND */

/* One notice is put off, those behind it are told, and a position is noted every two seconds. */
Test(notes, positions_that_repeat_each_other_are_taken_however_many_they_are)
{
    static int64_t list[BEYOND];
    for (size_t i = 0; i < BEYOND; i++)
        list[i] = 101 + 2 * (int64_t)i;
    for (int i = 0; i < 1100; i++)
        position_with("log", 100, list, BEYOND);
    cr_expect(over(list[0]));
    cr_expect(over(list[BEYOND - 1]));
    cr_expect_not(over(100));
    cr_expect_not(over(102));
    cr_expect_eq(histories[DS_CHANNEL_EMAIL].topics[DS_NOTICE_ORDER].over_count, BEYOND);
}

Test(notes, what_a_later_position_has_overtaken_takes_no_room)
{
    static int64_t list[BEYOND];
    for (int64_t next = 0; next < 1100 * (int64_t)BEYOND; next += BEYOND) {
        for (size_t i = 0; i < BEYOND; i++)
            list[i] = next + 1 + (int64_t)i;
        position_with("log", next, list, BEYOND);
    }
    cr_expect(over(list[BEYOND - 1]));
    cr_expect_not(over(list[BEYOND - 1] + 1));
}

/* --- events ------------------------------------------------------------------------------------
 */

Test(events, that_are_told_become_notices)
{
    char amount[DS_AMOUNT_TEXT_BYTES];
    struct ds_notice notice;
    struct ds_order_event order = ended("b.A", 7);
    order.meta.event_id = DS_STR("order-2-0-1-0");
    order.body.as.order_cancelled.reason = DS_CANCEL_REASON_NO_COURIER;
    cr_assert(ds_notice_of_event(DS_NOTICE_ORDER, &order, amount, &notice));
    cr_expect_eq(notice.kind, DS_NOTICE_CANCELLED);
    cr_expect_eq(notice.at_us, 7);
    cr_expect(ds_str_eq(notice.event_id, DS_STR("order-2-0-1-0")));
    cr_expect(ds_str_eq(notice.reason, DS_STR("NO_COURIER")));
    order = created("b.A", "a@b.example");
    cr_expect_not(ds_notice_of_event(DS_NOTICE_ORDER, &order, amount, &notice));

    struct ds_payment_event payment = {.body.kind = DS_PAYMENT_EVENT_PAYMENT_REFUNDED};
    payment.body.as.payment_refunded = (struct ds_payment_refunded){
        .order_id = DS_STR("b.A"), .amount_minor = 1500, .currency = DS_STR("JPY")};
    cr_assert(ds_notice_of_event(DS_NOTICE_PAYMENT, &payment, amount, &notice));
    cr_expect_eq(notice.kind, DS_NOTICE_REFUNDED);
    cr_expect(ds_str_eq(notice.amount, DS_STR("1500 JPY")));
    payment.body.kind = DS_PAYMENT_EVENT_PAYMENT_FAILED;
    cr_expect_not(ds_notice_of_event(DS_NOTICE_PAYMENT, &payment, amount, &notice));

    struct ds_delivery_event delivery = {.body.kind = DS_DELIVERY_EVENT_DELIVERY_ASSIGNED};
    delivery.body.as.delivery_assigned = (struct ds_delivery_assigned){
        .order_id = DS_STR("b.A"), .has_courier_name = true, .courier_name = DS_STR("Kim")};
    cr_assert(ds_notice_of_event(DS_NOTICE_DELIVERY, &delivery, amount, &notice));
    cr_expect_eq(notice.kind, DS_NOTICE_COURIER_ASSIGNED);
    cr_expect(ds_str_eq(notice.courier, DS_STR("Kim")));

    delivery.body.kind = DS_DELIVERY_EVENT_DELIVERY_REASSIGNED;
    delivery.body.as.delivery_reassigned = (struct ds_delivery_reassigned){
        .order_id = DS_STR("b.A"), .has_courier_name = true, .courier_name = DS_STR("Lou")};
    cr_assert(ds_notice_of_event(DS_NOTICE_DELIVERY, &delivery, amount, &notice));
    cr_expect_eq(notice.kind, DS_NOTICE_COURIER_ASSIGNED);
    delivery.body.as.delivery_reassigned.picked_up = true;
    cr_expect_not(ds_notice_of_event(DS_NOTICE_DELIVERY, &delivery, amount, &notice),
                  "\"fetches your order at the store\" would be wrong");
}
