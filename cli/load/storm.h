/* cli/load/storm.h - `load --profile storm`: many customers, few goods, and everything that can go
 * wrong on the way.
 *
 * Four stores of the run's own share `units` pieces of one product each. Orders come as always, but
 * each command is sent twice with its key; cards are declined, slow, late, lose an answer or refuse
 * a refund; a part of the orders is cancelled by customers and staff at any point of its way;
 * couriers decline, give back, are away, and do not find people at home. When all orders are over,
 * plain ones buy what was left over by the cancelled ones, so that exactly `units` are sold.
 *
 * What happens to order i follows from i alone. Threads: as said at each function. */
#ifndef DS_CLI_LOAD_STORM_H
#define DS_CLI_LOAD_STORM_H

#include "cli/load/run.h"

#define DS_STORM_COURIERS_A_STORE 4

/** What the stores' stock says at the end. */
struct ds_storm_stock {
    int64_t received, available, reserved, committed;
};

/** @brief Stores, products and stock, as an admin. @locality before the threads start. */
DS_MUST_CHECK bool ds_storm_open(struct ds_load_run *run, ds_error_t *error);
/** @brief The body of order `slot`; the caller owns it. */
json_t *ds_storm_order_body(const struct ds_load_run *run, size_t slot);
/** @brief After order `slot` was accepted: perhaps a cancel of it or of an earlier one. @locality a
 * sender's thread. */
void ds_storm_meddle(struct ds_load_run *run, ds_shop_client_t *client, size_t slot);
/** @brief One look of all couriers i with i % step == index, and what staff do with what comes
 * back. @locality a courier thread. */
void ds_storm_round(struct ds_load_run *run, ds_shop_client_t *client, size_t index, size_t step,
                    size_t turn);
/** @brief The stores' stock now. */
DS_MUST_CHECK bool ds_storm_stock(struct ds_load_run *run, ds_shop_client_t *client,
                                  struct ds_storm_stock *stock_out, ds_error_t *error);
/** @brief How many plain orders are to be placed now, given what is left; @param store_out of which
 * store. 0: all is sold. */
DS_MUST_CHECK bool ds_storm_left(struct ds_load_run *run, ds_shop_client_t *client,
                                 size_t *store_out, int64_t *left_out, ds_error_t *error);
/** @brief The body of a plain order of one piece. */
json_t *ds_storm_plain_body(const struct ds_load_run *run, size_t store);

#endif
