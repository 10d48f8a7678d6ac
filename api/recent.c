#include "api/recent.h"

#include "base/map.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Topic, partition and offset as text. */
struct place_key {
    char text[48];
};

struct kept {
    struct ds_recent_command command;
    struct place_key place;
};

struct ds_recent {
    pthread_mutex_t lock;
    ds_map_t *by_id;    /* -> entry of the ring */
    ds_map_t *by_place; /* the same */
    struct kept *ring;
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
    recent->by_place = ds_map_new(max_commands);
    if (recent->ring == NULL || recent->by_id == NULL || recent->by_place == NULL) {
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
    ds_map_destroy(recent->by_place, NULL);
    free(recent->ring);
    (void)pthread_mutex_destroy(&recent->lock);
    free(recent);
}

static struct place_key key_of(const struct ds_token *place)
{
    struct place_key key;
    (void)snprintf(key.text, sizeof key.text, "%d|%" PRId32 "|%" PRId64, (int)place->topic,
                   place->partition, place->offset);
    return key;
}

static void forget(ds_recent_t *recent, struct kept *kept)
{
    if (kept->command.id.text[0] == '\0')
        return;
    (void)ds_map_take(recent->by_id, ds_str(kept->command.id.text));
    (void)ds_map_take(recent->by_place, ds_str(kept->place.text));
    kept->command.id.text[0] = '\0';
}

void ds_recent_put(ds_recent_t *recent, const struct ds_recent_command *command)
{
    ds_error_t error = DS_ERROR_INIT;
    (void)pthread_mutex_lock(&recent->lock);
    if (ds_map_get(recent->by_id, ds_str(command->id.text)) == NULL) {
        struct kept *kept = &recent->ring[recent->next];
        forget(recent, kept);
        *kept = (struct kept){*command, key_of(&command->place)};
        /* Not remembered without memory: then the decider finds the repeat. */
        if (ds_map_put(recent->by_id, ds_str(command->id.text), kept, NULL, &error) &&
            ds_map_put(recent->by_place, ds_str(kept->place.text), kept, NULL, &error))
            recent->next = (recent->next + 1) % recent->max;
        else
            forget(recent, kept);
    }
    (void)pthread_mutex_unlock(&recent->lock);
}

bool ds_recent_get(ds_recent_t *recent, ds_str_t id, struct ds_recent_command *command_out)
{
    (void)pthread_mutex_lock(&recent->lock);
    const struct kept *kept = ds_map_get(recent->by_id, id);
    if (kept != NULL)
        *command_out = kept->command;
    (void)pthread_mutex_unlock(&recent->lock);
    return kept != NULL;
}

bool ds_recent_at(ds_recent_t *recent, const struct ds_token *place)
{
    const struct place_key key = key_of(place);
    (void)pthread_mutex_lock(&recent->lock);
    bool taken = ds_map_get(recent->by_place, ds_str(key.text)) != NULL;
    (void)pthread_mutex_unlock(&recent->lock);
    return taken;
}
