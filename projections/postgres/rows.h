/* projections/postgres/rows.h - the tables of read_v1 as C structs, one a row.
 *
 * Members are named as the columns; migrations/0001_read_model.sql says what they mean, and a test
 * holds the two against each other. The order of a table's columns here is the one in the database.
 */
#ifndef DS_PROJECTIONS_POSTGRES_ROWS_H
#define DS_PROJECTIONS_POSTGRES_ROWS_H

#include "projections/postgres/table.h"

struct ds_timeline_row {
    ds_str_t topic;
    int32_t partition;
    int64_t event_offset;
    ds_str_t ce_type;
    ds_str_t event_id;
    ds_str_t order_id; /* or NULL */
    ds_str_t aggregate;
    int64_t at;
    ds_str_t actor_kind;
    ds_str_t actor_id;
    ds_str_t correlation_id;
    ds_str_t command_id;  /* or NULL */
    ds_str_t cause_kind;  /* or NULL */
    ds_str_t cause_topic; /* or NULL */
    int64_t cause_offset; /* or NULL */
    int64_t cause_due_at; /* or NULL */
    ds_str_t data;
};

struct ds_command_row {
    ds_str_t topic;
    int32_t partition;
    int64_t command_offset;
    ds_str_t command_id;
    ds_str_t status;
    ds_str_t reason;   /* or NULL */
    int32_t same_body; /* or NULL */
    ds_str_t body_hash;
    ds_str_t target;
    ds_str_t outcome;
    ds_str_t actor_kind;
    ds_str_t actor_id;
    ds_str_t correlation_id;
    int64_t appended_at; /* or NULL */
    int64_t decided_at;
    int64_t event_offset;
};

struct ds_order_row {
    ds_str_t order_id;
    ds_str_t store_id;
    ds_str_t customer_id;
    ds_str_t status;
    ds_str_t reason; /* or NULL */
    ds_str_t goods;  /* or NULL */
    bool cancel_requested;
    ds_str_t payment_method;
    ds_str_t currency;
    int64_t subtotal_minor;
    int64_t delivery_fee_minor;
    int64_t total_minor;
    ds_str_t note; /* or NULL */
    ds_str_t command_id;
    ds_str_t body_hash;
    ds_str_t correlation_id;
    int64_t placed_at;
    int64_t confirmed_at; /* or NULL */
    int64_t picked_up_at; /* or NULL */
    int64_t closed_at;    /* or NULL */
    int64_t deliver_by;   /* or NULL */
    int64_t updated_at;
    int32_t partition;
    int64_t first_offset;
    int64_t last_offset;
};

struct ds_order_line_row {
    ds_str_t order_id;
    int32_t line;
    ds_str_t product_id;
    ds_str_t name;
    int32_t quantity;
    int32_t cancelled;
    int64_t unit_price_minor;
    int64_t total_minor;
    int64_t catalog_offset;
    int64_t last_offset;
};

struct ds_order_address_row {
    ds_str_t order_id;
    ds_str_t recipient;     /* or NULL */
    ds_str_t phone;         /* or NULL */
    ds_str_t street;        /* or NULL */
    ds_str_t city;          /* or NULL */
    ds_str_t state;         /* or NULL */
    ds_str_t zip_code;      /* or NULL */
    ds_str_t country;       /* or NULL */
    int32_t lat_e6;         /* or NULL */
    int32_t lng_e6;         /* or NULL */
    ds_str_t notes;         /* or NULL */
    ds_str_t sealed_key_id; /* or NULL */
    int64_t last_offset;
    ds_str_t hand_over_code; /* or NULL */
};

struct ds_payment_row {
    ds_str_t order_id;
    ds_str_t status;
    ds_str_t method;
    ds_str_t currency;
    int64_t charged_minor;
    int64_t captured_minor;
    int64_t refunded_minor;
    int64_t refund_open_minor;
    int64_t due_minor;
    int64_t disputed_minor;
    ds_str_t reason; /* or NULL */
    ds_str_t detail; /* or NULL */
    bool late;
    ds_str_t charge_key;         /* or NULL */
    ds_str_t provider;           /* or NULL */
    ds_str_t provider_reference; /* or NULL */
    ds_str_t refund_key;         /* or NULL */
    int32_t refund_number;
    int64_t retry_at;     /* or NULL */
    int64_t initiated_at; /* or NULL */
    int64_t captured_at;  /* or NULL */
    int64_t updated_at;
    int32_t partition;
    int64_t last_offset;
    int64_t goodwill_minor;
};

