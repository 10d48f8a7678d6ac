/* schemas/compiler/released.h - schemas/released/<topic>/v<N>.avsc: what records out there may have
 * been written with.
 *
 * Every released version must be readable by today's schema (BACKWARD_TRANSITIVE): a replay starts
 * at offset 0. The build checks it here; `doorstep schemas check` reads the same files. */
#ifndef DS_SCHEMAS_COMPILER_RELEASED_H
#define DS_SCHEMAS_COMPILER_RELEASED_H

#include "model.h"

struct released_version {
    unsigned number; /* of v<number>.avsc */
    struct model *model;
    struct schema_file *file;
    uint64_t fingerprint;
};

/** All versions of a topic, newest first. */
struct released {
    struct released_version items[MODEL_MAX_FILES];
    size_t count;
};

/** The schemas records of a topic may have been written with, besides the current one. */
struct topic_versions {
    const struct schema_file *file; /* current */
    uint64_t fingerprint;
    struct {
        const struct schema_file *file; /* released */
        uint64_t fingerprint;
        const char *name; /* "v1" */
    } versions[MODEL_MAX_FILES];
    size_t count; /* newest first; none with the current fingerprint */
};

/** @brief Read the versions of now's topic. A missing folder means none. On failure nothing is
 * kept.
 */
DS_MUST_CHECK bool released_read(const char *folder, const struct schema_file *now,
                                 struct released *out, ds_error_t *error);
void released_cleanup(struct released *released);

/** @brief Read and check the versions of one topic. `folder` NULL: there are none.
 *  @param released  to be cleaned up by the caller, also on failure; topic_out points into it. */
DS_MUST_CHECK bool released_load(const char *folder, const struct schema_file *file,
                                 struct released *released, struct topic_versions *topic_out,
                                 ds_error_t *error);

#endif
