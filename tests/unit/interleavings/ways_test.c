/* Single ways through the small shop, step by step, and a scenario small enough to be explored with
 * sanitizers on. */
#include "checks.h"
#include "commands.h"
#include "explore.h"

#include <criterion/criterion.h>
#include <string.h>

#define LINE_BYTES 600

static const struct scenario one_card = {
    .name = "one card", .orders = {{.lines = 1}}, .stock = {1}, .capacity = {1}};
static const struct scenario one_cash = {.name = "one cash",
                                         .orders = {{.cash = true, .lines = 1}},
                                         .stock = {1},
                                         .capacity = {1},
                                         .cancel = true,
                                         .short_ways = true};

static const struct scenario one_gift = {.name = "one gift",
                                         .orders = {{.lines = 2}},
                                         .stock = {1, 1},
                                         .capacity = {1},
                                         .cancel = true,
                                         .line = 2,
                                         .goodwill = true};

struct search {
    const shop_t *shop;
    const char *begin; /* of a step's text */
    const char *end;
    struct world next;
    int found;
};

static void look(void *context, const struct step *step, const struct world *next)
{
    struct search *s = context;
    char line[LINE_BYTES];

    cr_assert_null(step->violation, "%s", step->violation);
    step_print(s->shop, step, line, sizeof(line));
    size_t len = strlen(line);
    size_t end = strlen(s->end);
    if (strncmp(line, s->begin, strlen(s->begin)) != 0 || end > len ||
        strcmp(line + len - end, s->end) != 0 || s->found > 0)
        return;
    s->next = *next;
    s->found++;
}

/* Take the first step whose text begins and ends so. */
static void go(shop_t *shop, struct world *world, const char *begin, const char *end)
{
    struct search s = {.shop = shop, .begin = begin, .end = end};

    world_steps(shop, world, look, &s);
    cr_assert_eq(s.found, 1, "no step \"%s ... %s\"", begin, end);
    *world = s.next;
    cr_assert_null(check_always(shop, world), "%s", check_always(shop, world));
}

/* The charge of an order is asked for, and nothing has come of it yet. */
static struct world asked_to_charge(shop_t *shop)
{
    struct world world = shop_start(shop);

    go(shop, &world, "order <- order.place s1.A", "-> order.created s1.A");
    go(shop, &world, "inventory <- order.created s1.A", "-> inventory.reserved s1.A");
    go(shop, &world, "order <- inventory.reserved s1.A", "-> order.payment_requested s1.A");
    go(shop, &world, "payment <- order.payment_requested s1.A", "-> payment.initiated s1.A");
    go(shop, &world, "s1.A: the gateway asks for the charge", "");
    return world;
}

Test(interleavings, late_success_after_silence_is_refunded_before_the_cancellation_is_read)
{
    shop_t *shop = shop_new(&one_card, WIRED_RIGHT);
    struct world world = asked_to_charge(shop);

    /* The provider is silent for as long as payment waits. */
    go(shop, &world, "payment <- deadline", "-> payment.failed s1.A");
    /* It was charged all the same, and all of it goes back before order has heard of anything. */
    go(shop, &world, "s1.A: the provider approves", "");
    go(shop, &world, "payment <- payment.report_charge s1.A ok",
       "-> payment.success s1.A, payment.refund_initiated s1.A");
    go(shop, &world, "s1.A: the provider refunds", "");
    go(shop, &world, "payment <- payment.report_refund s1.A ok", "-> payment.refunded s1.A");
    const struct outside_order *books = &shop_outside(shop, world.outside)->orders[0];
    cr_assert_gt(books->charged, 0);
    cr_assert_eq(books->charged, books->refunded, "the refund is not full");
    cr_assert_not_null(check_rest(shop, &world), "order has not heard of it yet");
    go(shop, &world, "order <- payment.failed s1.A", "-> order.cancelled s1.A");
    go(shop, &world, "order <- payment.success s1.A", "-> -");
    go(shop, &world, "inventory <- order.cancelled s1.A", "-> inventory.released s1.A");
    /* Nothing is due for long: the cancellation changes nothing any more. */
    uint32_t payment = world.part[PAYMENT];
    go(shop, &world, "payment <- order.cancelled s1.A", "-> -");
    cr_assert_eq(world.part[PAYMENT], payment);
    cr_assert_null(check_rest(shop, &world), "%s", check_rest(shop, &world));
    shop_destroy(shop);
}

