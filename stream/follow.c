/* Followers: warm copies of partitions that other instances own (docs/protocol.md, "Followers").
 *
 * A follower is a reader under rule F with the code by which an owner reads before its Claim
 * (owner.c): from a snapshot or from what memory it has, then the log, without end. It writes
 * nothing and is trusted by nobody. When the group gives it the partition, what it holds is what
 * an owner would have had to read. */
#include "base/crypto.h"
#include "stream/task.h"

#include <inttypes.h>
#include <stdio.h>

/* After the group has moved partitions it may go on doing so. */
#define CALM_US   DS_US_PER_S
#define CHOOSE_US DS_US_PER_S

/* ---- one partition ---- */

static void set_lag(struct ds_task *task, int64_t records)
{
    char partition[16];
    const struct ds_label labels[] = {
        {"processor", task->host->decider->name}, {"partition", partition}, {NULL, NULL}};

    (void)snprintf(partition, sizeof(partition), "%" PRId32, task->partition);
    if (task->lag == NULL)
        task->lag =
            ds_metrics_get(task->host->runtime->metrics, DS_GAUGE, "doorstep_standby_lag_records",
                           "Records of a partition's log that its warm copy has not read.", labels);
    ds_metric_set(task->lag, records);
}

static void restore_empty(struct ds_task *task)
{
    if (task->domain == NULL || task->memory.epoch == 0)
        (void)ds_snapshot_restore(task);
}

static void begin(struct ds_task *task)
{
    /* What it had at hand of them is another's to send: what is owed is part of memory. */
    ds_dead_letters_free(task);
    task->state = DS_PARTITION_FOLLOWING;
    task->attempts = 0;
    task->wake_us = ds_task_now(task);
    task->read_until = -1;
    restore_empty(task);
}

void ds_follow_end(struct ds_task *task)
{
    if (task->lag != NULL)
        ds_metric_set(task->lag, 0);
    task->snapshots.surveyed = false; /* others have written there since */
}

void ds_follow_pause(struct ds_task *task, const char *why)
{
    task->wake_us = ds_task_now(task) + ds_backoff_us(task->host->runtime->random, task->attempts,
                                                      DS_BACKOFF_FIRST_US, DS_BACKOFF_MAX_US);
    task->attempts++;
    task->read_until = -1;
    ds_log(&task->log, DS_LOG_INFO, "standby.again", why, DS_F_INT("attempts", task->attempts));
}

bool ds_follow_wants_end(const struct ds_task *task)
{
    return task->state == DS_PARTITION_FOLLOWING && task->snapshots.reader == NULL &&
           ds_task_now(task) >= task->wake_us;
}

void ds_follow_ends(struct ds_task *task, const struct ds_broker_end *end)
{
    if (task->state != DS_PARTITION_FOLLOWING || task->snapshots.reader != NULL)
        return;
    task->wake_us = ds_task_now(task) + DS_IDLE_CHECK_US;
    if (task->read_until < 0) {
        ds_task_read_end(task, end); /* a position outside of the log is damage */
    } else if (end->end < task->own.next_offset) {
        ds_task_lose(task, "the log ends before what was read of it");
        return;
    }
    if (task->state != DS_PARTITION_FOLLOWING || !task->own_reading)
        return;
    task->attempts = 0;
    task->read_until = end->end;
}

void ds_follow_time(struct ds_task *task)
{
    if (task->read_until < 0 && ds_follow_wants_end(task))
        restore_empty(task); /* before the end is asked for: the last attempt was given up */
    if (task->read_until >= 0 && task->own_reading)
        set_lag(task, task->read_until > task->own.next_offset
                          ? task->read_until - task->own.next_offset
                          : 0);
}

/* ---- which ---- */

/* By the instance's name and the partition: so that the instances of a group spread. */
static uint64_t rank_of(const struct ds_host *host, int32_t partition)
{
    const struct ds_task *task = host->tasks[partition];
    char text[160];
    int64_t hash;

    if (task != NULL && task->domain != NULL)
        return 0; /* it was ours a moment ago: memory is warm */
    (void)snprintf(text, sizeof(text), "%s/%" PRIu64 "/%" PRId32, host->owner, host->standby_salt,
                   partition);
    hash = ds_fingerprint64((ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
    return 1 + ((uint64_t)hash >> 1);
}

static bool may_follow(const struct ds_host *host, int32_t partition)
{
    return host->tasks[partition] == NULL || host->tasks[partition]->state == DS_PARTITION_AWAY;
}

static int32_t best(const struct ds_host *host)
{
    uint64_t least = UINT64_MAX;
    int32_t found = -1;

    for (int32_t p = 0; p < host->partitions; p++)
        if (may_follow(host, p) && rank_of(host, p) < least) {
            least = rank_of(host, p);
            found = p;
        }
    return found;
}

/* A name that every instance has by default would have all follow the same ones. */
static void draw_salt(struct ds_host *host, ds_error_t *error)
{
    const char *instance = host->config.group_instance_id;
    uint8_t bytes[sizeof(host->standby_salt)];

    host->standby_salted = true;
    if ((instance != NULL && instance[0] != '\0') ||
        !host->runtime->random->fill(host->runtime->random, bytes, sizeof(bytes), error))
        return;
    memcpy(&host->standby_salt, bytes, sizeof(bytes));
}

static void follow(struct ds_host *host, int32_t partition)
{
    ds_error_t error = DS_ERROR_INIT;

    if (host->tasks[partition] == NULL)
        host->tasks[partition] = ds_task_new(host, partition, &error);
    if (host->tasks[partition] == NULL) {
        ds_host_fail(host, &error);
        return;
    }
    begin(host->tasks[partition]);
    ds_log(&host->tasks[partition]->log, DS_LOG_INFO, "standby.follows",
           "a warm copy of another's partition",
           DS_F_INT("memory_seq", host->tasks[partition]->memory.seq));
}

void ds_follow_turn(struct ds_host *host, int64_t now_us)
{
    ds_error_t error = DS_ERROR_INIT;
    int64_t count;
    int32_t partition;

    if (host->config.standby <= 0 || !host->assigned_once || host->draining ||
        now_us < host->standby_us)
        return;
    host->standby_us = now_us + CHOOSE_US;
    count = (int64_t)ds_host_count(host, DS_PARTITION_FOLLOWING);
    if (!host->standby_salted)
        draw_salt(host, &error);
    for (; count < host->config.standby && !host->fatal_set; count++) {
        partition = best(host);
        if (partition < 0)
            break;
        follow(host, partition);
    }
    ds_metric_set(host->metrics[DS_HM_STANDBY], count);
}

void ds_follow_group_moved(struct ds_host *host)
{
    host->standby_us = ds_monotonic_us(host->runtime->clock) + CALM_US;
}
