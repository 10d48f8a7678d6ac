/* The catalog with a planted bug, for the test of quarantine on a real Kafka: what is asked of the
 * store that the environment variable DOORSTEP_PLANTED names is found impossible. The linker puts
 * it between the decider and its decide (--wrap). */
#include "processors/catalog/catalog.h"

#include <stdlib.h>

bool __real_ds_catalog_decide(const void *state, const struct ds_input *input, int64_t now_us,
                              ds_decision_t *decision, ds_error_t *error);
bool __wrap_ds_catalog_decide(const void *state, const struct ds_input *input, int64_t now_us,
                              ds_decision_t *decision, ds_error_t *error);

bool __wrap_ds_catalog_decide(const void *state, const struct ds_input *input, int64_t now_us,
                              ds_decision_t *decision, ds_error_t *error)
{
    const char *planted = getenv("DOORSTEP_PLANTED");

    if (planted != NULL &&
        ds_str_eq(ds_decider_aggregate(&ds_catalog_decider, input), ds_str(planted)))
        return ds_impossible(error, "the store %s is broken", planted);
    return __real_ds_catalog_decide(state, input, now_us, decision, error);
}
