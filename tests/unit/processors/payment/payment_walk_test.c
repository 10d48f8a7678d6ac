/* Seeded random walks: due never rises, no more goes back than came, and a state read back decides
 * the same. */
#include "payment_world.h"

#include <criterion/criterion.h>

#define WALKS 80
#define STEPS 40

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void fire(ds_decider_kit_t *kit)
{
    struct ds_timer timer;
    if (ds_kit_next_timer(kit, &timer))
        ds_kit_fire(kit);
    else /* one that was cleared */
        ds_kit_timer(kit, DS_STR(ORDER_ID), DS_PAYMENT_CHARGING, ds_kit_now(kit));
}

/* Mostly the number that is out, sometimes an old one. */
static int32_t some_refund(const ds_decider_kit_t *kit, uint64_t r)
{
    const struct ds_payment *payment = world_payment(kit);
    int32_t number = payment == NULL ? 1 : payment->refund_number;
    if ((r >> 30 & 3) == 0 && number > 1)
        number--;
    return number > 12 ? 12 : number;
}

static void one_step(ds_decider_kit_t *kit, uint64_t r)
{
    static const int64_t charges[] = {TOTAL_MINOR, TOTAL_MINOR, TOTAL_MINOR, 1500, 300, 0};
    const struct ds_payment *payment = world_payment(kit);
    int64_t pending_minor = payment == NULL ? 100 : payment->pending_minor;

    ds_kit_advance(kit, (int64_t)(r >> 16 & 0xff) * DS_KIT_SECOND);
    switch (r % 12) {
    case 0:
    case 1:
        world_requested(kit, TOTAL_MINOR);
        return;
    case 2:
        world_lines_cancelled(kit, (int64_t)(r >> 24 & 0x3ff));
        return;
    case 3:
        if ((r >> 24 & 3) == 0)
            world_order_cancelled(kit);
        else
            world_lines_cancelled(kit, 900);
        return;
    case 4:
    case 5:
        world_charged(kit, charges[(r >> 24) % 6]);
        return;
    case 6:
        world_charge_failed(kit);
        return;
    case 7:
    case 8:
        world_refunded(kit, some_refund(kit, r), pending_minor);
        return;
    case 9:
        world_refunded(kit, some_refund(kit, r), (int64_t)(r >> 24 & 0xff));
        return;
    case 10:
        world_refund_failed(kit, some_refund(kit, r));
        return;
    default:
        fire(kit);
        return;
    }
}

struct books {
    int64_t due_minor; /* INT64_MAX: not begun */
    int64_t captured_minor;
    int64_t refunded_minor;
    int64_t asked_back_minor;
    int captures;
};

/* The books as a reader of the events keeps them. */
static void read_event(const struct ds_payment_event *event, struct books *books)
{
    int64_t due_minor = books->due_minor;
    switch (event->body.kind) {
    case DS_PAYMENT_EVENT_PAYMENT_INITIATED:
        due_minor = event->body.as.payment_initiated.amount_minor;
        break;
    case DS_PAYMENT_EVENT_PAYMENT_SUCCESS:
        due_minor = event->body.as.payment_success.due_minor;
        books->captured_minor += event->body.as.payment_success.amount_minor;
        books->captures++;
        break;
    case DS_PAYMENT_EVENT_PAYMENT_FAILED:
        due_minor = 0;
        break;
    case DS_PAYMENT_EVENT_PAYMENT_DUE_CHANGED:
        due_minor = event->body.as.payment_due_changed.due_minor;
        break;
    case DS_PAYMENT_EVENT_PAYMENT_REFUND_INITIATED:
        due_minor = event->body.as.payment_refund_initiated.due_minor;
        books->asked_back_minor = event->body.as.payment_refund_initiated.amount_minor;
        cr_assert_gt(books->asked_back_minor, 0, "a refund of nothing");
        cr_assert_leq(books->refunded_minor + books->asked_back_minor, books->captured_minor);
        break;
    case DS_PAYMENT_EVENT_PAYMENT_REFUNDED:
        books->refunded_minor += event->body.as.payment_refunded.amount_minor;
        cr_assert_eq(event->body.as.payment_refunded.refunded_minor, books->refunded_minor);
        cr_assert_eq(event->body.as.payment_refunded.captured_minor, books->captured_minor);
        break;
    default:
        break;
    }
    cr_assert_leq(due_minor, books->due_minor, "due has risen");
    cr_assert_geq(due_minor, 0);
    cr_assert_leq(books->refunded_minor, books->captured_minor);
    cr_assert_leq(books->captures, 1, "captured twice");
    books->due_minor = due_minor;
}

static void check_rest(const ds_decider_kit_t *kit, const struct books *books)
{
    const struct ds_payment *payment = world_payment(kit);
    int64_t kept_minor = books->captured_minor - books->refunded_minor;

    if (payment == NULL)
        return;
    cr_assert_eq(payment->captured_minor, books->captured_minor);
    cr_assert_eq(payment->refunded_minor, books->refunded_minor);
    if (payment->state == DS_PAYMENT_SETTLED)
        cr_assert_eq(kept_minor, books->due_minor, "settled with what is not due");
    if (payment->state == DS_PAYMENT_FAILED)
        cr_assert_eq(kept_minor, 0);
}

/* Whatever happened: with a provider that does what it is asked, the money comes to rest. */
static void bring_to_rest(ds_decider_kit_t *kit, struct books *books)
{
    for (int i = 0; i < 60 && world_payment(kit) != NULL; i++) {
        const struct ds_payment *payment = world_payment(kit);
        if (payment->state == DS_PAYMENT_REFUNDING && payment->refund_number <= 12)
            world_refunded(kit, payment->refund_number, payment->pending_minor);
        else if (payment->state == DS_PAYMENT_CHARGING || payment->state == DS_PAYMENT_REFUND_WAIT)
            ds_kit_fire(kit);
        else
            break;
        for (size_t e = 0; e < ds_kit_count(kit); e++)
            read_event(world_event(kit, e), books);
    }
    check_rest(kit, books);
}

static void walk(uint64_t seed)
{
    ds_decider_kit_t *kit = ds_kit_new(&ds_payment_decider, NULL);
    struct books books = {.due_minor = INT64_MAX};

    seed = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < STEPS; i++) {
        uint64_t r = next_random(&seed);
        ds_decider_kit_t *copy = i % 8 == 7 ? ds_kit_replay(kit) : NULL;
        one_step(kit, r);
        for (size_t e = 0; e < ds_kit_count(kit); e++)
            read_event(world_event(kit, e), &books);
        check_rest(kit, &books);
        if (copy != NULL) {
            one_step(copy, r);
            cr_assert(ds_kit_same_step(kit, copy), "%s here, %s after reading back",
                      ds_kit_types(kit), ds_kit_types(copy));
            ds_kit_destroy(copy);
        }
    }
    bring_to_rest(kit, &books);
    ds_kit_destroy(kit);
}

Test(payment_walk,
     due_only_falls_refunds_stay_below_captures_and_a_state_read_back_decides_the_same)
{
    for (uint64_t seed = 1; seed <= WALKS; seed++)
        walk(seed);
}
