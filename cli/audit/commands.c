/* I7: every command that was read has one outcome, and takes effect once.
 *
 * What was read is known from the log: the highest delivered cause, Open, Progress or InputGap of
 * input 0. A command that is beyond it waits for its processor and is no anomaly; nor is one that
 * waits for a quarantined aggregate: it stays open until it is decided or dropped. */
#include "base/crypto.h"
#include "cli/audit/folds.h"

#include <inttypes.h>
#include <stdlib.h>

/* A command repeats what was appended within the window; LogAppendTime may step back a little. */
#define KEPT_US (DS_WINDOW_US + INT64_C(3600) * 1000000)

bool ds_audit_commands_init(struct ds_audit_commands *commands, struct ds_audit_range range,
                            ds_error_t *error)
{
    size_t count = range.end > range.low ? (size_t)(range.end - range.low) : 0;
    *commands = (struct ds_audit_commands){.range = range};
    commands->block_count = count / DS_AUDIT_BLOCK + 1;
    commands->blocks = calloc(commands->block_count, sizeof(*commands->blocks));
    if (commands->blocks != NULL)
        return true;
    return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: %zu commands", count);
}

void ds_audit_commands_cleanup(struct ds_audit_commands *commands)
{
    for (size_t i = commands->first; i < commands->block_count; i++)
        free(commands->blocks[i]);
    free(commands->blocks);
    *commands = (struct ds_audit_commands){0};
}

static struct ds_audit_command_block *block_of(const struct ds_audit_commands *commands,
                                               int64_t offset)
{
    return commands->blocks[(offset - commands->range.low) / DS_AUDIT_BLOCK];
}

static bool is_kept(const struct ds_audit_commands *commands, int64_t offset)
{
    return offset >= commands->range.low + (int64_t)commands->first * DS_AUDIT_BLOCK &&
           offset < commands->range.end;
}

/* NULL: nobody has come to it, or it is no longer kept. */
static struct ds_audit_command *command_at(const struct ds_audit_commands *commands, int64_t offset)
{
    struct ds_audit_command_block *block =
        is_kept(commands, offset) ? block_of(commands, offset) : NULL;
    return block == NULL ? NULL : &block->list[(offset - commands->range.low) % DS_AUDIT_BLOCK];
}

static void let_go(struct ds_audit_commands *commands)
{
    for (; commands->first < commands->block_count; commands->first++) {
        struct ds_audit_command_block **block = &commands->blocks[commands->first];
        if (*block == NULL || (*block)->open > 0 ||
            (*block)->newest_us >= ds_audit_minus(commands->newest_us, KEPT_US))
            return;
        free(*block);
        *block = NULL;
    }
}

/* The command's entry, made when it is the first of its block.
 * @return NULL: it is not kept (error not set), or out of memory. */
static struct ds_audit_command *command_of(struct ds_audit_commands *commands, int64_t offset,
                                           ds_error_t *error)
{
    struct ds_audit_command_block *block;

    if (!is_kept(commands, offset) || block_of(commands, offset) != NULL)
        return command_at(commands, offset);
    let_go(commands);
    block = calloc(1, sizeof(*block));
    if (block == NULL) {
        ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "audit: commands");
        return NULL;
    }
    block->open = DS_AUDIT_BLOCK;
    commands->blocks[(offset - commands->range.low) / DS_AUDIT_BLOCK] = block;
    return command_at(commands, offset);
}

/* It is read and decided. */
static void close_command(struct ds_audit_commands *commands, int64_t offset)
{
    if (--block_of(commands, offset)->open == 0)
        let_go(commands);
}

static void note_time(struct ds_audit_commands *commands, int64_t offset, int64_t appended_us)
{
    struct ds_audit_command_block *block = block_of(commands, offset);

    if (appended_us > block->newest_us)
        block->newest_us = appended_us;
    if (appended_us > commands->newest_us)
        commands->newest_us = appended_us;
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
    if (command->refused == DS_AUDIT_REFUSED_UNDECODABLE && command->readable)
        ds_audit_found(part->report, "I7", at,
                       "command %" PRId64 " is refused as undecodable, and can be read", offset);
    if (command->refused == DS_AUDIT_REFUSED_PLACE && !command->is_misplaced)
        ds_audit_found(part->report, "I7", at,
                       "command %" PRId64
                       " is refused as one of another partition, and belongs to this one",
                       offset);
    if (command->outcome == DS_AUDIT_UNREADABLE || command->outcome == DS_AUDIT_DROPPED)
        return;
    if (!command->readable)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 ", which is none",
                       offset);
    else if (!command->has_command)
        ds_audit_found(part->report, "I7", at, "it answers command %" PRId64 " without its id",
                       offset);
    else if (!command->edits_waiting && !same_hash(command->hash, hash))
        ds_audit_found(part->report, "I7", at,
                       "it answers command %" PRId64 " with the id of another", offset);
}

