#include "api/commands.h"

#include "api/internal.h"
#include "api/response.h"

enum { LOOKUP_US = 50000, REPEAT_WAIT_US = 2000000 };

static const struct {
    unsigned role;
    enum ds_actor_kind kind;
} actor_kinds[] = {
    {DS_ADMIN, DS_ACTOR_KIND_ADMIN},
    {DS_STAFF, DS_ACTOR_KIND_STAFF},
    {DS_COURIER, DS_ACTOR_KIND_COURIER},
    {DS_CUSTOMER, DS_ACTOR_KIND_CUSTOMER},
};

/* Somebody with several roles acts in the strongest that the operation allows, staff only for their
 * stores. */
static enum ds_actor_kind actor_kind(const ds_request_t *request, ds_str_t store_id, unsigned roles)
{
    for (size_t i = 0; i < sizeof actor_kinds / sizeof *actor_kinds; i++) {
        unsigned role = actor_kinds[i].role;
        if ((roles & request->person.roles & role) == 0)
            continue;
        if (role == DS_STAFF && !ds_person_works_for(&request->person, store_id))
            continue;
        return actor_kinds[i].kind;
    }
    return DS_ACTOR_KIND_GATEWAY;
}

static bool make_id(ds_request_t *request, struct ds_command_job *job, ds_str_t target,
                    ds_error_t *error)
{
    const struct ds_runtime *runtime = request->api->runtime;
    if (request->key.len == 0)
        return ds_id_new(runtime->clock, runtime->random, &job->id, error);
    return ds_command_id_derive(request->person.subject, ds_str(request->match.route->operation),
                                target, request->key, &job->id, error);
}

struct ds_command_job *ds_command_new(ds_request_t *request, const struct ds_schema *schema,
                                      enum ds_commands_topic topic, ds_str_t key, ds_str_t target,
                                      unsigned roles)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_command_job *job = ds_arena_alloc(request->arena, sizeof *job, &error);
    struct ds_command_envelope *command =
        ds_arena_alloc(request->arena, schema->struct_bytes, &error);
    if (job == NULL || command == NULL || !make_id(request, job, target, &error) ||
        !ds_body_hash(request->json, &job->body_hash, &error)) {
        ds_log_error(&request->api->log, DS_LOG_ERROR, "api.command", &error);
        ds_answer_error(request, 500, "internal", "something went wrong here");
        return NULL;
    }
    job->schema = schema;
    job->topic = topic;
    job->command = command;
    job->key = key;
    job->status_path = ds_request_text(request, "/api/commands/%s", job->id.text);
    command->head = (struct ds_command_head){
        .command_id = ds_str(job->id.text),
        .body_hash = ds_str(job->body_hash.text),
        .correlation_id = ds_str(request->correlation_id),
        .actor = {actor_kind(request, key, roles), request->person.subject},
        .has_traceparent = request->traceparent[0] != '\0',
        .traceparent = ds_str(request->traceparent),
        .sent_at = ds_now_us(request->api->runtime->clock),
    };
    return job;
}

void ds_command_name(struct ds_command_job *job, const char *name, ds_str_t value)
{
    for (size_t i = 0; i < sizeof job->names / sizeof *job->names; i++) {
        if (job->names[i] != NULL)
            continue;
        job->names[i] = name;
        job->values[i] = value;
        return;
    }
}

const char *ds_command_status_path(const ds_request_t *request)
{
    return request->command == NULL ? NULL : request->command->status_path;
}

static uint64_t caller_hash(const ds_request_t *request)
{
    return ds_str_hash(request->person.subject, 0);
}

/* "ct1...." for the place; empty when the place is not known. */
static const char *token_text(ds_request_t *request, const struct ds_token *place)
{
    ds_error_t error = DS_ERROR_INIT;
    const char *text = "";
    ds_buf_t buf;
    if (place->offset < 0)
        return "";
    ds_buf_init(&buf, DS_TOKEN_MAX_CHARS + 1);
    if (ds_token_write(place, request->api->token_key, &buf, &error))
        text = ds_request_text(request, "%.*s", (int)buf.len, (const char *)buf.data);
    ds_buf_cleanup(&buf);
    return text;
}

static void reply_kept(ds_request_t *request, struct ds_command_job *job,
                       const struct ds_token *place, bool replayed)
{
    const char *token = token_text(request, place);
    const char *status_url = ds_request_text(request, "%s%s%s", job->status_path,
                                             token[0] == '\0' ? "" : "?after=", token);
    if (replayed)
        ds_answer_header(request, "Idempotent-Replayed", "true");
    if (job->plain_ok) {
        ds_answer_data(request, 200, json_object());
        return;
    }
    json_t *data = json_object();
    for (size_t i = 0; i < sizeof job->names / sizeof *job->names && job->names[i] != NULL; i++)
        (void)json_object_set_new(data, job->names[i], ds_out_text(job->values[i]));
    if (job->list != NULL)
        (void)json_object_set(data, "productIds", job->list);
    (void)json_object_set_new(data, "commandId", json_string(job->id.text));
    (void)json_object_set_new(data, "status", json_string("accepted"));
    (void)json_object_set_new(data, "statusUrl", json_string(status_url));
    ds_answer_header(request, "Location", "%s", status_url);
    if (token[0] != '\0')
        ds_answer_header(request, "Consistency-Token", "%s", token);
    ds_answer_data(request, 202, data);
}

