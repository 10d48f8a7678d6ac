#include "projections/postgres/apply_internal.h"

#include <assert.h>

/* Taking: rows are made where there are none yet, then all raised to one generation. They are
 * locked in one order, as everywhere, so that two takers never wait for each other in a circle. */
static const char make_sql[] = "INSERT INTO read_v1.position (topic, partition) SELECT t, "
                               "$2::integer FROM unnest($1::text[]) t "
                               "ORDER BY t ON CONFLICT DO NOTHING";
static const char take_sql[] =
    "WITH mine AS (SELECT topic, generation FROM read_v1.position WHERE topic = ANY($1::text[]) "
    "AND partition = $2::integer ORDER BY topic FOR UPDATE) "
    "UPDATE read_v1.position p SET generation = (SELECT max(generation) + 1 FROM mine) "
    "FROM mine WHERE p.topic = mine.topic AND p.partition = $2::integer "
    "RETURNING p.topic, p.last_offset, p.epoch, p.seq, p.generation, p.commands_through, p.log_id";

/* Moving: the compare-and-set of the fence. `offset < new` alone would let an evicted worker in. */
static const char move_sql[] =
    "WITH n AS (SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], "
    "$5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[], $9::bigint[], $10::text[]) "
    "AS n(topic, partition, expected, generation, last_offset, epoch, seq, event_time, "
    "commands_through, log_id)), "
    "mine AS (SELECT p.topic, p.partition FROM read_v1.position p JOIN n USING (topic, partition) "
    "WHERE p.last_offset = n.expected AND p.generation = n.generation "
    "ORDER BY p.topic, p.partition FOR UPDATE OF p) "
    "UPDATE read_v1.position p SET last_offset = n.last_offset, epoch = n.epoch, seq = n.seq, "
    "event_time = n.event_time, commands_through = n.commands_through, log_id = n.log_id, "
    "written_at = clock_timestamp() FROM n, mine "
    "WHERE p.topic = n.topic AND p.partition = n.partition "
    "AND mine.topic = n.topic AND mine.partition = n.partition "
    "RETURNING p.topic, p.partition";

static const char look_sql[] =
    "SELECT p.topic, p.partition, p.last_offset, p.generation FROM read_v1.position p "
    "JOIN unnest($1::text[], $2::integer[]) AS n(topic, partition) USING (topic, partition) "
    "ORDER BY p.topic, p.partition FOR UPDATE OF p";

bool ds_position_prepare(ds_pg_t *pg, ds_error_t *error)
{
    return ds_pg_prepare(pg, "position_make", make_sql, error) &&
           ds_pg_prepare(pg, "position_take", take_sql, error) &&
           ds_pg_prepare(pg, "position_move", move_sql, error) &&
           ds_pg_prepare(pg, "position_look", look_sql, error);
}

static void clear_results(PGresult **results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PQclear(results[i]); /* NULL is fine */
}

static bool queue_columns(struct ds_apply *apply, const char *statement, size_t columns,
                          ds_error_t *error)
{
    struct ds_arrays *a = &apply->arrays;
    for (size_t i = 0; i < columns; i++) {
        a->values[i] = (const char *)a->columns[i].data;
        a->lengths[i] = (int)a->columns[i].len;
    }
    return ds_pg_queue(apply->pg, statement, (int)columns, a->values, a->lengths, error);
}

static bool begin_columns(struct ds_apply *apply, const uint32_t *oids, size_t columns,
                          ds_error_t *error)
{
    for (size_t i = 0; i < columns; i++) {
        ds_buf_clear(&apply->arrays.columns[i]);
        if (!ds_array_begin(&apply->arrays.columns[i], oids[i], error))
            return false;
    }
    return true;
}

static void end_columns(struct ds_apply *apply, size_t columns, size_t count)
{
    for (size_t i = 0; i < columns; i++)
        ds_array_end(&apply->arrays.columns[i], count);
}

static int topic_of(ds_str_t name)
{
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        if (ds_str_eq(name, ds_str(ds_fold_schemas[t]->topic)))
            return t;
    }
    return -1;
}