struct ds_delivery_row {
    ds_str_t order_id;
    ds_str_t store_id;
    ds_str_t customer_id;
    ds_str_t status;
    ds_str_t reason;       /* or NULL */
    ds_str_t courier_id;   /* or NULL */
    ds_str_t courier_name; /* or NULL */
    ds_str_t vehicle;      /* or NULL */
    ds_str_t offer_id;     /* or NULL */
    int32_t offer_number;
    ds_str_t offer_courier_id; /* or NULL */
    int32_t attempt;
    ds_str_t payment_method;
    int64_t total_minor;
    ds_str_t currency;
    int64_t cash_collected_minor; /* or NULL */
    int64_t placed_at;
    int64_t requested_at;
    int64_t search_until;
    int64_t pick_up_by;   /* or NULL */
    int64_t assigned_at;  /* or NULL */
    int64_t picked_up_at; /* or NULL */
    int64_t late_at;      /* or NULL */
    int64_t arrived_at;   /* or NULL */
    int64_t ended_at;     /* or NULL */
    int64_t updated_at;
    int32_t partition;
    int64_t last_offset;
};

struct ds_offer_row {
    ds_str_t offer_id;
    ds_str_t order_id;
    ds_str_t courier_id;
    int32_t offer_number;
    ds_str_t status;
    int64_t offered_at;
    int64_t expires_at;
    int64_t ended_at; /* or NULL */
    int64_t last_offset;
    int32_t distance_m; /* or NULL */
    int32_t load;
    int64_t score;
};

struct ds_courier_row {
    ds_str_t courier_id;
    ds_str_t store_id;
    ds_str_t name; /* or NULL */
    ds_str_t vehicle;
    int32_t capacity;
    bool online;
    int32_t lat_e6;    /* or NULL */
    int32_t lng_e6;    /* or NULL */
    int64_t seen_at;   /* or NULL */
    int64_t online_at; /* or NULL */
    int64_t updated_at;
    int64_t last_offset;
};

struct ds_stock_row {
    ds_str_t product_id;
    ds_str_t store_id;
    int64_t received;
    int64_t available;
    int64_t reserved;
    int64_t committed;
    bool low;
    int64_t threshold; /* or NULL */
    int64_t updated_at;
    int64_t last_offset;
};

struct ds_store_row {
    ds_str_t store_id;
    ds_str_t name;
    ds_str_t currency;
    ds_str_t time_zone;
    ds_str_t payment_methods;
    int64_t delivery_fee_minor;
    int64_t minimum_order_minor;
    bool open;
    int32_t lat_e6; /* or NULL */
    int32_t lng_e6; /* or NULL */
    int64_t updated_at;
    int32_t partition;
    int64_t last_offset;
    ds_str_t hours;            /* "mon 08:00-22:00" */
    int32_t delivery_radius_m; /* 0: none */
    ds_str_t delivery_area;    /* "52.520008 13.404954" */
    bool hand_over_code;
};

struct ds_product_row {
    ds_str_t product_id;
    ds_str_t store_id;
    ds_str_t name;
    ds_str_t category;
    ds_str_t unit;
    int64_t price_minor;
    int32_t max_quantity;
    ds_str_t image_url; /* or NULL */
    bool removed;
    int64_t updated_at;
    int64_t last_offset;
};

/** All tables a batch writes. */
enum ds_table_id {
    DS_TABLE_TIMELINE,
    DS_TABLE_COMMANDS,
    DS_TABLE_ORDERS,
    DS_TABLE_ORDER_LINES,
    DS_TABLE_ORDER_ADDRESSES,
    DS_TABLE_PAYMENTS,
    DS_TABLE_DELIVERIES,
    DS_TABLE_OFFERS,
    DS_TABLE_COURIERS,
    DS_TABLE_STOCK,
    DS_TABLE_STORES,
    DS_TABLE_PRODUCTS,
    DS_TABLES,
};

extern const struct ds_table ds_tables[DS_TABLES];

#endif