static void reply_mismatch(ds_request_t *request)
{
    ds_answer_error(request, 422, "idempotency_mismatch",
                    "this Idempotency-Key was used with another body");
}

static void reply_known(ds_request_t *request, struct ds_command_job *job, ds_str_t body_hash,
                        const struct ds_token *place)
{
    if (ds_str_eq(body_hash, ds_str(job->body_hash.text)))
        reply_kept(request, job, place, true);
    else
        reply_mismatch(request);
}

bool ds_command_known(ds_request_t *request, struct ds_command_job *job)
{
    struct ds_recent_command known;
    if (!ds_recent_get(request->api->recent, ds_str(job->id.text), &known) ||
        known.caller != caller_hash(request))
        return false;
    reply_known(request, job, ds_str(known.body_hash.text), &known.place);
    return true;
}

/* @locality the producer's poll */
static void on_report(void *context, const struct ds_command_report *report)
{
    ds_request_t *request = context;
    struct ds_api *api = request->api;
    struct ds_command_job *job = request->command;
    struct ds_token place = {
        .topic = job->topic, .partition = report->partition, .offset = report->offset};
    ds_metric_add(api->in_flight, -1);
    switch (report->outcome) {
    case DS_COMMAND_KEPT:
        ds_catalogue_log_identity(api->catalog, job->topic, report->partition, place.identity);
        ds_recent_put(api->recent, &(struct ds_recent_command){job->id, job->body_hash,
                                                               caller_hash(request), place});
        reply_kept(request, job, &place, false);
        break;
    case DS_COMMAND_NOT_KEPT:
        ds_answer_error(request, 503, "kafka_unavailable",
                        "Kafka did not take it; nothing was kept");
        break;
    case DS_COMMAND_UNKNOWN:
        ds_answer_error_detail(request, 503, "outcome_unknown",
                               "not known whether this was kept; look at statusUrl",
                               json_pack("{s:s}", "statusUrl", job->status_path));
        break;
    }
    ds_request_release(request);
}

static void reply_not_sent(ds_request_t *request, const ds_error_t *error)
{
    if (error->code == DS_ERR_BUSY)
        ds_answer_error(request, 503, "busy", "too many commands are in flight");
    else if (error->code == DS_ERR_UNAVAILABLE)
        ds_answer_error(request, 503, "kafka_unavailable",
                        error->domain == DS_DOMAIN_SCHEMA
                            ? "the schema registry is away; nothing was kept"
                            : "Kafka is away; nothing was kept");
    else if (error->code == DS_ERR_LIMIT)
        ds_answer_error(request, 413, "body_too_large", "the command is larger than the log takes");
    else
        ds_answer_error(request, 500, "internal", "something went wrong here");
}

static void send(ds_request_t *request)
{
    struct ds_command_job *job = request->command;
    struct ds_api *api = request->api;
    ds_error_t error = DS_ERROR_INIT;
    if (!ds_request_mark_sent(request, true)) {
        ds_request_release(
            request); /* the deadline has said that nothing was kept, so nothing is sent */
        return;
    }
    ds_metric_add(api->in_flight, 1);
    if (ds_command_writer_send(api->writer, job->schema, job->command, job->key, on_report, request,
                               &error))
        return;
    ds_metric_add(api->in_flight, -1);
    (void)ds_request_mark_sent(request, false);
    if (error.code != DS_ERR_BUSY && error.code != DS_ERR_UNAVAILABLE)
        ds_log_error(&api->log, DS_LOG_ERROR, "api.command", &error);
    reply_not_sent(request, &error);
    ds_request_release(request);
}

/* The first command of that id; where those are gone already, the order itself (its command is not
 * known any more). One statement: it stands in the way of every command with a key. */
static const struct ds_sql first_of_id = {
    "first_of_id",
    "SELECT topic, partition, command_offset, body_hash FROM ("
    " SELECT topic, partition, command_offset, body_hash FROM shop.commands WHERE command_id = $1"
    " UNION ALL"
    " SELECT 'order.commands', partition, -1, body_hash FROM shop.orders WHERE order_id = $2"
    ") AS known ORDER BY command_offset < 0, command_offset LIMIT 1"};

