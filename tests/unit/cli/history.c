#include "history.h"

#include "base/crypto.h"
#include "stream/partition.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_RECORDS 64

struct history *hist_new(void)
{
    struct history *h = calloc(1, sizeof *h);
    cr_assert_not_null(h);
    h->arena = ds_arena_new(65536, 256 * 1024 * 1024);
    h->now_us = HIST_START_US;
    h->partition = ds_partition_of(DS_STR("s"), HIST_PARTITIONS);
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        h->unsettled[t] = -1;
    }
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++)
        hist_claim(h, p);
    return h;
}

void hist_destroy(struct history *h)
{
    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        for (size_t i = 0; i < h->counts[t]; i++)
            free((void *)(uintptr_t)h->records[t][i].record.value.data);
        free(h->records[t]); /* NULL is fine */
    }
    ds_audit_report_destroy(h->report);
    ds_arena_destroy(h->arena);
    free(h);
}

int64_t hist_raw(struct history *h, int32_t topic, const void *bytes, size_t len)
{
    size_t at = h->counts[topic]++;
    uint8_t *copy = malloc(len + 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, len);
    if (at == h->capacities[topic]) {
        h->capacities[topic] = at == 0 ? FIRST_RECORDS : 2 * at;
        h->records[topic] =
            realloc(h->records[topic], h->capacities[topic] * sizeof *h->records[topic]);
        cr_assert_not_null(h->records[topic]);
    }
    struct hist_record *record = &h->records[topic][at];
    *record = (struct hist_record){0};
    int64_t offset = at == 0 ? 0 : h->records[topic][at - 1].record.offset + 1;
    record->record = (struct ds_audit_record){
        topic, h->partition, offset, h->now_us, true, true, DS_STR("s"), {copy, (uint32_t)len}};
    return offset;
}

static int64_t append(struct history *h, int32_t topic, const void *value)
{
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_t bytes;
    ds_buf_init(&bytes, 1 << 20);
    cr_assert(ds_schema_encode(ds_audit_schema(topic), value, &bytes, &error), "%s", error.message);
    int64_t offset = hist_raw(h, topic, bytes.data, bytes.len);
    ds_buf_cleanup(&bytes);
    return offset;
}

static const struct hist_record *find(const struct history *h, int32_t topic, int64_t offset)
{
    if (offset >= 0 && (size_t)offset < h->counts[topic] &&
        h->records[topic][offset].record.offset == offset)
        return &h->records[topic][offset];
    for (size_t i = 0; i < h->counts[topic]; i++)
        if (h->records[topic][i].record.offset == offset)
            return &h->records[topic][i];
    return NULL;
}

static ds_str_t text(struct history *h, const char *format, ...) DS_PRINTF(2, 3);
static ds_str_t text(struct history *h, const char *format, ...)
{
    char buffer[128];
    ds_error_t error = DS_ERROR_INIT;
    ds_str_t copy;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    cr_assert(ds_arena_dup(h->arena, ds_str(buffer), &copy, &error));
    return copy;
}

void hist_claim(struct history *h, int32_t processor)
{
    int64_t epoch = h->epoch[processor];
    int64_t seq = h->seq[processor];
    struct ds_order_event event = {0}; /* all topics have the same first kinds */
    h->epoch[processor]++;
    h->seq[processor] = -1;
    event.body.kind = DS_PROTOCOL_CLAIM;
    event.body.as.claim.nonce = text(h, "nonce-%d-%" PRId64, (int)processor, epoch + 1);
    int64_t claim = hist_emit(h, processor, &event, HIST_NOTHING, false);
    event = (struct ds_order_event){0};
    event.body.kind = DS_PROTOCOL_OPEN;
    event.body.as.open.claim_offset = claim;
    event.body.as.open.previous_epoch = epoch;
    event.body.as.open.previous_seq = seq;
    hist_emit(h, processor, &event, HIST_NOTHING, false);
}

int64_t hist_command(struct history *h, int32_t processor, const char *id, void *command)
{
    struct ds_command_envelope *envelope = command;
    envelope->head.command_id = ds_str(id);
    h->now_us += 1000;
    return append(h, DS_AUDIT_PROCESSORS + processor, command);
}

