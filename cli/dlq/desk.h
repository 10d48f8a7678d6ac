/* cli/dlq/desk.h - what the verbs of `doorstep dlq` share: what was asked, what is printed.
 * Threads: one. */
#ifndef DS_CLI_DLQ_DESK_H
#define DS_CLI_DLQ_DESK_H

#include "base/limits.h"
#include "cli/dlq/isolated.h"
#include "cli/dlq/letters.h"

/** Of "topic/partition/offset". */
#define DS_DESK_KEY_BYTES 128
/** Of the arena that a record is decoded into. */
#define DS_DESK_DECODE_BYTES ((size_t)2 * DS_MAX_DECODE_BYTES)

struct ds_desk_settings {
    const char *brokers;
    const char *processor;
    const char *error;
    const char *state;
    const char *after;
    int64_t limit;
    const char *actor;
    const char *reason;
    const char *value;
    int64_t timeout_us;
    int64_t wait_us;
    int64_t place_ttl_us;
    bool all;
    bool old;
    bool json;
};

struct ds_desk {
    const struct ds_runtime *runtime;
    const struct ds_desk_settings *settings;
    ds_letters_t *letters;       /* NULL: not read */
    ds_isolated_list_t *waiting; /* NULL: not read */
    const char *const *keys;
    int key_count;
    ds_buf_t out;
    size_t left; /* letters that a retry found too old */
    /* Of a page. */
    bool begun; /* the key of --after was passed */
    bool more;
    int64_t shown;
    const char *last_processor; /* of the last that was shown, and its key; borrowed */
    ds_str_t last;
};

/** @brief `,"name":"text"` and the like, appended to a JSON object. */
DS_MUST_CHECK bool ds_desk_text(ds_buf_t *out, const char *name, ds_str_t text, ds_error_t *error);
DS_MUST_CHECK bool ds_desk_time(ds_buf_t *out, const char *name, int64_t at_us, ds_error_t *error);
DS_MUST_CHECK bool ds_desk_hex(ds_buf_t *out, const char *name, ds_bytes_t bytes,
                               ds_error_t *error);
/** @brief A record of the schema's topic, in the arena; the registry is asked, and waited for.
 *  @return NULL: this build cannot read it; the error says why. */
const void *ds_desk_decode(struct ds_desk *desk, const struct ds_schema *schema, ds_bytes_t value,
                           ds_arena_t *arena, ds_error_t *error);
/** @brief `,"decoded":...`: what this build makes of a record of the topic. */
DS_MUST_CHECK bool ds_desk_decoded(struct ds_desk *desk, ds_str_t topic, ds_bytes_t value,
                                   ds_error_t *error);
/** @brief Whether the item with this key, of this processor, belongs on the page; tells the page.
 * The key alone does not name it: several processors may have a letter of one event. */
bool ds_desk_wants(struct ds_desk *desk, const char *processor, ds_str_t key, bool filtered_in);

/* ---- quarantine.c */

/** @brief Read which inputs wait, of the partition of an aggregate or of an input's key; NULL: of
 * all. */
DS_MUST_CHECK bool ds_desk_read_waiting(struct ds_desk *desk, const char *key, ds_error_t *error);
/** @brief `"quarantined":[...]` of the page, or a line each. */
DS_MUST_CHECK bool ds_desk_list_waiting(struct ds_desk *desk, ds_error_t *error);
/** @brief An aggregate with all that waits for it, or one that waits with its bytes; a JSON object
 * in desk->out. */
DS_MUST_CHECK bool ds_desk_show_waiting(struct ds_desk *desk, const char *key, ds_error_t *error);
/** @brief Whether this names an input, "topic/partition/offset", rather than an aggregate. */
bool ds_desk_is_input(const char *key);

/** @brief The aggregate of this name; NULL and an error: it is not quarantined, or in two
 * processors. */
const struct ds_isolated *ds_desk_find_waiting(const struct ds_desk *desk, const char *aggregate,
                                               ds_error_t *error);
/** @brief Which aggregate an input waits for, and which of its inputs it is; NULL and an error
 * likewise. */
const struct ds_isolated *ds_desk_find_input(const struct ds_desk *desk, const char *key,
                                             const struct ds_held **held_out, ds_error_t *error);
/** @brief Whether the filters leave it. */
bool ds_desk_wants_waiting(const struct ds_desk *desk, const struct ds_isolated *waiting);
/** @brief The value of one that waits, which is the one that was held. DAMAGE: another stands
 * there.
 */
DS_MUST_CHECK bool ds_desk_fetch_held(struct ds_desk *desk, const struct ds_isolated *waiting,
                                      const struct ds_held *held, ds_buf_t *value,
                                      ds_error_t *error);

/* ---- quarantine_act.c */

/** @brief Release the named aggregates, or with --all those that the filters leave. */
DS_MUST_CHECK bool ds_desk_release(struct ds_desk *desk, ds_error_t *error);
/** @brief Drop one that waits. Adds an object to desk->out, behind a comma unless it is the first.
 */
DS_MUST_CHECK bool ds_desk_drop_waiting(struct ds_desk *desk, const char *key, bool first,
                                        ds_error_t *error);
/** @brief Put the bytes of the file --value, a command that this build can read, in the place of a
 * dead letter (not NULL), or of the one that waits under the key. A letter stays open unless the
 * processor is known to have done it. */
DS_MUST_CHECK bool ds_desk_edit(struct ds_desk *desk, const char *key, struct ds_letter *letter,
                                ds_error_t *error);

#endif
