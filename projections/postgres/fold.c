#include "projections/postgres/fold.h"

#include <assert.h>

const struct ds_schema *const ds_fold_schemas[DS_FOLD_TOPICS] = {
    [DS_FOLD_ORDER] = &ds_schema_order_events,
    [DS_FOLD_PAYMENT] = &ds_schema_payment_events,
    [DS_FOLD_DELIVERY] = &ds_schema_delivery_events,
    [DS_FOLD_INVENTORY] = &ds_schema_inventory_events,
    [DS_FOLD_CATALOG] = &ds_schema_catalog_events,
};

/* The permanent numbers of each processor's inputs (DESIGN section 3), for people who follow a
 * cause. */
#define INPUTS 4
static const char *const inputs[DS_FOLD_TOPICS][INPUTS] = {
    [DS_FOLD_ORDER] = {"order.commands", "inventory.events", "payment.events", "delivery.events"},
    [DS_FOLD_PAYMENT] = {"payment.commands", "order.events"},
    [DS_FOLD_DELIVERY] = {"delivery.commands", "order.events"},
    [DS_FOLD_INVENTORY] = {"inventory.commands", "order.events"},
    [DS_FOLD_CATALOG] = {"catalog.commands"},
};

#define COMMANDS_INPUT 0

bool ds_fold_lower(struct ds_sheets *sheets, const char *symbol, ds_str_t *text_out,
                   ds_error_t *error)
{
    size_t len = strlen(symbol);
    char *text = ds_arena_alloc(sheets->arena, len + 1, error);
    *text_out = (ds_str_t){NULL, 0};
    if (text == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(symbol[i] >= 'A' && symbol[i] <= 'Z' ? symbol[i] - 'A' + 'a' : symbol[i]);
    *text_out = (ds_str_t){text, (uint32_t)len};
    return true;
}

/* The same for a text of an event, which has no NUL behind it. */
static bool lower_text(struct ds_sheets *sheets, ds_str_t from, ds_str_t *text_out,
                       ds_error_t *error)
{
    ds_str_t copy;
    *text_out = (ds_str_t){NULL, 0};
    return ds_arena_dup(sheets->arena, from, &copy, error) &&
           ds_fold_lower(sheets, copy.data, text_out, error);
}

static bool of_the_shop(int32_t kind)
{
    return kind >= DS_PROTOCOL_COMMAND_REJECTED;
}

/* Of the protocol's own records those of quarantine: they alone tell what became of an input that
 * waits, or was dropped or edited. */
static bool in_the_timeline(int32_t kind)
{
    return kind >= DS_PROTOCOL_AGGREGATE_QUARANTINED;
}
_Static_assert(DS_PROTOCOL_INPUT_EDITED < DS_PROTOCOL_COMMAND_REJECTED &&
                   DS_PROTOCOL_COMMAND_REJECTED - DS_PROTOCOL_AGGREGATE_QUARANTINED == 6,
               "between them stand the records of quarantine only");

static const struct ds_input_cause *input_cause(const struct ds_meta *meta)
{
    return meta->cause.kind == DS_META_CAUSE_INPUT_CAUSE ? &meta->cause.as.input_cause : NULL;
}

/* The record that is answered, also one that had waited for its aggregate. */
static bool answered(const struct ds_meta *meta, int32_t *input_out, int64_t *offset_out)
{
    const struct ds_input_cause *cause = input_cause(meta);
    const struct ds_held_cause *held = &meta->cause.as.held_cause;
    bool was_held = meta->cause.kind == DS_META_CAUSE_HELD_CAUSE;
    *input_out = cause != NULL ? cause->input : was_held ? held->input : -1;
    *offset_out = cause != NULL ? cause->offset : was_held ? held->offset : -1;
    return cause != NULL || was_held;
}

static const char *input_topic(enum ds_fold_topic topic, int32_t input)
{
    return input >= 0 && input < INPUTS ? inputs[topic][input] : NULL;
}

static int64_t handled_before(const struct ds_input_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (positions[i].input == COMMANDS_INPUT)
            return positions[i].offset - 1;
    }
    return -1;
}

