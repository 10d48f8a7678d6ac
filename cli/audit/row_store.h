/* cli/audit/row_store.h - the read model's rows of a partition in memory, as a database would hold
 * them for the projection's fold.
 *
 * Its memory has a maximum. Where a partition has more rows, it is folded several times: the rows
 * are dealt into slices, by the id that the fold finds them by, and a pass keeps those of one slice
 * only. The fold takes the others for rows that are not there, and changes nothing. Rows that are
 * written once (timeline, commands) are not kept here. Threads: one. */
#ifndef DS_CLI_AUDIT_ROW_STORE_H
#define DS_CLI_AUDIT_ROW_STORE_H

#include "projections/postgres/sheet.h"

typedef struct ds_row_store ds_row_store_t;

/** @brief NULL: no memory. */
ds_row_store_t *ds_row_store_new(size_t max_bytes);
void ds_row_store_destroy(ds_row_store_t *store);
/** @brief Forget all rows, and keep those of one slice from now on: 0 <= slice < slices. */
DS_MUST_CHECK bool ds_row_store_begin(ds_row_store_t *store, uint32_t slice, uint32_t slices,
                                      ds_error_t *error);
/** @brief True when a row went over the maximum: that and what follows is lost, begin anew with
 * more slices. */
bool ds_row_store_is_full(const ds_row_store_t *store);

/** @brief Put the rows that the sheets want into them. Their texts are borrowed until the next
 * load. */
DS_MUST_CHECK bool ds_row_store_load(ds_row_store_t *store, struct ds_sheets *sheets,
                                     ds_error_t *error);
/** @brief Take over what was folded: rows that are new or changed. */
DS_MUST_CHECK bool ds_row_store_keep(ds_row_store_t *store, struct ds_sheets *sheets,
                                     enum ds_table_id table, ds_error_t *error);

/** @brief True when rows of this id are in the slice. */
bool ds_row_store_has_slice(const ds_row_store_t *store, ds_str_t id);
/** @brief Is there such a row? @param line  0, or of an order line. MEMORY. */
DS_MUST_CHECK bool ds_row_store_find(ds_row_store_t *store, enum ds_table_id table, ds_str_t id,
                                     int32_t line, bool *found_out, ds_error_t *error);
/** @brief Walk a table's rows; start with *cursor = 0. NULL at the end. */
const void *ds_row_store_next(const ds_row_store_t *store, enum ds_table_id table, size_t *cursor);

#endif
