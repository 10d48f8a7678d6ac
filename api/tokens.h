/* api/tokens.h - Consistency-Tokens and cursors: opaque texts that we sign, so that a client cannot
 * make one up.
 *
 *   ct1.<base64url of "identity|topic|partition|offset">.<base64url of the first 16 bytes of
 * HMAC-SHA256> cu1.<base64url of "filter hash|key|id">.<the same>
 *
 * Pure, any thread. */
#ifndef DS_API_TOKENS_H
#define DS_API_TOKENS_H

#include "base/buf.h"

#define DS_TOKEN_MAX_CHARS  256
#define DS_CURSOR_MAX_CHARS 512
#define DS_MAX_TOKENS       8

/** The commands topics, by a number that never changes. */
enum ds_commands_topic {
    DS_TOPIC_CATALOG,
    DS_TOPIC_ORDER,
    DS_TOPIC_PAYMENT,
    DS_TOPIC_INVENTORY,
    DS_TOPIC_DELIVERY,
    DS_TOPICS,
};
/** @brief "order.commands". */
const char *ds_topic_commands(enum ds_commands_topic topic);
/** @brief "order.events". */
const char *ds_topic_events(enum ds_commands_topic topic);

/** The place of a command. */
struct ds_token {
    char identity[64]; /* of the log, "" where it is not known */
    enum ds_commands_topic topic;
    int32_t partition;
    int64_t offset;
};

DS_MUST_CHECK bool ds_token_write(const struct ds_token *token, ds_bytes_t key, ds_buf_t *out,
                                  ds_error_t *error);
/** @brief DS_ERR_INVALID: malformed, or not ours. */
DS_MUST_CHECK bool ds_token_read(ds_str_t text, ds_bytes_t key, struct ds_token *token_out,
                                 ds_error_t *error);

/** Where a list goes on: behind (key, id), under the same filter. */
struct ds_cursor {
    uint64_t filter; /* hash of what was asked for */
    ds_str_t key;    /* sort key */
    ds_str_t id;
};

DS_MUST_CHECK bool ds_cursor_write(const struct ds_cursor *cursor, ds_bytes_t mac_key,
                                   ds_buf_t *out, ds_error_t *error);
/** @brief The texts are put in the arena. DS_ERR_INVALID: malformed, not ours, or of another
 * filter. */
DS_MUST_CHECK bool ds_cursor_read(ds_str_t text, ds_bytes_t mac_key, uint64_t filter,
                                  ds_arena_t *arena, struct ds_cursor *cursor_out,
                                  ds_error_t *error);

#endif
