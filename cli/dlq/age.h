/* cli/dlq/age.h - whether a dead letter is young enough to be tried again.
 *
 * A retry is a new record: the time to live of an order counts from it, and its command id is
 * remembered for 24 h from when it was decided (stream/window.h). So a letter of an order that is
 * older than the one, and any that is older than the other, is not tried again unasked. A command
 * is as old as its first original: where that stands in the commands topic says when it came, also
 * of a letter that was written late, and of a letter of a copy. Threads: one. */
#ifndef DS_CLI_DLQ_AGE_H
#define DS_CLI_DLQ_AGE_H

#include "cli/dlq/desk.h"

#define DS_AGE_WHY_BYTES 192

typedef struct ds_ages ds_ages_t;

/** @brief NULL: no memory. @param desk  borrowed; its letters were read. */
ds_ages_t *ds_ages_new(struct ds_desk *desk);
void ds_ages_destroy(ds_ages_t *ages);
/** @brief Whether a command may be tried again now, give or take some seconds.
 *  @param why_out  at least DS_AGE_WHY_BYTES; why not.
 *  @param error  Kafka does not say how old it is, or the registry what it is. */
DS_MUST_CHECK bool ds_ages_judge(ds_ages_t *ages, const struct ds_letter *letter, bool *may_out,
                                 char *why_out, ds_error_t *error);

#endif
