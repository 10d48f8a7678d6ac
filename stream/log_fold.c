/* See log_fold.h. A task without a broker behind its host: fold.c asks for no more. */
#include "stream/log_fold.h"

#include "decider/walk.h"
#include "stream/snapshot_memory.h"

#include <stdlib.h>

/* As a host's by default: a snapshot holds as many. */
#define MAX_COMMAND_IDS (4 * 1000 * 1000)

struct ds_log_fold {
    struct ds_host host;
    struct ds_task task;
    struct ds_task_input inputs[DS_MAX_INPUTS];
};

bool ds_log_fold_new(const struct ds_decider *decider, ds_log_fold_t **fold_out, ds_error_t *error)
{
    struct ds_log_fold *fold = calloc(1, sizeof(*fold));

    *fold_out = NULL;
    if (fold == NULL)
        return ds_error_set(error, DS_DOMAIN_STREAM, DS_ERR_MEMORY, "a fold");
    fold->host.decider = decider;
    fold->task.host = &fold->host;
    fold->task.inputs = fold->inputs;
    fold->task.input_count = (int32_t)decider->input_count;
    for (size_t i = 0; i < decider->input_count; i++)
        fold->inputs[i].input = &decider->inputs[i];
    ds_window_init(&fold->task.window, MAX_COMMAND_IDS);
    if (!ds_task_forget(&fold->task, error)) {
        ds_log_fold_destroy(fold);
        return false;
    }
    *fold_out = fold;
    return true;
}

void ds_log_fold_destroy(ds_log_fold_t *fold)
{
    if (fold == NULL)
        return;
    if (fold->task.domain != NULL)
        fold->host.decider->state_destroy(fold->task.domain);
    ds_owed_forget(&fold->task);
    ds_quarantine_clear(&fold->task.quarantine);
    ds_window_cleanup(&fold->task.window);
    free(fold);
}

/* What an owner does with a Claim that it reads (owner.c): it is not applied. */
static void note_claim(struct ds_task *task, const struct ds_protocol_event *event)
{
    if (event->head.meta.epoch == 1 &&
        !ds_str_to_array(event->body.as.claim.nonce, task->snapshots.identity,
                         sizeof(task->snapshots.identity)))
        task->snapshots.identity[0] = '\0';
    task->mid_decision = false;
}

bool ds_log_fold_apply(ds_log_fold_t *fold, const void *event_, ds_error_t *error)
{
    const struct ds_protocol_event *event = event_;
    const struct ds_meta *meta = &event->head.meta;

    if (event->body.kind == DS_PROTOCOL_CLAIM)
        note_claim(&fold->task, event);
    else if (!ds_task_apply(&fold->task, event, error))
        return false;
    fold->task.memory = (struct ds_log_place){-1, meta->epoch, meta->seq};
    return true;
}

/* ---- memory, item by item ---- */

struct items {
    ds_log_fold_take_fn take;
    void *context;
    const struct ds_schema *schema;
    ds_error_t error;
};

static bool take_item(void *context, const void *item, ds_error_t *error)
{
    const struct items *items = context;

    return items->take(items->context, items->schema, item, error);
}

static void see_id(void *context, const struct ds_window_entry *entry)
{
    struct items *items = context;
    struct ds_command_id_image id = {0};
    const struct ds_host_state_item item = {.ids = {&id, 1}};

    if (ds_error_is_set(&items->error))
        return;
    ds_memory_image_id(entry, &id);
    (void)items->take(items->context, &ds_schema_host_state, &item, &items->error);
}

static bool give_owed(const ds_log_fold_t *fold, const struct items *items, ds_error_t *error)
{
    struct ds_owed_letter_image images[DS_MEMORY_OWED];
    size_t count;

    for (size_t i = 0; i < fold->task.owed_count; i += count) {
        count = ds_memory_image_owed(&fold->task, i, images);
        for (size_t k = 0; k < count; k++) {
            const struct ds_host_state_item item = {.owed = {&images[k], 1}};

            images[k].offset = -1;
            if (!items->take(items->context, &ds_schema_host_state, &item, error))
                return false;
        }
    }
    return true;
}

/* In the same parts as a snapshot's writer. */
static bool give_quarantined(const ds_log_fold_t *fold, const struct items *items,
                             ds_error_t *error)
{
    const struct ds_quarantine *quarantine = &fold->task.quarantine;
    struct ds_held_image held[DS_MEMORY_HELD];
    struct ds_quarantined_image image;
    const struct ds_host_state_item item = {.quarantined = {&image, 1}};
    ds_str_t aggregate;
    void *entry;
    size_t cursor = 0;

    while (quarantine->by_aggregate != NULL &&
           ds_map_next(quarantine->by_aggregate, &cursor, &aggregate, &entry)) {
        size_t n = 0;

        do {
            n += ds_quarantine_image(aggregate, entry, n, held, DS_MEMORY_HELD, &image);
            if (!items->take(items->context, &ds_schema_host_state, &item, error))
                return false;
        } while (n < ds_quarantined_count(entry));
    }
    return true;
}

bool ds_log_fold_items(ds_log_fold_t *fold, ds_log_fold_take_fn take, void *context,
                       ds_error_t *error)
{
    struct items items = {take, context, fold->host.decider->item, DS_ERROR_INIT};
    ds_walk_t *walk;
    bool done = false;

    ds_window_watch(&fold->task.window, see_id, &items);
    while (!ds_error_is_set(&items.error) && ds_window_watch_next(&fold->task.window)) {
    }
    ds_window_watch(&fold->task.window, NULL, NULL);
    if (ds_error_is_set(&items.error)) {
        *error = items.error;
        return false;
    }
    if (!give_owed(fold, &items, error) || !give_quarantined(fold, &items, error))
        return false;
    walk = ds_walk_begin(fold->host.decider, fold->task.domain, take_item, &items, error);
    while (walk != NULL && !done && ds_walk_next(walk, &done, error)) {
    }
    ds_walk_end(walk);
    return done;
}

void ds_log_fold_manifest(const ds_log_fold_t *fold, struct ds_snapshot_input *inputs,
                          struct ds_snapshot_manifest *manifest_out)
{
    *manifest_out = (struct ds_snapshot_manifest){0};
    ds_memory_to_manifest(&fold->task, inputs, manifest_out);
}