int64_t ds_fold_commands_through(const void *event)
{
    const struct ds_protocol_event *e = event;
    const struct ds_input_cause *cause = input_cause(&e->head.meta);
    if (e->body.kind == DS_PROTOCOL_OPEN)
        return handled_before(e->body.as.open.inputs.items, e->body.as.open.inputs.count);
    if (e->body.kind == DS_PROTOCOL_PROGRESS)
        return handled_before(e->body.as.progress.inputs.items, e->body.as.progress.inputs.count);
    if (e->body.kind == DS_PROTOCOL_INPUT_GAP && e->body.as.input_gap.input == COMMANDS_INPUT)
        return e->body.as.input_gap.to_offset - 1;
    return cause != NULL && cause->input == COMMANDS_INPUT ? cause->offset : -1;
}

/* jsonb has no U+0000: its escape, where it is one and not a backslash followed by "u0000", becomes
 * U+FFFD, which is as long. */
static void replace_zero_escapes(ds_buf_t *json)
{
    for (size_t i = 0; i + 1 < json->len; i++) {
        if (json->data[i] != '\\')
            continue;
        if (json->len - i >= 6 && memcmp(json->data + i, "\\u0000", 6) == 0)
            memcpy(json->data + i, "\\ufffd", 6);
        i++;
    }
}

static void set_cause(struct ds_timeline_row *row, enum ds_fold_topic topic,
                      const struct ds_meta *meta)
{
    int32_t input;
    int64_t offset;
    if (answered(meta, &input, &offset)) {
        row->cause_kind = DS_STR("input");
        row->cause_topic = ds_str(input_topic(topic, input));
        row->cause_offset = offset;
    } else if (meta->cause.kind == DS_META_CAUSE_TIMER_CAUSE) {
        row->cause_kind = DS_STR("timer");
        row->cause_due_at = meta->cause.as.timer_cause.due_at;
    }
}

static bool print_event(struct ds_fold *fold, const void *event, ds_str_t *json_out,
                        ds_error_t *error)
{
    ds_buf_clear(fold->scratch);
    if (!ds_schema_print_json(ds_fold_schemas[fold->topic], event, fold->scratch, error))
        return false;
    replace_zero_escapes(fold->scratch);
    return ds_arena_dup(fold->sheets->arena, ds_buf_str(fold->scratch), json_out, error);
}

static bool fold_timeline(struct ds_fold *fold, const struct ds_protocol_event *event,
                          ds_error_t *error)
{
    const struct ds_schema *schema = ds_fold_schemas[fold->topic];
    const struct ds_context *context = &event->head.context;
    void *made = NULL;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_TIMELINE, DS_STR(""), &made, error))
        return false;
    struct ds_timeline_row *row = made;
    ds_str_t order_id = schema->order_id(event);
    row->topic = ds_str(schema->topic);
    row->partition = fold->partition;
    row->event_offset = fold->offset;
    row->ce_type = ds_str(ds_schema_ce_type(schema, event));
    row->event_id = event->head.meta.event_id;
    row->order_id = ds_fold_maybe(order_id.len > 0, order_id);
    row->aggregate = schema->aggregate(event);
    row->at = event->head.meta.at;
    row->actor_id = context->actor.id;
    row->correlation_id = context->correlation_id;
    row->command_id = ds_fold_maybe(context->has_command, context->command.id);
    set_cause(row, fold->topic, &event->head.meta);
    return ds_fold_lower(fold->sheets, ds_actor_kind_text(context->actor.kind), &row->actor_kind,
                         error) &&
           print_event(fold, event, &row->data, error);
}

/* Outcome of the command: what the first event that answers it says. */
static bool set_outcome(struct ds_fold *fold, const struct ds_protocol_event *event,
                        struct ds_command_row *row, ds_error_t *error)
{
    row->status = DS_STR("done");
    switch (event->body.kind) {
    case DS_PROTOCOL_COMMAND_REJECTED:
        row->status = DS_STR("refused");
        row->target = event->body.as.command_rejected.target;
        return lower_text(fold->sheets, event->body.as.command_rejected.reason, &row->reason,
                          error);
    case DS_PROTOCOL_INPUT_REJECTED:
        row->status = DS_STR("refused");
        return lower_text(fold->sheets, event->body.as.input_rejected.reason, &row->reason, error);
    case DS_PROTOCOL_COMMAND_REPEATED:
        row->status = DS_STR("repeated");
        row->same_body = event->body.as.command_repeated.same_body;
        row->command_id = event->body.as.command_repeated.of;
        if (!event->body.as.command_repeated.same_body)
            row->reason = DS_STR("idempotency_mismatch");
        return true;
    default:
        break;
    }
    if (fold->topic == DS_FOLD_ORDER && event->body.kind == DS_ORDER_EVENT_ORDER_REFUSED) {
        const struct ds_order_event *order = (const void *)event;
        row->status = DS_STR("refused");
        return ds_fold_lower(fold->sheets,
                             ds_refuse_reason_text(order->body.as.order_refused.reason),
                             &row->reason, error);
    }
    return true;
}