static void name_command(struct history *h, const struct hist_record *record,
                         struct ds_context *context)
{
    const struct ds_schema *schema = ds_audit_schema(record->record.topic);
    ds_error_t error = DS_ERROR_INIT;
    struct ds_command_envelope *value = ds_arena_alloc(h->arena, schema->struct_bytes, &error);
    if (!ds_schema_decode(schema, record->record.value, h->arena, value, NULL, &error))
        return;
    context->has_command = true;
    context->command.id = value->head.command_id;
    context->command.appended_at = record->record.appended_us;
}

static bool waits(const struct ds_event_head *head)
{
    int32_t kind = ((const struct ds_protocol_event *)(const void *)head)->body.kind;
    return kind == DS_PROTOCOL_AGGREGATE_QUARANTINED || kind == DS_PROTOCOL_INPUT_HELD;
}

static void had_waited(struct ds_meta_cause *cause, const char *aggregate)
{
    const struct ds_input_cause input = cause->as.input_cause;
    cause->kind = DS_META_CAUSE_HELD_CAUSE;
    cause->as.held_cause = (struct ds_held_cause){.aggregate = ds_str(aggregate),
                                                  .input = input.input,
                                                  .offset = input.offset,
                                                  .epoch = input.epoch,
                                                  .seq = input.seq,
                                                  .fingerprint = input.fingerprint};
}

static void set_cause(struct history *h, int32_t processor, struct ds_event_head *head,
                      struct hist_cause cause)
{
    if (cause.input == -2)
        return;
    if (cause.input == -1) {
        head->meta.cause.kind = DS_META_CAUSE_TIMER_CAUSE;
        head->meta.cause.as.timer_cause = (struct ds_timer_cause){DS_STR("x"), 1, h->now_us};
        return;
    }
    head->meta.cause.kind = DS_META_CAUSE_INPUT_CAUSE;
    struct ds_input_cause *input = &head->meta.cause.as.input_cause;
    input->input = cause.input;
    input->offset = cause.offset;
    int32_t topic = ds_audit_input(processor, cause.input);
    const struct hist_record *record = topic < 0 ? NULL : find(h, topic, cause.offset);
    if (record == NULL)
        return;
    if (topic >= DS_AUDIT_PROCESSORS) {
        input->fingerprint = ds_fingerprint64(record->record.value);
        if (!waits(head))
            name_command(h, record, &head->context);
    } else {
        input->epoch = record->epoch;
        input->seq = record->seq;
    }
    if (cause.held != NULL)
        had_waited(&head->meta.cause, cause.held);
}

static int64_t emit(struct history *h, int32_t topic, void *event, struct hist_cause cause,
                    bool more, const char *command_id)
{
    struct ds_event_head *head = event;
    h->now_us += 1000;
    head->meta.epoch = h->epoch[topic];
    head->meta.seq = ++h->seq[topic];
    head->meta.more = more;
    head->meta.at = h->now_us;
    head->meta.event_id =
        text(h, "%d-%" PRId64 "-%" PRId64, (int)topic, head->meta.epoch, head->meta.seq);
    set_cause(h, topic, head, cause);
    if (command_id != NULL)
        head->context.command.id = ds_str(command_id);
    int64_t offset = append(h, topic, event);
    struct hist_record *record = &h->records[topic][h->counts[topic] - 1];
    record->epoch = head->meta.epoch;
    record->seq = head->meta.seq;
    return offset;
}

int64_t hist_emit(struct history *h, int32_t topic, void *event, struct hist_cause cause, bool more)
{
    return emit(h, topic, event, cause, more, NULL);
}

int64_t hist_emit_as(struct history *h, int32_t topic, void *event, struct hist_cause cause,
                     const char *command_id)
{
    return emit(h, topic, event, cause, false, command_id);
}

void hist_remove(struct history *h, int32_t topic, int64_t offset, bool move_up)
{
    size_t at = (size_t)offset;
    struct hist_record *records = h->records[topic];
    cr_assert(at < h->counts[topic] && records[at].record.offset == offset);
    free((void *)(uintptr_t)records[at].record.value.data);
    h->counts[topic]--;
    for (size_t i = at; i < h->counts[topic]; i++) {
        records[i] = records[i + 1];
        if (move_up)
            records[i].record.offset--;
    }
}

