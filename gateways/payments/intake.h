/* gateways/payments/intake.h - from payment.events to the calls.
 *
 * The main thread's part: it reads under rule F whatever partitions the group gives, each from its
 * beginning, and lets nothing of one be called before all that its log knew has been read.
 *
 * What opens while too much is outstanding is passed over, and its partition is read again from
 * there when there is room, with what is held of it. A pass holds at least the half that was free,
 * and the next one begins behind what it held: so it comes to an end, whatever the log's peaks are.
 *
 * Threads: one at a time. */
#ifndef DS_GATEWAYS_PAYMENTS_INTAKE_H
#define DS_GATEWAYS_PAYMENTS_INTAKE_H

#include "gateways/payments/calls.h"

struct ds_intake_config {
    const char *brokers;
    const char *group_instance_id; /* NULL: none */
    ds_calls_t *calls;             /* borrowed */
    /** For tests; taken, also on failure. NULL: Kafka at `brokers`. */
    struct ds_broker *broker;
    struct ds_broker *lookup;
};

typedef struct ds_intake ds_intake_t;

DS_MUST_CHECK bool ds_intake_new(const struct ds_runtime *runtime,
                                 const struct ds_intake_config *config, ds_intake_t **intake_out,
                                 ds_error_t *error);
/** @brief Leave the group. NULL is fine. */
void ds_intake_destroy(ds_intake_t *intake);
/** @brief Read what there is, waiting some ms for it. @return false: the role must end. */
DS_MUST_CHECK bool ds_intake_turn(ds_intake_t *intake, ds_error_t *error);
/** @brief How long to pause before the next turn, as the last one could not read. */
int ds_intake_pause_ms(const ds_intake_t *intake);
/** @brief What is missing, a literal for people; NULL: nothing. */
const char *ds_intake_waiting(const ds_intake_t *intake);
/** @brief Some partitions are ours, and all of those have been read to where they ended. */
bool ds_intake_current(const ds_intake_t *intake);

#endif