/* ---- taking ---- */

static bool queue_take(struct ds_apply *apply, int32_t partition, ds_error_t *error)
{
    ds_buf_t *topics = &apply->arrays.columns[0];
    uint8_t number[4] = {(uint8_t)((uint32_t)partition >> 24), (uint8_t)((uint32_t)partition >> 16),
                         (uint8_t)((uint32_t)partition >> 8), (uint8_t)partition};
    const uint32_t oid = DS_OID_TEXT;
    if (!begin_columns(apply, &oid, 1, error))
        return false;
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        if (!ds_array_text(topics, ds_str(ds_fold_schemas[t]->topic), error))
            return false;
    }
    ds_array_end(topics, DS_FOLD_TOPICS);
    const char *const values[] = {(const char *)topics->data, (const char *)number};
    const int lengths[] = {(int)topics->len, (int)sizeof number};
    /* Batches may be lost in a crash of the server together with their positions, and are read
     * again; a generation that was given out may not, or an evicted worker could write. */
    return ds_pg_queue_sql(apply->pg, "BEGIN", NULL, error) &&
           ds_pg_queue_sql(apply->pg, "SET LOCAL synchronous_commit = on", NULL, error) &&
           ds_pg_queue(apply->pg, "position_make", 2, values, lengths, error) &&
           ds_pg_queue(apply->pg, "position_take", 2, values, lengths, error) &&
           ds_pg_queue_sql(apply->pg, "COMMIT", NULL, error);
}

static bool read_taken(const PGresult *rows, struct ds_position *positions, ds_error_t *error)
{
    bool seen[DS_FOLD_TOPICS] = {false};
    for (int r = 0; r < PQntuples(rows); r++) {
        int t = topic_of(ds_result_text(rows, r, 0));
        if (t < 0)
            continue;
        struct ds_position *p = &positions[t];
        p->place = (struct ds_log_place){ds_result_i64(rows, r, 1), ds_result_i64(rows, r, 2),
                                         ds_result_i64(rows, r, 3)};
        p->generation = ds_result_i64(rows, r, 4);
        p->commands_through = ds_result_i64(rows, r, 5);
        if (!ds_str_to_array(ds_result_text(rows, r, 6), p->log_id, sizeof p->log_id))
            return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID,
                                "position of %s: the log identity is too long",
                                ds_fold_schemas[t]->topic);
        seen[t] = true;
    }
    for (int t = 0; t < DS_FOLD_TOPICS; t++) {
        if (!seen[t])
            return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_UNAVAILABLE,
                                "no position row of %s after making one",
                                ds_fold_schemas[t]->topic);
    }
    return true;
}

#define TAKE_STATEMENTS 5
#define TAKE_ROWS       3

bool ds_apply_take(ds_apply_t *apply, int32_t partition,
                   struct ds_position positions_out[DS_FOLD_TOPICS], ds_error_t *error)
{
    PGresult *results[TAKE_STATEMENTS] = {NULL};
    memset(positions_out, 0, DS_FOLD_TOPICS * sizeof *positions_out);
    bool ok = ds_pg_connect(apply->pg, error) && queue_take(apply, partition, error) &&
              ds_pg_sync(apply->pg, results, TAKE_STATEMENTS, error) &&
              read_taken(results[TAKE_ROWS], positions_out, error);
    clear_results(results, TAKE_STATEMENTS);
    if (!ok)
        ds_pg_close(apply->pg); /* whatever was queued goes with it */
    return ok;
}

/* ---- moving ---- */

static bool put_move(ds_buf_t *columns, const struct ds_unit *u, ds_error_t *error)
{
    return ds_array_text(&columns[0], ds_str(ds_fold_schemas[u->topic]->topic), error) &&
           ds_array_i32(&columns[1], u->partition, error) &&
           ds_array_i64(&columns[2], u->before.place.offset, error) &&
           ds_array_i64(&columns[3], u->before.generation, error) &&
           ds_array_i64(&columns[4], u->after.place.offset, error) &&
           ds_array_i64(&columns[5], u->after.place.epoch, error) &&
           ds_array_i64(&columns[6], u->after.place.seq, error) &&
           ds_array_time(&columns[7], u->event_time_us, error) &&
           ds_array_i64(&columns[8], u->after.commands_through, error) &&
           ds_array_text(&columns[9], ds_str(u->after.log_id), error);
}

