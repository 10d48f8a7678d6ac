#include "gateways/exchange/exchange.h"

#include "base/limits.h"

#include <curl/curl.h>
#include <stdlib.h>

/* Below the time after which servers close idle connections, so that few die under a request. */
#define IDLE_CONNECTION_S 20L
#define KEPT_CONNECTIONS  32L

struct slot {
    CURL *curl; /* NULL until first used */
    struct curl_slist *headers;
    ds_buf_t body; /* of the answer */
    ds_exchange_done_fn done;
    void *context;
    struct slot *next; /* free list */
    bool used;
    char text[CURL_ERROR_SIZE];
};

struct ds_exchanges {
    CURLM *multi;
    struct slot *slots;
    struct slot *free;
    size_t slot_count;
    size_t in_flight;
    size_t max_body_bytes;
};

static bool init_slots(ds_exchanges_t *exchanges)
{
    exchanges->slots = calloc(exchanges->slot_count, sizeof *exchanges->slots);
    if (exchanges->slots == NULL)
        return false;
    for (size_t i = exchanges->slot_count; i > 0; i--) {
        struct slot *slot = &exchanges->slots[i - 1];
        ds_buf_init(&slot->body, exchanges->max_body_bytes);
        slot->next = exchanges->free;
        exchanges->free = slot;
    }
    return true;
}

ds_exchanges_t *ds_exchanges_new(size_t in_flight_max, size_t max_body_bytes)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted, thread-safe */
        return NULL;
    ds_exchanges_t *exchanges = calloc(1, sizeof *exchanges);
    if (exchanges == NULL) {
        curl_global_cleanup();
        return NULL;
    }
    exchanges->slot_count = in_flight_max;
    exchanges->max_body_bytes = max_body_bytes;
    exchanges->multi = curl_multi_init();
    if (exchanges->multi == NULL || !init_slots(exchanges) ||
        curl_multi_setopt(exchanges->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS) != CURLM_OK) {
        ds_exchanges_destroy(exchanges);
        return NULL;
    }
    return exchanges;
}

/* The callback may start another exchange, in another slot: what its answer borrows stays in this
 * one until it returns. */
static void finish(ds_exchanges_t *exchanges, struct slot *slot,
                   const struct ds_exchange_answer *answer)
{
    ds_exchange_done_fn done = slot->done;
    void *context = slot->context;
    (void)curl_multi_remove_handle(exchanges->multi, slot->curl);
    slot->used = false;
    exchanges->in_flight--;
    done(context, answer);
    curl_easy_reset(slot->curl); /* options only: connections stay with the multi handle */
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    ds_buf_clear(&slot->body);
    slot->next = exchanges->free;
    exchanges->free = slot;
}

void ds_exchanges_destroy(ds_exchanges_t *exchanges)
{
    if (exchanges == NULL)
        return;
    static const struct ds_exchange_answer aborted = {.why = "stopped"};
    for (size_t i = 0; exchanges->slots != NULL && i < exchanges->slot_count; i++) {
        struct slot *slot = &exchanges->slots[i];
        if (slot->used)
            finish(exchanges, slot, &aborted);
        ds_buf_cleanup(&slot->body);
        curl_easy_cleanup(slot->curl); /* NULL is fine */
    }
    (void)curl_multi_cleanup(exchanges->multi); /* NULL is fine */
    free(exchanges->slots);
    free(exchanges);
    curl_global_cleanup();
}

/* --- starting ----------------------------------------------------------------------------------
 */

static size_t take_body(char *data, size_t one, size_t bytes, void *context)
{
    struct slot *slot = context;
    (void)one; /* always 1 */
    return ds_buf_append(&slot->body, data, bytes, NULL) ? bytes : CURL_WRITEFUNC_ERROR;
}

static bool add_header(struct slot *slot, const char *header, ds_error_t *error)
{
    if (header[strcspn(header, "\r\n")] != '\0')
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "a header of two lines");
    struct curl_slist *longer = curl_slist_append(slot->headers, header);
    if (longer == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "request header");
    slot->headers = longer;
    return true;
}

static bool add_headers(struct slot *slot, const struct ds_http_request *request, ds_error_t *error)
{
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
        if (!add_header(slot, request->headers[i], error))
            return false;
    /* "Expect: 100-continue" costs a second with servers that do not know it. */
    return add_header(slot, "Expect:", error);
}

static CURLcode set_limits(CURL *curl, int64_t timeout_ms)
{
    int64_t connect_ms = timeout_ms < DS_MAX_HTTP_CONNECT_MS ? timeout_ms : DS_MAX_HTTP_CONNECT_MS;
    CURLcode code = CURLE_OK;
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, "");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    return code;
}

