/* stream/schema_wait.h - a record whose schema is not known yet: it stays where it is, its
 * partition is read again from there later, and somebody says so.
 *
 * For hosts (inputs, own log) and readers. It is over when the registry has answered something, and
 * now and then in any case: a registry learns of schemas, too. Plain data; one thread. */
#ifndef DS_STREAM_SCHEMA_WAIT_H
#define DS_STREAM_SCHEMA_WAIT_H

#include "schemas/framing.h"

enum ds_schema_wait_kind {
    DS_WAIT_NONE,
    DS_WAIT_REGISTRY, /* the id has not been answered yet */
    DS_WAIT_VERSION,  /* this build does not know the schema: a newer one has to come */
};

struct ds_schema_wait {
    enum ds_schema_wait_kind kind;
    unsigned answers; /* of the framing, before the record was tried */
    int64_t until_us; /* monotonic */
};

/** @brief Whether a failure to decode means waiting. Of a commands topic only DS_ERR_UNAVAILABLE
 * does: what nobody knows is poison there. */
bool ds_schema_waits(const struct ds_schema *schema, const ds_error_t *why);
/** @param answers  ds_framing_answers() before the record was tried: one that came meanwhile ends
 * the wait at once. */
void ds_schema_wait_begin(struct ds_schema_wait *wait, const struct ds_runtime *runtime,
                          unsigned answers, const ds_error_t *why);
bool ds_schema_wait_over(const struct ds_schema_wait *wait, const struct ds_runtime *runtime);
/** @brief A literal for /readyz; NULL: it does not wait. */
const char *ds_schema_wait_text(const struct ds_schema_wait *wait, const ds_framing_t *framing);
/** @brief Say it in the log, once a minute. @param said_us  when it was said last; 0: never. */
void ds_schema_wait_say(const struct ds_runtime *runtime, const ds_log_t *log,
                        const ds_error_t *why, int64_t *said_us);

#endif
