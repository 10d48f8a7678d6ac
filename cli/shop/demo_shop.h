/* cli/shop/demo_shop.h - the demo shop: stores, products in categories, stock and couriers, as
 * tables.
 *
 * Used by seed (which makes it through the public interface), demo and load. */
#ifndef DS_CLI_SHOP_DEMO_SHOP_H
#define DS_CLI_SHOP_DEMO_SHOP_H

#include <jansson.h>
#include <stddef.h>

#define DS_DEMO_STORES           4
#define DS_DEMO_PRODUCTS_A_STORE 50
#define DS_DEMO_COURIERS_A_STORE 6
#define DS_DEMO_COURIER_CAPACITY 10

struct ds_demo_store {
    const char *id;
    const char *name;
    const char *time_zone;
};

extern const struct ds_demo_store ds_demo_stores[DS_DEMO_STORES];

/** @brief "berlin-1.milk-1l" of store s, product p. */
void ds_demo_product_id(size_t s, size_t p, char *to, size_t to_bytes);
/** @brief "berlin-1.courier-3". */
void ds_demo_courier_id(size_t s, size_t c, char *to, size_t to_bytes);
/** @brief The body of POST /api/stores; the caller owns it. */
json_t *ds_demo_store_body(size_t s);
/** @brief The body of POST /api/stores/{id}/products, all products; the caller owns it. */
json_t *ds_demo_products_body(void);
/** @brief The body of POST /api/stores/{id}/stock/receive; the caller owns it. */
json_t *ds_demo_stock_body(size_t s, int quantity);
/** @brief The body of POST /api/couriers/{id}/online; the caller owns it. */
json_t *ds_demo_courier_body(size_t c);
/** @brief The body of POST /api/orders: `lines` products of store s, beginning at `first`; the
 * caller owns it.
 *  @param payment_token  NULL: cash on delivery. */
json_t *ds_demo_order_body(size_t s, size_t first, size_t lines, const char *payment_token);

#endif
