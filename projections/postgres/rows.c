#include "projections/postgres/rows.h"

#define COLUMN(row, type, name)                                                                    \
    {                                                                                              \
#name, DS_COLUMN_##type, offsetof(struct row, name), false                                 \
    }
#define NULLABLE(row, type, name)                                                                  \
    {                                                                                              \
#name, DS_COLUMN_##type, offsetof(struct row, name), true                                  \
    }

static const struct ds_column timeline_columns[] = {
    COLUMN(ds_timeline_row, TEXT, topic),
    COLUMN(ds_timeline_row, INT, partition),
    COLUMN(ds_timeline_row, BIGINT, event_offset),
    COLUMN(ds_timeline_row, TEXT, ce_type),
    COLUMN(ds_timeline_row, TEXT, event_id),
    NULLABLE(ds_timeline_row, TEXT, order_id),
    COLUMN(ds_timeline_row, TEXT, aggregate),
    COLUMN(ds_timeline_row, TIME, at),
    COLUMN(ds_timeline_row, TEXT, actor_kind),
    COLUMN(ds_timeline_row, TEXT, actor_id),
    COLUMN(ds_timeline_row, TEXT, correlation_id),
    NULLABLE(ds_timeline_row, TEXT, command_id),
    NULLABLE(ds_timeline_row, TEXT, cause_kind),
    NULLABLE(ds_timeline_row, TEXT, cause_topic),
    NULLABLE(ds_timeline_row, BIGINT, cause_offset),
    NULLABLE(ds_timeline_row, TIME, cause_due_at),
    COLUMN(ds_timeline_row, EVENT, data),
};

static const struct ds_column commands_columns[] = {
    COLUMN(ds_command_row, TEXT, topic),
    COLUMN(ds_command_row, INT, partition),
    COLUMN(ds_command_row, BIGINT, command_offset),
    COLUMN(ds_command_row, TEXT, command_id),
    COLUMN(ds_command_row, TEXT, status),
    NULLABLE(ds_command_row, TEXT, reason),
    NULLABLE(ds_command_row, MAYBE, same_body),
    COLUMN(ds_command_row, TEXT, body_hash),
    COLUMN(ds_command_row, TEXT, target),
    COLUMN(ds_command_row, TEXT, outcome),
    COLUMN(ds_command_row, TEXT, actor_kind),
    COLUMN(ds_command_row, TEXT, actor_id),
    COLUMN(ds_command_row, TEXT, correlation_id),
    NULLABLE(ds_command_row, TIME, appended_at),
    COLUMN(ds_command_row, TIME, decided_at),
    COLUMN(ds_command_row, BIGINT, event_offset),
};

static const struct ds_column orders_columns[] = {
    COLUMN(ds_order_row, TEXT, order_id),
    COLUMN(ds_order_row, TEXT, store_id),
    COLUMN(ds_order_row, TEXT, customer_id),
    COLUMN(ds_order_row, TEXT, status),
    NULLABLE(ds_order_row, TEXT, reason),
    NULLABLE(ds_order_row, TEXT, goods),
    COLUMN(ds_order_row, BOOL, cancel_requested),
    COLUMN(ds_order_row, TEXT, payment_method),
    COLUMN(ds_order_row, TEXT, currency),
    COLUMN(ds_order_row, BIGINT, subtotal_minor),
    COLUMN(ds_order_row, BIGINT, delivery_fee_minor),
    COLUMN(ds_order_row, BIGINT, total_minor),
    NULLABLE(ds_order_row, TEXT, note),
    COLUMN(ds_order_row, TEXT, command_id),
    COLUMN(ds_order_row, TEXT, body_hash),
    COLUMN(ds_order_row, TEXT, correlation_id),
    COLUMN(ds_order_row, TIME, placed_at),
    NULLABLE(ds_order_row, TIME, confirmed_at),
    NULLABLE(ds_order_row, TIME, picked_up_at),
    NULLABLE(ds_order_row, TIME, closed_at),
    NULLABLE(ds_order_row, TIME, deliver_by),
    COLUMN(ds_order_row, TIME, updated_at),
    COLUMN(ds_order_row, INT, partition),
    COLUMN(ds_order_row, BIGINT, first_offset),
    COLUMN(ds_order_row, BIGINT, last_offset),
};

static const struct ds_column order_lines_columns[] = {
    COLUMN(ds_order_line_row, TEXT, order_id),
    COLUMN(ds_order_line_row, INT, line),
    COLUMN(ds_order_line_row, TEXT, product_id),
    COLUMN(ds_order_line_row, TEXT, name),
    COLUMN(ds_order_line_row, INT, quantity),
    COLUMN(ds_order_line_row, INT, cancelled),
    COLUMN(ds_order_line_row, BIGINT, unit_price_minor),
    COLUMN(ds_order_line_row, BIGINT, total_minor),
    COLUMN(ds_order_line_row, BIGINT, catalog_offset),
    COLUMN(ds_order_line_row, BIGINT, last_offset),
};

