/* cli/shop/courier.h - what a courier's app does, through the public interface. */
#ifndef DS_CLI_SHOP_COURIER_H
#define DS_CLI_SHOP_COURIER_H

#include "cli/shop/client.h"

/** @brief One look at the app: take every offer, pick up what is assigned and hand over what is
 * picked up (the cash with it, where it is paid at the door). Refusals are passed over: the next
 * look shows how things are.
 *  @param acted_out  how many commands were accepted. */
DS_MUST_CHECK bool ds_courier_round(ds_shop_client_t *client, const char *courier_id,
                                    size_t *acted_out, ds_error_t *error);
/** @brief Go online as the courier `c` of the demo shop's store `s`; a courier who is online
 * already stays so. */
DS_MUST_CHECK bool ds_courier_go_online(ds_shop_client_t *client, size_t s, size_t c,
                                        int64_t deadline_us, ds_error_t *error);

#endif
