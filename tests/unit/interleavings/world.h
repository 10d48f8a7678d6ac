/* tests/unit/interleavings/world.h - a small shop: four deciders, a queue for each of their inputs,
 * a provider, and people who may do anything at any time.
 *
 * A world is a few numbers: a state of each decider, the content of each queue, and what stands
 * outside (outside.h). Equal numbers, equal worlds. A step takes the head of a queue, fires a
 * deadline, or lets somebody act; world_steps gives all of them.
 *
 * Both orders are of one store, so of one partition: a queue keeps the order in which the records
 * of both were written, and different queues do not wait for each other. Commands are in no queue:
 * who may act at any time may as well have acted when the command is read. */
#ifndef DS_TESTS_INTERLEAVINGS_WORLD_H
#define DS_TESTS_INTERLEAVINGS_WORLD_H

#include "machine.h"
#include "outside.h"

enum queue {
    ORDER_TO_INVENTORY,
    ORDER_TO_PAYMENT,
    ORDER_TO_DELIVERY,
    INVENTORY_TO_ORDER,
    PAYMENT_TO_ORDER,
    DELIVERY_TO_ORDER,
    PAYMENT_TO_GATEWAY,
    DELIVERY_TO_INVENTORY, /* only where the wiring is broken on purpose */
    QUEUES,
};

struct world {
    uint32_t part[PARTS];
    uint32_t queue[QUEUES]; /* of `lists`; 0: empty */
    uint32_t outside;       /* of `outsides` */
};

/** What a scenario lets happen. Counts unless said otherwise. */
struct scenario {
    const char *name;
    struct {
        bool cash;
        uint8_t lines;         /* 0: there is no such order */
        uint8_t pieces[LINES]; /* of each line; 0: one */
    } orders[ORDERS];
    uint8_t stock[LINES];
    uint8_t capacity[COURIERS]; /* 0: no such courier */
    bool cancel;                /* by the customer: the order */
    bool staff;                 /* by staff */
    uint8_t line;               /* bits: lines the customer may cancel, piece by piece */
    bool offline;               /* couriers come and go */
    bool reassign;
    bool contradict;   /* declined, and approved after all */
    bool gateway_dies; /* between a call and noting it */
    bool dispute;
    bool goodwill;   /* staff gives money back, each amount of gift_amount once */
    bool codes;      /* wrong codes at the door, too little cash, and staff who need neither */
    bool places;     /* couriers are near or far */
    bool odd;        /* the provider takes or gives back another amount than it was asked for */
    bool stale;      /* an order may be read when it is too old */
    bool in_time;    /* no courier is looked for too long; deadlines that are later do not come */
    bool short_ways; /* couriers only accept, pick up and hand over */
    uint8_t reports; /* how often the provider reports the same: 1, 2 */
    uint8_t refund_fail; /* refunds that the provider refuses */
    uint8_t receive;     /* staff changes stock, up to so many pieces */
    uint8_t threshold;   /* of each product */
    bool deep;           /* only when asked for */
};

/** Rules of the world itself that a test may break; those of deciders are in base/planted.h. */
enum wiring {
    WIRED_RIGHT,
    NO_IDEMPOTENCY_KEY,   /* a repeated provider call charges again */
    RESERVATION_TTL,      /* inventory releases by a timer of its own */
    COMMIT_FROM_DELIVERY, /* inventory commits on delivery.in_transit instead of order.picked_up */
    REPEATS_DECIDED,      /* the host knows no ids: a command sent twice is decided twice */
};

typedef struct shop shop_t;

shop_t *shop_new(const struct scenario *scenario, enum wiring wiring);
void shop_destroy(shop_t *shop);
const struct scenario *shop_scenario(const shop_t *shop);
struct world shop_start(shop_t *shop);
machine_t *shop_machine(const shop_t *shop, enum part part);
const messages_t *shop_messages(const shop_t *shop);
const struct outside *shop_outside(const shop_t *shop, uint32_t outside);
/** @brief The first message of a queue. @return false: it is empty. */
bool shop_head(const shop_t *shop, uint32_t queue, uint32_t *message_out);
/** More than any events topic has. */
#define KINDS_MAX 48
/** @brief Whether an event of this kind was ever written. */
bool shop_wrote(const shop_t *shop, enum part part, int kind);
/** @brief Records that their readers pass over in every state are in no queue, and a command whose
 * id is known never reaches a decider. That both is so, in every state that was reached. NULL, or
 * what is not. */
const char *shop_check_passed_over(shop_t *shop);

/** Who brings a step about. */
enum cause {
    BY_QUEUE,    /* a record is read, or an order that was sent */
    BY_TIMER,    /* a deadline */
    BY_REPORT,   /* a report that is under way, or the provider's answer to a refund */
    BY_PROVIDER, /* an answer to a charge */
    BY_PERSON,   /* anybody's will, or an accident */
};

struct step {
    enum cause cause;
    const char *what; /* of a step outside; NULL: a decider's */
    int order;        /* of a step outside */
    enum part part;   /* of a decider's */
    uint32_t message; /* what it handled */
    enum when when;
    struct outcome outcome;
    const char *violation; /* NULL: none; else what this step breaks, a constant */
    const char *detail;    /* may be NULL */
};

/** Called for each step with where it leads; borrowed for the call. */
typedef void (*world_take_fn)(void *context, const struct step *step, const struct world *next);

/** @brief All steps of a world. */
void world_steps(shop_t *shop, const struct world *world, world_take_fn take, void *context);
/** @brief "order <- inventory.reserved A -> order.confirmed", into `text`. */
void step_print(const shop_t *shop, const struct step *step, char *text, size_t text_bytes);

#endif