bool ds_audit_fold_command(struct ds_audit_part *part, int32_t processor,
                           const struct ds_audit_record *record, ds_error_t *error)
{
    struct ds_audit_commands *commands = &part->commands[processor];
    struct ds_audit_command *command = command_of(commands, record->offset, error);
    ds_arena_t *scratch = part->streams[processor].scratch;
    ds_error_t why = DS_ERROR_INIT;
    uint64_t hash[2] = {0};

    if (command == NULL)
        return !ds_error_is_set(error);
    if (command->was_read)
        return true; /* a source that gives it twice */
    note_time(commands, record->offset, record->appended_us);
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
    if (command->readable) {
        const struct ds_operator_command *asked = (const void *)value;

        ds_audit_hash(value->head.command_id, hash);
        command->edits_waiting =
            asked->body.kind == DS_OPERATOR_EDIT_INPUT && asked->body.as.edit_input.has_aggregate;
    }
    command->was_read = true;
    if (command->has_outcome) {
        judge_outcome(part, processor, record->offset, command, fingerprint, hash);
        close_command(commands, record->offset);
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
    const int64_t now_us =
        command->appended_at < head->meta.at ? command->appended_at : head->meta.at;
    if (now_us > 0)
        ds_window_expire(effects, now_us);
    if (cause->outcome != DS_AUDIT_EFFECT)
        return true;
    const struct ds_window_entry *first = ds_window_find(effects, command->id);
    if (first == NULL)
        return ds_window_add(effects, command->id, DS_STR(""), since_us, cause->cause_offset,
                             error);
    if (first->first_offset != cause->cause_offset &&
        ds_audit_minus(since_us, first->appended_us) < DS_WINDOW_US)
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
    else if (first != NULL && !first->is_edit && !first->edits_waiting &&
             !same_hash(first->hash, cause->command_hash))
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

/* What it answers stood in the topic before it was answered. Gone from the front it may be. */
static void check_is_there(struct ds_audit_part *part, int32_t processor,
                           const struct ds_audit_cause *cause)
{
    const int32_t topic = DS_AUDIT_PROCESSORS + processor;

    if (cause->offset < part->streams[processor].range.settled &&
        (cause->cause_offset < 0 || cause->cause_offset >= part->commands[processor].range.end))
        ds_audit_found(part->report, "F", where(part, processor, cause->offset),
                       "it answers %s/%" PRId32 " offset %" PRId64
                       ", which is not there: the topic ends at %" PRId64,
                       ds_audit_topic(topic), part->partition, cause->cause_offset,
                       part->commands[processor].range.end);
}

bool ds_audit_answer_command(struct ds_audit_part *part, int32_t processor,
                             const struct ds_audit_cause *cause, const struct ds_event_head *head,
                             ds_error_t *error)
{
    struct ds_audit_commands *commands = &part->commands[processor];
    struct ds_audit_command *command = command_of(commands, cause->cause_offset, error);

    if (command == NULL && ds_error_is_set(error))
        return false;
    check_is_there(part, processor, cause);
    if (!ds_audit_judge_id(part, processor, cause, head, error))
        return false;
    if (command == NULL || command->has_outcome)
        return true; /* no longer kept; decided twice, which is said elsewhere */
    command->has_outcome = true;
    command->answered = cause->offset;
    command->outcome = (uint8_t)cause->outcome;
    command->refused = (uint8_t)cause->refused;
    command->has_command = cause->has_command;
    command->is_edit = cause->is_edit;
    if (command->was_read) {
        judge_outcome(part, processor, cause->cause_offset, command, cause->fingerprint,
                      cause->command_hash);
        close_command(commands, cause->cause_offset);
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
    else if (command != NULL && command->was_read && held->fingerprint != command->fingerprint)
        ds_audit_found(part->report, "F", at,
                       "it waits, but with other bytes than stand there now");
}

void ds_audit_judge_commands(struct ds_audit_part *part, int32_t processor)
{
    const struct ds_audit_commands *commands = &part->commands[processor];
    int64_t through = part->streams[processor].through[0];

    for (int64_t offset = commands->range.low + (int64_t)commands->first * DS_AUDIT_BLOCK;
         offset < commands->range.end && offset <= through; offset++) {
        const struct ds_audit_command *command = command_at(commands, offset);
        if (command == NULL || !command->has_outcome)
            judge_open(part, processor, offset, command);
    }
}
