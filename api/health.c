/* api/health.c - probes and metrics. None of them waits for another server. */
#include "api/handlers.h"
#include "api/internal.h"
#include "api/response.h"

enum { STUCK_US = 30000000, METRICS_MAX_BYTES = 2 * 1024 * 1024 };

bool ds_api_commands_ready(const ds_api_t *api)
{
    return ds_command_writer_up(api->writer);
}

bool ds_api_queries_ready(const ds_api_t *api)
{
    return ds_database_up(api->database);
}

static const char *part_text(bool ok)
{
    return ok ? "ok" : "away";
}

void ds_get_health(ds_request_t *request)
{
    struct ds_api *api = request->api;
    bool kafka = ds_api_commands_ready(api);
    bool database = ds_api_queries_ready(api);
    bool catalog = ds_catalogue_loaded(api->catalog);
    bool down = !kafka && !database;
    const char *status = down ? "down" : kafka && database && catalog ? "ok" : "degraded";
    int64_t up_s = (ds_api_now_us(api) - api->started_us) / DS_US_PER_S;
    ds_answer_data(request, down ? 503 : 200,
                   json_pack("{s:s,s:s,s:I,s:{s:s,s:s,s:s}}", "status", status, "version",
                             DS_API_VERSION, "uptimeSeconds", (json_int_t)up_s, "parts", "kafka",
                             part_text(kafka), "postgres", part_text(database), "catalog",
                             catalog ? "ok" : "starting"));
}

static void reply_probe(ds_request_t *request, bool ok, const char *code, const char *message)
{
    if (ok)
        ds_answer_data(request, 200, json_pack("{s:s}", "status", "ok"));
    else
        ds_answer_error(request, 503, code, message);
}

void ds_get_livez(ds_request_t *request)
{
    const struct ds_api *api = request->api;
    bool stuck = ds_api_now_us(api) - atomic_load(&api->producer_turn_us) > STUCK_US;
    reply_probe(request, !stuck, "internal", "the producer's thread is stuck");
}

/* Also 503 before it could first serve; after that only when it can do nothing at all. */
void ds_get_readyz(ds_request_t *request)
{
    struct ds_api *api = request->api;
    bool commands = ds_api_commands_ready(api);
    bool queries = ds_api_queries_ready(api);
    if (atomic_load(&api->draining))
        reply_probe(request, false, "draining", "this replica is stopping");
    else if (!atomic_load(&api->served))
        reply_probe(request, false, "starting", "waiting for Kafka and the catalogue");
    else
        reply_probe(request, commands || queries, "kafka_unavailable",
                    "neither commands nor queries work");
}

void ds_get_readyz_commands(ds_request_t *request)
{
    struct ds_api *api = request->api;
    bool ready = ds_api_commands_ready(api) && ds_catalogue_loaded(api->catalog);
    reply_probe(request, ready && !atomic_load(&api->draining), "kafka_unavailable",
                "commands cannot be taken now");
}

void ds_get_readyz_queries(ds_request_t *request)
{
    struct ds_api *api = request->api;
    reply_probe(request, ds_api_queries_ready(api) && !atomic_load(&api->draining),
                "database_unavailable", "queries cannot be answered now");
}

void ds_get_metrics(ds_request_t *request)
{
    ds_buf_t text;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&text, METRICS_MAX_BYTES);
    json_t *metrics = NULL;
    if (ds_metrics_json(request->api->runtime->metrics, &text, &error))
        metrics = json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, NULL);
    ds_buf_cleanup(&text);
    if (metrics == NULL)
        ds_answer_error(request, 500, "internal", "the metrics cannot be shown");
    else
        ds_answer_data(request, 200, metrics);
}

void ds_get_prometheus(ds_request_t *request)
{
    ds_buf_t text;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&text, METRICS_MAX_BYTES);
    if (ds_metrics_prometheus(request->api->runtime->metrics, &text, &error))
        ds_answer_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", ds_buf_str(&text));
    else
        ds_answer_error(request, 500, "internal", "the metrics cannot be shown");
    ds_buf_cleanup(&text);
}