static const struct ds_column order_addresses_columns[] = {
    COLUMN(ds_order_address_row, TEXT, order_id),
    NULLABLE(ds_order_address_row, TEXT, recipient),
    NULLABLE(ds_order_address_row, TEXT, phone),
    NULLABLE(ds_order_address_row, TEXT, street),
    NULLABLE(ds_order_address_row, TEXT, city),
    NULLABLE(ds_order_address_row, TEXT, state),
    NULLABLE(ds_order_address_row, TEXT, zip_code),
    NULLABLE(ds_order_address_row, TEXT, country),
    NULLABLE(ds_order_address_row, INT, lat_e6),
    NULLABLE(ds_order_address_row, INT, lng_e6),
    NULLABLE(ds_order_address_row, TEXT, notes),
    NULLABLE(ds_order_address_row, TEXT, sealed_key_id),
    COLUMN(ds_order_address_row, BIGINT, last_offset),
    NULLABLE(ds_order_address_row, TEXT, hand_over_code),
};

static const struct ds_column payments_columns[] = {
    COLUMN(ds_payment_row, TEXT, order_id),
    COLUMN(ds_payment_row, TEXT, status),
    COLUMN(ds_payment_row, TEXT, method),
    COLUMN(ds_payment_row, TEXT, currency),
    COLUMN(ds_payment_row, BIGINT, charged_minor),
    COLUMN(ds_payment_row, BIGINT, captured_minor),
    COLUMN(ds_payment_row, BIGINT, refunded_minor),
    COLUMN(ds_payment_row, BIGINT, refund_open_minor),
    COLUMN(ds_payment_row, BIGINT, due_minor),
    COLUMN(ds_payment_row, BIGINT, disputed_minor),
    NULLABLE(ds_payment_row, TEXT, reason),
    NULLABLE(ds_payment_row, TEXT, detail),
    COLUMN(ds_payment_row, BOOL, late),
    NULLABLE(ds_payment_row, TEXT, charge_key),
    NULLABLE(ds_payment_row, TEXT, provider),
    NULLABLE(ds_payment_row, TEXT, provider_reference),
    NULLABLE(ds_payment_row, TEXT, refund_key),
    COLUMN(ds_payment_row, INT, refund_number),
    NULLABLE(ds_payment_row, TIME, retry_at),
    NULLABLE(ds_payment_row, TIME, initiated_at),
    NULLABLE(ds_payment_row, TIME, captured_at),
    COLUMN(ds_payment_row, TIME, updated_at),
    COLUMN(ds_payment_row, INT, partition),
    COLUMN(ds_payment_row, BIGINT, last_offset),
    COLUMN(ds_payment_row, BIGINT, goodwill_minor),
};

static const struct ds_column deliveries_columns[] = {
    COLUMN(ds_delivery_row, TEXT, order_id),
    COLUMN(ds_delivery_row, TEXT, store_id),
    COLUMN(ds_delivery_row, TEXT, customer_id),
    COLUMN(ds_delivery_row, TEXT, status),
    NULLABLE(ds_delivery_row, TEXT, reason),
    NULLABLE(ds_delivery_row, TEXT, courier_id),
    NULLABLE(ds_delivery_row, TEXT, courier_name),
    NULLABLE(ds_delivery_row, TEXT, vehicle),
    NULLABLE(ds_delivery_row, TEXT, offer_id),
    COLUMN(ds_delivery_row, INT, offer_number),
    NULLABLE(ds_delivery_row, TEXT, offer_courier_id),
    COLUMN(ds_delivery_row, INT, attempt),
    COLUMN(ds_delivery_row, TEXT, payment_method),
    COLUMN(ds_delivery_row, BIGINT, total_minor),
    COLUMN(ds_delivery_row, TEXT, currency),
    NULLABLE(ds_delivery_row, BIGINT, cash_collected_minor),
    COLUMN(ds_delivery_row, TIME, placed_at),
    COLUMN(ds_delivery_row, TIME, requested_at),
    COLUMN(ds_delivery_row, TIME, search_until),
    NULLABLE(ds_delivery_row, TIME, pick_up_by),
    NULLABLE(ds_delivery_row, TIME, assigned_at),
    NULLABLE(ds_delivery_row, TIME, picked_up_at),
    NULLABLE(ds_delivery_row, TIME, late_at),
    NULLABLE(ds_delivery_row, TIME, arrived_at),
    NULLABLE(ds_delivery_row, TIME, ended_at),
    COLUMN(ds_delivery_row, TIME, updated_at),
    COLUMN(ds_delivery_row, INT, partition),
    COLUMN(ds_delivery_row, BIGINT, last_offset),
};

static const struct ds_column offers_columns[] = {
    COLUMN(ds_offer_row, TEXT, offer_id),      COLUMN(ds_offer_row, TEXT, order_id),
    COLUMN(ds_offer_row, TEXT, courier_id),    COLUMN(ds_offer_row, INT, offer_number),
    COLUMN(ds_offer_row, TEXT, status),        COLUMN(ds_offer_row, TIME, offered_at),
    COLUMN(ds_offer_row, TIME, expires_at),    NULLABLE(ds_offer_row, TIME, ended_at),
    COLUMN(ds_offer_row, BIGINT, last_offset), NULLABLE(ds_offer_row, INT, distance_m),
    COLUMN(ds_offer_row, INT, load),           COLUMN(ds_offer_row, BIGINT, score),
};

