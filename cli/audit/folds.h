/* cli/audit/folds.h - the checks, one file a group; used by part.c and the tests.
 *
 * A fold takes the delivered events of its topic in order and reports what is wrong with them by
 * themselves. A judge looks at what all folds made of one partition. All are pure but for the
 * report; false is only out of memory. */
#ifndef DS_CLI_AUDIT_FOLDS_H
#define DS_CLI_AUDIT_FOLDS_H

#include "cli/audit/model.h"
#include "cli/audit/sum.h"

/** protocol.c: rule F, damage, skipped records (I8), causes, event ids. */
DS_MUST_CHECK bool ds_audit_stream_init(struct ds_audit_stream *stream, struct ds_audit_range range,
                                        ds_error_t *error);
void ds_audit_stream_cleanup(struct ds_audit_stream *stream);
/** Whether its beginning is there. */
void ds_audit_stream_begin(struct ds_audit_part *part, int32_t processor);
/** @param events_out  the decision that this record completes, borrowed until the next call; count
 * 0: none. */
DS_MUST_CHECK bool ds_audit_stream_take(struct ds_audit_part *part, int32_t processor,
                                        const struct ds_audit_record *record,
                                        const struct ds_audit_event **events_out, size_t *count_out,
                                        ds_error_t *error);
/** What was left open at the end; and that each cause is a delivered record. */
void ds_audit_stream_judge(struct ds_audit_part *part, int32_t processor);

/** decisions.c: what a completed decision says of itself. */
DS_MUST_CHECK bool ds_audit_decision(struct ds_audit_part *part, int32_t processor,
                                     const struct ds_audit_event *events, size_t count,
                                     ds_error_t *error);
void ds_audit_judge_causes(struct ds_audit_part *part, int32_t processor);
void ds_audit_ids_cleanup(struct ds_audit_ids *ids);

/** runs.c: what is delivered, and what is named, in a few runs an epoch. MEMORY. */
DS_MUST_CHECK bool ds_audit_runs_add(struct ds_audit_runs *runs, int64_t offset, int64_t epoch,
                                     int64_t seq, ds_error_t *error);
/** The run that the offset is in; NULL: not delivered. */
const struct ds_audit_run *ds_audit_runs_find(const struct ds_audit_runs *runs, int64_t offset);
void ds_audit_runs_cleanup(struct ds_audit_runs *runs);
DS_MUST_CHECK bool ds_audit_name(struct ds_audit_stream *stream, const struct ds_audit_cause *cause,
                                 ds_error_t *error);

/** commands.c: I7. */
DS_MUST_CHECK bool ds_audit_commands_init(struct ds_audit_commands *commands,
                                          struct ds_audit_range range, ds_error_t *error);
void ds_audit_commands_cleanup(struct ds_audit_commands *commands);
DS_MUST_CHECK bool ds_audit_fold_command(struct ds_audit_part *part, int32_t processor,
                                         const struct ds_audit_record *record, ds_error_t *error);
/** What a decision says of a command id: it takes effect once, and what it repeats was decided. Of
 * the command that is answered ds_audit_answer_command does it too. */
DS_MUST_CHECK bool ds_audit_judge_id(struct ds_audit_part *part, int32_t processor,
                                     const struct ds_audit_cause *cause,
                                     const struct ds_event_head *head, ds_error_t *error);
/** A decision on a command. */
DS_MUST_CHECK bool ds_audit_answer_command(struct ds_audit_part *part, int32_t processor,
                                           const struct ds_audit_cause *cause,
                                           const struct ds_event_head *head, ds_error_t *error);
void ds_audit_judge_commands(struct ds_audit_part *part, int32_t processor);

/** prices.c: I9. */
DS_MUST_CHECK bool ds_audit_fold_catalog(struct ds_audit_part *part,
                                         const struct ds_audit_event *event, ds_error_t *error);
void ds_audit_judge_prices(struct ds_audit_part *part, const struct ds_audit_order *order);

/** order.c: transitions and totals. */
DS_MUST_CHECK bool ds_audit_fold_order(struct ds_audit_part *part,
                                       const struct ds_audit_event *event, ds_error_t *error);
/** What its lines come to now, with the fee. */
int64_t ds_audit_total_now(const struct ds_audit_order *order);
int64_t ds_audit_pieces_left(const struct ds_audit_order *order, int32_t line);

/** part.c: whether a topic's first step of an order is one of another life: it comes when the
 * processor has forgotten what it last did for it. Noted in *again, an offset; then true for all
 * that follows. @param memory_us  of the processor. */
bool ds_audit_is_over(const struct ds_audit_event *event, bool is_first_step, int64_t last,
                      int64_t last_us, int64_t memory_us, int64_t *again);

/** stock.c: I1 and I4. */
DS_MUST_CHECK bool ds_audit_fold_stock(struct ds_audit_part *part,
                                       const struct ds_audit_event *event, ds_error_t *error);

/** money.c: I2 and what payment's own events say of I3. */
DS_MUST_CHECK bool ds_audit_fold_payment(struct ds_audit_part *part,
                                         const struct ds_audit_event *event, ds_error_t *error);

/** delivery.c: transitions. */
DS_MUST_CHECK bool ds_audit_fold_delivery(struct ds_audit_part *part,
                                          const struct ds_audit_event *event, ds_error_t *error);

/** reasons.c: each step answers the record that allows it. */
/** What the event answers, when it is of `input`, into *by; else it is told and *by stays -1. */
void ds_audit_note_reason(struct ds_audit_part *part, const struct ds_audit_event *event,
                          const struct ds_audit_order *order, int32_t input, const char *invariant,
                          int64_t *by);
void ds_audit_judge_reasons(struct ds_audit_part *part, const struct ds_audit_order *order);

/** leave.c: orders that are over. MEMORY. */
DS_MUST_CHECK bool ds_audit_sweep(struct ds_audit_part *part, ds_error_t *error);
bool ds_audit_has_left(const struct ds_audit_part *part, ds_str_t order_id);
/** part.c: of an order that is all zero, there is no offset yet. */
void ds_audit_know_nothing(struct ds_audit_order *order);
/** part.c: count and judge one order, with its prices; once. */
void ds_audit_judge_one(struct ds_audit_part *part, struct ds_audit_order *order);

/** judge.c: one order, all topics read: I2, I4, I5. @return true when it is at rest. */
bool ds_audit_judge_order(struct ds_audit_part *part, const struct ds_audit_order *order);

#endif
