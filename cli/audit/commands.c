/* I7: every command that was read has one outcome, and takes effect once.
 *
 * What was read is known from the log: the highest delivered cause, Open, Progress or InputGap of
 * input 0. A command that is beyond it waits for its processor and is no anomaly. */
#include "base/crypto.h"
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

/* How long a processor knows a command id (DESIGN section 2). */
#define WINDOW_US (24 * 3600 * INT64_C(1000000))

bool ds_audit_commands_init(struct ds_audit_commands *commands, struct ds_audit_range range,
                            ds_error_t *error)
{
    size_t count = (size_t)(range.end - range.low);
    *commands = (struct ds_audit_commands){.range = range};
    commands->list = calloc(count + 1, sizeof *commands->list);
    if (commands->list != NULL)
        return true;
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu commands", count);
}

void ds_audit_commands_cleanup(struct ds_audit_commands *commands)
{
    free(commands->list);
    *commands = (struct ds_audit_commands){0};
}

static struct ds_audit_command *command_at(const struct ds_audit_commands *commands, int64_t offset)
{
    if (offset < commands->range.low || offset >= commands->range.end)
        return NULL;
    return &commands->list[offset - commands->range.low];
}

bool ds_audit_fold_command(struct ds_audit_part *part, int32_t processor,
                           const struct ds_audit_record *record, ds_error_t *error)
{
    struct ds_audit_command *command = command_at(&part->commands[processor], record->offset);
    ds_arena_t *scratch = part->streams[processor].scratch;
    ds_error_t why = DS_ERROR_INIT;

    if (command == NULL)
        return true;
    ds_arena_reset(scratch);
    struct ds_command_envelope *value =
        ds_arena_alloc(scratch, ds_audit_schema(record->topic)->struct_bytes, error);
    if (value == NULL)
        return false;
    part->report->checked[DS_AUDIT_COMMANDS]++;
    command->appended_us = record->appended_us;
    command->fingerprint = ds_fingerprint64(record->value);
    command->is_misplaced = !ds_audit_is_placed(part, record);
    command->readable =
        record->has_value && ds_audit_decode(part, record, scratch, value, NULL, &why);
    if (why.code == DS_ERR_MEMORY || why.code == DS_ERR_UNAVAILABLE)
        return ds_error_set(error, why.domain, why.code, "%s", why.message);
    if (command->readable)
        ds_audit_hash(value->head.command_id, command->hash);
    return true;
}

static bool same_hash(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

/* That the outcome is one of this very command. */
static void judge_outcome(struct ds_audit_part *part, int32_t processor,
                          const struct ds_audit_cause *cause,
                          const struct ds_audit_command *command)
{
    struct ds_audit_place at = ds_audit_where(part, processor, cause->offset, DS_STR(""));

    if (cause->fingerprint != command->fingerprint)
        ds_audit_found(part->report, "F", at,
                       "it answers command %" PRId64 ", but other bytes than stand there now",
                       cause->cause_offset);
    if (command->is_misplaced &&
        (cause->outcome == DS_AUDIT_EFFECT || cause->outcome == DS_AUDIT_REPEATED))
        ds_audit_found(part->report, "F",
                       ds_audit_where(part, DS_AUDIT_PROCESSORS + processor, cause->cause_offset,
                                      DS_STR("")),
                       "its key belongs to another partition, and yet %s/%" PRId32
                       " offset %" PRId64 " carries it out",
                       ds_audit_schema(processor)->topic, part->partition, cause->offset);
    if (cause->outcome == DS_AUDIT_UNREADABLE)
        return;
    if (!command->readable)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 ", which is none",
                       cause->cause_offset);
    else if (!cause->has_command)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 " without its id",
                       cause->cause_offset);
    else if (!same_hash(cause->command_hash, command->hash))
        ds_audit_found(part->report, "I7", at,
                       "it answers command %" PRId64 " with the id of another",
                       cause->cause_offset);
}

static int by_place(const void *a, const void *b)
{
    const struct ds_audit_cause *x = *(const struct ds_audit_cause *const *)a;
    const struct ds_audit_cause *y = *(const struct ds_audit_cause *const *)b;
    return x->cause_offset < y->cause_offset ? -1 : x->cause_offset > y->cause_offset;
}

static int by_hash(const void *a, const void *b)
{
    const struct ds_audit_cause *x = *(const struct ds_audit_cause *const *)a;
    const struct ds_audit_cause *y = *(const struct ds_audit_cause *const *)b;
    int order = memcmp(x->command_hash, y->command_hash, sizeof x->command_hash);
    return order != 0 ? order : by_place(a, b);
}

/* @param sorted  by place. */
static void judge_missing(struct ds_audit_part *part, int32_t processor,
                          const struct ds_audit_cause *const *sorted, size_t count)
{
    const struct ds_audit_commands *commands = &part->commands[processor];
    int64_t through = part->streams[processor].through[0];
    size_t next = 0;

    for (int64_t offset = commands->range.low; offset < commands->range.end && offset <= through;
         offset++) {
        while (next < count && sorted[next]->cause_offset < offset)
            next++;
        if (next < count && sorted[next]->cause_offset == offset) {
            judge_outcome(part, processor, sorted[next], command_at(commands, offset));
            continue;
        }
        ds_audit_found(part->report, "I7",
                       ds_audit_where(part, DS_AUDIT_PROCESSORS + processor, offset, DS_STR("")),
                       "a command without an outcome: later ones have one");
    }
}

/* @param sorted  by command id, then place. Refusals and repeats are no effects. */
static void judge_twice(struct ds_audit_part *part, int32_t processor,
                        const struct ds_audit_cause *const *sorted, size_t count)
{
    const struct ds_audit_commands *commands = &part->commands[processor];
    const struct ds_audit_cause *first = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct ds_audit_cause *cause = sorted[i];
        const struct ds_audit_command *now = command_at(commands, cause->cause_offset);
        if (cause->outcome != DS_AUDIT_EFFECT || !cause->has_command || now == NULL)
            continue;
        const struct ds_audit_command *then =
            first == NULL ? NULL : command_at(commands, first->cause_offset);
        if (then != NULL && same_hash(first->command_hash, cause->command_hash) &&
            first->cause_offset != cause->cause_offset &&
            now->appended_us - then->appended_us < WINDOW_US)
            ds_audit_found(part->report, "I7",
                           ds_audit_where(part, processor, cause->offset, DS_STR("")),
                           "the command of offset %" PRId64
                           " takes effect again at offset %" PRId64,
                           first->cause_offset, cause->cause_offset);
        first = cause;
    }
}

bool ds_audit_judge_commands(struct ds_audit_part *part, int32_t processor, ds_error_t *error)
{
    const struct ds_audit_stream *stream = &part->streams[processor];
    const struct ds_audit_cause **sorted = calloc(stream->cause_count + 1, sizeof(void *));
    size_t count = 0;

    if (sorted == NULL)
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu outcomes",
                            stream->cause_count);
    for (size_t i = 0; i < stream->cause_count; i++)
        if (stream->causes[i].input == 0)
            sorted[count++] = &stream->causes[i];
    qsort(sorted, count, sizeof(void *), by_place);
    judge_missing(part, processor, sorted, count);
    qsort(sorted, count, sizeof(void *), by_hash);
    judge_twice(part, processor, sorted, count);
    free(sorted);
    return true;
}
