#include "api/database.h"

#include "api/db.h"
#include "api/internal.h"
#include "api/positions.h"
#include "api/response.h"

#include <stdlib.h>
#include <time.h>

enum { MAX_THREADS = 32, IDLE_MS = 500 };

struct ds_database {
    const struct ds_runtime *runtime;
    struct ds_database_config config;
    pthread_t threads[MAX_THREADS];
    size_t thread_count;
    atomic_bool up;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    ds_request_t *first; /* the queue, oldest first */
    ds_request_t *last;
    size_t count;
    bool stop;
};

bool ds_database_up(const ds_database_t *database)
{
    return database != NULL && atomic_load(&database->up);
}

static void run_away(ds_request_t *request)
{
    if (request->query->away != NULL) {
        request->query->away(request);
        return;
    }
    ds_answer_error(request, 503, "database_unavailable", "the read model cannot be asked now");
    ds_request_release(request);
}

/* @locks database */
static ds_request_t *take_first(ds_database_t *database)
{
    ds_request_t *request = database->first;
    if (request == NULL)
        return NULL;
    database->first = request->next;
    if (database->first == NULL)
        database->last = NULL;
    database->count--;
    request->next = NULL;
    return request;
}

static void set_up(ds_database_t *database, bool up, const ds_error_t *error)
{
    bool was = atomic_exchange(&database->up, up);
    if (was && !up) {
        ds_log_error(&database->runtime->log, DS_LOG_WARN, "api.database_away", error);
        (void)pthread_cond_broadcast(&database->wake); /* whoever is idle looks at once */
    }
    if (!was && up)
        ds_log_write(&database->runtime->log, DS_LOG_INFO, "api.database_up",
                     "the read model can be asked", NULL);
}

static void reply_behind(ds_request_t *request, double lag_s)
{
    ds_answer_error_detail(request, 503, "behind", "the read model has not come this far yet",
                           json_pack("{s:f}", "lagSeconds", lag_s));
}

static void too_late(ds_request_t *request)
{
    if (request->query->away != NULL) {
        request->query->away(request);
        return;
    }
    double waited_s =
        (double)(ds_api_now_us(request->api) - request->started_us) / (double)DS_US_PER_S;
    reply_behind(request, waited_s);
    ds_request_release(request);
}

static bool positions_ready(ds_request_t *request)
{
    return ds_waiting_positions_met(request->api->waiting, request);
}

static void ask_again(ds_request_t *request)
{
    ds_database_submit(request->api->database, request, request->query);
}

/* Not there yet: to the waiting room, unless the time is over. @return true when the request was
 * handed on. */
static bool wait_for_tokens(ds_request_t *request, double lag_s)
{
    if (ds_api_now_us(request->api) >= request->wait_until_us) {
        if (request->query->away == NULL) {
            reply_behind(request, lag_s);
            return false;
        }
        request->query->away(request);
        return true;
    }
    request->wait_ready = positions_ready;
    request->wait_go = ask_again;
    request->wait_late = too_late;
    ds_waiting_enter(request->api->waiting, request);
    return true;
}

