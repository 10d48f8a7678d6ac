/* processors/delivery/delivery_state.h - the deliveries and couriers of one partition.
 *
 * Invariants, after every event:
 *   - a delivery has a courier exactly while it is OFFERED, ASSIGNED, IN_TRANSIT, SILENT or
 * RETURNING;
 *   - a store's `waiting` list holds its deliveries that are SEARCHING, in the order they were
 * requested;
 *   - every delivery that is not over has one deadline;
 *   - no courier with room waits beside an order it may be offered, except one that has said no to
 * it and whose pause is over only later: then the store's `retry` is when (delivery_match.h).
 *
 * All deadlines come out of events; none is computed here from a setting. What is over leaves
 * memory DS_DELIVERY_MEMORY_US after its last event, so does a courier that is offline with nothing
 * bound to it. Threads: one state, one thread. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_STATE_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_STATE_H

#include "base/heap.h"
#include "base/limits.h"
#include "decider/decider.h"
#include "processors/delivery/courier.h"
#include "processors/delivery/delivery.h"
#include "processors/delivery/delivery_table.h"

#define DS_DELIVERIES_MAX 16000000
#define DS_COURIERS_MAX   16384 /* known to a partition; more is a mistake of somebody's */
/* A store is never forgotten. Couriers, whose stores nobody has looked up, bring in those of the
 * first half at most (delivery_command.c); so there is room for every store of the catalog. */
#define DS_DELIVERY_STORES_MAX (2 * DS_MAX_PARTITION_STORES)
/* How many couriers' refusals of one order are kept; beyond it the one whose pause ends first is
 * forgotten. */
#define DS_DELIVERY_REFUSALS_MAX 64
/* Wrong codes of one order before only staff may hand it over: six digits are not to be guessed. */
#define DS_DELIVERY_CODE_TRIES 5
/* Kind of the deadline at which an order may be offered once more to a courier that refused it. The
 * other kinds are the numbers of the states. */
#define DS_DELIVERY_TIMER_RETRY 11

/** A courier that did not take this order: declined, let the offer expire, gave it back or did not
 * come. */
struct ds_refusal {
    char courier_id[DS_MAX_ID_BYTES + 1];
    int32_t times;
    int64_t until_us; /* not asked again before */
};

struct ds_delivery {
    /* What a match looks at of each order of the store stands together, in one cache line. */
    struct ds_delivery *next; /* in the store's waiting list */
    struct ds_delivery *previous;
    int64_t search_until;
    int64_t number; /* its place among the requests of the store */
    enum ds_delivery_state state;
    bool listed;  /* in the waiting list */
    bool refused; /* counted in the store's `refused` */
    int32_t refusal_count;
    int32_t offer_number;        /* of the last offer */
    struct ds_refusal *refusals; /* owned */
    struct ds_courier *courier;  /* bound to it; NULL: nobody */
    struct ds_delivery_store *store;
    ds_str_t order_id; /* owned, behind the struct; so are the next three */
    ds_str_t correlation_id;
    ds_str_t traceparent;    /* empty: none */
    ds_str_t hand_over_code; /* empty: none; what the courier must say at the door */

    enum ds_payment_method payment_method;
    /* False: lines were cancelled that order had not said the price of (an event of before it did).
     */
    bool total_known;
    int64_t total_minor;
    struct ds_array_of_line_quantity lines; /* owned, with texts, in one block */
    int32_t attempts;                       /* failed, at the door */
    bool arrived;                           /* the courier said so, of this attempt */
    int32_t code_failures; /* wrong codes; at DS_DELIVERY_CODE_TRIES only staff hands over */

    int64_t due_us; /* the state's deadline */
    int64_t placed_at;
    int64_t offer_us; /* how long the last offer stood; a refusal's pause is a multiple of it */
    int64_t picked_up_at;
    int64_t silent_at;
    int64_t late_at;
    int64_t silence_us; /* from the last sign of life to silent_at */
    int64_t closed_us;  /* while in `closed_deliveries`: its last event */
    int32_t timer_handle;
    int32_t closed_handle;
};

struct ds_delivery_store {
    ds_str_t id; /* owned, behind the struct */
    struct ds_delivery *waiting_first;
    struct ds_delivery *waiting_last;
    struct ds_courier *couriers;
    int64_t requested; /* deliveries so far */
    bool has_place;    /* as the last order said */
    struct ds_place place;
    size_t refused;                     /* searching deliveries that somebody refused */
    char retry_id[DS_MAX_ID_BYTES + 1]; /* the order whose pause ends next; "": none */
    int64_t retry_us;                   /* when; while in `retries` */
    int32_t retry_handle;
};

