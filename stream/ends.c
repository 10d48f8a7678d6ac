/* Where partitions end. One call asks for all that want to know; it is a request to each leader,
 * and fails as a whole when one of them does not answer (librdkafka gives no part of a result). So
 * what a failed call asked about is asked for alone, one place after the other: what is answered is
 * asked with the others again, what is not is asked seldom, so that it costs the others little
 * time. */
#include "stream/host_service.h"
#include "stream/task.h"

#define QUESTIONS_MAX (DS_MAX_PARTITIONS * 4)
#define ALONE_MS      250 /* the first time; later ones may take what all may */
/* What is silent may take a fifth of the time; and the others have their turn between. */
#define SILENT_SHARE    4
#define SILENT_PAUSE_US (2 * DS_CALL_PAUSE_US)
/* As long as answers come quickly, one turn asks for more than one place alone. */
#define ALONE_SPENT_US (20 * DS_US_PER_MS)
/* No leader answered for so long: an outage. Shorter than any grace that makes sense. */
#define OUTAGE_US (5 * DS_US_PER_S)

enum purpose { FOR_READING, FOR_IDLE, FOR_TIMER, FOR_SNAPSHOT, FOR_FOLLOWING };

struct question {
    struct ds_task *task;
    struct ds_task_input *in;
    enum purpose purpose;
};

struct questions {
    struct ds_broker_end ends[QUESTIONS_MAX];
    struct question about[QUESTIONS_MAX];
    size_t count;
};

static struct ds_host_end *place_of(struct ds_host *host, const struct ds_broker_end *end)
{
    return &host->ends[end->topic][end->partition];
}

/* ---- what is asked ---- */

static void add(struct questions *q, struct ds_task *task, struct ds_task_input *in, int32_t topic,
                enum purpose purpose)
{
    const struct ds_broker_end end = {.topic = topic,
                                      .partition = task->partition,
                                      .want_low =
                                          purpose == FOR_READING || purpose == FOR_SNAPSHOT ||
                                          (purpose == FOR_FOLLOWING && task->read_until < 0)};

    if (q->count == QUESTIONS_MAX || ds_task_now(task) < place_of(task->host, &end)->after_us)
        return; /* another turn */
    q->about[q->count] = (struct question){task, in, purpose};
    q->ends[q->count++] = end;
}

/* A busy partition needs no idle check; but while nobody has answered it finds out whether anybody
 * does. */
static bool wants_idle_check(const struct ds_task *task)
{
    return ds_task_now(task) >= task->idle_check_us && !task->settling &&
           (ds_task_unacked(task) == 0 || task->host->unanswered_us != 0);
}

static void gather_running(struct questions *q, struct ds_task *task)
{
    if (wants_idle_check(task))
        add(q, task, NULL, task->host->topic_own, FOR_IDLE);
    if (!ds_task_wants_ends(task))
        return;
    for (int32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].barrier < 0)
            add(q, task, &task->inputs[i], task->inputs[i].topic, FOR_TIMER);
}

static void gather(struct ds_host *host, struct questions *q)
{
    q->count = 0;
    for (int32_t p = 0; p < host->partitions; p++) {
        struct ds_task *task = host->tasks[p];

        if (task == NULL)
            continue;
        if (ds_snapshot_asks(task) >= 0)
            add(q, task, NULL, ds_snapshot_asks(task), FOR_SNAPSHOT);
        if (task->state == DS_PARTITION_READING && task->read_until < 0 &&
            task->snapshots.reader == NULL)
            add(q, task, NULL, host->topic_own, FOR_READING);
        if (ds_follow_wants_end(task))
            add(q, task, NULL, host->topic_own, FOR_FOLLOWING);
        if (task->state == DS_PARTITION_RUNNING)
            gather_running(q, task);
    }
}

static void answer(const struct question *about, const struct ds_broker_end *end)
{
    switch (about->purpose) {
    case FOR_READING:
        if (end->ok && about->task->state == DS_PARTITION_READING && about->task->read_until < 0)
            ds_task_read_end(about->task, end);
        return;
    case FOR_IDLE:
        if (end->ok && about->task->state == DS_PARTITION_RUNNING)
            ds_task_idle_end(about->task, end);
        return;
    case FOR_TIMER:
        if (about->task->state == DS_PARTITION_RUNNING)
            ds_task_timer_end(about->task, about->in, end);
        return;
    case FOR_SNAPSHOT:
        ds_snapshot_ends(about->task, end);
        return;
    case FOR_FOLLOWING:
        if (end->ok)
            ds_follow_ends(about->task, end);
        return;
    }
}