static CURLcode set_request(struct slot *slot, const struct ds_http_request *request)
{
    CURL *curl = slot->curl;
    CURLcode code = CURLE_OK;
    slot->text[0] = '\0';
    code = code ? code : curl_easy_setopt(curl, CURLOPT_URL, request->url);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_USERAGENT, "doorstep");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, slot->headers);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, slot->text);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PRIVATE, slot);
    if (request->body.len > 0) {
        curl_off_t len = (curl_off_t)request->body.len;
        code = code ? code : curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, len);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request->body.data);
    }
    return code ? code : curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool prepare(struct slot *slot, const struct ds_http_request *request, ds_error_t *error)
{
    if (request->timeout_ms <= 0 || request->timeout_ms > INT32_MAX)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID, "timeout of %lld ms",
                            (long long)request->timeout_ms);
    if (slot->curl == NULL && (slot->curl = curl_easy_init()) == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "curl handle");
    if (!add_headers(slot, request, error))
        return false;
    CURLcode code = set_limits(slot->curl, request->timeout_ms);
    code = code ? code : set_request(slot, request);
    if (code != CURLE_OK)
        return ds_error_set(error, DS_DOMAIN_HTTP,
                            code == CURLE_OUT_OF_MEMORY ? DS_ERR_MEMORY : DS_ERR_INVALID,
                            "%s request: %s", request->method, curl_easy_strerror(code));
    return true;
}

bool ds_exchanges_start(ds_exchanges_t *exchanges, const struct ds_http_request *request,
                        ds_exchange_done_fn done, void *context, ds_error_t *error)
{
    struct slot *slot = exchanges->free;
    if (slot == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_BUSY, "%zu exchanges are under way",
                            exchanges->in_flight);
    bool ok = prepare(slot, request, error);
    CURLMcode code = ok ? curl_multi_add_handle(exchanges->multi, slot->curl) : CURLM_OK;
    if (ok && code != CURLM_OK)
        ok = ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "curl: %s",
                          curl_multi_strerror(code));
    if (!ok) {
        curl_slist_free_all(slot->headers);
        slot->headers = NULL;
        if (slot->curl != NULL)
            curl_easy_reset(slot->curl);
        return false;
    }
    slot->done = done;
    slot->context = context;
    slot->used = true;
    exchanges->free = slot->next;
    exchanges->in_flight++;
    return true;
}

/* --- ending ------------------------------------------------------------------------------------
 */

/* Both are asked: the time also stands for a request that was begun and of which the kernel took
 * nothing. */
static bool may_be_sent(CURL *curl)
{
    curl_off_t started_us = 0;
    long request_bytes = 0;
    return curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &started_us) != CURLE_OK ||
           curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes) != CURLE_OK ||
           started_us > 0 || request_bytes > 0;
}

static void read_answer(struct slot *slot, CURLcode code, struct ds_exchange_answer *answer)
{
    long status = 0;
    curl_off_t took_us = 0, retry_after_s = 0;
    *answer = (struct ds_exchange_answer){0};
    if (curl_easy_getinfo(slot->curl, CURLINFO_TOTAL_TIME_T, &took_us) == CURLE_OK)
        answer->took_us = took_us;
    if (code != CURLE_OK ||
        curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status == 0) {
        answer->unsent = !may_be_sent(slot->curl);
        answer->why = slot->text[0] != '\0' ? slot->text : curl_easy_strerror(code);
        return;
    }
    if (curl_easy_getinfo(slot->curl, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK)
        answer->retry_after_s = retry_after_s;
    answer->status = (int)status;
    answer->body = ds_buf_str(&slot->body);
}

static size_t finish_all(ds_exchanges_t *exchanges)
{
    CURLMsg *message;
    int left = 0;
    size_t finished = 0;
    while ((message = curl_multi_info_read(exchanges->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot) != CURLE_OK)
            continue;
        struct ds_exchange_answer answer;
        read_answer(slot, message->data.result, &answer);
        finish(exchanges, slot, &answer);
        finished++;
    }
    return finished;
}

void ds_exchanges_turn(ds_exchanges_t *exchanges, int timeout_ms)
{
    int running = 0;
    (void)curl_multi_perform(exchanges->multi, &running);
    if (finish_all(exchanges) > 0 || timeout_ms <= 0)
        return; /* what came may have given the caller something to do */
    (void)curl_multi_poll(exchanges->multi, NULL, 0, timeout_ms, NULL);
    (void)curl_multi_perform(exchanges->multi, &running);
    (void)finish_all(exchanges);
}

size_t ds_exchanges_in_flight(const ds_exchanges_t *exchanges)
{
    return exchanges->in_flight;
}

void ds_exchanges_wake(ds_exchanges_t *exchanges)
{
    (void)curl_multi_wakeup(exchanges->multi);
}
