#include "gateways/notifications/sender.h"

#include "base/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_US (200 * DS_US_PER_MS) /* without anything due: for leave, and for the end */

struct meters {
    ds_metric_t *over[DS_TOLD_LATER]; /* by enum ds_told */
    ds_metric_t *again;
    ds_metric_t *waiting;
    ds_metric_t *full;
    ds_metric_t *seconds;
};

struct ds_sender {
    const struct ds_runtime *runtime;
    struct ds_sender_config config;
    pthread_mutex_t lock;
    pthread_cond_t news;
    ds_notice_ledger_t *ledger; /* under lock */
    pthread_t *threads;
    size_t thread_count;
    bool stopping; /* under lock: take no more */
    atomic_bool abort;
    size_t sending; /* under lock */
    _Atomic int64_t allowed_us;
    atomic_bool up;
    struct meters meters;
};

static int64_t now_of(const ds_sender_t *sender)
{
    return ds_monotonic_us(sender->runtime->clock);
}

/* --- a thread ----------------------------------------------------------------------------------
 */

static void log_answer(const ds_sender_t *sender, const struct ds_ledger_entry *entry,
                       const struct ds_told_answer *answer)
{
    static const char *const codes[] = {"notifications.sent", "notifications.refused",
                                        "notifications.expired", "notifications.later"};
    enum ds_log_level level = answer->told == DS_TOLD_SENT ? DS_LOG_DEBUG : DS_LOG_WARN;
    ds_log_t log = sender->runtime->log;
    log.order_id = entry->notice->order_id;
    log.correlation_id = entry->notice->correlation_id;
    ds_log(&log, level, codes[answer->told], "an attempt to tell a customer",
           DS_F_CSTR("channel", ds_channel_text(sender->config.channel)),
           DS_F_CSTR("event", ds_notice_kind_text(entry->notice->kind)),
           DS_F_TEXT("event_id", entry->notice->event_id), DS_F_INT("status", answer->status),
           DS_F_CSTR("detail", answer->detail), DS_F_INT("attempt", entry->attempts + 1));
}

static void wait_a_while(ds_sender_t *sender)
{
    int64_t due_us;
    int64_t wait_us = LOOK_US;
    struct timespec until;
    if (ds_notice_ledger_next_due(sender->ledger, &due_us) && due_us > now_of(sender) &&
        due_us - now_of(sender) < wait_us)
        wait_us = due_us - now_of(sender);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nsec = until.tv_nsec + wait_us * 1000;
    until.tv_sec += nsec / 1000000000;
    until.tv_nsec = nsec % 1000000000;
    (void)pthread_cond_timedwait(&sender->news, &sender->lock, &until);
}

static struct ds_ledger_entry *take(ds_sender_t *sender)
{
    int64_t now = now_of(sender);
    if (now >= atomic_load(&sender->allowed_us))
        return NULL;
    return ds_notice_ledger_take(sender->ledger, now, ds_now_us(sender->runtime->clock));
}

/* With the lock held, except while sending. */
static void send_one(ds_sender_t *sender, void *line, struct ds_ledger_entry *entry)
{
    struct ds_told_answer answer = {.told = DS_TOLD_LATER};
    int64_t from_us = now_of(sender);
    sender->sending++;
    pthread_mutex_unlock(&sender->lock);
    sender->config.ops->send(line, entry->notice, &sender->abort, &answer);
    ds_metric_observe_us(sender->meters.seconds, now_of(sender) - from_us);
    log_answer(sender, entry, &answer);
    atomic_store(&sender->up, !answer.away);
    if (answer.told == DS_TOLD_LATER)
        ds_metric_add(sender->meters.again, 1);
    pthread_mutex_lock(&sender->lock);
    sender->sending--;
    ds_notice_ledger_told(sender->ledger, entry, &answer, now_of(sender));
    pthread_cond_broadcast(&sender->news);
}