/* Position and data in one snapshot. */
static bool run_consistent(ds_request_t *request, ds_db_t *db, bool *handed_on_out,
                           ds_error_t *error)
{
    enum ds_token_verdict verdict;
    double lag_s;
    *handed_on_out = false;
    if (request->token_count == 0 || !request->query->consistent)
        return request->query->run(request, db, error);
    if (!ds_db_execute(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", error) ||
        !ds_tokens_check(db, request->tokens, request->token_count, &verdict, &lag_s, error))
        return false;
    bool ok = verdict != DS_TOKEN_MET || request->query->run(request, db, error);
    if (!ok || !ds_db_execute(db, "COMMIT", error))
        return false;
    if (verdict == DS_TOKEN_FOREIGN)
        ds_answer_error(request, 409, "consistency_token_foreign",
                        "the token is of a log that no longer exists");
    else if (verdict == DS_TOKEN_BEHIND)
        *handed_on_out = wait_for_tokens(request, lag_s);
    return true;
}

static void after(ds_request_t *request)
{
    if (request->query->then != NULL)
        request->query->then(request);
    else
        ds_request_release(request);
}

static bool open_for(const ds_request_t *request, ds_db_t *db, ds_error_t *error)
{
    int64_t timeout_us = request->query->timeout_us;
    return ds_db_open(db, error) &&
           ds_db_limit(db, timeout_us > 0 ? timeout_us : db->default_timeout_us, error);
}

/* The connection was found dead: the server was started anew. Once more, it was only read. */
static bool try_twice(ds_request_t *request, ds_db_t *db, bool *handed_on_out, ds_error_t *error)
{
    bool fresh = db->connection == NULL;
    ds_error_t first = DS_ERROR_INIT;
    if (open_for(request, db, &first) && run_consistent(request, db, handed_on_out, &first))
        return true;
    if (fresh || first.code != DS_ERR_UNAVAILABLE) {
        *error = first;
        return false;
    }
    db->try_again_us = 0;
    return open_for(request, db, error) && run_consistent(request, db, handed_on_out, error);
}

static void serve(ds_database_t *database, ds_db_t *db, ds_request_t *request)
{
    ds_error_t error = DS_ERROR_INIT;
    bool handed_on = false;
    if (!ds_request_alive(request)) {
        ds_request_release(request);
        return;
    }
    if (try_twice(request, db, &handed_on, &error)) {
        set_up(database, true, NULL);
        if (!handed_on)
            after(request);
        return;
    }
    /* A slow statement says nothing of the server; a lost connection does, unless it was given up
     * after a short look. */
    bool lost = db->connection == NULL;
    bool patient = request->query->timeout_us == 0;
    if (error.domain == DS_DOMAIN_PG && (error.code == DS_ERR_UNAVAILABLE || (lost && patient)))
        set_up(database, false, &error);
    bool expected = lost || error.code == DS_ERR_TIMEOUT || error.code == DS_ERR_UNAVAILABLE;
    ds_log_error(&database->runtime->log, expected ? DS_LOG_DEBUG : DS_LOG_ERROR,
                 "api.query_failed", &error);
    ds_db_settle(db, &error);
    run_away(request);
}

static void wait_for_work(ds_database_t *database)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)IDLE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&database->wake, &database->lock, &until);
}

/* While the database counts as away, an idle thread finds out when it is back: by an answer, since
 * a frozen server keeps its connections. */
static void idle(ds_database_t *database, ds_db_t *db)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_db_look(db);
    bool ok = ds_db_open(db, &error);
    if (ok && atomic_load(&database->up))
        return;
    db->timeout_us = db->default_timeout_us;
    ok = ok && ds_db_execute(db, "SELECT 1", &error);
    set_up(database, ok, &error);
}

static void *run(void *database_)
{
    ds_database_t *database = database_;
    ds_db_t db = {.url = database->config.url,
                  .runtime = database->runtime,
                  .default_timeout_us = database->config.timeout_us};
    idle(database, &db);
    (void)pthread_mutex_lock(&database->lock);
    while (!database->stop) {
        ds_request_t *request = take_first(database);
        if (request == NULL) {
            wait_for_work(database);
            if (database->first != NULL || database->stop)
                continue;
        }
        (void)pthread_mutex_unlock(&database->lock);
        if (request != NULL)
            serve(database, &db, request);
        else
            idle(database, &db);
        (void)pthread_mutex_lock(&database->lock);
    }
    (void)pthread_mutex_unlock(&database->lock);
    ds_db_close(&db);
    return NULL;
}

