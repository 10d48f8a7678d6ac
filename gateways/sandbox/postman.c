#include "gateways/sandbox/postman.h"

#include "base/heap.h"
#include "base/webhook_signature.h"
#include "gateways/exchange/exchange.h"
#include "gateways/exchange/limits.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS       5000
#define FIRST_PAUSE_US   DS_US_PER_S
#define MAX_PAUSE_US     (300 * DS_US_PER_S)
#define GIVE_UP_US       (3600 * DS_US_PER_S)
#define MAX_ANSWER_BYTES (64 * 1024)
#define HEADER_BYTES     256
#define GONE             410
#define UNPROCESSABLE    422

struct letter {
    ds_postman_t *postman;
    const char *id;
    ds_str_t body;
    int64_t first_us; /* monotonic */
    unsigned attempt;
    int32_t handle;
};

struct ds_postman {
    const struct ds_runtime *runtime;
    const char *url;
    ds_buf_t key;
    ds_exchanges_t *exchanges;
    pthread_mutex_t lock; /* of the heap and the count */
    ds_heap_t *due;       /* letters that wait, by monotonic time */
    size_t letters;       /* waiting or under way */
    ds_metric_t *sent;
    ds_metric_t *failed;
    ds_metric_t *dropped;
    ds_metric_t *waiting;
};

static int32_t *handle_of(void *item)
{
    return &((struct letter *)item)->handle;
}

static void count_webhooks(ds_postman_t *postman)
{
    ds_metrics_t *metrics = postman->runtime->metrics;
    static const char name[] = "doorstep_sandbox_webhooks_total";
    static const char help[] = "Webhook calls, by what became of them.";
    postman->sent = ds_metrics_get(metrics, DS_COUNTER, name, help,
                                   (const struct ds_label[]){{"outcome", "taken"}, {NULL, NULL}});
    postman->failed =
        ds_metrics_get(metrics, DS_COUNTER, name, help,
                       (const struct ds_label[]){{"outcome", "failed"}, {NULL, NULL}});
    postman->dropped =
        ds_metrics_get(metrics, DS_COUNTER, name, help,
                       (const struct ds_label[]){{"outcome", "dropped"}, {NULL, NULL}});
    postman->waiting = ds_metrics_get(metrics, DS_GAUGE, "doorstep_sandbox_webhooks_waiting",
                                      "Webhooks that were not yet taken.", NULL);
}

bool ds_postman_new(const struct ds_runtime *runtime, const char *url, const char *secret,
                    ds_postman_t **postman_out, ds_error_t *error)
{
    *postman_out = NULL;
    ds_postman_t *postman = calloc(1, sizeof *postman);
    if (postman == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "postman");
    postman->runtime = runtime;
    postman->url = url;
    ds_buf_init(&postman->key, DS_WEBHOOK_SECRET_MAX_BYTES);
    pthread_mutex_init(&postman->lock, NULL);
    postman->due = ds_heap_new(handle_of, NULL, DS_MAX_WEBHOOKS);
    postman->exchanges = ds_exchanges_new(DS_MAX_WEBHOOKS_IN_FLIGHT, MAX_ANSWER_BYTES);
    count_webhooks(postman);
    bool ok = (postman->due != NULL && postman->exchanges != NULL) ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "postman");
    if (!ok || (url[0] != '\0' && !ds_webhook_secret(ds_str(secret), &postman->key, error))) {
        ds_postman_destroy(postman);
        return false;
    }
    *postman_out = postman;
    return true;
}

static void free_letter(ds_postman_t *postman, struct letter *letter)
{
    free(letter);
    pthread_mutex_lock(&postman->lock);
    ds_metric_set(postman->waiting, (int64_t)--postman->letters);
    pthread_mutex_unlock(&postman->lock);
}

void ds_postman_destroy(ds_postman_t *postman)
{
    if (postman == NULL)
        return;
    ds_exchanges_destroy(postman->exchanges); /* letters under way go back to the heap */
    for (struct letter *letter;
         postman->due != NULL && (letter = ds_heap_peek(postman->due, NULL)) != NULL;) {
        ds_heap_remove(postman->due, letter);
        free(letter);
    }
    ds_heap_destroy(postman->due);
    ds_buf_cleanup(&postman->key);
    pthread_mutex_destroy(&postman->lock);
    free(postman);
}

/* --- posting -----------------------------------------------------------------------------------
 */

static struct letter *new_letter(ds_postman_t *postman, ds_str_t id, ds_str_t body)
{
    struct letter *letter = calloc(1, sizeof *letter + id.len + 1 + body.len);
    if (letter == NULL)
        return NULL;
    char *text = (char *)(letter + 1);
    memcpy(text, id.data, id.len);
    memcpy(text + id.len + 1, body.data, body.len);
    letter->postman = postman;
    letter->id = text;
    letter->body = (ds_str_t){text + id.len + 1, body.len};
    letter->first_us = ds_monotonic_us(postman->runtime->clock);
    letter->handle = -1;
    return letter;
}

