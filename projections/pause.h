/* projections/pause.h - waiting before another attempt, without being deaf to the signal to stop.
 */
#ifndef DS_PROJECTIONS_PAUSE_H
#define DS_PROJECTIONS_PAUSE_H

#include "base/runtime.h"

/** @brief Wait for `us`, or until the role is to stop; tells /livez that it turns. */
void ds_pause_us(const struct ds_runtime *runtime, int64_t us);

#endif
