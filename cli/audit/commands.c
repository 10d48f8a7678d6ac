/* I7: every command that was read has one outcome, and takes effect once.
 *
 * What was read is known from the log: the highest delivered cause, Open, Progress or InputGap of
 * input 0. A command that is beyond it waits for its processor and is no anomaly; nor is one that
 * waits for a quarantined aggregate: it stays open until it is decided or dropped. */
#include "base/crypto.h"
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

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

static bool same_hash(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static struct ds_audit_place where(const struct ds_audit_part *part, int32_t topic, int64_t offset)
{
    return ds_audit_where(part, topic, offset, DS_STR(""));
}

/* Record and decision are read: the outcome is one of this very command. What of the two is in
 * `command` was read first, `fingerprint` and `hash` are the other's. */
static void judge_outcome(struct ds_audit_part *part, int32_t processor, int64_t offset,
                          const struct ds_audit_command *command, int64_t fingerprint,
                          const uint64_t hash[2])
{
    struct ds_audit_place at = where(part, processor, command->answered);

    if (fingerprint != command->fingerprint)
        ds_audit_found(part->report, "F", at,
                       "it answers command %" PRId64 ", but other bytes than stand there now",
                       offset);
    if (command->is_misplaced &&
        (command->outcome == DS_AUDIT_EFFECT || command->outcome == DS_AUDIT_REPEATED))
        ds_audit_found(part->report, "F", where(part, DS_AUDIT_PROCESSORS + processor, offset),
                       "its key belongs to another partition, and yet %s/%" PRId32
                       " offset %" PRId64 " carries it out",
                       ds_audit_schema(processor)->topic, part->partition, command->answered);
    if (command->outcome == DS_AUDIT_UNREADABLE || command->outcome == DS_AUDIT_DROPPED)
        return;
    if (!command->readable)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 ", which is none",
                       offset);
    else if (!command->has_command)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 " without its id",
                       offset);
    else if (!same_hash(command->hash, hash))
        ds_audit_found(part->report, "I7", at,
                       "it answers command %" PRId64 " with the id of another", offset);
}

bool ds_audit_fold_command(struct ds_audit_part *part, int32_t processor,
                           const struct ds_audit_record *record, ds_error_t *error)
{
    struct ds_audit_command *command = command_at(&part->commands[processor], record->offset);
    ds_arena_t *scratch = part->streams[processor].scratch;
    ds_error_t why = DS_ERROR_INIT;
    uint64_t hash[2] = {0};

    if (command == NULL)
        return true;
    ds_arena_reset(scratch);
    struct ds_command_envelope *value =
        ds_arena_alloc(scratch, ds_audit_schema(record->topic)->struct_bytes, error);
    if (value == NULL)
        return false;
    part->report->checked[DS_AUDIT_COMMANDS]++;
    int64_t fingerprint = ds_fingerprint64(record->value);
    command->is_misplaced = !ds_audit_is_placed(part, record);
    command->readable =
        record->has_value && ds_audit_decode(part, record, scratch, value, NULL, &why);
    if (why.code == DS_ERR_MEMORY || why.code == DS_ERR_UNAVAILABLE)
        return ds_error_set(error, why.domain, why.code, "%s", why.message);
    if (command->readable)
        ds_audit_hash(value->head.command_id, hash);
    command->was_read = true;
    if (command->has_outcome) {
        judge_outcome(part, processor, record->offset, command, fingerprint, hash);
        return true;
    }
    command->fingerprint = fingerprint;
    memcpy(command->hash, hash, sizeof hash);
    return true;
}

/* Refusals and repeats are no effects. Decisions come in the order of the log, so the window is the
 * one that their processor had: there the id of a command that had waited is as old as its
 * decision. */