/* What says that a command waits is not its outcome; an edit's is that of the corrected command. */
static bool is_outcome(int32_t kind)
{
    return kind != DS_PROTOCOL_AGGREGATE_QUARANTINED && kind != DS_PROTOCOL_INPUT_HELD &&
           kind != DS_PROTOCOL_INPUT_EDITED;
}

/* A decision on a command may have several events: the first makes the row. It is known by its key.
 */
static bool fold_command(struct ds_fold *fold, const struct ds_protocol_event *event,
                         ds_error_t *error)
{
    const struct ds_schema *schema = ds_fold_schemas[fold->topic];
    const struct ds_context *context = &event->head.context;
    void *made = NULL;
    int32_t input;
    int64_t offset;
    if (!answered(&event->head.meta, &input, &offset) || input != COMMANDS_INPUT ||
        (offset == fold->command_offset && fold->command_offset >= 0) ||
        !is_outcome(event->body.kind))
        return true;
    if (!ds_sheet_make(fold->sheets, DS_TABLE_COMMANDS, DS_STR(""), &made, error))
        return false;
    fold->command_offset = offset;
    struct ds_command_row *row = made;
    row->topic = ds_str(input_topic(fold->topic, COMMANDS_INPUT));
    row->partition = fold->partition;
    row->command_offset = offset;
    if (context->has_command) {
        row->command_id = context->command.id;
        row->body_hash = context->command.body_hash;
        row->appended_at = context->command.appended_at;
    }
    row->target = schema->aggregate(event);
    row->outcome = ds_str(ds_schema_ce_type(schema, event));
    row->actor_id = context->actor.id;
    row->correlation_id = context->correlation_id;
    row->decided_at = event->head.meta.at;
    row->event_offset = fold->offset;
    return ds_fold_lower(fold->sheets, ds_actor_kind_text(context->actor.kind), &row->actor_kind,
                         error) &&
           set_outcome(fold, event, row, error);
}

bool ds_fold_want(struct ds_sheets *sheets, enum ds_fold_topic topic, const void *event,
                  ds_error_t *error)
{
    switch (topic) {
    case DS_FOLD_ORDER:
        return ds_want_order(sheets, event, error);
    case DS_FOLD_PAYMENT:
        return ds_want_payment(sheets, event, error);
    case DS_FOLD_DELIVERY:
        return ds_want_delivery(sheets, event, error);
    case DS_FOLD_INVENTORY:
        return ds_want_inventory(sheets, event, error);
    case DS_FOLD_CATALOG:
        return ds_want_catalog(sheets, event, error);
    case DS_FOLD_TOPICS:
        break;
    }
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID, "no topic %d", (int)topic);
}

static bool fold_tables(struct ds_fold *fold, const void *event, ds_error_t *error)
{
    switch (fold->topic) {
    case DS_FOLD_ORDER:
        return ds_fold_order(fold, event, error);
    case DS_FOLD_PAYMENT:
        return ds_fold_payment(fold, event, error);
    case DS_FOLD_DELIVERY:
        return ds_fold_delivery(fold, event, error);
    case DS_FOLD_INVENTORY:
        return ds_fold_inventory(fold, event, error);
    case DS_FOLD_CATALOG:
        return ds_fold_catalog(fold, event, error);
    case DS_FOLD_TOPICS:
        break;
    }
    return ds_error_set(error, DS_DOMAIN_PG, DS_ERR_INVALID, "no topic %d", (int)fold->topic);
}

bool ds_fold_event(struct ds_fold *fold, const void *event, ds_error_t *error)
{
    const struct ds_protocol_event *e = event;
    assert(fold->topic < DS_FOLD_TOPICS && fold->offset >= 0);
    fold->at_us = e->head.meta.at;
    if (!fold_command(fold, e, error))
        return false;
    if (in_the_timeline(e->body.kind) && !fold_timeline(fold, e, error))
        return false;
    return !of_the_shop(e->body.kind) || fold_tables(fold, event, error);
}
