/* processors/inventory/inventory_state.h - the stock and the reservations of one partition.
 *
 * Invariants, after every event:
 *   - per product received = available + reserved + committed, none negative;
 *   - `reserved` is the sum of what the HELD reservations still hold of it;
 *   - a product whose `low` does not agree with its level and threshold waits in `owed`.
 *
 * Why `owed`: a decision holds 256 records, and one delivery of 500 products may lift all of them
 * over their threshold. So a decision announces at most DS_INVENTORY_NOTICES_MAX of them, and each
 * that is left is a deadline that has passed already: the host asks for them right afterwards, one
 * at a time.
 *
 * Products stay for ever. What is over (released, returned, committed) leaves memory
 * DS_INVENTORY_MEMORY_US after its last event. Threads: one state, one thread. */
#ifndef DS_PROCESSORS_INVENTORY_INVENTORY_STATE_H
#define DS_PROCESSORS_INVENTORY_INVENTORY_STATE_H

#include "base/heap.h"
#include "decider/decider.h"
#include "processors/inventory/reservation.h"

#define DS_INVENTORY_NOTICES_MAX      64
#define DS_INVENTORY_PRODUCTS_MAX     1000000
#define DS_INVENTORY_RESERVATIONS_MAX 16000000
/* A level above this is a typing error, and far from where sums overflow. */
#define DS_INVENTORY_LEVEL_MAX    INT64_C(1000000000000)
#define DS_INVENTORY_QUANTITY_MAX 1000000

/* Kinds of timers. */
#define DS_INVENTORY_TIMER_NOTICE 1

struct ds_stock {
    ds_str_t product_id; /* owned, behind the struct */
    int64_t received;
    int64_t available;
    int64_t reserved;
    int64_t committed;
    int64_t threshold;         /* 0: none */
    bool low;                  /* what the last inventory.low_stock or .restocked said */
    int64_t owed_us;           /* while in `owed`: when the crossing came, ... */
    char *owed_correlation_id; /* ... and of which event; owned */
    int32_t owed_handle;
};

/** A line of a reservation. `quantity` is what is held, or committed: released pieces have left it.
 */
struct ds_reserved_line {
    const struct ds_stock *stock; /* borrowed: products stay */
    int32_t line;
    int32_t quantity;
};

struct ds_reservation {
    ds_str_t order_id; /* owned, behind the lines */
    enum ds_reservation_state state;
    int64_t closed_us; /* while in `closed`: its last event */
    int32_t closed_handle;
    size_t line_count;
    struct ds_reserved_line lines[];
};

struct ds_inventory {
    ds_shelf_t *products;     /* product id -> struct ds_stock */
    ds_shelf_t *reservations; /* order id -> struct ds_reservation */
    ds_heap_t *closed;        /* reservations that are over, by their last event */
    ds_heap_t *owed;          /* products with an unannounced crossing, by when it came */
};

/** @brief NULL: no memory. */
struct ds_inventory *ds_inventory_new(ds_error_t *error);
void ds_inventory_destroy(struct ds_inventory *inventory);
const struct ds_stock *ds_inventory_stock(const struct ds_inventory *inventory,
                                          ds_str_t product_id);
const struct ds_reservation *ds_inventory_reservation(const struct ds_inventory *inventory,
                                                      ds_str_t order_id);
/** @brief DS_RESERVATION_NONE for one that is not there. */
enum ds_reservation_state ds_inventory_reservation_state(const struct ds_inventory *inventory,
                                                         ds_str_t order_id);

/** @brief See struct ds_decider. DS_ERR_DAMAGE: an event about a reservation that the log never
 * made. */
DS_MUST_CHECK bool ds_inventory_evolve(struct ds_inventory *inventory,
                                       const struct ds_inventory_event *event, ds_error_t *error);
DS_MUST_CHECK bool ds_inventory_decide(const struct ds_inventory *inventory,
                                       const struct ds_input *input, ds_decision_t *decision,
                                       ds_error_t *error);
bool ds_inventory_next_timer(const struct ds_inventory *inventory, const struct ds_timer_skip *skip,
                             struct ds_timer *timer_out);

/* For evolve and for restoring: the product, made when it is not there; a new reservation; the heap
 * each belongs to. */
struct ds_stock *ds_inventory_edit_stock(struct ds_inventory *inventory, ds_str_t product_id,
                                         ds_error_t *error);
DS_MUST_CHECK bool ds_inventory_add_reservation(struct ds_inventory *inventory, ds_str_t order_id,
                                                const struct ds_array_of_line_quantity *lines,
                                                struct ds_reservation **reservation_out,
                                                ds_error_t *error);
DS_MUST_CHECK bool ds_inventory_owe(struct ds_inventory *inventory, struct ds_stock *stock,
                                    int64_t at_us, ds_str_t correlation_id, ds_error_t *error);
DS_MUST_CHECK bool ds_inventory_close(struct ds_inventory *inventory,
                                      struct ds_reservation *reservation, int64_t at_us,
                                      ds_error_t *error);

/* inventory_image.c; see struct ds_decider. Images: schemas/avsc/inventory.state.avsc. */
size_t ds_inventory_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_inventory_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                        void *item_out, ds_error_t *error);
bool ds_inventory_restore(void *state, const void *item, ds_error_t *error);
bool ds_inventory_restored(void *state, ds_error_t *error);

#endif
