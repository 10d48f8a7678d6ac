/* plant_snapshot.h - mistakes in the newest snapshot of a partition. */
#ifndef DS_TESTS_INTEGRATION_AUDIT_PLANT_SNAPSHOT_H
#define DS_TESTS_INTEGRATION_AUDIT_PLANT_SNAPSHOT_H

#include "plant_log.h"

/** One piece of a product more than there is, all checksums right. */
DS_MUST_CHECK bool plant_wrong_item(struct log *log, ds_error_t *error);
/** A product that is not in it. */
DS_MUST_CHECK bool plant_lost_item(struct log *log, ds_error_t *error);
/** It says it stands for another record than stands there. */
DS_MUST_CHECK bool plant_wrong_place(struct log *log, ds_error_t *error);
/** Another version of the program wrote it. */
DS_MUST_CHECK bool plant_other_format(struct log *log, ds_error_t *error);
/** A bit of a chunk is another. */
DS_MUST_CHECK bool plant_damaged_chunk(struct log *log, ds_error_t *error);

#endif
