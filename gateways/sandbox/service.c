#include "gateways/sandbox/service_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_REPLY_BYTES   (4 * 1024 * 1024)
#define MAX_WEBHOOK_BYTES 2048
#define MAX_PATH_BYTES    1024
#define JOURNAL_NAME      "books.jsonl"

/* --- making it ---------------------------------------------------------------------------------
 */

static int32_t *handle_of(void *item)
{
    return &((struct ds_book_charge *)item)->handle;
}

static bool apply_line(void *context, ds_str_t line, ds_error_t *error)
{
    return ds_books_apply(context, line, error);
}

static bool make_folder(const char *dir, ds_error_t *error)
{
    char path[MAX_PATH_BYTES];
    if (!ds_str_to_array(ds_str(dir), path, sizeof path) || path[0] == '\0')
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                            "sandbox-dir: too long or empty");
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char c = *at;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "mkdir %s: %s", path,
                                strerror(errno));
        *at = c;
        if (c == '\0')
            return true;
    }
}

static bool open_books(ds_service_t *service, const char *dir, ds_error_t *error)
{
    char path[MAX_PATH_BYTES + sizeof JOURNAL_NAME + 1];
    if (!make_folder(dir, error))
        return false;
    (void)snprintf(path, sizeof path, "%s/%s", dir, JOURNAL_NAME);
    if (!ds_journal_open(path, &service->runtime->log, apply_line, service->books,
                         &service->journal, error))
        return false;
    for (size_t i = 0; i < ds_books_charges(service->books); i++) {
        struct ds_book_charge *charge = ds_books_charge_at(service->books, i);
        if (charge->status == DS_BOOK_PENDING &&
            !ds_heap_set(service->pending, charge, charge->due_us, error))
            return false;
    }
    ds_log(&service->runtime->log, DS_LOG_INFO, "sandbox.books", "the books were read",
           DS_F_CSTR("file", path), DS_F_INT("charges", (int64_t)ds_books_charges(service->books)),
           DS_F_INT("pending", (int64_t)ds_heap_count(service->pending)));
    return true;
}

static void make_metrics(ds_service_t *service)
{
    ds_metrics_t *metrics = service->runtime->metrics;
    for (int i = DS_BOOK_PENDING; i <= DS_BOOK_FAILED; i++) {
        const struct ds_label labels[] = {{"status", ds_book_status_text((enum ds_book_status)i)},
                                          {NULL, NULL}};
        service->charges[i] = ds_metrics_get(metrics, DS_COUNTER, "doorstep_sandbox_charges_total",
                                             "Charges entered, by status then.", labels);
        service->refunds[i] = ds_metrics_get(metrics, DS_COUNTER, "doorstep_sandbox_refunds_total",
                                             "Refunds entered, by status.", labels);
    }
}

bool ds_service_new(const struct ds_runtime *runtime, const char *dir, ds_postman_t *postman,
                    ds_service_t **service_out, ds_error_t *error)
{
    *service_out = NULL;
    ds_service_t *service = calloc(1, sizeof *service);
    if (service == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "service");
    service->runtime = runtime;
    service->postman = postman;
    pthread_mutex_init(&service->lock, NULL);
    service->books = ds_books_new(DS_MAX_BOOK_ENTRIES);
    service->pending = ds_heap_new(handle_of, NULL, DS_MAX_BOOK_ENTRIES);
    make_metrics(service);
    bool ok = (service->books != NULL && service->pending != NULL) ||
              ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "books");
    if (!ok || !open_books(service, dir, error)) {
        ds_service_destroy(service);
        return false;
    }
    *service_out = service;
    return true;
}

void ds_service_destroy(ds_service_t *service)
{
    if (service == NULL)
        return;
    ds_journal_close(service->journal);
    ds_heap_destroy(service->pending);
    ds_books_destroy(service->books);
    pthread_mutex_destroy(&service->lock);
    free(service);
}

bool ds_service_broken(ds_service_t *service)
{
    pthread_mutex_lock(&service->lock);
    bool broken = service->broken;
    pthread_mutex_unlock(&service->lock);
    return broken || ds_journal_broken(service->journal);
}

/* --- the journal -------------------------------------------------------------------------------
 */

/* The books changed already. When the line cannot be kept, memory and disk differ, and nothing may
 * be answered any more. */
bool ds_service_log(ds_service_t *service, ds_buf_t *line, uint64_t *number_out)
{
    ds_error_t error = DS_ERROR_INIT;
    if (ds_journal_append(service->journal, ds_buf_str(line), number_out, &error))
        return true;
    ds_log_error(&service->runtime->log, DS_LOG_ERROR, "sandbox.journal", &error);
    service->broken = true;
    return false;
}

bool ds_service_wait(ds_service_t *service, uint64_t number)
{
    ds_error_t error = DS_ERROR_INIT;
    if (service->broken)
        return false;
    pthread_mutex_unlock(&service->lock);
    bool ok = ds_journal_wait(service->journal, number, &error);
    if (!ok)
        ds_log_error(&service->runtime->log, DS_LOG_ERROR, "sandbox.journal", &error);
    pthread_mutex_lock(&service->lock);
    return ok && !service->broken;
}

/* --- webhooks ----------------------------------------------------------------------------------
 */

struct news {
    const char *type; /* "charge" */
    enum ds_book_status status;
    const char *id, *key, *reference, *currency, *reason;
    int64_t amount_minor;
};

