/* gateways/payments/report.h - what the gateway tells the payment processor: a command. Pure. */
#ifndef DS_GATEWAYS_PAYMENTS_REPORT_H
#define DS_GATEWAYS_PAYMENTS_REPORT_H

#include "base/id.h"
#include "gateways/payments/ledger.h"

#define DS_GATEWAY_NAME "payments" /* the actor's id */

/** @brief ReportCharge or ReportRefund for an entry that was taken to be reported. The command id
 *  follows from key and outcome: a report that is sent twice is a repeat.
 *  @param provider     borrowed by the command, like the entry's texts and *id_out.
 *  @param command_out  valid as long as those. */
DS_MUST_CHECK bool ds_report_make(const struct ds_entry *entry, const char *provider,
                                  int64_t now_us, ds_id_t *id_out,
                                  struct ds_payment_command *command_out, ds_error_t *error);

#endif
