/* gateways/gateways.h - the only code with outside effects, and the provider it is tried with.
 *
 *   exchange/   many HTTP exchanges at once on libcurl's multi interface
 *   payments/   what is outstanding with the payment provider, the calls, the reports
 *   sandbox/    a payment provider that charges nobody; a program of its own that knows no Kafka
 *
 * A gateway reads events under rule F, acts with an idempotency key derived from the event, and
 * answers with a command. */
#ifndef DS_GATEWAYS_GATEWAYS_H
#define DS_GATEWAYS_GATEWAYS_H

#include "base/runtime.h"

extern const struct ds_role ds_role_gateway_payments;
extern const struct ds_role ds_role_sandbox;

#endif
