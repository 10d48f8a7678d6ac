/* cli/audit/row_compare.h - rows that were folded against the rows PostgreSQL holds.
 *
 * Folded rows are sent in arrays, as the projection sends them to be written, and the server says
 * which it lacks and which differ (ds_table_compare_sql); so both sides go through the same casts.
 * What it has beyond them is found by walking its keys. All of it in the caller's transaction.
 * Threads: one. */
#ifndef DS_CLI_AUDIT_ROW_COMPARE_H
#define DS_CLI_AUDIT_ROW_COMPARE_H

#include "cli/audit/model.h"
#include "cli/audit/row_store.h"
#include "projections/postgres/link.h"

typedef struct ds_row_compare ds_row_compare_t;

/** @brief @param pg  borrowed; statements are prepared on it. MEMORY. */
DS_MUST_CHECK bool ds_row_compare_new(ds_pg_t *pg, ds_row_compare_t **compare_out,
                                      ds_error_t *error);
void ds_row_compare_destroy(ds_row_compare_t *compare);
/** @brief Where what is found is reported from now on; borrowed. */
void ds_row_compare_begin(ds_row_compare_t *compare, struct ds_audit_report *report,
                          int32_t partition, int32_t partitions);

/** @brief The audit's topic of a table's rows; -1: of all topics. */
int32_t ds_row_compare_topic(enum ds_table_id table);

/** @brief Report rows that are missing or differ. @param topic  of the events they are from.
 *  @param missing  counts up. @param error  UNAVAILABLE. */
DS_MUST_CHECK bool ds_row_compare_rows(ds_row_compare_t *compare, enum ds_table_id table,
                                       int32_t topic, const void *const *rows, size_t count,
                                       int64_t *missing, ds_error_t *error);
/** @brief All rows of the table in the store, and the database's that are not in it. */
DS_MUST_CHECK bool ds_row_compare_table(ds_row_compare_t *compare, enum ds_table_id table,
                                        ds_row_store_t *store, ds_error_t *error);

/** @brief After the last partition: report rows that stand in none of them. Only of tables that
 * have a partition; in the others a row belongs to one by its id. */
DS_MUST_CHECK bool ds_row_compare_strays(ds_row_compare_t *compare, ds_error_t *error);

/** Which offsets of a topic have a row of a table that is written once. */
struct ds_row_bits {
    uint64_t *words;
    int64_t limit; /* offsets below it fit */
    int64_t count;
    int64_t missing; /* of these, in the database */
};
DS_MUST_CHECK bool ds_row_bits_init(struct ds_row_bits *bits, int64_t limit, ds_error_t *error);
void ds_row_bits_cleanup(struct ds_row_bits *bits);
void ds_row_bits_set(struct ds_row_bits *bits, int64_t offset);
/** @brief Report rows of `timeline` or `commands` that stand at other offsets.
 *  @param topic  events topic (timeline) or commands topic (commands). */
DS_MUST_CHECK bool ds_row_compare_places(ds_row_compare_t *compare, enum ds_table_id table,
                                         int32_t topic, const struct ds_row_bits *bits,
                                         ds_error_t *error);

#endif
