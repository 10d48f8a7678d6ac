/* api/positions.h - how far the read model is: the table shop.position, kept fresh while somebody
 * waits for it.
 *
 * One thread with a connection of its own reads the table every 10 ms while requests wait for a
 * Consistency-Token, and not at all otherwise. What it says only decides when a request is tried
 * again: the answer itself comes from one snapshot together with its position. Thread-safe. */
#ifndef DS_API_POSITIONS_H
#define DS_API_POSITIONS_H

#include "api/database.h"

typedef struct ds_positions ds_positions_t;

DS_MUST_CHECK bool ds_positions_new(const struct ds_runtime *runtime, const char *url,
                                    ds_positions_t **positions_out, ds_error_t *error);
void ds_positions_destroy(ds_positions_t *positions);
/** @brief Somebody waits: keep reading for the next second. */
void ds_positions_want(ds_positions_t *positions);
/** @brief Whether the last reading says that all tokens are met, or are of another log. */
bool ds_positions_met(ds_positions_t *positions, const struct ds_token *tokens, size_t count);

enum ds_token_verdict { DS_TOKEN_MET, DS_TOKEN_BEHIND, DS_TOKEN_FOREIGN };
/** @brief Check the tokens inside the open snapshot. @param lag_s_out how old the newest folded
 * event is, in seconds. */
DS_MUST_CHECK bool ds_tokens_check(ds_db_t *db, const struct ds_token *tokens, size_t count,
                                   enum ds_token_verdict *verdict_out, double *lag_s_out,
                                   ds_error_t *error);

#endif