/* ---- with whom ---- */

/* The place that is asked alone next: one under suspicion, or the silent one that was asked longest
 * ago. NULL: all are asked together. */
static struct ds_host_end *next_alone(struct ds_host *host, const struct questions *q,
                                      int64_t now_us)
{
    struct ds_host_end *best = NULL;

    for (size_t i = 0; i < q->count; i++) {
        struct ds_host_end *place = place_of(host, &q->ends[i]);

        if (place->with == DS_END_TOGETHER ||
            (place->with == DS_END_SILENT && now_us < host->silent_after_us))
            continue;
        if (best == NULL || place->with < best->with ||
            (place->with == best->with && place->after_us < best->after_us))
            best = place;
    }
    return best;
}

/* `alone` NULL: what is asked together. */
static void keep(struct ds_host *host, struct questions *q, const struct ds_host_end *alone)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->count; i++) {
        const struct ds_host_end *place = place_of(host, &q->ends[i]);

        if (alone == NULL ? place->with != DS_END_TOGETHER : place != alone)
            continue;
        q->about[kept] = q->about[i];
        q->ends[kept++] = q->ends[i];
    }
    q->count = kept;
}

/* ---- what came of it ---- */

static void unanswered(struct ds_host *host, const struct questions *q, struct ds_host_end *alone,
                       int64_t started_us)
{
    int64_t now_us = ds_monotonic_us(host->runtime->clock);
    int64_t spent_us;

    host->call_after_us = now_us + DS_CALL_PAUSE_US;
    if (host->unanswered_us == 0)
        host->unanswered_us = now_us;
    for (size_t i = 0; i < q->count; i++)
        place_of(host, &q->ends[i])->with = DS_END_SUSPECT;
    if (alone == NULL)
        return;
    alone->with = DS_END_SILENT;
    alone->after_us = now_us;
    spent_us = SILENT_SHARE * (now_us - started_us);
    host->silent_after_us = now_us + (spent_us > SILENT_PAUSE_US ? spent_us : SILENT_PAUSE_US);
}

/* The leader of one is back, so others may be back with it. */
static void suspect_none(struct ds_host *host)
{
    for (int32_t t = 0; t <= host->topic_snapshots; t++)
        for (int32_t p = 0; p < host->partitions; p++)
            if (host->ends[t][p].with == DS_END_SILENT)
                host->ends[t][p].with = DS_END_TOGETHER;
}

static void answered(struct ds_host *host, const struct questions *q, struct ds_host_end *alone)
{
    int64_t now_us = ds_monotonic_us(host->runtime->clock);

    if (host->unanswered_us != 0 && now_us - host->unanswered_us > OUTAGE_US)
        host->answers_us = now_us;
    host->unanswered_us = 0;
    if (alone != NULL && alone->with == DS_END_SILENT)
        suspect_none(host);
    if (alone != NULL)
        alone->with = DS_END_TOGETHER;
    for (size_t i = 0; i < q->count && !host->fatal_set; i++) {
        if (!q->ends[i].ok)
            place_of(host, &q->ends[i])->after_us = now_us + DS_CALL_PAUSE_US;
        answer(&q->about[i], &q->ends[i]);
    }
}

/* True: it was an answer about one alone, so the next can be asked. */
static bool ask(struct ds_host *host, int64_t now_us)
{
    static const ds_error_t none = DS_ERROR_INIT;
    ds_error_t error = none;
    struct ds_host_end *alone;
    struct questions q;
    int timeout_ms;

    gather(host, &q);
    alone = next_alone(host, &q, now_us);
    keep(host, &q, alone);
    if (q.count == 0)
        return false;
    timeout_ms = alone != NULL && alone->with == DS_END_SUSPECT ? ALONE_MS : DS_CALL_TIMEOUT_MS;
    if (!host->broker->ops->ends(host->broker, q.ends, q.count, timeout_ms, &error)) {
        ds_log_error(&host->log, DS_LOG_DEBUG, "kafka.ends", &error);
        unanswered(host, &q, alone, now_us);
        return false;
    }
    answered(host, &q, alone);
    return alone != NULL;
}

void ds_host_ask_ends(struct ds_host *host)
{
    int64_t started_us = ds_monotonic_us(host->runtime->clock);
    int64_t now_us = started_us;

    while (now_us >= host->call_after_us && now_us - started_us <= ALONE_SPENT_US &&
           !host->fatal_set && ask(host, now_us))
        now_us = ds_monotonic_us(host->runtime->clock);
}