void ds_postman_post(ds_postman_t *postman, ds_str_t id, ds_str_t body)
{
    if (postman->url[0] == '\0')
        return;
    struct letter *letter = new_letter(postman, id, body);
    pthread_mutex_lock(&postman->lock);
    bool kept = letter != NULL && postman->letters < DS_MAX_WEBHOOKS &&
                ds_heap_set(postman->due, letter, letter->first_us, NULL);
    if (kept)
        ds_metric_set(postman->waiting, (int64_t)++postman->letters);
    pthread_mutex_unlock(&postman->lock);
    if (kept) {
        ds_exchanges_wake(postman->exchanges);
        return;
    }
    free(letter);
    ds_metric_add(postman->dropped, 1);
    ds_log(&postman->runtime->log, DS_LOG_WARN, "webhook.dropped", "too many webhooks wait",
           DS_F_TEXT("webhook", id));
}

/* --- sending -----------------------------------------------------------------------------------
 */

static void put_back(ds_postman_t *postman, struct letter *letter, int64_t due_us)
{
    pthread_mutex_lock(&postman->lock);
    bool kept = ds_heap_set(postman->due, letter, due_us, NULL);
    pthread_mutex_unlock(&postman->lock);
    if (!kept)
        free_letter(postman, letter);
}

static void give_up(ds_postman_t *postman, struct letter *letter, int status)
{
    ds_metric_add(postman->dropped, 1);
    ds_log(&postman->runtime->log, DS_LOG_WARN, "webhook.given_up", "a webhook was not taken",
           DS_F_CSTR("webhook", letter->id), DS_F_INT("status", status),
           DS_F_INT("attempts", letter->attempt));
    free_letter(postman, letter);
}

static void on_answer(void *context, const struct ds_exchange_answer *answer)
{
    struct letter *letter = context;
    ds_postman_t *postman = letter->postman;
    int64_t now = ds_monotonic_us(postman->runtime->clock);
    if (answer->status >= 200 && answer->status < 300) {
        ds_metric_add(postman->sent, 1);
        free_letter(postman, letter);
        return;
    }
    ds_metric_add(postman->failed, 1);
    if (answer->status == GONE || answer->status == UNPROCESSABLE ||
        now - letter->first_us > GIVE_UP_US) {
        give_up(postman, letter, answer->status);
        return;
    }
    int64_t pause =
        ds_backoff_us(postman->runtime->random, letter->attempt - 1, FIRST_PAUSE_US, MAX_PAUSE_US);
    put_back(postman, letter, now + pause);
}

static bool send_letter(ds_postman_t *postman, struct letter *letter, ds_error_t *error)
{
    /* Signed anew each time: the receiver takes no timestamp older than 5 minutes. */
    int64_t now_s = ds_now_us(postman->runtime->clock) / DS_US_PER_S;
    char id[HEADER_BYTES], timestamp[HEADER_BYTES], signature[HEADER_BYTES];
    bool ok = false;
    ds_buf_t signed_text;
    ds_buf_init(&signed_text, HEADER_BYTES / 2);
    if (!ds_webhook_sign(ds_buf_bytes(&postman->key), ds_str(letter->id), now_s, letter->body,
                         &signed_text, error))
        goto out;
    (void)snprintf(id, sizeof id, "webhook-id: %s", letter->id);
    (void)snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %" PRId64, now_s);
    (void)snprintf(signature, sizeof signature, "webhook-signature: %.*s",
                   DS_STR_ARG(ds_buf_str(&signed_text)));
    const char *const headers[] = {id, timestamp, signature, "Content-Type: application/json",
                                   NULL};
    struct ds_http_request request = {
        .method = "POST",
        .url = postman->url,
        .headers = headers,
        .body = {(const uint8_t *)letter->body.data, letter->body.len},
        .timeout_ms = TIMEOUT_MS,
    };
    letter->attempt++;
    ok = ds_exchanges_start(postman->exchanges, &request, on_answer, letter, error);
out:
    ds_buf_cleanup(&signed_text);
    return ok;
}

/* The next letter that is due, taken out; else how long until there is one. */
static struct letter *take_due(ds_postman_t *postman, int64_t now, int64_t *wait_us_out)
{
    int64_t due_us = 0;
    *wait_us_out = INT64_MAX;
    pthread_mutex_lock(&postman->lock);
    struct letter *letter = ds_heap_peek(postman->due, &due_us);
    if (letter != NULL && due_us <= now)
        ds_heap_remove(postman->due, letter);
    pthread_mutex_unlock(&postman->lock);
    if (letter == NULL || due_us <= now)
        return letter;
    *wait_us_out = due_us - now;
    return NULL;
}

void ds_postman_turn(ds_postman_t *postman, int timeout_ms)
{
    int64_t now = ds_monotonic_us(postman->runtime->clock);
    int64_t wait_us = INT64_MAX;
    struct letter *letter;
    while (ds_exchanges_in_flight(postman->exchanges) < DS_MAX_WEBHOOKS_IN_FLIGHT &&
           (letter = take_due(postman, now, &wait_us)) != NULL) {
        ds_error_t error = DS_ERROR_INIT;
        if (!send_letter(postman, letter, &error)) {
            ds_log_error(&postman->runtime->log, DS_LOG_ERROR, "webhook.failed", &error);
            give_up(postman, letter, 0);
        }
    }
    if (wait_us / DS_US_PER_MS < timeout_ms)
        timeout_ms = (int)(wait_us / DS_US_PER_MS) + 1;
    ds_exchanges_turn(postman->exchanges, timeout_ms);
}

void ds_postman_wake(ds_postman_t *postman)
{
    ds_exchanges_wake(postman->exchanges);
}
