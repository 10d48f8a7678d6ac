/* schemas/compiler/released.h - schemas/released/<topic>/v<N>.avsc: what records out there may have
 * been written with.
 *
 * Every released version must be readable by today's schema (BACKWARD_TRANSITIVE): a replay starts
 * at offset 0. */
#ifndef DS_SCHEMAS_COMPILER_RELEASED_H
#define DS_SCHEMAS_COMPILER_RELEASED_H

#include "gen.h"

/** @brief Read, check and fingerprint the versions of one topic. Each gets a model of its own in
 * models[], for the caller to destroy. A missing folder means no versions. */
DS_MUST_CHECK bool released_load(const char *folder, const struct schema_file *file,
                                 struct model **models, size_t *model_count,
                                 struct topic_versions *topic_out, ds_error_t *error);

#endif
