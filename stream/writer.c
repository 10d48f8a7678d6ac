/* From a decision to records on their way: number, encode, check, apply, hand over (protocol R3,
 * R4). */
#include "base/planted.h"
#include "stream/task.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t tag_of(const struct ds_task *task, int64_t seq)
{
    return (uint64_t)task->claim_number << 40 | (uint64_t)seq;
}

int64_t ds_task_decision_time(const struct ds_task *task)
{
    int64_t now_us = ds_now_us(task->host->runtime->clock);
    int64_t least_us =
        task->last_event_us > task->barrier_us ? task->last_event_us : task->barrier_us;

    return now_us > least_us ? now_us : least_us;
}

/* ---- the Claim ---- */

bool ds_task_write_claim(struct ds_task *task, ds_error_t *error)
{
    struct ds_host *host = task->host;
    struct ds_protocol_event *event = host->message;
    char event_id[128];
    ds_buf_t bytes;
    struct ds_broker_header header = {"ce_type", {0}};
    struct ds_broker_message message = {.topic = host->topic_own,
                                        .partition = task->partition,
                                        .has_value = true,
                                        .headers = &header,
                                        .header_count = 1};
    bool ok = false;

    memset(event, 0, host->message_bytes);
    (void)snprintf(event_id, sizeof(event_id), "%s-%" PRId32 "-claim-%" PRId64 "-%s",
                   host->decider->name, task->partition, task->epoch, task->nonce.text);
    event->head.meta.epoch = task->epoch;
    event->head.meta.event_id = ds_str(event_id);
    /* Readers take any record's time for the log's, and whether our clock is right is not known. */
    event->head.meta.at = task->last_event_us > 0 ? task->last_event_us : task->claim_now_us;
    event->head.context.actor =
        (struct ds_actor){DS_ACTOR_KIND_SYSTEM, ds_str(host->decider->name)};
    event->body.kind = DS_PROTOCOL_CLAIM;
    event->body.as.claim = (struct ds_claim){
        .nonce = ds_str(task->nonce.text), .owner = ds_str(host->owner), .generation = -1};
    ds_buf_init(&bytes, DS_MAX_RECORD_BYTES);
    if (!ds_framing_encode(host->runtime->framing, host->decider->events, event, &bytes, error))
        goto out;
    message.value = ds_buf_bytes(&bytes);
    header.value.data = (const uint8_t *)host->decider->events->ce_types[DS_PROTOCOL_CLAIM];
    header.value.len = (uint32_t)strlen((const char *)header.value.data);
    switch (host->broker->ops->produce(host->broker, &message, tag_of(task, 0), error)) {
    case DS_BROKER_PUT_OK:
        ok = true;
        break;
    case DS_BROKER_PUT_FULL:
        ds_error_set(error, DS_DOMAIN_KAFKA, DS_ERR_BUSY, "the producer's queue is full");
        break;
    case DS_BROKER_PUT_FAILED:
        break;
    }
out:
    ds_buf_cleanup(&bytes);
    return ok;
}

/* ---- a decision ---- */

/* The stem, a dash, the index in the decision. */
static bool put_event_id(ds_arena_t *arena, const char *stem, size_t stem_len, size_t index,
                         ds_str_t *id_out, ds_error_t *error)
{
    char *text = ds_arena_alloc(arena, stem_len + 1 + DS_I64_CHARS, error);

    if (text == NULL)
        return false;
    memcpy(text, stem, stem_len);
    text[stem_len] = '-';
    *id_out =
        (ds_str_t){text, (uint32_t)(ds_str_put_i64(text + stem_len + 1, (int64_t)index) - text)};
    return true;
}

static bool number(struct ds_task *task, const struct ds_decision_cause *cause, ds_error_t *error)
{
    ds_decision_t *decision = task->host->decision;
    size_t count = ds_decision_count(decision);
    size_t stem_len = strlen(cause->id_stem);

    for (size_t i = 0; i < count; i++) {
        struct ds_event_head *head = ds_decision_event(decision, i);

        head->meta = (struct ds_meta){.epoch = task->epoch,
                                      .seq = task->next_seq + (int64_t)i,
                                      .more = i + 1 < count,
                                      .cause = cause->cause,
                                      .at = cause->at_us};
        if (!put_event_id(ds_decision_arena(decision), cause->id_stem, stem_len, i,
                          &head->meta.event_id, error))
            return false;
    }
    return true;
}