bool ds_position_queue_move(struct ds_apply *apply, const struct ds_unit *units, size_t count,
                            ds_error_t *error)
{
    static const uint32_t oids[] = {DS_OID_TEXT, DS_OID_INT4, DS_OID_INT8, DS_OID_INT8,
                                    DS_OID_INT8, DS_OID_INT8, DS_OID_INT8, DS_OID_TIMESTAMPTZ,
                                    DS_OID_INT8, DS_OID_TEXT};
    const size_t columns = sizeof oids / sizeof oids[0];
    if (!begin_columns(apply, oids, columns, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!put_move(apply->arrays.columns, &units[i], error))
            return false;
    }
    end_columns(apply, columns, count);
    return queue_columns(apply, "position_move", columns, error);
}

static int find_row(const PGresult *rows, const struct ds_unit *unit)
{
    for (int r = 0; r < PQntuples(rows); r++) {
        if (ds_result_i32(rows, r, 1) == unit->partition &&
            topic_of(ds_result_text(rows, r, 0)) == (int)unit->topic)
            return r;
    }
    return -1;
}

size_t ds_position_mark_lost(const PGresult *moved, struct ds_unit *units, size_t count)
{
    size_t lost = 0;
    for (size_t i = 0; i < count; i++) {
        bool ours = find_row(moved, &units[i]) >= 0;
        units[i].state = ours ? DS_UNIT_OPEN : DS_UNIT_LOST;
        lost += ours ? 0 : 1;
    }
    return lost;
}

/* ---- settling ---- */

static bool look(struct ds_apply *apply, const struct ds_unit *units, size_t count,
                 PGresult **rows_out, ds_error_t *error)
{
    static const uint32_t oids[] = {DS_OID_TEXT, DS_OID_INT4};
    ds_buf_t *columns = apply->arrays.columns;
    if (!begin_columns(apply, oids, 2, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!ds_array_text(&columns[0], ds_str(ds_fold_schemas[units[i].topic]->topic), error) ||
            !ds_array_i32(&columns[1], units[i].partition, error))
            return false;
    }
    end_columns(apply, 2, count);
    return queue_columns(apply, "position_look", 2, error) &&
           ds_pg_sync(apply->pg, rows_out, 1, error);
}

static enum ds_unit_state judge(const PGresult *rows, const struct ds_unit *unit)
{
    int r = find_row(rows, unit);
    if (r < 0 || ds_result_i64(rows, r, 3) != unit->before.generation)
        return DS_UNIT_LOST;
    int64_t offset = ds_result_i64(rows, r, 2);
    if (offset == unit->after.place.offset)
        return DS_UNIT_DONE;
    return offset == unit->before.place.offset ? DS_UNIT_OPEN : DS_UNIT_LOST;
}

enum ds_disposition ds_apply_settle(ds_apply_t *apply, struct ds_unit *units, size_t unit_count,
                                    ds_error_t *error)
{
    PGresult *rows = NULL;
    size_t done = 0;
    size_t lost = 0;
    if (!ds_pg_connect(apply->pg, error) || !look(apply, units, unit_count, &rows, error)) {
        ds_pg_close(apply->pg);
        return DS_APPLY_UNKNOWN;
    }
    for (size_t i = 0; i < unit_count; i++) {
        units[i].state = judge(rows, &units[i]);
        done += units[i].state == DS_UNIT_DONE ? 1 : 0;
        lost += units[i].state == DS_UNIT_LOST ? 1 : 0;
    }
    PQclear(rows);
    /* It was one transaction: any unit at its new place proves that all were written. */
    assert(done == 0 || done + lost == unit_count);
    if (done > 0)
        return DS_APPLIED;
    return lost > 0 ? DS_APPLY_LOST : DS_APPLY_AGAIN;
}