static bool read_known(ds_request_t *request, PGresult *rows)
{
    struct ds_command_job *job = request->command;
    if (PQntuples(rows) == 0)
        return false;
    struct ds_token place = {.topic = job->topic,
                             .partition = (int32_t)ds_cell_int(rows, 0, 1),
                             .offset = ds_cell_int(rows, 0, 2)};
    ds_catalogue_log_identity(request->api->catalog, job->topic, place.partition, place.identity);
    reply_known(request, job, ds_cell(rows, 0, 3), &place);
    return true;
}

/* @locality a query thread */
static bool look_up(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_command_job *job = request->command;
    const char *params[] = {job->id.text, job->order_id};
    PGresult *rows = NULL;
    job->looked_up = true;
    if (!ds_db_query(db, &first_of_id, 2, params, &rows, error))
        return false;
    (void)read_known(request, rows);
    PQclear(rows);
    return true;
}

static void after_lookup(ds_request_t *request)
{
    if (request->status != 0)
        ds_request_release(request); /* it is a repeat */
    else
        send(request);
}

static void lookup_away(ds_request_t *request)
{
    if (!request->api->settings->keys_strict) {
        send(request); /* the decider keeps ids for 24 h */
        return;
    }
    ds_answer_error(request, 503, "database_unavailable",
                    "whether this is a repeat cannot be told now");
    ds_request_release(request);
}

void ds_command_submit_held(ds_request_t *request, struct ds_command_job *job)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_database *database = request->api->database;
    request->command = job;
    if (request->key.len > 0 && ds_command_known(request, job)) {
        ds_request_release(request);
        return;
    }
    struct ds_query_job *query = ds_arena_alloc(request->arena, sizeof *query, &error);
    if (request->key.len == 0 || query == NULL || database == NULL) {
        send(request);
        return;
    }
    query->run = look_up;
    query->then = after_lookup;
    query->away = lookup_away;
    query->timeout_us = LOOKUP_US;
    ds_database_submit(database, request, query);
}

void ds_command_submit(ds_request_t *request, struct ds_command_job *job)
{
    ds_request_hold(request);
    ds_command_submit_held(request, job);
}

static void reply_refusal(ds_request_t *request)
{
    const struct ds_command_job *job = request->command;
    ds_answer_error(request, job->refusal_status, job->refusal_code, job->refusal_message);
}

static void after_refusal_lookup(ds_request_t *request)
{
    if (request->status == 0)
        reply_refusal(request);
    ds_request_release(request);
}

static void repeat_unknown(ds_request_t *request)
{
    ds_problems_cleanup(&request->problems);
    ds_answer_error_detail(request, 503, "outcome_unknown",
                           "whether an earlier attempt was kept cannot be told now",
                           json_pack("{s:s}", "statusUrl", request->command->status_path));
    ds_request_release(request);
}

/* The end was asked for: everything before it must be decided before an absent row means anything.
 */
static void look_up_behind_end(ds_request_t *request)
{
    struct ds_query_job *query = request->query;
    if (request->command->end_unknown) {
        repeat_unknown(request);
        return;
    }
    query->run = look_up;
    query->then = after_refusal_lookup;
    query->timeout_us = 0;
    query->consistent = true;
    request->wait_until_us = ds_api_now_us(request->api) + REPEAT_WAIT_US;
    ds_database_submit(request->api->database, request, query);
}

/* A leader that does not answer is no failure of the query: the connection to the database is kept,
 * and nothing is asked twice. @locality a query thread */
static bool ask_end(ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    struct ds_command_job *job = request->command;
    struct ds_token *token = &request->tokens[0];
    int64_t end;
    (void)db;
    if (!ds_ends_ask(request->api->ends, job->topic, job->key, &token->partition, &end, error)) {
        ds_log_error(&request->api->log, DS_LOG_DEBUG, "api.end_unknown", error);
        job->end_unknown = true;
        return true;
    }
    token->identity[0] = '\0';
    token->topic = job->topic;
    token->offset = end - 1;
    request->token_count = end > 0 ? 1 : 0;
    return true;
}

void ds_command_refuse(ds_request_t *request, struct ds_command_job *job, int status,
                       const char *code, const char *message)
{
    ds_error_t error = DS_ERROR_INIT;
    request->command = job;
    struct ds_query_job *query = ds_arena_alloc(request->arena, sizeof *query, &error);
    if (request->key.len == 0 || request->api->database == NULL || query == NULL) {
        ds_answer_error(request, status, code, message);
        return;
    }
    job->refusal_status = status;
    job->refusal_code = code;
    job->refusal_message = message;
    if (!ds_api_commands_ready(request->api)) {
        /* Asking would hold a query thread until it gives up, for every such request. */
        ds_request_hold(request);
        repeat_unknown(request);
        return;
    }
    query->run = ask_end;
    query->then = look_up_behind_end;
    query->away = repeat_unknown;
    query->timeout_us = REPEAT_WAIT_US;
    ds_request_hold(request);
    ds_database_submit(request->api->database, request, query);
}
