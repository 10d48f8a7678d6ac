/* tests/unit/projections/kit.h - events made by hand, and a batch to fold them into without any
 * server. */
#ifndef DS_TESTS_PROJECTION_KIT_H
#define DS_TESTS_PROJECTION_KIT_H

#include "projections/postgres/fold.h"

#define KIT_ORDER "berlin-1.01KAAAAAAAAAAAAAAAAAAAAAAA"
#define KIT_TIME  INT64_C(1795246233123456) /* 2026-11-21T07:30:33.123456Z */

struct ds_kit {
    struct ds_sheets sheets;
    ds_buf_t scratch;
    struct ds_fold fold;
    int64_t next_offset;
};

void ds_kit_init(struct ds_kit *kit);
void ds_kit_cleanup(struct ds_kit *kit);
/** @brief Fold an event at the next offset, one second after the one before. Aborts on failure.
 * @return the offset. */
int64_t ds_kit_fold(struct ds_kit *kit, enum ds_fold_topic topic, const void *event);
/** @brief The row, or NULL. */
const void *ds_kit_row(const struct ds_kit *kit, enum ds_table_id table, const char *key);
/** @brief The row with this index, in the order of making. */
const void *ds_kit_nth(const struct ds_kit *kit, enum ds_table_id table, size_t index);
bool ds_kit_is(ds_str_t text, const char *expected);

/* Two lines: 2 milk at 1.50 (line 1), 1 bread at 2.00 (line 2); fee 1.00; total 6.00 EUR. */
struct ds_order_event ds_kit_created(const char *order_id);
struct ds_order_event ds_kit_order(int32_t kind, const char *order_id);
struct ds_order_event ds_kit_cancelled(const char *order_id, enum ds_cancel_reason reason);
struct ds_order_event ds_kit_confirmed(const char *order_id);
struct ds_order_event ds_kit_fulfilled(const char *order_id, int64_t total_minor);
/** @brief One milk less. */
struct ds_order_event ds_kit_line_cancelled(const char *order_id);
/** @brief Say that the event answers a command at this offset of the processor's commands topic. */
void ds_kit_answer(void *event, int64_t command_offset, const char *command_id);

#endif
