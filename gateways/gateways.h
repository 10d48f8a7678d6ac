/* gateways/gateways.h - the only code with outside effects, and the provider it is tried with.
 *
 *   exchange/   many HTTP exchanges at once on libcurl's multi interface
 *   payments/   what is outstanding with the payment provider, the calls, the reports
 *   notifications/  what a customer is told, by mail, push or log, and the notes of it
 *   sandbox/    a payment provider that charges nobody; a program of its own that knows no Kafka
 *
 * A gateway reads events under rule F and acts with an idempotency key derived from the event. The
 * payments gateway answers with a command, the notifications gateway with a note. */
#ifndef DS_GATEWAYS_GATEWAYS_H
#define DS_GATEWAYS_GATEWAYS_H

#include "base/runtime.h"

extern const struct ds_role ds_role_gateway_payments;
extern const struct ds_role ds_role_notifications;
extern const struct ds_role ds_role_sandbox;

#endif
