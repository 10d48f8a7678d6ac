/* gateways/notifications/events.h - which events of the log are told, and what of them. Pure. */
#ifndef DS_GATEWAYS_NOTIFICATIONS_EVENTS_H
#define DS_GATEWAYS_NOTIFICATIONS_EVENTS_H

#include "base/money.h"
#include "gateways/notifications/notice.h"
#include "schemas/schema.h"

#define DS_AMOUNT_TEXT_BYTES (DS_MONEY_TEXT_BYTES + 8)

/** @brief The notice in an event, without the contact.
 *  @param event       the topic's struct; borrowed by the notice.
 *  @param amount_out  for the notice's amount; borrowed too.
 *  @return false: it is none that is told. */
bool ds_notice_of_event(enum ds_notice_topic topic, const void *event,
                        char amount_out[DS_AMOUNT_TEXT_BYTES], struct ds_notice *notice_out);

#endif
