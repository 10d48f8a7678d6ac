#include "api/positions.h"

#include "api/db.h"
#include "base/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { READ_EVERY_MS = 10, LOOK_EVERY_MS = 20, KEEP_READING_US = 1000000 };

struct position {
    int64_t through;
    char log_id[64];
};

struct ds_positions {
    const struct ds_runtime *runtime;
    ds_db_t db;
    pthread_t thread;
    bool thread_runs;
    atomic_bool stop;
    _Atomic int64_t wanted_until_us;
    pthread_mutex_t lock;
    struct position table[DS_TOPICS][DS_MAX_PARTITIONS];
};

static const struct ds_sql all_positions = {
    "positions", "SELECT topic, partition, log_id, commands_through FROM shop.position"};
static const struct ds_sql one_position = {
    "position", "SELECT log_id, commands_through,"
                " coalesce(extract(epoch FROM clock_timestamp() - event_time), 0)::float8"
                " FROM shop.position WHERE topic = $1 AND partition = $2::int"};

static void sleep_ms(int ms)
{
    struct timespec time = {0, (long)ms * 1000000L};
    (void)nanosleep(&time, NULL);
}

static void take_row(ds_positions_t *positions, const PGresult *rows, int row)
{
    int64_t partition = ds_cell_int(rows, row, 1);
    if (partition < 0 || partition >= DS_MAX_PARTITIONS)
        return;
    for (int topic = 0; topic < DS_TOPICS; topic++) {
        if (!ds_str_eq(ds_cell(rows, row, 0),
                       ds_str(ds_topic_events((enum ds_commands_topic)topic))))
            continue;
        struct position *position = &positions->table[topic][partition];
        position->through = ds_cell_int(rows, row, 3);
        (void)ds_str_to_array(ds_cell(rows, row, 2), position->log_id, sizeof position->log_id);
    }
}

static void read_table(ds_positions_t *positions)
{
    ds_error_t error = DS_ERROR_INIT;
    PGresult *rows = NULL;
    positions->db.timeout_us = positions->db.default_timeout_us;
    if (!ds_db_open(&positions->db, &error) ||
        !ds_db_query(&positions->db, &all_positions, 0, NULL, &rows, &error))
        return; /* the waiting requests are told when their time is over */
    (void)pthread_mutex_lock(&positions->lock);
    for (int row = 0; row < PQntuples(rows); row++)
        take_row(positions, rows, row);
    (void)pthread_mutex_unlock(&positions->lock);
    PQclear(rows);
}

static void *run(void *positions_)
{
    ds_positions_t *positions = positions_;
    while (!atomic_load(&positions->stop)) {
        bool wanted =
            atomic_load(&positions->wanted_until_us) > ds_monotonic_us(positions->runtime->clock);
        if (wanted)
            read_table(positions);
        sleep_ms(wanted ? READ_EVERY_MS : LOOK_EVERY_MS);
    }
    ds_db_close(&positions->db);
    return NULL;
}

bool ds_positions_new(const struct ds_runtime *runtime, const char *url,
                      ds_positions_t **positions_out, ds_error_t *error)
{
    ds_positions_t *positions = calloc(1, sizeof *positions);
    *positions_out = positions;
    if (positions == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "no memory for positions");
    positions->runtime = runtime;
    positions->db = (ds_db_t){.url = url, .runtime = runtime, .default_timeout_us = DS_US_PER_S};
    for (size_t topic = 0; topic < DS_TOPICS; topic++)
        for (size_t p = 0; p < DS_MAX_PARTITIONS; p++)
            positions->table[topic][p].through = -1;
    (void)pthread_mutex_init(&positions->lock, NULL);
    positions->thread_runs = pthread_create(&positions->thread, NULL, run, positions) == 0;
    if (positions->thread_runs)
        return true;
    ds_positions_destroy(positions);
    *positions_out = NULL;
    return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "start the thread of positions");
}

void ds_positions_destroy(ds_positions_t *positions)
{
    if (positions == NULL)
        return;
    atomic_store(&positions->stop, true);
    if (positions->thread_runs)
        (void)pthread_join(positions->thread, NULL);
    (void)pthread_mutex_destroy(&positions->lock);
    free(positions);
}

void ds_positions_want(ds_positions_t *positions)
{
    atomic_store(&positions->wanted_until_us,
                 ds_monotonic_us(positions->runtime->clock) + KEEP_READING_US);
}

static bool foreign(const char *of_token, ds_str_t of_log)
{
    return of_token[0] != '\0' && of_log.len > 0 && !ds_str_eq(ds_str(of_token), of_log);
}

bool ds_positions_met(ds_positions_t *positions, const struct ds_token *tokens, size_t count)
{
    bool met = true;
    (void)pthread_mutex_lock(&positions->lock);
    for (size_t i = 0; met && i < count; i++) {
        if (tokens[i].partition >= DS_MAX_PARTITIONS)
            continue;
        const struct position *position = &positions->table[tokens[i].topic][tokens[i].partition];
        met = position->through >= tokens[i].offset ||
              foreign(tokens[i].identity, ds_str(position->log_id));
    }
    (void)pthread_mutex_unlock(&positions->lock);
    return met;
}

static bool check_one(ds_db_t *db, const struct ds_token *token, enum ds_token_verdict *verdict_out,
                      double *lag_s_out, ds_error_t *error)
{
    char partition[16];
    PGresult *rows = NULL;
    (void)snprintf(partition, sizeof partition, "%d", (int)token->partition);
    const char *params[] = {ds_topic_events(token->topic), partition};
    if (!ds_db_query(db, &one_position, 2, params, &rows, error))
        return false;
    if (PQntuples(rows) == 0) {
        *verdict_out = DS_TOKEN_BEHIND;
    } else if (foreign(token->identity, ds_cell(rows, 0, 0))) {
        *verdict_out = DS_TOKEN_FOREIGN;
    } else if (ds_cell_int(rows, 0, 1) < token->offset) {
        *verdict_out = DS_TOKEN_BEHIND;
        double lag = strtod(PQgetvalue(rows, 0, 2), NULL);
        *lag_s_out = lag > *lag_s_out ? lag : *lag_s_out;
    }
    PQclear(rows);
    return true;
}

bool ds_tokens_check(ds_db_t *db, const struct ds_token *tokens, size_t count,
                     enum ds_token_verdict *verdict_out, double *lag_s_out, ds_error_t *error)
{
    *verdict_out = DS_TOKEN_MET;
    *lag_s_out = 0;
    for (size_t i = 0; i < count && *verdict_out != DS_TOKEN_FOREIGN; i++)
        if (!check_one(db, &tokens[i], verdict_out, lag_s_out, error))
            return false;
    return true;
}