/** The state of the delivery processor. */
struct ds_dispatch {
    const struct ds_delivery_settings *settings; /* borrowed; for decide */
    ds_shelf_t *deliveries;                      /* order id -> struct ds_delivery */
    ds_shelf_t *couriers;                        /* courier id -> struct ds_courier */
    ds_shelf_t *stores;                          /* store id -> struct ds_delivery_store */
    ds_heap_t *timers;                           /* deliveries by their deadline */
    ds_heap_t *retries;                          /* stores by their next retry */
    ds_heap_t *closed_deliveries;                /* by their last event */
    ds_heap_t *closed_couriers;
};

/** @brief NULL: no memory. */
struct ds_dispatch *ds_dispatch_new(const struct ds_delivery_settings *settings, ds_error_t *error);
void ds_dispatch_destroy(struct ds_dispatch *dispatch);
/** @brief NULL: none. Both. */
const struct ds_delivery *ds_dispatch_delivery(const struct ds_dispatch *dispatch,
                                               ds_str_t order_id);
const struct ds_courier *ds_dispatch_courier(const struct ds_dispatch *dispatch,
                                             ds_str_t courier_id);
/** @brief The store of an order's or a courier's id; NULL: nothing has come of it yet. */
const struct ds_delivery_store *ds_dispatch_store_of(const struct ds_dispatch *dispatch,
                                                     ds_str_t id);
/** @brief The refusal of this order by this courier; NULL: none. */
const struct ds_refusal *ds_delivery_refusal(const struct ds_delivery *delivery,
                                             ds_str_t courier_id);
/** @brief Online, and not full. */
bool ds_courier_has_room(const struct ds_courier *courier);

/* What evolve is made of (delivery_state.c): adding, and keeping lists and heaps true. */
/** @brief The store of an order's or a courier's id, made when it is not there. */
struct ds_delivery_store *ds_dispatch_edit_store(struct ds_dispatch *dispatch, ds_str_t of_id,
                                                 ds_error_t *error);
/** @brief Add a delivery as its image says, without its courier, in no list and no heap. */
DS_MUST_CHECK bool ds_dispatch_add_delivery(struct ds_dispatch *dispatch,
                                            const struct ds_delivery_image *image,
                                            struct ds_delivery **delivery_out, ds_error_t *error);
DS_MUST_CHECK bool ds_dispatch_add_courier(struct ds_dispatch *dispatch, ds_str_t id,
                                           struct ds_courier **courier_out, ds_error_t *error);
/** @brief Set the state and its deadline (ignored when it is over), and keep the waiting list.
 */
DS_MUST_CHECK bool ds_dispatch_enter(struct ds_dispatch *dispatch, struct ds_delivery *delivery,
                                     enum ds_delivery_state state, int64_t due_us, int64_t at_us,
                                     ds_error_t *error);
/** @brief After a courier changed: when it will be forgotten. */
DS_MUST_CHECK bool ds_dispatch_settle_courier(struct ds_dispatch *dispatch,
                                              struct ds_courier *courier, int64_t at_us,
                                              ds_error_t *error);
/** @brief Put the delivery where its state belongs: the list, the count, a heap by its own times.
 */
DS_MUST_CHECK bool ds_dispatch_place(struct ds_dispatch *dispatch, struct ds_delivery *delivery,
                                     ds_error_t *error);
/** @brief Note that the courier did not take the order. */
DS_MUST_CHECK bool ds_delivery_note_refusal(struct ds_delivery *delivery, ds_str_t courier_id,
                                            int64_t at_us, ds_error_t *error);
/** @brief After anything changed in the store: when its next retry is. */
DS_MUST_CHECK bool ds_dispatch_settle_store(struct ds_dispatch *dispatch,
                                            struct ds_delivery_store *store, int64_t at_us,
                                            ds_error_t *error);
/** @brief Drop what has been over for DS_DELIVERY_MEMORY_US. */
void ds_dispatch_forget(struct ds_dispatch *dispatch, int64_t at_us);

/** @brief See struct ds_decider. DS_ERR_DAMAGE: an event that decide cannot have written after
 * those before it. */
DS_MUST_CHECK bool ds_dispatch_evolve(struct ds_dispatch *dispatch,
                                      const struct ds_delivery_event *event, ds_error_t *error);
bool ds_dispatch_next_timer(const struct ds_dispatch *dispatch, const struct ds_timer_skip *skip,
                            struct ds_timer *timer_out);

/* delivery_image.c; see struct ds_decider. Images: schemas/avsc/delivery.state.avsc. */
size_t ds_dispatch_shelves(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
bool ds_dispatch_image(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena,
                       void *item_out, ds_error_t *error);
bool ds_dispatch_restore(void *state, const void *item, ds_error_t *error);
bool ds_dispatch_restored(void *state, ds_error_t *error);

#endif
