/* processors/catalog/catalog_decide.h - from a command to the catalog's events. Pure. */
#ifndef DS_PROCESSORS_CATALOG_CATALOG_DECIDE_H
#define DS_PROCESSORS_CATALOG_CATALOG_DECIDE_H

#include "processors/catalog/catalog_state.h"

bool ds_catalog_decide(const void *state, const struct ds_input *input, int64_t now_us,
                       ds_decision_t *decision, ds_error_t *error);

#endif