static bool note_effect(struct ds_audit_part *part, int32_t processor,
                        const struct ds_audit_cause *cause, const struct ds_event_head *head,
                        ds_error_t *error)
{
    struct ds_window *effects = &part->streams[processor].effects;
    const struct ds_command_ref *command = &head->context.command;
    int64_t since_us = cause->was_held ? head->meta.at : command->appended_at;

    if (!cause->has_command)
        return true;
    ds_window_expire(effects,
                     command->appended_at < head->meta.at ? command->appended_at : head->meta.at);
    if (cause->outcome != DS_AUDIT_EFFECT)
        return true;
    const struct ds_window_entry *first = ds_window_find(effects, command->id);
    if (first == NULL)
        return ds_window_add(effects, command->id, DS_STR(""), since_us, cause->cause_offset,
                             error);
    if (first->first_offset != cause->cause_offset && since_us - first->appended_us < DS_WINDOW_US)
        ds_audit_found(part->report, "I7", where(part, processor, cause->offset),
                       "the command of offset %" PRId64 " takes effect again at offset %" PRId64,
                       first->first_offset, cause->cause_offset);
    return true;
}

/* What it repeats was decided in front of it; one that had waited may repeat a later one. What the
 * corrected command of an edit was called is not kept. */
static void judge_repeat(struct ds_audit_part *part, int32_t processor,
                         const struct ds_audit_cause *cause)
{
    const struct ds_audit_command *first =
        command_at(&part->commands[processor], cause->first_offset);
    bool is_later = cause->was_held ? cause->first_offset == cause->cause_offset
                                    : cause->first_offset >= cause->cause_offset;
    bool is_decided = first == NULL || (first->has_outcome && first->outcome != DS_AUDIT_DROPPED);

    if (is_later || !is_decided)
        ds_audit_found(part->report, "I7", where(part, processor, cause->offset),
                       "command %" PRId64 " is said to repeat %" PRId64
                       ", which was not decided before",
                       cause->cause_offset, cause->first_offset);
    else if (first != NULL && !first->is_edit && !same_hash(first->hash, cause->command_hash))
        ds_audit_found(part->report, "I7", where(part, processor, cause->offset),
                       "command %" PRId64 " is said to repeat %" PRId64 ", which has another id",
                       cause->cause_offset, cause->first_offset);
}

bool ds_audit_judge_id(struct ds_audit_part *part, int32_t processor,
                       const struct ds_audit_cause *cause, const struct ds_event_head *head,
                       ds_error_t *error)
{
    if (!note_effect(part, processor, cause, head, error))
        return false;
    if (cause->outcome == DS_AUDIT_REPEATED && cause->first_offset >= 0)
        judge_repeat(part, processor, cause);
    return true;
}

bool ds_audit_answer_command(struct ds_audit_part *part, int32_t processor,
                             const struct ds_audit_cause *cause, const struct ds_event_head *head,
                             ds_error_t *error)
{
    struct ds_audit_command *command = command_at(&part->commands[processor], cause->cause_offset);

    if (!ds_audit_judge_id(part, processor, cause, head, error))
        return false;
    if (command == NULL || command->has_outcome)
        return true; /* no longer kept; decided twice, which is said elsewhere */
    command->has_outcome = true;
    command->answered = cause->offset;
    command->outcome = (uint8_t)cause->outcome;
    command->has_command = cause->has_command;
    command->is_edit = cause->is_edit;
    if (command->was_read) {
        judge_outcome(part, processor, cause->cause_offset, command, cause->fingerprint,
                      cause->command_hash);
        return true;
    }
    command->fingerprint = cause->fingerprint;
    memcpy(command->hash, cause->command_hash, sizeof command->hash);
    return true;
}

/* Whatever becomes of one that waits is still to come; but it is this very command. */
static void judge_open(struct ds_audit_part *part, int32_t processor, int64_t offset,
                       const struct ds_audit_command *command)
{
    struct ds_audit_place at = where(part, DS_AUDIT_PROCESSORS + processor, offset);
    const struct ds_held *held = ds_quarantine_any(&part->streams[processor].quarantine, 0, offset);

    if (held == NULL)
        ds_audit_found(part->report, "I7", at, "a command without an outcome: later ones have one");
    else if (command->was_read && held->fingerprint != command->fingerprint)
        ds_audit_found(part->report, "F", at,
                       "it waits, but with other bytes than stand there now");
}

void ds_audit_judge_commands(struct ds_audit_part *part, int32_t processor)
{
    const struct ds_audit_commands *commands = &part->commands[processor];
    int64_t through = part->streams[processor].through[0];

    for (int64_t offset = commands->range.low; offset < commands->range.end && offset <= through;
         offset++)
        if (!command_at(commands, offset)->has_outcome)
            judge_open(part, processor, offset, command_at(commands, offset));
}
