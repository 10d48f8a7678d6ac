/* processors/order/order_state.h - all orders of one partition, built from order.events alone.
 *
 * An open order keeps what later events must repeat (lines, address, token); a closed one only what
 * is needed to answer a repeat or a late cancel, for 24 h of log time. A cancel of an order that is
 * not known leaves an entry in state NONE with the customer who cancelled: a PlaceOrder of that id
 * by that customer, overtaken by its own cancel, is refused.
 *
 * Invariant: an order is in `deadlines` exactly while due_us is set, in `expiries` exactly when it
 * has no details. Threads: one state, one thread.
 *
 * The image of an order in a snapshot is schemas/avsc/order.state.avsc; order_image.c. */
#ifndef DS_PROCESSORS_ORDER_ORDER_STATE_H
#define DS_PROCESSORS_ORDER_ORDER_STATE_H

#include "base/heap.h"
#include "processors/order/order.h"
#include "processors/order/order_table.h"

/** How long a closed order and a tombstone are remembered, by event time. Part of evolve: not a
 * setting. */
#define DS_ORDER_MEMORY_US (INT64_C(24) * 3600 * 1000000)
#define DS_ORDER_NO_DUE    INT64_MAX

struct ds_order_open_line {
    int32_t line;
    int32_t ordered;
    int32_t left;  /* pieces not cancelled */
    int32_t asked; /* of those, pieces delivery was asked to let go */
    int64_t unit_price_minor;
    ds_str_t product_id;
};

/** What only an open order needs. Texts live in the arena. */
struct ds_order_details {
    ds_arena_t *arena;
    struct ds_order_open_line *lines;
    size_t line_count;
    ds_str_t currency;
    int64_t delivery_fee_minor;
    enum ds_payment_method payment_method;
    bool has_payment_token;
    ds_str_t payment_token;
    struct ds_union_personal_data_sealed_data personal;
    int64_t placed_at_us;
    bool has_store_place;
    struct ds_place store_place;
    bool has_hand_over_code;
    ds_str_t hand_over_code;
    bool has_note; /* of the cancellation that was asked for last */
    ds_str_t note;
};

struct ds_order {
    enum ds_order_state state;
    int64_t due_us; /* DS_ORDER_NO_DUE: nothing to wait for */
    int64_t expires_us;
    int64_t placed_offset; /* of the PlaceOrder in order.commands; -1: not known */
    int32_t deadline_handle;
    int32_t expiry_handle;
    ds_str_t id; /* this and the next four: in the same allocation */
    ds_str_t customer_id;
    ds_str_t body_hash;
    ds_str_t correlation_id;
    ds_str_t traceparent;             /* empty: none */
    struct ds_order_details *details; /* NULL: closed, or never known */
};

struct ds_orders {
    const struct ds_order_settings *settings;
    ds_shelf_t *by_id;
    ds_heap_t *deadlines;
    ds_heap_t *expiries;
};

void *ds_orders_new(const void *settings, ds_error_t *error);
void ds_orders_destroy(void *state);
bool ds_orders_evolve(void *state, const void *event, ds_error_t *error);
bool ds_orders_next_timer(const void *state, const struct ds_timer_skip *skip,
                          struct ds_timer *timer_out);
/** @brief Borrowed; NULL: never seen or forgotten. */
const struct ds_order *ds_orders_find(const struct ds_orders *orders, ds_str_t order_id);
/** @brief A new order as its image says, in the place of one with the same id. */
DS_MUST_CHECK bool ds_orders_add(struct ds_orders *orders, const struct ds_order_state_item *image,
                                 struct ds_order **order_out, ds_error_t *error);

/* order_image.c; see struct ds_decider. */
size_t ds_orders_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_order_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                    void *item_out, ds_error_t *error);
bool ds_orders_restore(void *state, const void *item, ds_error_t *error);
bool ds_orders_restored(void *state, ds_error_t *error);

#endif