static void *run(void *context)
{
    ds_sender_t *sender = context;
    void *line = sender->config.ops->open(sender->runtime, sender->config.channel_config);
    if (line == NULL)
        ds_log(&sender->runtime->log, DS_LOG_ERROR, "notifications.no_line",
               "no memory for a thread of a channel; it sends nothing",
               DS_F_CSTR("channel", ds_channel_text(sender->config.channel)));
    pthread_mutex_lock(&sender->lock);
    while (!sender->stopping) {
        struct ds_ledger_entry *entry = line == NULL ? NULL : take(sender);
        if (entry != NULL)
            send_one(sender, line, entry);
        else
            wait_a_while(sender);
        ds_metric_set(sender->meters.waiting, (int64_t)ds_notice_ledger_count(sender->ledger));
    }
    pthread_mutex_unlock(&sender->lock);
    if (line != NULL)
        sender->config.ops->close(line);
    return NULL;
}

/* --- outside -----------------------------------------------------------------------------------
 */

static void make_meters(ds_sender_t *sender)
{
    static const char *const outcomes[DS_TOLD_LATER] = {"sent", "refused", "expired"};
    ds_metrics_t *metrics = sender->runtime->metrics;
    const char *channel = ds_channel_text(sender->config.channel);
    const struct ds_label labels[] = {{"channel", channel}, {NULL, NULL}};
    for (int i = 0; i < DS_TOLD_LATER; i++) {
        const struct ds_label both[] = {
            {"channel", channel}, {"outcome", outcomes[i]}, {NULL, NULL}};
        sender->meters.over[i] =
            ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_total",
                           "Notices that are over and noted, by what became of them.", both);
    }
    sender->meters.again =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_retries_total",
                       "Attempts that will be made again.", labels);
    sender->meters.waiting = ds_metrics_get(metrics, DS_GAUGE, "doorstep_notifications_waiting",
                                            "Notices a channel has to tell.", labels);
    sender->meters.full =
        ds_metrics_get(metrics, DS_COUNTER, "doorstep_notifications_put_off_total",
                       "Notices a channel had no room for; they are read again.", labels);
    sender->meters.seconds =
        ds_metrics_get(metrics, DS_HISTOGRAM, "doorstep_notifications_send_seconds",
                       "Time of an attempt.", labels);
}

static bool start_threads(ds_sender_t *sender)
{
    sender->threads = calloc(sender->config.threads, sizeof *sender->threads);
    while (sender->threads != NULL && sender->thread_count < sender->config.threads) {
        if (pthread_create(&sender->threads[sender->thread_count], NULL, run, sender) != 0)
            return false;
        sender->thread_count++;
    }
    return sender->threads != NULL;
}

bool ds_sender_new(const struct ds_runtime *runtime, const struct ds_sender_config *config,
                   ds_sender_t **sender_out, ds_error_t *error)
{
    pthread_condattr_t monotonic;
    *sender_out = NULL;
    ds_sender_t *sender = calloc(1, sizeof *sender);
    if (sender == NULL)
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "a sender");
    sender->runtime = runtime;
    sender->config = *config;
    sender->config.ledger.random = runtime->random;
    sender->config.ledger.unnoted_max = config->threads;
    atomic_store(&sender->up, true);
    pthread_mutex_init(&sender->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sender->news, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    make_meters(sender);
    sender->ledger = ds_notice_ledger_new(&sender->config.ledger);
    if (sender->ledger == NULL || !start_threads(sender)) {
        ds_sender_destroy(sender);
        return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_MEMORY, "a sender: memory or threads");
    }
    *sender_out = sender;
    return true;
}

void ds_sender_stop(ds_sender_t *sender, int64_t wait_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    pthread_mutex_lock(&sender->lock);
    sender->stopping = true;
    pthread_cond_broadcast(&sender->news);
    while (sender->sending > 0 &&
           pthread_cond_timedwait(&sender->news, &sender->lock, &until) != ETIMEDOUT)
        continue;
    atomic_store(&sender->abort, true);
    pthread_mutex_unlock(&sender->lock);
    for (size_t i = 0; i < sender->thread_count; i++)
        (void)pthread_join(sender->threads[i], NULL);
    sender->thread_count = 0;
}

