/* api/opening.h - when a store takes orders, and where it delivers. Pure, any thread. */
#ifndef DS_API_OPENING_H
#define DS_API_OPENING_H

#include "base/timezone.h"
#include "schemas/schema.h"

/** @brief Whether the week's hours hold at a moment on the store's wall. No hours: always. */
bool ds_hours_hold(const struct ds_array_of_open_hours *hours, struct ds_wall_time at);
/** @brief Whether the store delivers to a place. @param place NULL: not known; then only a store
 * that delivers everywhere does. */
bool ds_store_delivers_to(const struct ds_store_info *store, const struct ds_place *place);

#endif
