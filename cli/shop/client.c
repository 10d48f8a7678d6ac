#include "cli/shop/client.h"

#include "base/http_client.h"
#include "base/map.h"
#include "cli/jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BODY_BYTES   (4 * 1024 * 1024)
#define CALL_MS      12000
#define TOKEN_TTL_S  86400
#define TOKEN_USE_S  (TOKEN_TTL_S / 2) /* then another is signed */
#define MAX_ACTORS   10000
#define RETRY_US     (200 * DS_US_PER_MS)
#define HEADER_BYTES 4096
#define URL_BYTES    1024

/** An actor's. */
struct token {
    int64_t signed_s;
    char header[]; /* "Authorization: Bearer ..." */
};

struct ds_shop_client {
    const struct ds_runtime *runtime;
    const struct ds_shop_settings *settings;
    ds_http_client_t *http;
    struct ds_http_response response;
    ds_map_t *tokens; /* "role subject" -> struct token */
    const char *authorization;
};

ds_shop_client_t *ds_shop_client_new(const struct ds_runtime *runtime,
                                     const struct ds_shop_settings *settings)
{
    ds_shop_client_t *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->runtime = runtime;
    client->settings = settings;
    client->http = ds_http_client_new(BODY_BYTES);
    client->tokens = ds_map_new(MAX_ACTORS);
    ds_http_response_init(&client->response, BODY_BYTES);
    if (client->http == NULL || client->tokens == NULL) {
        ds_shop_client_destroy(client);
        return NULL;
    }
    return client;
}

void ds_shop_client_destroy(ds_shop_client_t *client)
{
    if (client == NULL)
        return;
    ds_http_response_cleanup(&client->response);
    ds_http_client_destroy(client->http);
    ds_map_destroy(client->tokens, free);
    free(client);
}

/* @return NULL: error is set. */
static struct token *sign(const ds_shop_client_t *client, const char *role, const char *subject,
                          ds_error_t *error)
{
    struct ds_token_claims claims = {ds_str(subject), ds_str(role), DS_STR(""),
                                     ds_now_us(client->runtime->clock) / DS_US_PER_S, TOKEN_TTL_S};
    char *text = NULL;
    if (!ds_token_sign(client->settings->jwt_secret, &claims, &text, error))
        return NULL;
    size_t bytes = strlen(text) + sizeof "Authorization: Bearer ";
    struct token *token = malloc(sizeof *token + bytes);
    if (token != NULL) {
        token->signed_s = claims.now_s;
        (void)snprintf(token->header, bytes, "Authorization: Bearer %s", text);
    } else {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a token");
    }
    ds_token_free(text);
    return token;
}

/* The clock may have been set back: a token from ahead of it is not taken either. */
static bool is_fresh(const ds_shop_client_t *client, const struct token *token)
{
    int64_t age_s = ds_now_us(client->runtime->clock) / DS_US_PER_S - token->signed_s;
    return age_s >= 0 && age_s < TOKEN_USE_S;
}

bool ds_shop_act_as(ds_shop_client_t *client, const char *role, const char *subject,
                    ds_error_t *error)
{
    client->authorization = NULL;
    if (role[0] == '\0')
        return true;
    char actor[256];
    (void)snprintf(actor, sizeof actor, "%s %s", role, subject);
    struct token *token = ds_map_get(client->tokens, ds_str(actor));
    if (token == NULL || !is_fresh(client, token)) {
        void *old = NULL;
        token = sign(client, role, subject, error);
        if (token == NULL)
            return false;
        if (!ds_map_put(client->tokens, ds_str(actor), token, &old, error)) {
            free(token);
            return false;
        }
        free(old);
    }
    client->authorization = token->header;
    return true;
}

static void read_answer(ds_shop_client_t *client, struct ds_shop_answer *answer)
{
    answer->status = client->response.status;
    answer->retry_after = ds_http_header(&client->response, "Retry-After");
    answer->body = json_loadb((const char *)client->response.body.data, client->response.body.len,
                              JSON_REJECT_DUPLICATES, NULL);
    answer->data = json_object_get(answer->body, "data");
    answer->code =
        ds_str(json_string_value(json_object_get(json_object_get(answer->body, "error"), "code")));
}

bool ds_shop_call(ds_shop_client_t *client, const char *method, const char *path, json_t *body,
                  const char *key, struct ds_shop_answer *answer_out, ds_error_t *error)
{
    *answer_out = (struct ds_shop_answer){0};
    char url[URL_BYTES], key_header[256];
    (void)snprintf(url, sizeof url, "%s%s", client->settings->api_url, path);
    (void)snprintf(key_header, sizeof key_header, "Idempotency-Key: %s", key == NULL ? "" : key);
    const char *headers[5] = {NULL};
    size_t count = 0;
    if (client->authorization != NULL)
        headers[count++] = client->authorization;
    if (key != NULL)
        headers[count++] = key_header;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    if (text != NULL)
        headers[count++] = "Content-Type: application/json";
    struct ds_http_request request = {method,
                                      url,
                                      headers,
                                      {(const uint8_t *)text,
                                       text == NULL ? 0 : (uint32_t)strlen(text)},
                                      CALL_MS};
    bool ok = ds_http_exchange(client->http, &request, &client->response, error);
    if (ok)
        read_answer(client, answer_out);
    free(text);
    return ok;
}

bool ds_shop_pause(const struct ds_runtime *runtime, int64_t pause_us, int64_t deadline_us)
{
    int64_t now = ds_monotonic_us(runtime->clock);
    if (now >= deadline_us || ds_stopping(runtime))
        return false;
    if (pause_us > deadline_us - now)
        pause_us = deadline_us - now;
    const struct timespec pause = {pause_us / DS_US_PER_S, pause_us % DS_US_PER_S * 1000};
    (void)nanosleep(&pause, NULL); /* a signal ends it early */
    return true;
}

static bool is_passing(const struct ds_shop_answer *answer)
{
    return answer->status == 429 || answer->status == 503;
}

bool ds_shop_expect(ds_shop_client_t *client, const char *method, const char *path, json_t *body,
                    const char *key, int64_t deadline_us, struct ds_shop_answer *answer_out,
                    ds_error_t *error)
{
    for (;;) {
        ds_error_t attempt = DS_ERROR_INIT;
        bool answered = ds_shop_call(client, method, path, body, key, answer_out, &attempt);
        if (answered && answer_out->status / 100 == 2)
            return true;
        bool again = answered ? is_passing(answer_out) : attempt.retriable;
        if (again && ds_shop_pause(client->runtime, RETRY_US, deadline_us)) {
            ds_shop_answer_cleanup(answer_out);
            continue;
        }
        if (answered)
            ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "%s %s: %d %.*s", method, path,
                         answer_out->status, DS_STR_ARG(answer_out->code));
        else
            ds_error_set(error, attempt.domain, attempt.code, "%s %s: %s", method, path,
                         attempt.message);
        ds_shop_answer_cleanup(answer_out);
        return false;
    }
}

void ds_shop_answer_cleanup(struct ds_shop_answer *answer)
{
    json_decref(answer->body);
    *answer = (struct ds_shop_answer){0};
}
