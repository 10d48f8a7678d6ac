/* schemas/resolver.c - the thread that asks the registry, one question at a time.
 *
 * Bounded whatever is asked for: ten questions a second and a burst of thirty; after a failure
 * nothing is asked for a pause that doubles from 0.1 to 5 s, since a registry that is away is away
 * for all. A question that fails goes behind the others, so that one id whose answer is always
 * broken holds up nobody else's. */
#include "schemas/ids.h"

#include <inttypes.h>
#include <time.h>

#define ASK_EVERY_US     (100 * DS_US_PER_MS)
#define ASK_BURST_US     (30 * ASK_EVERY_US)
#define FIRST_PAUSE_US   (100 * DS_US_PER_MS)
#define LONGEST_PAUSE_US (5 * DS_US_PER_S)
#define MISSING_PAUSE_US (5 * DS_US_PER_S) /* until somebody has registered the schema */
#define SAY_EVERY_US     (60 * DS_US_PER_S)
#define IDLE_US          (60 * DS_US_PER_S)

enum outcome { ANSWERED, NOT_THERE, FAILED };

/** One question. */
struct question {
    const struct ds_schema *schema; /* its id; NULL: the schema of `id` */
    size_t own;                     /* the schema's place */
    uint32_t id;
    int64_t at_us; /* when it may be asked */
};

static int64_t now_us(const ds_framing_t *framing)
{
    return ds_monotonic_us(framing->runtime->clock);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_due_often(int64_t now, int64_t *said_us)
{
    if (*said_us != 0 && now - *said_us < SAY_EVERY_US)
        return false;
    *said_us = now;
    return true;
}

/* ---- choosing ---- */

static void drop_stale(ds_framing_t *framing, int64_t now)
{
    bool dropped = false;
    for (size_t i = 0; i < DS_IDS_ASKED_MAX; i++) {
        struct ds_ids_asked *asked = &framing->asked[i];
        if (!asked->used || asked->answer != DS_IDS_WANTED ||
            now - asked->since_us < DS_IDS_WANTED_US)
            continue;
        asked->used = false;
        dropped = true;
    }
    if (dropped)
        ds_ids_tell_waiting(framing);
}

/* The one that waits for longest. @return false: there is none. */
static bool choose(ds_framing_t *framing, struct question *question_out)
{
    const struct ds_schema *const *list = ds_schemas();
    *question_out = (struct question){.at_us = INT64_MAX};
    for (size_t i = 0; i < DS_IDS_OWN_MAX && list[i] != NULL; i++) {
        const struct ds_ids_own *own = &framing->own[i];
        if (atomic_load(&own->wanted) && atomic_load(&own->place) == 0 &&
            own->try_at_us < question_out->at_us)
            *question_out = (struct question){list[i], i, 0, own->try_at_us};
    }
    for (size_t i = 0; i < DS_IDS_ASKED_MAX; i++) {
        const struct ds_ids_asked *asked = &framing->asked[i];
        if (asked->used && asked->answer == DS_IDS_WANTED && asked->try_at_us < question_out->at_us)
            *question_out = (struct question){NULL, 0, asked->id, asked->try_at_us};
    }
    return question_out->at_us != INT64_MAX;
}

static void wait_us(ds_framing_t *framing, int64_t us)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    us = us < IDLE_US ? us : IDLE_US;
    until.tv_sec += (time_t)(us / DS_US_PER_S);
    until.tv_nsec += (long)(us % DS_US_PER_S) * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(&framing->changed, &framing->lock, &until);
}

/* Until a question may be asked. @return false: the framing ends. */
static bool next(ds_framing_t *framing, struct question *question_out)
{
    while (!framing->stop) {
        int64_t now = now_us(framing);
        drop_stale(framing, now);
        if (!choose(framing, question_out)) {
            wait_us(framing, IDLE_US);
            continue;
        }
        int64_t at = later(question_out->at_us, framing->quiet_until_us);
        at = later(at, framing->rate_us - ASK_BURST_US);
        if (at <= now) {
            framing->rate_us = later(framing->rate_us, now) + ASK_EVERY_US;
            return true;
        }
        wait_us(framing, at - now);
    }
    return false;
}

/* ---- asking ---- */

static enum outcome ask(ds_framing_t *framing, ds_registry_t *registry,
                        const struct question *question, ds_error_t *error)
{
    uint64_t fingerprint = 0;
    uint32_t id = 0;
    bool ours = false;
    if (question->schema != NULL) {
        if (ds_registry_find(registry, question->schema, &id, error))
            ds_ids_learn_own(framing, question->schema, id);
    } else if (ds_registry_fingerprint(registry, question->id, &ours, &fingerprint, error)) {
        if (ours)
            ds_ids_learn(framing, question->id, fingerprint);
        else
            ds_ids_learn_absent(framing, question->id, DS_IDS_FOREIGN);
    } else if (error->code == DS_ERR_UNKNOWN) {
        ds_ids_learn_absent(framing, question->id, DS_IDS_ABSENT);
    }
    return !ds_error_is_set(error) ? ANSWERED : error->code == DS_ERR_UNKNOWN ? NOT_THERE : FAILED;
}

