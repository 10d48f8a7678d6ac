#include "api/recent.h"

#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

struct ds_recent {
    pthread_mutex_t lock;
    ds_map_t *by_id; /* -> entry of the ring */
    struct ds_recent_command *ring;
    size_t max;
    size_t next;
};

ds_recent_t *ds_recent_new(size_t max_commands)
{
    ds_recent_t *recent = calloc(1, sizeof *recent);
    if (recent == NULL)
        return NULL;
    (void)pthread_mutex_init(&recent->lock, NULL);
    recent->max = max_commands;
    recent->ring = calloc(max_commands, sizeof *recent->ring);
    recent->by_id = ds_map_new(max_commands);
    if (recent->ring == NULL || recent->by_id == NULL) {
        ds_recent_destroy(recent);
        return NULL;
    }
    return recent;
}

void ds_recent_destroy(ds_recent_t *recent)
{
    if (recent == NULL)
        return;
    ds_map_destroy(recent->by_id, NULL);
    free(recent->ring);
    (void)pthread_mutex_destroy(&recent->lock);
    free(recent);
}

void ds_recent_put(ds_recent_t *recent, const struct ds_recent_command *command)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)pthread_mutex_lock(&recent->lock);
    if (ds_map_get(recent->by_id, ds_str(command->id.text)) == NULL) {
        struct ds_recent_command *entry = &recent->ring[recent->next];
        if (entry->id.text[0] != '\0')
            (void)ds_map_take(recent->by_id, ds_str(entry->id.text));
        *entry = *command;
        /* Not remembered without memory: then the decider finds the repeat. */
        if (ds_map_put(recent->by_id, ds_str(command->id.text), entry, NULL, &error))
            recent->next = (recent->next + 1) % recent->max;
        else
            entry->id.text[0] = '\0';
    }
    (void)pthread_mutex_unlock(&recent->lock);
}

bool ds_recent_get(ds_recent_t *recent, ds_str_t id, struct ds_recent_command *command_out)
{
    (void)pthread_mutex_lock(&recent->lock);
    const struct ds_recent_command *entry = ds_map_get(recent->by_id, id);
    if (entry != NULL)
        *command_out = *entry;
    (void)pthread_mutex_unlock(&recent->lock);
    return entry != NULL;
}