static const struct ds_column couriers_columns[] = {
    COLUMN(ds_courier_row, TEXT, courier_id), COLUMN(ds_courier_row, TEXT, store_id),
    NULLABLE(ds_courier_row, TEXT, name),     COLUMN(ds_courier_row, TEXT, vehicle),
    COLUMN(ds_courier_row, INT, capacity),    COLUMN(ds_courier_row, BOOL, online),
    NULLABLE(ds_courier_row, INT, lat_e6),    NULLABLE(ds_courier_row, INT, lng_e6),
    NULLABLE(ds_courier_row, TIME, seen_at),  NULLABLE(ds_courier_row, TIME, online_at),
    COLUMN(ds_courier_row, TIME, updated_at), COLUMN(ds_courier_row, BIGINT, last_offset),
};

static const struct ds_column stock_columns[] = {
    COLUMN(ds_stock_row, TEXT, product_id), COLUMN(ds_stock_row, TEXT, store_id),
    COLUMN(ds_stock_row, BIGINT, received), COLUMN(ds_stock_row, BIGINT, available),
    COLUMN(ds_stock_row, BIGINT, reserved), COLUMN(ds_stock_row, BIGINT, committed),
    COLUMN(ds_stock_row, BOOL, low),        NULLABLE(ds_stock_row, BIGINT, threshold),
    COLUMN(ds_stock_row, TIME, updated_at), COLUMN(ds_stock_row, BIGINT, last_offset),
};

static const struct ds_column stores_columns[] = {
    COLUMN(ds_store_row, TEXT, store_id),
    COLUMN(ds_store_row, TEXT, name),
    COLUMN(ds_store_row, TEXT, currency),
    COLUMN(ds_store_row, TEXT, time_zone),
    COLUMN(ds_store_row, WORDS, payment_methods),
    COLUMN(ds_store_row, BIGINT, delivery_fee_minor),
    COLUMN(ds_store_row, BIGINT, minimum_order_minor),
    COLUMN(ds_store_row, BOOL, open),
    NULLABLE(ds_store_row, INT, lat_e6),
    NULLABLE(ds_store_row, INT, lng_e6),
    COLUMN(ds_store_row, TIME, updated_at),
    COLUMN(ds_store_row, INT, partition),
    COLUMN(ds_store_row, BIGINT, last_offset),
    COLUMN(ds_store_row, WORDS, hours),
    COLUMN(ds_store_row, INT, delivery_radius_m),
    COLUMN(ds_store_row, WORDS, delivery_area),
    COLUMN(ds_store_row, BOOL, hand_over_code),
};

static const struct ds_column products_columns[] = {
    COLUMN(ds_product_row, TEXT, product_id),    COLUMN(ds_product_row, TEXT, store_id),
    COLUMN(ds_product_row, TEXT, name),          COLUMN(ds_product_row, TEXT, category),
    COLUMN(ds_product_row, TEXT, unit),          COLUMN(ds_product_row, BIGINT, price_minor),
    COLUMN(ds_product_row, INT, max_quantity),   NULLABLE(ds_product_row, TEXT, image_url),
    COLUMN(ds_product_row, BOOL, removed),       COLUMN(ds_product_row, TIME, updated_at),
    COLUMN(ds_product_row, BIGINT, last_offset),
};

/* TABLE(name, row struct, columns of the key, append only) */
#define TABLE(name, row, key, once)                                                                \
    {                                                                                              \
#name, sizeof(struct row), name##_columns,                                                 \
            sizeof name##_columns / sizeof name##_columns[0], key, once                            \
    }

const struct ds_table ds_tables[DS_TABLES] = {
    [DS_TABLE_TIMELINE] = TABLE(timeline, ds_timeline_row, 3, true),
    [DS_TABLE_COMMANDS] = TABLE(commands, ds_command_row, 3, true),
    [DS_TABLE_ORDERS] = TABLE(orders, ds_order_row, 1, false),
    [DS_TABLE_ORDER_LINES] = TABLE(order_lines, ds_order_line_row, 2, false),
    [DS_TABLE_ORDER_ADDRESSES] = TABLE(order_addresses, ds_order_address_row, 1, false),
    [DS_TABLE_PAYMENTS] = TABLE(payments, ds_payment_row, 1, false),
    [DS_TABLE_DELIVERIES] = TABLE(deliveries, ds_delivery_row, 1, false),
    [DS_TABLE_OFFERS] = TABLE(offers, ds_offer_row, 1, false),
    [DS_TABLE_COURIERS] = TABLE(couriers, ds_courier_row, 1, false),
    [DS_TABLE_STOCK] = TABLE(stock, ds_stock_row, 1, false),
    [DS_TABLE_STORES] = TABLE(stores, ds_store_row, 1, false),
    [DS_TABLE_PRODUCTS] = TABLE(products, ds_product_row, 1, false),
};
