/* The host: its life and its turn. What a partition does stands in owner.c, inputs.c, writer.c,
 * confirm.c, timers.c. */
#include "stream/host.h"

#include "stream/broker_kafka.h"
#include "stream/host_service.h"
#include "stream/task.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_SESSION_MS  10000
#define DEFAULT_GRACE_US    (30 * DS_US_PER_S)
#define DEFAULT_COMMAND_IDS (4 * 1000 * 1000)
#define DEFAULT_HELD        10000
#define DEFAULT_SNAPSHOT    20000
#define DEFAULT_SNAPSHOT_US (600 * DS_US_PER_S)
#define BUSY_MS             1
/* While records come, what a turn does beside them, for each partition, is done so often and not
 * for every record. */
#define SERVICE_US      (2 * DS_US_PER_MS)
#define ARENA_MAX_BYTES ((size_t)2 * DS_MAX_DECODE_BYTES)
#define DRAIN_US        (300 * DS_US_PER_MS)
#define LEAVE_MS        2000
#define DRAIN_TURNS_MAX 10000 /* where the clock stands */

void ds_host_fail(struct ds_host *host, const ds_error_t *error)
{
    if (host->fatal_set)
        return;
    host->fatal_set = true;
    host->fatal = *error;
}

/* ---- life ---- */

static void set_defaults(struct ds_host *host, const struct ds_host_config *config)
{
    host->config = *config;
    (void)snprintf(host->name, sizeof(host->name), "doorstep-%s", config->decider->name);
    (void)snprintf(host->owner, sizeof(host->owner), "%s",
                   config->owner != NULL ? config->owner
                   : config->group_instance_id != NULL && config->group_instance_id[0] != '\0'
                       ? config->group_instance_id
                       : host->name);
    if (config->session_timeout_ms <= 0)
        host->config.session_timeout_ms = DEFAULT_SESSION_MS;
    if (config->timer_grace_us <= 0)
        host->config.timer_grace_us = DEFAULT_GRACE_US;
    if (config->max_unacked == 0 || config->max_unacked > DS_MAX_UNACKED_RECORDS)
        host->config.max_unacked = DS_MAX_UNACKED_RECORDS;
    if (config->max_command_ids == 0)
        host->config.max_command_ids = DEFAULT_COMMAND_IDS;
    if (config->max_held == 0 || config->max_held > DS_MAX_HELD)
        host->config.max_held = config->max_held == 0 ? DEFAULT_HELD : DS_MAX_HELD;
    if (config->snapshot_events <= 0)
        host->config.snapshot_events = DEFAULT_SNAPSHOT;
    if (config->snapshot_every_us <= 0)
        host->config.snapshot_every_us = DEFAULT_SNAPSHOT_US;
    host->topic_own = (int32_t)config->decider->input_count;
    host->topic_dlq = host->topic_own + 1;
    host->topic_snapshots = host->topic_own + 2;
}

static bool open_kafka(struct ds_host *host, ds_error_t *error)
{
    const struct ds_decider *decider = host->decider;
    const char *topics[DS_BROKER_MAX_TOPICS];
    char dlq[96];
    char snapshots[96];
    struct ds_broker_kafka_config config = {
        .brokers = host->config.brokers,
        .client_id = host->config.client_id != NULL ? host->config.client_id : host->name,
        .group_id = host->config.group_id != NULL ? host->config.group_id : host->name,
        .group_instance_id = host->config.group_instance_id,
        .session_timeout_ms = host->config.session_timeout_ms,
        .topics = topics,
        .topic_count = host->topic_snapshots + 1,
        .with_producer = true,
        .compressed = snapshots,
    };

    (void)snprintf(dlq, sizeof(dlq), "%s.dlq", decider->name);
    (void)snprintf(snapshots, sizeof(snapshots), "%s.snapshots", decider->name);
    for (size_t i = 0; i < decider->input_count; i++) {
        topics[i] = decider->inputs[i].schema->topic;
        if (decider->inputs[i].number == 0)
            config.subscribed = (int32_t)i;
    }
    topics[host->topic_own] = decider->events->topic;
    topics[host->topic_dlq] = dlq;
    topics[host->topic_snapshots] = snapshots;
    return ds_broker_kafka_new(&host->log, &config, &host->broker, error);
}

