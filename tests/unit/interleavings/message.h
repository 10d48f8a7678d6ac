/* tests/unit/interleavings/message.h - everything a decider can be handed, by number.
 *
 * A command, an event of another processor, or a deadline. Events are kept in a canonical form
 * (canon.h): two that no reader can tell apart are one message. A message is decoded once and stays
 * as long as the book of messages. */
#ifndef DS_TESTS_INTERLEAVINGS_MESSAGE_H
#define DS_TESTS_INTERLEAVINGS_MESSAGE_H

#include "decider/decider.h"
#include "pool.h"

enum part { ORDER, INVENTORY, PAYMENT, DELIVERY, PARTS };

enum message_kind { A_COMMAND, AN_EVENT, A_TIMER };

/* The one store of this world, and what it has. */
#define ORDERS   2
#define LINES    3 /* products too: line k is of product k */
#define COURIERS 2
#define STORE_ID "s1"
#define CUSTOMER "anna"

extern const char *const order_ids[ORDERS];
extern const char *const courier_ids[COURIERS];
extern const char *const product_ids[LINES];
/** @brief -1: none of them. */
int order_of(ds_str_t id);
int courier_of(ds_str_t id);
int product_of(ds_str_t id);

extern const struct ds_decider *const deciders[PARTS];
/** Of its commands topic. */
extern const struct ds_schema *const command_schemas[PARTS];

struct message {
    enum message_kind kind;
    enum part part;        /* a command: to whom; an event: of whose topic; a timer: whose */
    bool stale;            /* a command that lay about for longer than its time to live */
    int32_t body;          /* of a command or an event: its kind */
    const void *value;     /* the schema's struct; NULL: a timer */
    struct ds_timer timer; /* of a timer */
    int order;             /* which it is about; -1: none */
    const char *note;      /* for the trace; a constant, may be NULL */
};

typedef struct messages messages_t;

messages_t *messages_new(void);
void messages_destroy(messages_t *book);
/** @brief The number of a command; `note` says for the trace what its wire name does not. */
uint32_t messages_command(messages_t *book, enum part to, const void *command, bool stale,
                          const char *note);
/** @brief The number of an event in its canonical form. */
uint32_t messages_event(messages_t *book, enum part from, const void *event);
uint32_t messages_timer(messages_t *book, enum part whose, const struct ds_timer *timer);
uint32_t messages_count(const messages_t *book);
const struct message *messages_get(const messages_t *book, uint32_t id);
/** @brief "order.cancel A by staff", into `text`. */
void messages_print(const messages_t *book, uint32_t id, char *text, size_t text_bytes);

#endif
