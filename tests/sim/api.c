/* Consistency-Tokens as the api checks them (api/tokens.c, api/positions.c), against the position
 * rows of pg_server.c: what a met token promises must be there. */
#include "api/db.h"
#include "api/positions.h"
#include "api/tokens.h"
#include "pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const ds_bytes_t key = {(const uint8_t *)"a key of the simulation, 32 byte", 32};

static enum ds_commands_topic topic_of(int32_t processor)
{
    const char *name = sim_topic_name(DS_AUDIT_PROCESSORS + processor);

    for (int t = 0; t < DS_TOPICS; t++)
        if (strcmp(ds_topic_commands((enum ds_commands_topic)t), name) == 0)
            return (enum ds_commands_topic)t;
    abort();
}

/* What the client carries: sealed, and read again. */
static bool carry(struct sim *sim, struct ds_token *token)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t text;
    bool ok;

    ds_buf_init(&text, DS_TOKEN_MAX_CHARS);
    ok = ds_token_write(token, key, &text, &error) &&
         ds_token_read(ds_buf_str(&text), key, token, &error);
    ds_buf_cleanup(&text);
    if (!ok)
        sim_fail(sim, "a token cannot be read: %s", error.message);
    return ok;
}

/* The row of that very command, as the key of the table is encoded: topic, partition, offset. */
static bool has_outcome(struct sim *sim, const struct sim_command *command)
{
    const char *topic = sim_topic_name(DS_AUDIT_PROCESSORS + command->processor);
    ds_buf_t bytes;
    ds_error_t error = DS_ERROR_INIT;
    bool found;

    ds_buf_init(&bytes, 256);
    found = ds_array_text(&bytes, ds_str(topic), &error) &&
            ds_array_i32(&bytes, command->partition, &error) &&
            ds_array_i64(&bytes, command->offset, &error) &&
            sim_find_row(&sim->pg->tables[DS_TABLE_COMMANDS], ds_buf_bytes(&bytes)) != NULL;
    ds_buf_cleanup(&bytes);
    return found;
}

/* It waited for a quarantined aggregate, and may wait still: its outcome is to come. */
static bool has_waited(const struct sim *sim, const struct sim_command *command)
{
    const struct sim_part *log = &sim->log[command->processor][command->partition];
    const struct sim_judge *judge = &sim->judges[command->processor][command->partition];

    for (size_t i = 0; i < judge->taken_count; i++) {
        const struct ds_protocol_event *event = log->records[judge->taken[i]].event;
        const struct ds_meta_cause *cause = &event->head.meta.cause;

        if ((event->body.kind == DS_PROTOCOL_AGGREGATE_QUARANTINED ||
             event->body.kind == DS_PROTOCOL_INPUT_HELD) &&
            cause->kind == DS_META_CAUSE_INPUT_CAUSE && cause->as.input_cause.input == 0 &&
            cause->as.input_cause.offset == command->offset)
            return true;
    }
    return false;
}

static const char *verdict_text(enum ds_token_verdict verdict)
{
    return verdict == DS_TOKEN_MET ? "met" : verdict == DS_TOKEN_BEHIND ? "behind" : "foreign";
}

void sim_token_ask(struct sim *sim, const struct sim_command *command, bool must_be_met)
{
    struct ds_token token = {.topic = topic_of(command->processor),
                             .partition = command->partition,
                             .offset = command->offset};
    struct ds_db db = {0};
    enum ds_token_verdict verdict;
    double lag_s;
    ds_error_t error = DS_ERROR_INIT;

    (void)ds_str_to_array(ds_str(sim->judges[command->processor][command->partition].identity),
                          token.identity, sizeof(token.identity));
    if (!carry(sim, &token) || !ds_tokens_check(&db, &token, 1, &verdict, &lag_s, &error))
        return;
    if (verdict == DS_TOKEN_FOREIGN || (must_be_met && verdict != DS_TOKEN_MET))
        sim_fail(sim, "the token of %s/%d offset %" PRId64 " is %s",
                 sim_topic_name(DS_AUDIT_PROCESSORS + command->processor), (int)command->partition,
                 command->offset, verdict_text(verdict));
    else if (verdict == DS_TOKEN_MET && !has_outcome(sim, command) &&
             (must_be_met || !has_waited(sim, command)))
        sim_fail(sim, "the token of %s/%d offset %" PRId64 " is met, and its outcome is not there",
                 sim_topic_name(DS_AUDIT_PROCESSORS + command->processor), (int)command->partition,
                 command->offset);
}

/* ---- instead of api/db.c: one statement is asked for ---- */

bool ds_db_open(ds_db_t *db, ds_error_t *error)
{
    (void)db;
    (void)error;
    return true;
}

void ds_db_close(ds_db_t *db)
{
    (void)db;
}

static const struct sim_position *find_position(const struct sim *sim, const char *topic,
                                                const char *partition)
{
    for (int t = 0; t < DS_FOLD_TOPICS; t++)
        if (strcmp(ds_fold_schemas[t]->topic, topic) == 0)
            return &sim->pg->positions[t][strtol(partition, NULL, 10)].now;
    abort();
}

bool ds_db_query(ds_db_t *db, const struct ds_sql *sql, int param_count, const char *const *params,
                 PGresult **rows_out, ds_error_t *error)
{
    const struct sim_position *position;
    char through[24];
    int len;

    (void)db;
    (void)sql;
    (void)param_count;
    (void)error;
    *rows_out = sim_result(3);
    position = find_position(sim_world, params[0], params[1]);
    if (!position->exists)
        return true;
    len = snprintf(through, sizeof(through), "%" PRId64, position->commands_through);
    sim_result_bytes(*rows_out, 0, 0, position->log_id, strlen(position->log_id));
    sim_result_bytes(*rows_out, 0, 1, through, (size_t)len);
    sim_result_bytes(*rows_out, 0, 2, "0", 1);
    return true;
}

ds_str_t ds_cell(const PGresult *rows, int row, int column)
{
    return (ds_str_t){PQgetvalue(rows, row, column), (uint32_t)PQgetlength(rows, row, column)};
}

int64_t ds_cell_int(const PGresult *rows, int row, int column)
{
    int64_t value = 0;

    (void)ds_str_to_i64(ds_cell(rows, row, column), &value);
    return value;
}