static bool allocate(struct ds_host *host, ds_error_t *error)
{
    const struct ds_decider *decider = host->decider;

    host->message_bytes = decider->events->struct_bytes;
    for (size_t i = 0; i < decider->input_count; i++)
        if (decider->inputs[i].schema->struct_bytes > host->message_bytes)
            host->message_bytes = decider->inputs[i].schema->struct_bytes;
    if (host->message_bytes < sizeof(struct ds_protocol_event))
        host->message_bytes = sizeof(struct ds_protocol_event);
    host->message_bytes = (host->message_bytes + 15) & ~(size_t)15;
    host->message = aligned_alloc(16, host->message_bytes);
    host->arena = ds_arena_new(64 * 1024, ARENA_MAX_BYTES);
    host->decision = ds_decision_new(decider->events);
    ds_buf_init(&host->out.bytes, DS_MAX_DECISION_BYTES);
    if (host->message == NULL || host->arena == NULL || host->decision == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a host");
    return true;
}

bool ds_host_new(const struct ds_runtime *runtime, const struct ds_host_config *config,
                 ds_host_t **host_out, ds_error_t *error)
{
    ds_host_t *host = NULL;

    *host_out = NULL;
    if (config->decider->input_count == 0 || config->decider->input_count > DS_MAX_INPUTS) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "%s: %zu inputs", config->decider->name,
                     config->decider->input_count);
        goto failed;
    }
    host = calloc(1, sizeof(*host));
    if (host == NULL) {
        ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a host");
        goto failed;
    }
    host->runtime = runtime;
    host->log = runtime->log;
    host->decider = config->decider;
    host->broker = config->broker;
    set_defaults(host, config);
    ds_host_register_metrics(host);
    if (!allocate(host, error) || (host->broker == NULL && !open_kafka(host, error))) {
        ds_host_destroy(host);
        return false;
    }
    *host_out = host;
    return true;
failed:
    if (config->broker != NULL)
        config->broker->ops->destroy(config->broker, 0);
    return false;
}

static bool is_drained(const struct ds_task *task)
{
    return task->state != DS_PARTITION_RUNNING ||
           (ds_task_unacked(task) == 0 && task->dead_letter_count == 0 &&
            ds_owed_written(task) == 0);
}

static bool drained(const struct ds_host *host)
{
    if (host->out.task != NULL)
        return false;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL && !is_drained(host->tasks[p]))
            return false;
    return true;
}

/* No more input; what was handed over gets a moment to be confirmed, so that the next owner need
 * not decide it again. Nothing depends on it. */
static void drain(struct ds_host *host)
{
    int64_t until = ds_monotonic_us(host->runtime->clock) + DRAIN_US;
    ds_error_t ignored = DS_ERROR_INIT;

    host->draining = true;
    host->event_next = host->event_count;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL)
            ds_task_stop_inputs(host->tasks[p]);
    for (int n = 0; n < DRAIN_TURNS_MAX && !drained(host) && !host->fatal_set; n++)
        if (ds_monotonic_us(host->runtime->clock) >= until || !ds_host_step(host, 5, &ignored))
            break;
    ds_host_commit_hints(host, true);
}

static int64_t unconfirmed(const struct ds_host *host)
{
    int64_t count = 0;

    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL)
            count += ds_task_unacked(host->tasks[p]);
    return count;
}

void ds_host_destroy(ds_host_t *host)
{
    const struct ds_runtime *runtime;
    ds_log_t log;
    int64_t begun_us;
    int64_t drained_us;
    int64_t left;

    if (host == NULL)
        return;
    runtime = host->runtime;
    log = host->log;
    begun_us = ds_monotonic_us(runtime->clock);
    if (host->broker != NULL && !host->fatal_set)
        drain(host);
    left = unconfirmed(host);
    drained_us = ds_monotonic_us(runtime->clock);
    ds_host_abandon(host);
    ds_log(&log, DS_LOG_INFO, "host.stopped", "its partitions are given up",
           DS_F_INT("unconfirmed", left),
           DS_F_INT("drain_ms", (drained_us - begun_us) / DS_US_PER_MS),
           DS_F_INT("ms", (ds_monotonic_us(runtime->clock) - begun_us) / DS_US_PER_MS));
}

void ds_host_abandon(ds_host_t *host)
{
    if (host == NULL)
        return;
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL)
            ds_snapshot_leave(host->tasks[p]); /* what reads one is stopped at the broker */
    if (host->broker != NULL)
        host->broker->ops->destroy(host->broker, LEAVE_MS);
    ds_host_leave_gauges(host);
    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        ds_task_destroy(host->tasks[p]);
    ds_decision_destroy(host->decision);
    ds_arena_destroy(host->arena);
    ds_buf_cleanup(&host->out.bytes);
    free(host->message);
    free(host);
}

/* ---- events ---- */

static void given(struct ds_host *host, int32_t partition)
{
    ds_error_t error = DS_ERROR_INIT;

    host->assigned_once = true;
    ds_follow_group_moved(host);
    if (partition < 0 || partition >= DS_MAX_PARTITIONS) {
        ds_error_set(&error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "partition %d", (int)partition);
        ds_host_fail(host, &error);
        return;
    }
    if (host->tasks[partition] == NULL)
        host->tasks[partition] = ds_task_new(host, partition, &error);
    if (host->tasks[partition] == NULL)
        ds_host_fail(host, &error);
    else
        ds_task_given(host->tasks[partition]);
}

