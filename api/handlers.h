/* api/handlers.h - one function an operation (routes.c names them). @locality the polling thread.
 */
#ifndef DS_API_HANDLERS_H
#define DS_API_HANDLERS_H

#include "api/request.h"

/* commands */
void ds_post_order(ds_request_t *request);
void ds_post_order_cancel(ds_request_t *request);
void ds_post_line_cancel(ds_request_t *request);
void ds_post_refund(ds_request_t *request);
void ds_post_store(ds_request_t *request);
void ds_patch_store(ds_request_t *request);
void ds_post_store_open(ds_request_t *request);
void ds_post_store_close(ds_request_t *request);
void ds_post_products(ds_request_t *request);
void ds_patch_product(ds_request_t *request);
void ds_delete_product(ds_request_t *request);
void ds_post_stock_receive(ds_request_t *request);
void ds_post_stock_adjust(ds_request_t *request);
void ds_post_stock_count(ds_request_t *request);
void ds_post_stock_threshold(ds_request_t *request);
void ds_post_courier_online(ds_request_t *request);
void ds_post_courier_offline(ds_request_t *request);
void ds_post_courier_location(ds_request_t *request);
void ds_post_offer_accept(ds_request_t *request);
void ds_post_offer_decline(ds_request_t *request);
void ds_post_pickup(ds_request_t *request);
void ds_post_giveback(ds_request_t *request);
void ds_post_arrived(ds_request_t *request);
void ds_post_handover(ds_request_t *request);
void ds_post_failed(ds_request_t *request);
void ds_post_reassign(ds_request_t *request);
void ds_post_returned(ds_request_t *request);
void ds_post_payment_webhook(ds_request_t *request);

/* from the catalogue */
void ds_get_products(ds_request_t *request);
void ds_get_product(ds_request_t *request);
void ds_get_stores(ds_request_t *request);
void ds_get_store(ds_request_t *request);

/* from PostgreSQL */
void ds_get_orders(ds_request_t *request);
void ds_get_order(ds_request_t *request);
void ds_get_order_payments(ds_request_t *request);
void ds_get_order_refunds(ds_request_t *request);
void ds_get_command(ds_request_t *request);
void ds_get_stock(ds_request_t *request);
void ds_get_couriers(ds_request_t *request);
void ds_get_courier_offers(ds_request_t *request);
void ds_get_courier_deliveries(ds_request_t *request);
void ds_get_track(ds_request_t *request);

/* how the role is */
void ds_get_health(ds_request_t *request);
void ds_get_livez(ds_request_t *request);
void ds_get_readyz(ds_request_t *request);
void ds_get_readyz_commands(ds_request_t *request);
void ds_get_readyz_queries(ds_request_t *request);
void ds_get_metrics(ds_request_t *request);
void ds_get_prometheus(ds_request_t *request);

#endif