static bool write_news(const struct news *news, ds_buf_t *out)
{
    return ds_buf_printf(out, NULL, "{\"type\":\"%s.%s\",\"data\":{\"reference\":", news->type,
                         ds_book_status_text(news->status)) &&
           ds_buf_append_json(out, ds_str(news->reference), NULL) &&
           ds_buf_append_text(out, ",\"key\":", NULL) &&
           ds_buf_append_json(out, ds_str(news->key), NULL) &&
           ds_buf_append_text(out, ",\"id\":", NULL) &&
           ds_buf_append_json(out, ds_str(news->id), NULL) &&
           ds_buf_printf(out, NULL, ",\"amount\":%" PRId64 ",\"currency\":", news->amount_minor) &&
           ds_buf_append_json(out, ds_str(news->currency), NULL) &&
           ds_buf_append_text(out, ",\"reason\":", NULL) &&
           (news->reason == NULL ? ds_buf_append_text(out, "null", NULL)
                                 : ds_buf_append_json(out, ds_str(news->reason), NULL)) &&
           ds_buf_append_text(out, "}}", NULL);
}

/* The webhook's id follows from the outcome, so that telling it again, after a restart too, is seen
 * as a repeat. */
static void tell(ds_service_t *service, const struct news *news)
{
    char id[96];
    ds_buf_t body;
    ds_buf_init(&body, MAX_WEBHOOK_BYTES);
    (void)snprintf(id, sizeof id, "msg_%s_%s", news->id, ds_book_status_text(news->status));
    if (write_news(news, &body))
        ds_postman_post(service->postman, ds_str(id), ds_buf_str(&body));
    ds_buf_cleanup(&body);
}

void ds_service_tell_charge(ds_service_t *service, const struct ds_book_charge *charge)
{
    tell(service,
         &(struct news){"charge", charge->status, charge->id, charge->key, charge->reference,
                        charge->currency, charge->reason, charge->amount_minor});
}

void ds_service_tell_refund(ds_service_t *service, const struct ds_book_refund *refund)
{
    tell(service,
         &(struct news){"refund", refund->status, refund->id, refund->key, refund->reference,
                        refund->currency, refund->reason, refund->amount_minor});
}

/* --- replies -----------------------------------------------------------------------------------
 */

void ds_reply_init(struct ds_reply *reply)
{
    *reply = (struct ds_reply){0};
    ds_buf_init(&reply->body, MAX_REPLY_BYTES);
}

void ds_reply_cleanup(struct ds_reply *reply)
{
    ds_buf_cleanup(&reply->body);
}

void ds_reply_error(struct ds_reply *reply, int status, const char *code, const char *message)
{
    ds_buf_clear(&reply->body);
    bool ok = ds_buf_printf(&reply->body, NULL, "{\"error\":{\"code\":\"%s\",\"message\":", code) &&
              ds_buf_append_json(&reply->body, ds_str(message), NULL) &&
              ds_buf_append_text(&reply->body, "}}", NULL);
    reply->status = ok ? status : 500;
}

/* A refund that could never succeed is the caller's mistake, a declined one is not. */
static int status_of(enum ds_book_status status, const char *reason)
{
    switch (status) {
    case DS_BOOK_PENDING:
        return 202;
    case DS_BOOK_SUCCEEDED:
        return 200;
    case DS_BOOK_FAILED:
        break;
    }
    bool declined = reason != NULL && strstr(reason, "declined") != NULL;
    return declined || (reason != NULL && strcmp(reason, "unknown_token") == 0) ? 402 : 422;
}

void ds_service_show_charge(const struct ds_book_charge *charge, bool asked, struct ds_reply *reply)
{
    reply->status = asked ? 200 : status_of(charge->status, charge->reason);
    if (!ds_books_charge_json(charge, asked, &reply->body, NULL))
        ds_reply_error(reply, 500, "internal", "no memory");
}

void ds_service_show_refund(const struct ds_book_refund *refund, bool asked, struct ds_reply *reply)
{
    reply->status = asked ? 200 : status_of(refund->status, refund->reason);
    if (!ds_books_refund_json(refund, &reply->body, NULL))
        ds_reply_error(reply, 500, "internal", "no memory");
}

/* --- pending charges ---------------------------------------------------------------------------
 */

static bool settle(ds_service_t *service, struct ds_book_charge *charge)
{
    ds_buf_t line;
    ds_buf_init(&line, DS_MAX_JOURNAL_LINE_BYTES);
    ds_heap_remove(service->pending, charge);
    ds_books_settle(charge);
    bool ok = ds_books_settle_line(charge, &line, NULL) &&
              ds_service_log(service, &line, &charge->line) &&
              ds_service_wait(service, charge->line);
    ds_buf_cleanup(&line);
    if (!ok) {
        service->broken = true;
        return false;
    }
    ds_metric_add(service->charges[DS_BOOK_SUCCEEDED], 1);
    ds_service_tell_charge(service, charge);
    return true;
}

int ds_service_settle(ds_service_t *service, int max_ms)
{
    int64_t due_us = 0, now = ds_now_us(service->runtime->clock);
    struct ds_book_charge *charge;
    pthread_mutex_lock(&service->lock);
    while (!service->broken && (charge = ds_heap_peek(service->pending, &due_us)) != NULL &&
           due_us <= now)
        if (!settle(service, charge))
            break;
    charge = ds_heap_peek(service->pending, &due_us);
    pthread_mutex_unlock(&service->lock);
    if (charge == NULL || due_us - now >= max_ms * DS_US_PER_MS)
        return max_ms;
    return due_us <= now ? 1 : (int)((due_us - now) / DS_US_PER_MS) + 1;
}
