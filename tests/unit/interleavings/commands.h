/* tests/unit/interleavings/commands.h - what people, couriers and the gateway ask of the deciders.
 */
#ifndef DS_TESTS_INTERLEAVINGS_COMMANDS_H
#define DS_TESTS_INTERLEAVINGS_COMMANDS_H

#include "world.h"

/** Prices in minor units; line k costs unit_price(k) a piece. */
#define DELIVERY_FEE 8
int unit_price(int line);
/** @brief What an order costs in full. */
int full_price(const struct scenario *scenario, int order);
/** What staff give back of an order, each under a command id of its own: one, and all but one. */
#define GIFTS 2
int gift_amount(const struct scenario *scenario, int order, int gift);
/** @brief What was given, by the bits of outside_order. */
int gifts_total(const struct scenario *scenario, int order, unsigned gifts);
/** What the customer says at the door. */
#define CODE "4711"

struct command_list {
    uint32_t ids[160];
    size_t count;
};

/** @brief Placing and cancelling. The first of each order is to place it. */
void commands_order(messages_t *book, const struct scenario *scenario, struct command_list *out);
/** @brief Staff's changes of stock. */
void commands_inventory(messages_t *book, const struct scenario *scenario,
                        struct command_list *out);
/** @brief Couriers and staff. */
void commands_delivery(messages_t *book, const struct scenario *scenario, struct command_list *out);

uint32_t command_place(messages_t *book, const struct scenario *scenario, int order, bool stale);
uint32_t command_receive(messages_t *book, int product, int pieces);
uint32_t command_threshold(messages_t *book, int product, int pieces);
uint32_t command_online(messages_t *book, int courier, int capacity);
uint32_t command_charge_report(messages_t *book, int order, bool ok, int amount);
uint32_t command_refund_report(messages_t *book, int order, int key, bool ok, int amount);
uint32_t command_dispute(messages_t *book, int order, int amount, bool known);
/** @brief Staff give something back, whatever is owed. */
uint32_t command_gift(messages_t *book, int order, int amount);

#endif