static void producer_lost(struct ds_host *host)
{
    ds_error_t error = DS_ERROR_INIT;

    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++) {
        struct ds_task *task = host->tasks[p];

        if (task == NULL)
            continue;
        ds_dead_letters_producer_lost(task);
        if (task->state == DS_PARTITION_RUNNING || task->state == DS_PARTITION_CLAIMING)
            ds_task_lose(task, "the producer is of no more use");
    }
    if (!host->broker->ops->renew_producer(host->broker, &error))
        ds_host_fail(host, &error);
}

static void group_lost(struct ds_host *host)
{
    ds_error_t error = DS_ERROR_INIT;

    ds_error_set(&error, DS_DOMAIN_KAFKA, DS_ERR_NOT_OWNER,
                 "another process is the group member %s", host->owner);
    ds_host_fail(host, &error);
}

static struct ds_task *task_of(const struct ds_host *host, const struct ds_broker_event *event)
{
    if (event->partition < 0 || event->partition >= DS_MAX_PARTITIONS)
        return NULL;
    return host->tasks[event->partition];
}

/* Everything but records, which may have to wait: reports must not wait with them. */
static void handle_now(struct ds_host *host, const struct ds_broker_event *event)
{
    struct ds_task *task = task_of(host, event);

    switch (event->kind) {
    case DS_BROKER_RECORD:
    case DS_BROKER_AT_END:
    case DS_BROKER_READ_FAILED:
        return;
    case DS_BROKER_DELIVERY:
        if (task != NULL && event->topic == host->topic_own)
            ds_task_delivery(task, event);
        else if (task != NULL && event->topic == host->topic_dlq)
            ds_dead_letter_delivery(task, event);
        else if (task != NULL && event->topic == host->topic_snapshots)
            ds_snapshot_delivery(task, event);
        return;
    case DS_BROKER_ASSIGNED:
        given(host, event->partition);
        return;
    case DS_BROKER_REVOKED:
        for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
            if (host->tasks[p] != NULL)
                ds_task_taken_away(host->tasks[p]);
        host->assigned_once = true;
        ds_follow_group_moved(host);
        return;
    case DS_BROKER_PRODUCER_LOST:
        producer_lost(host);
        return;
    case DS_BROKER_GROUP_LOST:
        group_lost(host);
        return;
    }
}

static void handle_record(struct ds_host *host, const struct ds_broker_event *event)
{
    struct ds_task *task = task_of(host, event);

    if (task == NULL || event->topic < 0)
        return;
    if (event->kind == DS_BROKER_READ_FAILED)
        ds_task_read_failed(task, event);
    else if (event->kind == DS_BROKER_AT_END)
        ds_snapshot_at_end(task, event);
    else if (event->topic == host->topic_own)
        ds_task_own_record(task, event);
    else if (event->topic == host->topic_snapshots)
        ds_snapshot_record(task, event);
    else if (event->topic < task->input_count)
        ds_task_input_record(task, &task->inputs[event->topic], event);
}

static bool over_bound(const struct ds_host *host, const struct ds_task *task, bool again)
{
    int64_t bound = (int64_t)host->config.max_unacked;

    if (task->state != DS_PARTITION_RUNNING)
        return false; /* it decides nothing: its records pass by */
    /* Once full, wait until half is free: then a batch fits again. */
    return ds_task_unacked(task) >= (again ? (bound + 1) / 2 : bound) ||
           task->dead_letter_count >= DS_MAX_DEAD_LETTERS;
}

static void now_full(struct ds_host *host, struct ds_task *task)
{
    if (host->full == NULL)
        host->full_since_us = ds_monotonic_us(host->runtime->clock);
    host->full = task;
}

/* Decide what is left of a complete input decision. False: no room. */
static bool go_on_releasing(struct ds_host *host)
{
    struct ds_task *task = host->releasing;
    struct ds_task_input *in = host->releasing_input;
    ds_error_t error;

    if (task == NULL)
        return true;
    ds_error_init(&error);
    if (!ds_task_release_pending(task, in, &error))
        ds_task_input_failed(task, in, &error);
    return host->releasing == NULL;
}

static bool is_read(enum ds_broker_event_kind kind)
{
    return kind == DS_BROKER_RECORD || kind == DS_BROKER_AT_END || kind == DS_BROKER_READ_FAILED;
}