/* The same, and the provider has said yes. */
static struct world charged(shop_t *shop)
{
    struct world world = asked_to_charge(shop);

    go(shop, &world, "s1.A: the provider approves", "");
    go(shop, &world, "payment <- payment.report_charge s1.A ok", "-> payment.success s1.A");
    return world;
}

/* What was on its way, and then what is owed besides. */
static void refund_twice(shop_t *shop, struct world *world)
{
    go(shop, world, "s1.A: the provider refunds", "");
    go(shop, world, "payment <- payment.report_refund s1.A ok",
       "-> payment.refunded s1.A, payment.refund_initiated s1.A");
    go(shop, world, "s1.A: the provider refunds", "");
    go(shop, world, "payment <- payment.report_refund s1.A ok", "-> payment.refunded s1.A");
}

Test(interleavings, goodwill_that_crosses_a_cancellation_is_not_given_twice)
{
    shop_t *shop = shop_new(&one_gift, WIRED_RIGHT);
    struct world world = charged(shop);

    go(shop, &world, "payment <- payment.refund s1.A of one", "-> payment.refund_initiated s1.A");
    go(shop, &world, "order <- order.cancel s1.A by the customer", "-> order.cancelled s1.A");
    go(shop, &world, "payment <- order.cancelled s1.A", "-> payment.due_changed s1.A");
    refund_twice(shop, &world);
    const struct outside_order *books = &shop_outside(shop, world.outside)->orders[0];
    cr_assert_gt(books->charged, 0);
    cr_assert_eq(books->charged, books->refunded);
    shop_destroy(shop);
}

Test(interleavings, goodwill_comes_off_the_total_that_a_cancelled_line_leaves)
{
    shop_t *shop = shop_new(&one_gift, WIRED_RIGHT);
    struct world world = charged(shop);
    int line = unit_price(1);

    go(shop, &world, "payment <- payment.refund s1.A of one", "-> payment.refund_initiated s1.A");
    go(shop, &world, "order <- order.cancel_lines s1.A bread", "-> order.lines_cancelled s1.A");
    go(shop, &world, "payment <- order.lines_cancelled s1.A", "-> payment.due_changed s1.A");
    refund_twice(shop, &world);
    const struct outside_order *books = &shop_outside(shop, world.outside)->orders[0];
    cr_assert_eq(books->refunded, 1 + line, "%d", books->refunded);
    shop_destroy(shop);
}

Test(interleavings, a_small_scenario_is_clean)
{
    shop_t *shop = shop_new(&one_cash, WIRED_RIGHT);
    struct finding found = explore(shop, 0, stderr);

    cr_assert_null(found.violation, "%s", found.violation);
    cr_assert(found.complete);
    cr_assert_gt(found.worlds, 100);
    cr_assert_gt(found.ends, 1);
    cr_assert_null(shop_check_passed_over(shop));
    shop_destroy(shop);
}

Test(interleavings, a_limit_stops_the_exploration)
{
    shop_t *shop = shop_new(&one_cash, WIRED_RIGHT);
    struct finding found = explore(shop, 50, stderr);

    cr_assert_null(found.violation);
    cr_assert_not(found.complete);
    shop_destroy(shop);
}

Test(interleavings, a_broken_world_is_found_with_the_way_to_it)
{
    shop_t *shop = shop_new(&one_card, RESERVATION_TTL);
    char *text = NULL;
    size_t bytes = 0;
    FILE *trace = open_memstream(&text, &bytes);
    struct finding found = explore(shop, 0, trace);

    cr_assert_eq(fclose(trace), 0);
    cr_assert_not_null(found.violation);
    cr_assert_not_null(strstr(text, "order <- order.place s1.A"), "%s", text);
    cr_assert_not_null(strstr(text, found.violation));
    free(text);
    shop_destroy(shop);
}