static void keep_routing(struct ds_outgoing *out, const struct ds_decision_cause *cause,
                         const struct ds_context *context)
{
    out->has_key = cause->has_key && cause->key.len <= sizeof(out->key);
    out->key_len = out->has_key ? cause->key.len : 0;
    if (out->key_len > 0)
        memcpy(out->key, cause->key.data, out->key_len);
    out->has_traceparent =
        context->has_traceparent &&
        ds_str_to_array(context->traceparent, out->traceparent, sizeof(out->traceparent));
}

static bool encode(struct ds_task *task, ds_error_t *error)
{
    struct ds_host *host = task->host;
    struct ds_outgoing *out = &host->out;
    const struct ds_schema *schema = host->decider->events;

    ds_buf_clear(&out->bytes);
    out->count = ds_decision_count(host->decision);
    for (size_t i = 0; i < out->count; i++) {
        const void *event = ds_decision_event(host->decision, i);
        size_t before = out->bytes.len;

        if (!ds_framing_encode(host->runtime->framing, schema, event, &out->bytes, error))
            return false;
        if (out->bytes.len - before > DS_MAX_RECORD_BYTES)
            return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_LIMIT, "a record of %zu bytes",
                                out->bytes.len - before);
        out->ends[i] = out->bytes.len;
        out->ce_types[i] = ds_schema_ce_type(schema, event);
    }
    return true;
}

enum ds_append ds_task_append(struct ds_task *task, const struct ds_decision_cause *cause,
                              ds_error_t *error)
{
    struct ds_host *host = task->host;
    struct ds_outgoing *out = &host->out;
    size_t count = ds_decision_count(host->decision);
    const struct ds_event_head *first = ds_decision_event(host->decision, 0);

    if (count == 0)
        return DS_APPEND_OK;
    assert(out->task == NULL); /* one decision at a time: what waits goes first */
    if (ds_task_clock_stepped(task, cause->at_us))
        return DS_APPEND_OK; /* as one that cannot be handed over: it never happened */
    if (!number(task, cause, error) || !encode(task, error))
        return error->code == DS_ERR_LIMIT ? DS_APPEND_TOO_LARGE : DS_APPEND_FAILED;
    keep_routing(out, cause, &first->context);
    for (size_t i = 0; i < count; i++)
        if (!ds_task_apply(task, ds_decision_event(host->decision, i), error))
            return DS_APPEND_FAILED;
    out->task = task;
    out->first_seq = task->next_seq;
    out->next = 0;
    task->next_seq += (int64_t)count;
    task->memory = (struct ds_log_place){-1, task->epoch, task->next_seq - 1};
    ds_metric_add(host->metrics[DS_HM_DECISIONS], 1);
    ds_metric_add(host->metrics[DS_HM_EVENTS], (int64_t)count);
    (void)ds_host_flush(host);
    return DS_APPEND_OK;
}

static enum ds_broker_put put_one(struct ds_host *host, ds_error_t *error)
{
    struct ds_outgoing *out = &host->out;
    size_t i = out->next;
    size_t from = i == 0 ? 0 : out->ends[i - 1];
    const struct ds_broker_header headers[2] = {
        {"ce_type", {(const uint8_t *)out->ce_types[i], (uint32_t)strlen(out->ce_types[i])}},
        {"traceparent", {(const uint8_t *)out->traceparent, (uint32_t)strlen(out->traceparent)}}};
    const struct ds_broker_message message = {.topic = host->topic_own,
                                              .partition = out->task->partition,
                                              .has_key = out->has_key,
                                              .key = {out->key, out->key_len},
                                              .has_value = true,
                                              .value = {out->bytes.data + from,
                                                        (uint32_t)(out->ends[i] - from)},
                                              .headers = headers,
                                              .header_count = out->has_traceparent ? 2 : 1};

    return host->broker->ops->produce(host->broker, &message,
                                      tag_of(out->task, out->first_seq + (int64_t)i), error);
}

bool ds_host_flush(struct ds_host *host)
{
    struct ds_outgoing *out = &host->out;
    ds_error_t error;

    ds_error_init(&error);
    while (out->task != NULL && out->next < out->count) {
        switch (put_one(host, &error)) {
        case DS_BROKER_PUT_OK:
            out->next++;
            break;
        case DS_BROKER_PUT_FULL:
            if (DS_PLANTED(FULL)) {
                out->next++;
                break;
            }
            return false; /* this record before anything else */
        case DS_BROKER_PUT_FAILED:
            ds_log_error(&out->task->log, DS_LOG_WARN, "owner.append_failed", &error);
            ds_task_lose(out->task, "a record could not be handed over"); /* empties `out` */
            out->task = NULL;
            break;
        }
    }
    out->task = NULL;
    return true;
}