static void handle_records(struct ds_host *host)
{
    while (!host->fatal_set) {
        const struct ds_broker_event *event;
        struct ds_task *task;

        if (!ds_host_flush(host) || !go_on_releasing(host)) {
            now_full(host, host->out.task != NULL ? host->out.task : host->releasing);
            return;
        }
        if (host->event_next == host->event_count)
            return;
        event = &host->events[host->event_next];
        task = task_of(host, event);
        if (event->kind == DS_BROKER_RECORD && task != NULL && event->topic != host->topic_own &&
            over_bound(host, task, false) && !ds_task_step_aside(task)) {
            now_full(host, task);
            return;
        }
        host->event_next++;
        if (is_read(event->kind))
            handle_record(host, event);
        if (event->topic == host->topic_snapshots)
            return; /* a chunk takes a while: reports and deadlines of others first */
    }
}

/* True: records may be taken again. */
static bool has_room(struct ds_host *host)
{
    struct ds_task *task = host->full;

    if (task == NULL)
        return true;
    if (!ds_host_flush(host) ||
        (host->full != NULL && over_bound(host, task, true) && !ds_task_step_aside(task))) {
        if (ds_monotonic_us(host->runtime->clock) - host->full_since_us < DS_BLOCKED_TIMEOUT_US)
            return false;
        ds_task_lose(task, "its records found no room for too long"); /* clears `full` */
    }
    host->full = NULL;
    return true;
}

static bool turn(struct ds_host *host, int timeout_ms, ds_error_t *error)
{
    const struct ds_broker_event *events = NULL;
    bool with_records;
    size_t count = 0;

    ds_host_watch_group(host); /* what waits for room is written too */
    with_records = has_room(host) && host->event_next == host->event_count;
    if (host->full != NULL && timeout_ms > 20)
        timeout_ms = 20;
    else if (!with_records)
        timeout_ms = 0; /* records are here already */
    else if (host->snapshots_busy && timeout_ms > BUSY_MS)
        timeout_ms = BUSY_MS;
    if (!host->broker->ops->poll(host->broker, timeout_ms, with_records, &events, &count, error))
        return false;
    if (with_records) {
        host->turn++;
        host->events = events;
        host->event_count = count;
        host->event_next = 0;
    }
    for (size_t i = 0; i < count && !host->fatal_set; i++)
        handle_now(host, &events[i]);
    ds_host_watch_group(host);
    if (has_room(host))
        handle_records(host);
    return true;
}

bool ds_host_step(ds_host_t *host, int timeout_ms, ds_error_t *error)
{
    int64_t started_us;

    if (!turn(host, timeout_ms, error))
        return false;
    started_us = ds_monotonic_us(host->runtime->clock);
    ds_health_turn(host->runtime);
    if (host->event_count == 0 || started_us - host->served_us >= SERVICE_US) {
        host->served_us = started_us;
        ds_host_service(host);
        ds_metric_observe_us(host->metrics[DS_HM_LOOP],
                             ds_monotonic_us(host->runtime->clock) - started_us);
    }
    if (!host->fatal_set)
        return true;
    *error = host->fatal;
    return false;
}

/* ---- questions ---- */

size_t ds_host_count(const ds_host_t *host, enum ds_host_partition state)
{
    size_t count = 0;

    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL && host->tasks[p]->state == state)
            count++;
    return count;
}

/* The group gave it to us. */
static bool is_known(const struct ds_task *task)
{
    return task->state != DS_PARTITION_AWAY && task->state != DS_PARTITION_FOLLOWING &&
           !task->stopped_following;
}

bool ds_host_ready(const ds_host_t *host)
{
    size_t settled = ds_host_count(host, DS_PARTITION_RUNNING);
    size_t known = 0;

    for (int32_t p = 0; p < DS_MAX_PARTITIONS; p++)
        if (host->tasks[p] != NULL && is_known(host->tasks[p]))
            known++;
    return ds_framing_ready(host->runtime->framing, host->decider->events) &&
           (settled > 0 || (host->assigned_once && known == 0));
}

enum ds_host_partition ds_host_partition(const ds_host_t *host, int32_t partition)
{
    const struct ds_task *task = host->tasks[partition];

    return task == NULL ? DS_PARTITION_AWAY : task->state;
}

const void *ds_host_state(const ds_host_t *host, int32_t partition)
{
    return host->tasks[partition] == NULL ? NULL : host->tasks[partition]->domain;
}

int64_t ds_host_unacked(const ds_host_t *host, int32_t partition)
{
    return host->tasks[partition] == NULL ? 0 : ds_task_unacked(host->tasks[partition]);
}

size_t ds_host_quarantined(const ds_host_t *host, int32_t partition)
{
    return host->tasks[partition] == NULL
               ? 0
               : ds_quarantine_count(&host->tasks[partition]->quarantine);
}
