/* api/recent.h - the commands this replica has kept lately: id -> who, body and place; and which
 * places are taken.
 *
 * With it a repeat is known at once, without the read model: the same body gets the same answer,
 * another body is 422, and a command that is not decided yet is found. A ring of fixed size; the
 * oldest is forgotten. Thread-safe. */
#ifndef DS_API_RECENT_H
#define DS_API_RECENT_H

#include "api/tokens.h"
#include "base/id.h"

struct ds_recent_command {
    ds_id_t id;
    ds_id_t body_hash;
    uint64_t caller; /* hash of the subject */
    struct ds_token place;
};

typedef struct ds_recent ds_recent_t;

/** @brief NULL: no memory. */
ds_recent_t *ds_recent_new(size_t max_commands);
void ds_recent_destroy(ds_recent_t *recent);
/** @brief Remember, unless the id is known already (the first place counts). */
void ds_recent_put(ds_recent_t *recent, const struct ds_recent_command *command);
bool ds_recent_get(ds_recent_t *recent, ds_str_t id, struct ds_recent_command *command_out);
/** @brief Whether one that is remembered is at the place. */
bool ds_recent_at(ds_recent_t *recent, const struct ds_token *place);

#endif