static void put_off(ds_framing_t *framing, const struct question *question, int64_t until_us)
{
    if (question->schema != NULL)
        framing->own[question->own].try_at_us = until_us;
    for (size_t i = 0; i < DS_IDS_ASKED_MAX && question->schema == NULL; i++) {
        if (framing->asked[i].used && framing->asked[i].id == question->id)
            framing->asked[i].try_at_us = until_us;
    }
}

static void on_failure(ds_framing_t *framing, const struct question *question,
                       const ds_error_t *error)
{
    int64_t now = now_us(framing);
    framing->quiet_until_us = now + ds_backoff_us(framing->runtime->random, framing->failures++,
                                                  FIRST_PAUSE_US, LONGEST_PAUSE_US);
    put_off(framing, question, framing->quiet_until_us);
    if (is_due_often(now, &framing->away_said_us))
        ds_log_error(&framing->runtime->log, DS_LOG_WARN, "registry.away", error);
}

static void on_answer(ds_framing_t *framing, const struct question *question, bool there,
                      const ds_error_t *error)
{
    int64_t now = now_us(framing);
    if (framing->failures > 0)
        ds_log_write(&framing->runtime->log, DS_LOG_INFO, "registry.back",
                     "the schema registry answers", NULL);
    framing->failures = 0;
    framing->away_said_us = 0;
    if (question->schema == NULL)
        return;
    framing->own[question->own].missing = !there;
    if (there)
        return;
    put_off(framing, question, now + MISSING_PAUSE_US);
    if (is_due_often(now, &framing->missing_said_us))
        ds_log_error(&framing->runtime->log, DS_LOG_WARN, "registry.not_registered", error);
}

static void *work(void *framing_)
{
    ds_framing_t *framing = framing_;
    ds_registry_t *registry = NULL;
    struct question question;
    (void)pthread_mutex_lock(&framing->lock);
    while (next(framing, &question)) {
        ds_error_t error = DS_ERROR_INIT;
        (void)pthread_mutex_unlock(&framing->lock);
        enum outcome outcome = FAILED;
        if (registry != NULL || ds_registry_new(&framing->config, &registry, &error))
            outcome = ask(framing, registry, &question, &error);
        ds_metric_add(framing->requests[outcome], 1);
        (void)pthread_mutex_lock(&framing->lock);
        if (outcome == FAILED)
            on_failure(framing, &question, &error);
        else
            on_answer(framing, &question, outcome == ANSWERED, &error);
        ds_ids_tell_waiting(framing);
    }
    (void)pthread_mutex_unlock(&framing->lock);
    ds_registry_destroy(registry);
    return NULL;
}

void ds_resolver_start(ds_framing_t *framing)
{
    if (framing->started || framing->stop || framing->config.url == NULL)
        return;
    /* Signals are for the main thread; a thread that cannot be started is tried with the next
     * question. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    framing->started = pthread_create(&framing->thread, NULL, work, framing) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- for tools ---- */

bool ds_framing_wait(ds_framing_t *framing, unsigned seen, int64_t timeout_ms, ds_error_t *error)
{
    int64_t until = now_us(framing) + timeout_ms * DS_US_PER_MS;
    bool moved = false;
    (void)pthread_mutex_lock(&framing->lock);
    while (!(moved = atomic_load(&framing->answers) != seen) && now_us(framing) < until)
        wait_us(framing, until - now_us(framing));
    (void)pthread_mutex_unlock(&framing->lock);
    if (moved)
        return true;
    const char *why = ds_framing_waiting(framing);
    return ds_error_set(error, DS_DOMAIN_SCHEMA, DS_ERR_UNAVAILABLE, "%s",
                        why == NULL ? "no answer of the schema registry" : why);
}

bool ds_framing_decode_patiently(ds_framing_t *framing, const struct ds_schema *schema,
                                 ds_bytes_t message, ds_arena_t *arena, void *value_out,
                                 bool *head_ok_out, int64_t timeout_ms, ds_error_t *error)
{
    for (;;) {
        unsigned seen = ds_framing_answers(framing);
        ds_error_t why = DS_ERROR_INIT;
        if (ds_framing_decode(framing, schema, message, arena, value_out, head_ok_out, &why))
            return true;
        if (why.code != DS_ERR_UNAVAILABLE)
            return ds_error_set(error, why.domain, why.code, "%s", why.message);
        if (!ds_framing_wait(framing, seen, timeout_ms, error))
            return ds_error_prefix(error, "%s", why.message);
    }
}
