/* tests/unit/interleavings/shop.h - inside of a world: where records go, and what they say. Shared
 * by world.c, routes.c and provider.c. */
#ifndef DS_TESTS_INTERLEAVINGS_SHOP_H
#define DS_TESTS_INTERLEAVINGS_SHOP_H

#include "commands.h"
#include "world.h"

/** A queue's content: a number of `lists`. */
struct list {
    uint32_t head; /* a message */
    uint32_t tail; /* a list */
};

struct shop {
    const struct scenario *scenario;
    enum wiring wiring;
    messages_t *book;
    machine_t *machines[PARTS];
    pool_t *lists;       /* arrays of messages; 0: empty */
    struct list *splits; /* of each list */
    memo_t *pushes;      /* (list, message) to list */
    pool_t *outsides;
    memo_t *reports; /* what is reported to the command that says it */
    uint16_t
        *routes; /* of each event, bits: queues, and TO_OUTSIDE; ROUTE_UNKNOWN: not yet asked */
    uint32_t route_count;
    struct command_list commands[PARTS];
    uint32_t places[ORDERS];
    uint32_t picked_up[ORDERS]; /* for broken wirings */
    uint32_t cancelled[ORDERS];
    bool written[PARTS][KINDS_MAX];
};

#define TO_OUTSIDE    (1U << QUEUES)
#define ROUTE_UNKNOWN UINT16_MAX

/** @brief Which queues an event goes into. */
unsigned shop_route(struct shop *shop, uint32_t event);
uint32_t shop_push(struct shop *shop, uint32_t list, uint32_t message);
/** @brief Write down what an event says. @return NULL, or what rule it breaks. */
const char *shop_observe(const struct shop *shop, struct outside *outside, uint32_t event);
/** @brief Which part reads a queue; PARTS: the gateway. */
enum part shop_reader(enum queue queue);

/** One walk over the steps of a world. */
struct walker {
    struct shop *shop;
    const struct world *world;
    world_take_fn take;
    void *context;
};

/** @brief A decider handles a message; `queue` QUEUES: it is not in one. */
void walker_decide(const struct walker *walker, enum cause cause, enum part part, uint32_t message,
                   enum when when, enum queue queue, uint32_t outside);
/** @brief Something outside happens. */
void walker_outside(const struct walker *walker, enum cause cause, const char *what, int order,
                    const struct outside *outside, bool pop_gateway);
/** @brief Steps of the gateway and the provider, and of staff with money. */
void provider_steps(const struct walker *walker);

#endif
