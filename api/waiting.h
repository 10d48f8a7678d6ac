/* api/waiting.h - requests that wait for a place in the log to be reached (Consistency-Tokens).
 *
 * The ticker asks each one every 10 ms whether it is ready; then wait_go runs, or wait_late when
 * its time is over. Both are in the request and take it over. Bounded: when full, a request is late
 * at once. Thread-safe. */
#ifndef DS_API_WAITING_H
#define DS_API_WAITING_H

#include "api/positions.h"
#include "api/request.h"

typedef struct ds_waiting ds_waiting_t;

/** @param positions  NULL without a database. Borrowed. */
ds_waiting_t *ds_waiting_new(struct ds_api *api, ds_positions_t *positions, size_t max_requests);
/** @brief Runs wait_late for whoever is still there. */
void ds_waiting_destroy(ds_waiting_t *waiting);
/** @brief Hand a held request over; wait_ready, wait_go, wait_late and wait_until_us are set. */
void ds_waiting_enter(ds_waiting_t *waiting, ds_request_t *request);
/** @locality the ticker. @return whether somebody still waits. */
bool ds_waiting_tick(ds_waiting_t *waiting, int64_t now_us);
/** @brief wait_ready for what the read model must have folded. */
bool ds_waiting_positions_met(ds_waiting_t *waiting, const ds_request_t *request);

#endif
