/* projections/postgres/apply_internal.h - shared by apply.c and position.c only. */
#ifndef DS_PROJECTIONS_POSTGRES_APPLY_INTERNAL_H
#define DS_PROJECTIONS_POSTGRES_APPLY_INTERNAL_H

#include "projections/postgres/apply.h"

struct ds_apply {
    ds_pg_t *pg;
    struct ds_sheets sheets;
    struct ds_arrays arrays;
    ds_buf_t scratch; /* one event as JSON */
    ds_buf_t sql;     /* texts of the prepared statements */
    int64_t missed;
};

/** @brief Name the statements of position.c to the connection. */
DS_MUST_CHECK bool ds_position_prepare(ds_pg_t *pg, ds_error_t *error);
/** @brief Queue the statement that moves the units' position rows; its result has a row for each
 * that is ours. */
DS_MUST_CHECK bool ds_position_queue_move(struct ds_apply *apply, const struct ds_unit *units,
                                          size_t count, ds_error_t *error);
/** @brief Mark the units that are not in that result as LOST. @return how many. */
size_t ds_position_mark_lost(const PGresult *moved, struct ds_unit *units, size_t count);

#endif
