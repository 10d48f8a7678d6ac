/* api/routes.c - the table of operations. A test holds api/openapi.yaml against it. */
#include "api/handlers.h"

#define C       DS_CUSTOMER
#define K       DS_COURIER
#define S       DS_STAFF
#define A       DS_ADMIN
#define PROBE   DS_ROUTE_PROBE
#define METRICS (DS_ROUTE_PROBE | DS_ROUTE_METRICS)

const struct ds_route ds_routes[] = {
    {DS_POST, "/api/orders", "order.place", C, 0, ds_post_order},
    {DS_GET, "/api/orders", "order.list", C | K | S | A, 0, ds_get_orders},
    {DS_GET, "/api/orders/{orderId}", "order.get", C | K | S | A, 0, ds_get_order},
    {DS_POST, "/api/orders/{orderId}/cancel", "order.cancel", C | S | A, 0, ds_post_order_cancel},
    {DS_POST, "/api/orders/{orderId}/lines/{line}/cancel", "order.cancel_line", C | S | A, 0,
     ds_post_line_cancel},
    {DS_GET, "/api/orders/{orderId}/payments", "order.payments", C | S | A, 0,
     ds_get_order_payments},
    {DS_GET, "/api/orders/{orderId}/refunds", "order.refunds", C | S | A, 0, ds_get_order_refunds},
    {DS_POST, "/api/orders/{orderId}/refunds", "order.refund", S | A, DS_ROUTE_KEY_REQUIRED,
     ds_post_refund},
    {DS_GET, "/api/commands/{commandId}", "command.get", C | K | S | A, 0, ds_get_command},
    {DS_GET, "/api/deliveries/{orderId}/track", "delivery.track", C | K | S | A, 0, ds_get_track},
    {DS_POST, "/api/deliveries/{orderId}/pickup", "delivery.pick_up", K | S | A, 0, ds_post_pickup},
    {DS_POST, "/api/deliveries/{orderId}/handover", "delivery.hand_over", K | S | A, 0,
     ds_post_handover},
    {DS_POST, "/api/deliveries/{orderId}/giveback", "delivery.give_back", K, 0, ds_post_giveback},
    {DS_POST, "/api/deliveries/{orderId}/arrived", "delivery.arrive", K | S | A, 0,
     ds_post_arrived},
    {DS_POST, "/api/deliveries/{orderId}/failed", "delivery.fail", K | S | A, 0, ds_post_failed},
    {DS_POST, "/api/deliveries/{orderId}/reassign", "delivery.reassign", S | A, 0,
     ds_post_reassign},
    {DS_POST, "/api/deliveries/{orderId}/returned", "delivery.back_at_store", S | A, 0,
     ds_post_returned},

    {DS_GET, "/api/products", "product.list", 0, DS_ROUTE_PUBLIC, ds_get_products},
    {DS_GET, "/api/products/{productId}", "product.get", 0, DS_ROUTE_PUBLIC, ds_get_product},
    {DS_PATCH, "/api/products/{productId}", "product.change", S | A, 0, ds_patch_product},
    {DS_DELETE, "/api/products/{productId}", "product.remove", S | A, 0, ds_delete_product},
    {DS_GET, "/api/stores", "store.list", 0, DS_ROUTE_PUBLIC, ds_get_stores},
    {DS_POST, "/api/stores", "store.create", A, 0, ds_post_store},
    {DS_GET, "/api/stores/{storeId}", "store.get", 0, DS_ROUTE_PUBLIC, ds_get_store},
    {DS_PATCH, "/api/stores/{storeId}", "store.change", A, 0, ds_patch_store},
    {DS_POST, "/api/stores/{storeId}/open", "store.open", S | A, 0, ds_post_store_open},
    {DS_POST, "/api/stores/{storeId}/close", "store.close", S | A, 0, ds_post_store_close},
    {DS_POST, "/api/stores/{storeId}/products", "product.add", S | A, DS_ROUTE_BULK,
     ds_post_products},
    {DS_GET, "/api/stores/{storeId}/stock", "stock.list", S | A, 0, ds_get_stock},
    {DS_POST, "/api/stores/{storeId}/stock/receive", "stock.receive", S | A,
     DS_ROUTE_BULK | DS_ROUTE_KEY_REQUIRED, ds_post_stock_receive},
    {DS_POST, "/api/stores/{storeId}/stock/adjust", "stock.adjust", S | A,
     DS_ROUTE_BULK | DS_ROUTE_KEY_REQUIRED, ds_post_stock_adjust},
    {DS_POST, "/api/stores/{storeId}/stock/count", "stock.count", S | A, DS_ROUTE_BULK,
     ds_post_stock_count},
    {DS_POST, "/api/stores/{storeId}/stock/threshold", "stock.threshold", S | A, DS_ROUTE_BULK,
     ds_post_stock_threshold},

    {DS_GET, "/api/couriers", "courier.list", S | A, 0, ds_get_couriers},
    {DS_POST, "/api/couriers/{courierId}/online", "courier.go_online", K | S | A, 0,
     ds_post_courier_online},
    {DS_POST, "/api/couriers/{courierId}/offline", "courier.go_offline", K | S | A, 0,
     ds_post_courier_offline},
    {DS_POST, "/api/couriers/{courierId}/location", "courier.locate", K, 0,
     ds_post_courier_location},
    {DS_GET, "/api/couriers/{courierId}/offers", "courier.offers", K, 0, ds_get_courier_offers},
    {DS_GET, "/api/couriers/{courierId}/deliveries", "courier.deliveries", K | S | A, 0,
     ds_get_courier_deliveries},
    {DS_POST, "/api/offers/{offerId}/accept", "offer.accept", K, 0, ds_post_offer_accept},
    {DS_POST, "/api/offers/{offerId}/decline", "offer.decline", K, 0, ds_post_offer_decline},

    {DS_POST, "/api/webhooks/payments/{provider}", "webhook.payment", 0, DS_ROUTE_WEBHOOK,
     ds_post_payment_webhook},

    {DS_GET, "/health", "health", 0, PROBE, ds_get_health},
    {DS_GET, "/livez", "livez", 0, PROBE, ds_get_livez},
    {DS_GET, "/readyz", "readyz", 0, PROBE, ds_get_readyz},
    {DS_GET, "/readyz/commands", "readyz.commands", 0, PROBE, ds_get_readyz_commands},
    {DS_GET, "/readyz/queries", "readyz.queries", 0, PROBE, ds_get_readyz_queries},
    {DS_GET, "/metrics", "metrics", 0, METRICS, ds_get_metrics},
    {DS_GET, "/metrics/prometheus", "metrics.prometheus", 0, METRICS | DS_ROUTE_PLAIN_TEXT,
     ds_get_prometheus},
    {0, NULL, NULL, 0, 0, NULL},
};