bool ds_database_new(const struct ds_runtime *runtime, const struct ds_database_config *config,
                     ds_database_t **database_out, ds_error_t *error)
{
    pthread_condattr_t monotonic;
    ds_database_t *database = calloc(1, sizeof *database);
    *database_out = database;
    if (database == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY,
                            "no memory for the query threads");
    database->runtime = runtime;
    database->config = *config;
    (void)pthread_mutex_init(&database->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&database->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    while (database->thread_count < config->threads && database->thread_count < MAX_THREADS) {
        if (pthread_create(&database->threads[database->thread_count], NULL, run, database) != 0) {
            ds_database_destroy(database);
            *database_out = NULL;
            return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_IO, "start a query thread");
        }
        database->thread_count++;
    }
    return true;
}

void ds_database_destroy(ds_database_t *database)
{
    ds_request_t *request;
    if (database == NULL)
        return;
    (void)pthread_mutex_lock(&database->lock);
    database->stop = true;
    (void)pthread_cond_broadcast(&database->wake);
    (void)pthread_mutex_unlock(&database->lock);
    for (size_t i = 0; i < database->thread_count; i++)
        (void)pthread_join(database->threads[i], NULL);
    while ((request = take_first(database)) != NULL)
        run_away(request);
    (void)pthread_cond_destroy(&database->wake);
    (void)pthread_mutex_destroy(&database->lock);
    free(database);
}

static bool append(ds_database_t *database, ds_request_t *request)
{
    (void)pthread_mutex_lock(&database->lock);
    bool ok = !database->stop && database->count < database->config.queue_max;
    if (ok) {
        request->next = NULL;
        if (database->last != NULL)
            database->last->next = request;
        else
            database->first = request;
        database->last = request;
        database->count++;
        (void)pthread_cond_signal(&database->wake);
    }
    (void)pthread_mutex_unlock(&database->lock);
    return ok;
}

void ds_database_submit(ds_database_t *database, ds_request_t *request, struct ds_query_job *job)
{
    request->query = job;
    if (!ds_database_up(database)) {
        run_away(request);
        return;
    }
    int64_t patience_us = job->timeout_us > 0 ? job->timeout_us : database->config.timeout_us;
    job->give_up_us = ds_monotonic_us(database->runtime->clock) + patience_us;
    if (append(database, request))
        return;
    if (job->away != NULL) {
        job->away(request);
        return;
    }
    ds_answer_error(request, 503, "busy", "too many queries wait");
    ds_request_release(request);
}

/* Take out what has waited too long; the order of the rest stays. */
static ds_request_t *take_expired(ds_database_t *database, int64_t now_us)
{
    ds_request_t *expired = NULL;
    ds_request_t **place = &database->first;
    database->last = NULL;
    while (*place != NULL) {
        ds_request_t *request = *place;
        if (request->query->give_up_us > now_us) {
            database->last = request;
            place = &request->next;
            continue;
        }
        *place = request->next;
        database->count--;
        request->next = expired;
        expired = request;
    }
    return expired;
}

void ds_database_tick(ds_database_t *database, int64_t now_us)
{
    if (database == NULL)
        return;
    (void)pthread_mutex_lock(&database->lock);
    ds_request_t *expired = take_expired(database, now_us);
    (void)pthread_mutex_unlock(&database->lock);
    while (expired != NULL) {
        ds_request_t *next = expired->next;
        expired->next = NULL;
        run_away(expired);
        expired = next;
    }
}

void ds_query_start(ds_request_t *request,
                    bool (*run_query)(ds_request_t *request, ds_db_t *db, ds_error_t *error))
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_query_job *job = ds_arena_alloc(request->arena, sizeof *job, &error);
    if (job == NULL) {
        ds_answer_error(request, 500, "internal", "out of memory");
        return;
    }
    job->run = run_query;
    job->consistent = true;
    request->asks = true;
    request->wait_until_us = ds_api_now_us(request->api) + request->api->settings->behind_wait_us;
    ds_request_hold(request);
    ds_database_submit(request->api->database, request, job);
}
