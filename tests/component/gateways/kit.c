#include "kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void kit_sandbox_start(struct kit *kit)
{
    ds_error_t error = DS_ERROR_INIT;
    cr_assert(ds_sandbox_start(&kit->runtime, &kit->settings, &kit->sandbox, &error), "%s",
              error.message);
    kit->settings.port = ds_sandbox_port(kit->sandbox);
    (void)snprintf(kit->url, sizeof kit->url, "http://127.0.0.1:%d", (int)kit->settings.port);
}

void kit_sandbox_stop(struct kit *kit)
{
    ds_sandbox_stop(kit->sandbox);
    kit->sandbox = NULL;
}

struct kit *kit_start(const char *webhook_url)
{
    struct kit *kit = calloc(1, sizeof *kit);
    cr_assert_not_null(kit);
    (void)snprintf(kit->dir, sizeof kit->dir, "/tmp/ds_sandbox_XXXXXX");
    cr_assert_not_null(mkdtemp(kit->dir));
    kit->runtime = (struct ds_runtime){
        .log = ds_log_root("test", DS_LOG_ERROR),
        .metrics = ds_metrics_new(),
        .clock = ds_system_clock(),
        .random = ds_system_random(),
        .health = &kit->health,
        .stop = &kit->stop,
    };
    kit->settings = (struct ds_sandbox_settings){.bind = "127.0.0.1",
                                                 .dir = kit->dir,
                                                 .provider_key = PROVIDER_KEY,
                                                 .webhook_url = webhook_url,
                                                 .webhook_secret = WEBHOOK_SECRET};
    kit_sandbox_start(kit);
    return kit;
}

void kit_stop(struct kit *kit)
{
    char path[128];
    kit_sandbox_stop(kit);
    (void)snprintf(path, sizeof path, "%s/books.jsonl", kit->dir);
    (void)unlink(path);
    (void)rmdir(kit->dir);
    ds_metrics_destroy(kit->runtime.metrics);
    free(kit);
}

struct reply kit_call(const struct kit *kit, const char *method, const char *path, const char *key,
                      const char *body, int timeout_ms)
{
    char url[256], key_header[256];
    struct reply reply = {0};
    ds_error_t error = DS_ERROR_INIT;
    struct ds_http_response response;
    ds_http_client_t *client = ds_http_client_new(1024 * 1024);
    ds_http_response_init(&response, 1024 * 1024);
    (void)snprintf(url, sizeof url, "%s%s", kit->url, path);
    (void)snprintf(key_header, sizeof key_header, "Idempotency-Key: %s", key == NULL ? "" : key);
    const char *const headers[] = {"Authorization: Bearer " PROVIDER_KEY,
                                   key == NULL ? NULL : key_header, NULL};
    struct ds_http_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .body = {(const uint8_t *)body, body == NULL ? 0 : (uint32_t)strlen(body)},
        .timeout_ms = timeout_ms,
    };
    if (ds_http_exchange(client, &request, &response, &error)) {
        reply.status = response.status;
        reply.json = json_loadb((const char *)response.body.data, response.body.len, 0, NULL);
    }
    ds_http_response_cleanup(&response);
    ds_http_client_destroy(client);
    return reply;
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    reply->json = NULL;
}

const char *reply_text(const struct reply *reply, const char *name)
{
    const char *text = json_string_value(json_object_get(reply->json, name));
    return text == NULL ? "" : text;
}

int64_t reply_int(const struct reply *reply, const char *name)
{
    return json_integer_value(json_object_get(reply->json, name));
}

struct reply kit_charge(const struct kit *kit, const char *key, const char *token)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"reference\":\"b.A\",\"amount\":2998,\"currency\":\"EUR\",\"token\":\"%s\"}",
                   token);
    return kit_call(kit, "POST", "/v1/charges", key, body, ANSWER_MS);
}

void kit_mode(const struct kit *kit, const char *mode)
{
    char body[64];
    (void)snprintf(body, sizeof body, "{\"mode\":\"%s\"}", mode);
    struct reply reply = kit_call(kit, "PUT", "/v1/control", NULL, body, ANSWER_MS);
    cr_assert_eq(reply.status, 200);
    reply_free(&reply);
}

size_t kit_charges(const struct kit *kit)
{
    struct reply reply = kit_call(kit, "GET", "/v1/books?limit=1000", NULL, NULL, ANSWER_MS);
    cr_assert_eq(reply.status, 200);
    size_t count = json_array_size(json_object_get(reply.json, "charges"));
    reply_free(&reply);
    return count;
}

void kit_pause(void)
{
    const struct timespec pause = {0, 5 * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
}
