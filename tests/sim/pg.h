/* tests/sim/pg.h - PostgreSQL as the projection's worker sees it: shared by pg_client.c,
 * pg_server.c and pg_rows.c.
 *
 * Rows are kept as the columns' elements of PostgreSQL's binary arrays (an int32 length, -1 for
 * NULL, and the bytes), one behind the other, so what the worker encodes is kept as it stands.
 * Transactions are what read committed makes of these statements: what one writes is seen when it
 * commits, and position rows are locked from SELECT FOR UPDATE to the end. */
#ifndef DS_TESTS_SIM_PG_H
#define DS_TESTS_SIM_PG_H

#include "projections/postgres/worker.h"
#include "sim.h"

#define SIM_BACKENDS 64

struct sim_row {
    struct sim_row *next; /* in its bucket */
    ds_bytes_t key;
    ds_bytes_t columns;
};
#define SIM_BUCKETS 128
struct sim_table {
    struct sim_row *buckets[SIM_BUCKETS];
    size_t count;
};

struct sim_position {
    bool exists;
    int64_t last_offset;
    int64_t epoch;
    int64_t seq;
    int64_t generation;
    int64_t commands_through;
    char log_id[DS_LOG_ID_BYTES];
};
struct sim_position_row {
    struct sim_position now;
    struct sim_backend *lock; /* whose transaction has it */
};

/** A statement on its way, with its parameters. */
struct sim_statement {
    char name[40];
    int param_count;
    ds_bytes_t params[DS_MAX_COLUMNS];
    PGresult *result;
};

struct sim_staged {
    int table; /* -1: a position */
    struct sim_row row;
    struct sim_position position;
    int topic;
    int32_t partition;
};

/** The server's side of a connection. */
struct sim_backend {
    struct ds_pg *client; /* NULL: it is gone */
    struct sim_proc *proc;
    struct sim_statement *statements;
    size_t count;
    size_t next;
    bool busy; /* a batch is being carried out */
    bool failed;
    bool in_transaction;
    bool killed;
    int batches;
    int64_t lock_until_us;
    struct sim_staged *staged;
    size_t staged_count;
    size_t staged_capacity;
};

struct sim_pg {
    struct sim_table tables[DS_TABLES];
    struct sim_position_row positions[DS_FOLD_TOPICS][SIM_PARTITIONS];
    struct sim_backend *waiting[SIM_BACKENDS]; /* for a lock */
    size_t waiting_count;
    struct sim_backend **backends; /* all there were */
    size_t backend_count;
    size_t backend_capacity;
};

/** pg_rows.c: the i-th element of a row or an array; false: it is NULL. */
bool sim_element(ds_bytes_t elements, size_t i, ds_bytes_t *bytes_out);
size_t sim_array_count(ds_bytes_t array);
ds_bytes_t sim_array_elements(ds_bytes_t array);
int64_t sim_be(ds_bytes_t bytes);
const struct sim_row *sim_find_row(const struct sim_table *table, ds_bytes_t key);
void sim_put_row(struct sim *sim, int table, const struct sim_row *row);
/** One row of the arrays of a write: row `i`. */
struct sim_row sim_row_of(struct sim *sim, int table, const ds_bytes_t *arrays, size_t i);
PGresult *sim_load(struct sim *sim, int load, ds_bytes_t ids);
PGresult *sim_result(int columns);
void sim_result_bytes(PGresult *result, int row, int column, const void *bytes, size_t len);
void sim_result_number(PGresult *result, int row, int column, int64_t value, int bytes);

/** pg_server.c */
struct sim_backend *sim_backend_new(struct sim_proc *proc, struct ds_pg *client);
void sim_backend_begin(struct sim *sim, struct sim_backend *backend);
void sim_backend_gone(struct sim *sim, struct sim_backend *backend);

#endif