void ds_sender_destroy(ds_sender_t *sender)
{
    if (sender == NULL)
        return;
    ds_sender_stop(sender, 0);
    ds_notice_ledger_destroy(sender->ledger);
    free(sender->threads);
    pthread_cond_destroy(&sender->news);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

void ds_sender_allow(ds_sender_t *sender, int64_t until_us)
{
    atomic_store(&sender->allowed_us, until_us);
}

bool ds_sender_up(const ds_sender_t *sender)
{
    return atomic_load(&sender->up);
}

enum ds_channel ds_sender_channel(const ds_sender_t *sender)
{
    return sender->config.channel;
}

void ds_sender_assigned(ds_sender_t *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    ds_notice_ledger_assigned(sender->ledger, partition);
    pthread_mutex_unlock(&sender->lock);
}

void ds_sender_revoked(ds_sender_t *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    ds_notice_ledger_revoked(sender->ledger, partition);
    pthread_mutex_unlock(&sender->lock);
}

bool ds_sender_add(ds_sender_t *sender, int32_t partition, enum ds_notice_topic topic,
                   int64_t offset, const struct ds_notice *notice, ds_error_t *error)
{
    bool full = false;
    pthread_mutex_lock(&sender->lock);
    bool ok = ds_notice_ledger_add(sender->ledger, partition, topic, offset, notice, &full, error);
    pthread_cond_signal(&sender->news);
    pthread_mutex_unlock(&sender->lock);
    if (full)
        ds_metric_add(sender->meters.full, 1);
    return ok;
}

bool ds_sender_add_over(ds_sender_t *sender, int32_t partition, enum ds_notice_topic topic,
                        int64_t offset, ds_error_t *error)
{
    pthread_mutex_lock(&sender->lock);
    bool ok = ds_notice_ledger_add_over(sender->ledger, partition, topic, offset, error);
    pthread_mutex_unlock(&sender->lock);
    return ok;
}

bool ds_sender_wants_again(ds_sender_t *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    bool wants = ds_notice_ledger_wants_again(sender->ledger, partition);
    pthread_mutex_unlock(&sender->lock);
    return wants;
}

struct ds_ledger_entry *ds_sender_take_note(ds_sender_t *sender)
{
    pthread_mutex_lock(&sender->lock);
    struct ds_ledger_entry *entry = ds_notice_ledger_take_note(sender->ledger);
    pthread_mutex_unlock(&sender->lock);
    return entry;
}

static void log_expired(const ds_sender_t *sender, const struct ds_ledger_entry *entry)
{
    ds_log_t log = sender->runtime->log;
    log.order_id = entry->notice->order_id;
    log.correlation_id = entry->notice->correlation_id;
    ds_log(&log, DS_LOG_WARN, "notifications.expired", "a customer was not told in time",
           DS_F_CSTR("channel", ds_channel_text(sender->config.channel)),
           DS_F_CSTR("event", ds_notice_kind_text(entry->notice->kind)),
           DS_F_TEXT("event_id", entry->notice->event_id), DS_F_INT("status", entry->status),
           DS_F_INT("attempts", entry->attempts));
}

void ds_sender_noted(ds_sender_t *sender, struct ds_ledger_entry *entry, bool kept)
{
    if (kept) {
        ds_metric_add(sender->meters.over[entry->outcome], 1);
        if (entry->outcome == DS_TOLD_EXPIRED)
            log_expired(sender, entry);
    }
    pthread_mutex_lock(&sender->lock);
    ds_notice_ledger_noted(sender->ledger, entry, kept);
    pthread_cond_signal(&sender->news);
    pthread_mutex_unlock(&sender->lock);
}

int64_t ds_sender_position(ds_sender_t *sender, int32_t partition, enum ds_notice_topic topic,
                           int64_t read, int64_t *beyond, size_t max, size_t *count_out)
{
    pthread_mutex_lock(&sender->lock);
    int64_t next =
        ds_notice_ledger_position(sender->ledger, partition, topic, read, beyond, max, count_out);
    pthread_mutex_unlock(&sender->lock);
    return next;
}

bool ds_sender_busy(ds_sender_t *sender, int32_t partition)
{
    pthread_mutex_lock(&sender->lock);
    bool busy = ds_notice_ledger_busy(sender->ledger, partition);
    pthread_mutex_unlock(&sender->lock);
    return busy;
}

bool ds_sender_active(ds_sender_t *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool active = ds_notice_ledger_active(sender->ledger);
    pthread_mutex_unlock(&sender->lock);
    return active;
}
