/* gateways/notifications/contacts.h - whom to tell about an order: a fold of order.events.
 *
 * payment.events and delivery.events name an order and nothing else, so what order.created said of
 * its customer is kept: for DS_ORDER_MEMORY_US of the log's time after the order's end (a refund
 * comes late), and not more than DS_MAX_CONTACTS of all partitions; beyond that the one whose order
 * ended first goes. The memory is filled by reading order.events from its beginning. It holds
 * personal data: none of it is logged. Threads: one. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_CONTACTS_H
#define DS_GATEWAYS_NOTIFICATIONS_CONTACTS_H

#include "gateways/notifications/notice.h"
#include "schemas/schema.h"

typedef struct ds_contacts ds_contacts_t;

/** @param max  of all partitions; 0: DS_MAX_CONTACTS. NULL: no memory. */
ds_contacts_t *ds_contacts_new(size_t max);
/** @brief NULL is fine. */
void ds_contacts_destroy(ds_contacts_t *contacts);
/** @brief Forget a partition. */
void ds_contacts_clear(ds_contacts_t *contacts, int32_t partition);
/** @brief A delivered event of order.events. MEMORY. */
DS_MUST_CHECK bool ds_contacts_event(ds_contacts_t *contacts, int32_t partition,
                                     const struct ds_order_event *event, ds_error_t *error);
/** @brief Fill the notice's total, recipient, email, push token and language from its order's
 *  contact, borrowed until the next event. What is no address or tag is left empty. false: the
 *  order is not known (any more). */
bool ds_contacts_fill(const ds_contacts_t *contacts, int32_t partition, struct ds_notice *notice);
/** @brief Whether the order's contact is remembered. */
bool ds_contacts_knows(const ds_contacts_t *contacts, int32_t partition, ds_str_t order_id);
/** @brief Orders remembered. */
size_t ds_contacts_count(const ds_contacts_t *contacts);
/** @brief Forgotten because there were too many. */
int64_t ds_contacts_dropped(const ds_contacts_t *contacts);

#endif
