/* gateways/notifications/notice.h - what a customer is told: one event of an order.
 *
 * A notice is told once on each channel. Order and event make it one: both stand in the log, so
 * whoever reads the event again tells the same. Pure. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_NOTICE_H
#define DS_GATEWAYS_NOTIFICATIONS_NOTICE_H

#include "base/str.h"

enum ds_notice_kind {
    DS_NOTICE_CONFIRMED,        /* order.confirmed */
    DS_NOTICE_CANCELLED,        /* order.cancelled */
    DS_NOTICE_REFUNDED,         /* payment.refunded */
    DS_NOTICE_COURIER_ASSIGNED, /* delivery.assigned, delivery.reassigned */
    DS_NOTICE_ARRIVING,         /* delivery.arrived */
    DS_NOTICE_DELIVERED,        /* order.fulfilled */
    DS_NOTICE_KINDS,
};

enum ds_channel {
    DS_CHANNEL_EMAIL,
    DS_CHANNEL_PUSH,
    DS_CHANNEL_LOG,
    DS_CHANNELS,
};

/** The events topics, by their index in the reader. */
enum ds_notice_topic {
    DS_NOTICE_ORDER,
    DS_NOTICE_PAYMENT,
    DS_NOTICE_DELIVERY,
    DS_NOTICE_TOPICS,
};

/** What a template may name. */
enum ds_notice_value {
    DS_VALUE_EVENT,     /* "confirmed", ... */
    DS_VALUE_NOTICE_ID, /* ds_notice_id(): Message-ID, Idempotency-Key */
    DS_VALUE_ORDER_ID,  /* "berlin-1.01K9..." */
    DS_VALUE_STORE_ID,  /* "berlin-1" */
    DS_VALUE_AT,        /* RFC 3339, UTC */
    DS_VALUE_RECIPIENT, /* may be empty, like all below */
    DS_VALUE_TOTAL,     /* "29.99 EUR" */
    DS_VALUE_AMOUNT,    /* of a refund */
    DS_VALUE_REASON,    /* of a cancellation, in the template's language */
    DS_VALUE_COURIER,
    DS_VALUE_LANGUAGE, /* of the template */
    DS_VALUE_EMAIL,
    DS_VALUE_PUSH_TOKEN,
    DS_NOTICE_VALUES,
};

/** All texts are borrowed from whoever holds the notice; absent ones are empty. */
struct ds_notice {
    enum ds_notice_kind kind;
    int64_t at_us; /* the event's own time */
    ds_str_t event_id;
    ds_str_t order_id;
    ds_str_t correlation_id;
    ds_str_t reason;  /* a symbol: "OUT_OF_STOCK" */
    ds_str_t amount;  /* "29.99 EUR" */
    ds_str_t courier; /* a name */
    /* From the order's contact. */
    ds_str_t total;
    ds_str_t recipient;
    ds_str_t email;
    ds_str_t push_token;
    ds_str_t language;
};

/** @brief "confirmed", "courier_assigned", ...: names of files, labels, fields. */
const char *ds_notice_kind_text(enum ds_notice_kind kind);
/** @brief "email", "push", "log". */
const char *ds_channel_text(enum ds_channel channel);
/* Order id, dot, event id. An event id alone is used again in a log that is made anew. */
#define DS_NOTICE_ID_BYTES 224
/** @brief What makes the notice one, for the other side: "berlin-1.01K9....order-2-2-3-0". Letters,
 *  digits, '-', '_' and single dots only. @return false: the ids are none. */
bool ds_notice_id(const struct ds_notice *notice, char id_out[DS_NOTICE_ID_BYTES]);

/** @brief "event", "order_id", ...; ends with NULL. In the order of enum ds_notice_value. */
extern const char *const ds_notice_value_names[DS_NOTICE_VALUES + 1];

/** @brief A copy with texts of its own, cut to DS_MAX_VALUE_BYTES where they are no address.
 *  @return one block, freed with free(); NULL: no memory. */
struct ds_notice *ds_notice_dup(const struct ds_notice *notice);

#endif
