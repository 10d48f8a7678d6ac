/* A long random walk over orders and staff's commands. After every step: received = available +
 * reserved + committed and none negative (I1), the events' levels are the state's, reserved is what
 * the held lines sum up to, and each line is released or committed once and returned at most once
 * (I4). A state read back from the log decides the same. */
#include "inventory_inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ORDERS   60
#define PRODUCTS 6
#define LINES    3
#define STEPS    3000

/* What the log says of a line, added up by the test alone. */
struct books {
    int64_t reserved[ORDERS][LINES];
    int64_t released[ORDERS][LINES];
    int64_t committed[ORDERS][LINES];
    int64_t returned[ORDERS][LINES];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int below(uint64_t *seed, int limit)
{
    return (int)(next_random(seed) % (uint64_t)limit);
}

static const char *product(int p)
{
    static const char *const ids[PRODUCTS] = {"shop.a", "shop.b", "shop.c",
                                              "shop.d", "shop.e", "shop.f"};
    return ids[p];
}

static void order_id_of(int o, char id[16])
{
    snprintf(id, 16, "shop.o%d", o);
}

static void add_up(int64_t sums[ORDERS][LINES], ds_str_t order_id,
                   const struct ds_array_of_line_quantity *lines)
{
    int64_t order = -1;
    cr_assert(ds_str_to_i64((ds_str_t){order_id.data + 6, order_id.len - 6}, &order));
    for (size_t i = 0; i < lines->count; i++) {
        cr_assert_gt(lines->items[i].quantity, 0);
        sums[order][lines->items[i].line - 1] += lines->items[i].quantity;
    }
}

static const struct ds_array_of_stock_level *keep_books(struct books *books,
                                                        const struct ds_inventory_event *event)
{
    switch (event->body.kind) {
    case DS_INVENTORY_EVENT_INVENTORY_RESERVED:
        add_up(books->reserved, event->body.as.inventory_reserved.order_id,
               &event->body.as.inventory_reserved.lines);
        return &event->body.as.inventory_reserved.levels;
    case DS_INVENTORY_EVENT_INVENTORY_RELEASED:
        add_up(books->released, event->body.as.inventory_released.order_id,
               &event->body.as.inventory_released.lines);
        return &event->body.as.inventory_released.levels;
    case DS_INVENTORY_EVENT_INVENTORY_COMMITTED:
        add_up(books->committed, event->body.as.inventory_committed.order_id,
               &event->body.as.inventory_committed.lines);
        return &event->body.as.inventory_committed.levels;
    case DS_INVENTORY_EVENT_INVENTORY_RETURNED:
        add_up(books->returned, event->body.as.inventory_returned.order_id,
               &event->body.as.inventory_returned.lines);
        return &event->body.as.inventory_returned.levels;
    case DS_INVENTORY_EVENT_INVENTORY_UPDATED:
        return &event->body.as.inventory_updated.levels;
    default:
        return NULL;
    }
}

static void check_events(const ds_decider_kit_t *kit, struct books *books)
{
    for (size_t i = 0; i < ds_kit_count(kit); i++) {
        const struct ds_array_of_stock_level *levels = keep_books(books, ds_kit_event(kit, i));
        for (size_t k = 0; levels != NULL && k < levels->count; k++) {
            const struct ds_stock_level *level = &levels->items[k];
            const struct ds_stock *stock = ds_inventory_stock(inventory_of(kit), level->product_id);
            cr_assert_eq(level->received, stock->received);
            cr_assert_eq(level->available, stock->available);
            cr_assert_eq(level->reserved, stock->reserved);
            cr_assert_eq(level->committed, stock->committed);
        }
    }
}

static void check_stock(const ds_decider_kit_t *kit)
{
    int64_t held[PRODUCTS] = {0};
    size_t cursor = 0;
    ds_str_t key;
    const void *value;
    while (ds_shelf_next(inventory_of(kit)->reservations, &cursor, &key, &value)) {
        const struct ds_reservation *reservation = value;
        for (size_t i = 0; i < reservation->line_count; i++) {
            const struct ds_reserved_line *line = &reservation->lines[i];
            cr_assert_geq(line->quantity, 0);
            if (reservation->state == DS_RESERVATION_HELD)
                held[line->stock->product_id.data[5] - 'a'] += line->quantity;
        }
    }
    for (int p = 0; p < PRODUCTS; p++) {
        const struct ds_stock *stock = stock_of(kit, product(p));
        if (stock == NULL)
            continue;
        cr_assert_eq(stock->received, stock->available + stock->reserved + stock->committed);
        cr_assert_geq(stock->available, 0);
        cr_assert_geq(stock->reserved, 0);
        cr_assert_geq(stock->committed, 0);
        cr_assert_eq(stock->reserved, held[p]);
        cr_assert_eq(stock->low, stock->available < stock->threshold);
    }
}

static void check_lines(const struct books *books)
{
    for (int o = 0; o < ORDERS; o++)
        for (int l = 0; l < LINES; l++) {
            cr_assert_leq(books->released[o][l] + books->committed[o][l], books->reserved[o][l]);
            cr_assert_leq(books->returned[o][l], books->committed[o][l]);
        }
}

static void step(ds_decider_kit_t *kit, uint64_t *seed)
{
    char id[16];
    struct part parts[LINES];
    int quantity = 1 + below(seed, 9);
    order_id_of(below(seed, ORDERS), id);
    for (int l = 0; l < LINES; l++)
        parts[l] = (struct part){l + 1, product(below(seed, PRODUCTS)), 1 + below(seed, 4)};
    switch (below(seed, 12)) {
    case 0:
    case 1:
    case 2:
        order_created(kit, id, parts, LINES);
        break;
    case 3:
        order_lines_cancelled(kit, id, parts, 1 + (size_t)below(seed, LINES));
        break;
    case 4:
        order_cancelled(kit, id, (enum ds_goods)below(seed, 3));
        break;
    case 5:
    case 6:
        order_picked_up(kit, id);
        break;
    case 7:
    case 8:
        receive(kit, product(below(seed, PRODUCTS)), 1 + below(seed, 30));
        break;
    case 9:
        staff(kit, DS_INVENTORY_COMMAND_ADJUST_STOCK,
              &(struct part){0, product(below(seed, PRODUCTS)),
                             below(seed, 2) == 0 ? -quantity : quantity},
              1);
        break;
    case 10:
        staff(kit, DS_INVENTORY_COMMAND_COUNT_STOCK,
              &(struct part){0, product(below(seed, PRODUCTS)), below(seed, 40)}, 1);
        break;
    default:
        set_threshold(kit, product(below(seed, PRODUCTS)), below(seed, 20));
        break;
    }
    ds_kit_advance(kit, below(seed, 60) * DS_KIT_SECOND);
}

static void walk(uint64_t seed)
{
    static struct books books;
    ds_decider_kit_t *kit = new_inventory();
    memset(&books, 0, sizeof books);
    for (int i = 0; i < STEPS; i++) {
        step(kit, &seed);
        check_events(kit, &books);
        check_stock(kit);
        check_lines(&books);
    }
    /* Whoever reads the log decides as the one who wrote it. */
    ds_decider_kit_t *copy = ds_kit_replay(kit);
    for (int i = 0; i < 300; i++) {
        uint64_t same = seed;
        step(kit, &seed);
        step(copy, &same);
        cr_assert(ds_kit_same_step(kit, copy), "step %d: %s, then %s", i, ds_kit_types(kit),
                  ds_kit_types(copy));
    }
    ds_kit_destroy(copy);
    ds_kit_destroy(kit);
}

Test(inventory_walk, books_balance_at_every_step)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        walk(seed);
}
