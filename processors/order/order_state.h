/* processors/order/order_state.h - all orders of one partition, built from order.events alone.
 *
 * An open order keeps what later events must repeat (lines, address, token); a closed one only what
 * is needed to answer a repeat or a late cancel, for DS_ORDER_MEMORY_US of log time. A cancel of an
 * order that is not known leaves an entry in state NONE with the customer who cancelled: a
 * PlaceOrder of that id by that customer, overtaken by its own cancel, is refused.
 *
 * Orders are many and each is looked at some ten times in its life. So what only decide needs of
 * one is kept as the bytes of its image (schemas/avsc/order.state.avsc), a third of what its struct
 * and texts would take, and ds_orders_view reads them.
 *
 * Invariant: an order is in `deadlines` exactly while due_us is set, in `expiries` exactly when it
 * is not open. Threads: one state, one thread. */
#ifndef DS_PROCESSORS_ORDER_ORDER_STATE_H
#define DS_PROCESSORS_ORDER_ORDER_STATE_H

#include "base/heap.h"
#include "processors/order/order.h"
#include "processors/order/order_table.h"

#define DS_ORDER_NO_DUE INT64_MAX

/** An order as it is kept. */
struct ds_order_kept {
    int64_t due_us; /* DS_ORDER_NO_DUE: nothing to wait for */
    int64_t expires_us;
    uint8_t *bytes; /* owned: its image, but for what stands here */
    ds_str_t note;  /* owned: of the cancellation that was asked for last; data NULL: none */
    uint32_t byte_count;
    int32_t deadline_handle;
    int32_t expiry_handle;
    uint8_t state; /* enum ds_order_state */
    bool is_open;  /* the image has details */
    ds_str_t id;   /* in the same allocation */
};

/** An order as decide looks at it. */
struct ds_order {
    enum ds_order_state state;
    int64_t due_us;
    int64_t placed_offset; /* of the PlaceOrder in order.commands; -1: not known */
    ds_str_t id;
    ds_str_t customer_id;
    ds_str_t body_hash;
    ds_str_t correlation_id;
    ds_str_t traceparent;                      /* empty: none */
    const struct ds_open_order_image *details; /* NULL: closed, or never known */
};

struct ds_orders {
    const struct ds_order_settings *settings;
    ds_shelf_t *by_id;
    ds_heap_t *deadlines;
    ds_heap_t *expiries;
    ds_arena_t *arena; /* of one image, inside evolve */
    ds_buf_t buf;      /* its bytes */
};

void *ds_orders_new(const void *settings, ds_error_t *error);
void ds_orders_destroy(void *state);
bool ds_orders_evolve(void *state, const void *event, ds_error_t *error);
bool ds_orders_next_timer(const void *state, const struct ds_timer_skip *skip,
                          struct ds_timer *timer_out);
/** @brief Borrowed; NULL: never seen or forgotten. */
const struct ds_order_kept *ds_orders_find(const struct ds_orders *orders, ds_str_t order_id);
/** @brief The order to look at: in the arena, its texts borrowed from the state until evolve
 * changes it. *view_out is NULL where there is none. LIMIT, MEMORY. */
DS_MUST_CHECK bool ds_orders_view(const struct ds_orders *orders, ds_str_t order_id,
                                  ds_arena_t *arena, const struct ds_order **view_out,
                                  ds_error_t *error);
/** @brief A new order as its image says, in the place of one with the same id. */
DS_MUST_CHECK bool ds_orders_add(struct ds_orders *orders, const struct ds_order_state_item *image,
                                 struct ds_order_kept **order_out, ds_error_t *error);

/* order_keep.c: an image into what is kept, and back. */
/** @brief Room for an order of this id, with an empty image. NULL: MEMORY. */
struct ds_order_kept *ds_order_kept_new(ds_str_t id, ds_error_t *error);
void ds_order_kept_destroy(void *order);
/** @brief Keep the image's bytes in the place of those before; deadline, state and note are the
 * caller's.
 *  @param buf  for the bytes meanwhile. */
DS_MUST_CHECK bool ds_order_keep(struct ds_order_kept *order,
                                 const struct ds_order_state_item *image, ds_buf_t *buf,
                                 ds_error_t *error);
/** @brief Keep a copy of the note, or none. */
DS_MUST_CHECK bool ds_order_keep_note(struct ds_order_kept *order, bool has_note, ds_str_t note,
                                      ds_error_t *error);
/** @brief The whole image; its texts are borrowed from the order. */
DS_MUST_CHECK bool ds_order_recall(const struct ds_order_kept *order, ds_arena_t *arena,
                                   struct ds_order_state_item *image_out, ds_error_t *error);

/* order_image.c; see struct ds_decider. */
size_t ds_orders_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_order_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                    void *item_out, ds_error_t *error);
bool ds_orders_restore(void *state, const void *item, ds_error_t *error);
bool ds_orders_restored(void *state, ds_error_t *error);

#endif