void hist_copy(struct history *h, int32_t topic, int64_t offset)
{
    const struct hist_record *record = find(h, topic, offset);
    cr_assert_not_null(record);
    hist_raw(h, topic, record->record.value.data, record->record.value.len);
    struct hist_record *copy = &h->records[topic][h->counts[topic] - 1];
    copy->epoch = record->epoch;
    copy->seq = record->seq;
}

static void feed(struct history *h, struct ds_audit_part *part, int32_t topic)
{
    ds_error_t error = DS_ERROR_INIT;
    for (size_t i = 0; i < h->counts[topic]; i++)
        cr_assert(ds_audit_part_take(part, &h->records[topic][i].record, &error), "%s",
                  error.message);
}

static void feed_by_time(struct history *h, struct ds_audit_part *part)
{
    size_t next[DS_AUDIT_TOPICS] = {0};
    ds_error_t error = DS_ERROR_INIT;
    for (;;) {
        const struct ds_audit_record *first = NULL;
        for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
            if (next[t] == h->counts[t])
                continue;
            const struct ds_audit_record *record = &h->records[t][next[t]].record;
            if (first == NULL || record->appended_us < first->appended_us)
                first = record;
        }
        if (first == NULL)
            return;
        next[first->topic]++;
        if (h->sweep_at > 0)
            part->sweep_at = h->sweep_at;
        cr_assert(ds_audit_part_take(part, first, &error), "%s", error.message);
    }
}

static void note_held(struct history *h, const struct ds_audit_part *part)
{
    h->held = (struct hist_held){.orders = ds_map_count(part->orders)};
    for (int32_t p = 0; p < DS_AUDIT_PROCESSORS; p++) {
        const struct ds_audit_commands *commands = &part->commands[p];
        h->held.runs += part->streams[p].valid.count;
        h->held.named += part->streams[p].named_count;
        h->held.effects += part->streams[p].effects.count;
        for (size_t i = 0; i < commands->block_count; i++)
            h->held.blocks += commands->blocks[i] != NULL;
    }
}

const struct ds_audit_report *hist_audit(struct history *h)
{
    ds_error_t error = DS_ERROR_INIT;
    struct ds_audit_range ranges[DS_AUDIT_TOPICS];
    struct ds_audit_part *part;

    for (int32_t t = 0; t < DS_AUDIT_TOPICS; t++) {
        size_t count = h->counts[t];
        int64_t end = count == 0 ? 0 : h->records[t][count - 1].record.offset + 1;
        ranges[t] =
            (struct ds_audit_range){h->low[t], h->unsettled[t] < 0 ? end : h->unsettled[t], end};
    }
    bool allow = h->report != NULL && h->report->allow_skipped;
    ds_audit_report_destroy(h->report);
    h->report = ds_audit_report_new();
    h->report->allow_skipped = allow;
    cr_assert(ds_audit_part_new(h->report, h->partition, HIST_PARTITIONS, ranges, &part, &error),
              "%s", error.message);
    for (int32_t t = DS_AUDIT_TOPICS - 1; !h->by_time && t >= 0; t--) /* any order does */
        feed(h, part, t);
    if (h->by_time)
        feed_by_time(h, part);
    cr_assert(ds_audit_part_judge(part, &error), "%s", error.message);
    h->left = part->left.count;
    note_held(h, part);
    ds_audit_part_destroy(part);
    return h->report;
}

void hist_expect_clean(struct history *h)
{
    const struct ds_audit_report *report = hist_audit(h);
    cr_assert_eq(report->anomalies, 0, "%s %s/%d %s: %s", report->list[0].invariant,
                 report->list[0].topic, (int)report->list[0].offset, report->list[0].order_id,
                 report->list[0].what);
}

void hist_expect(struct history *h, const char *invariant, const char *what)
{
    const struct ds_audit_report *report = hist_audit(h);
    for (size_t i = 0; i < report->listed; i++)
        if (strcmp(report->list[i].invariant, invariant) == 0 &&
            strstr(report->list[i].what, what) != NULL)
            return;
    cr_assert_fail("no %s with '%s' among %d anomalies; the first: %s %s", invariant, what,
                   (int)report->anomalies, report->list[0].invariant, report->list[0].what);
}
