/* cli/settings.h - what every role shares, and how several option tables become one.
 *
 * A role is parsed with one table: the common options, then its own. The values stand in one block
 * of memory, the common ones first. */
#ifndef DS_CLI_SETTINGS_H
#define DS_CLI_SETTINGS_H

#include "base/options.h"

struct ds_common_settings {
    const char *log_level;
    int64_t metrics_port; /* 0: none */
    const char *metrics_bind;
    const char *registry_url; /* "": none */
    int64_t registry_timeout_us;
};

extern const struct ds_option ds_common_options[];

/** One table to be merged, and the size of the struct it fills. */
struct ds_option_part {
    const struct ds_option *table; /* may be NULL */
    size_t bytes;
};

struct ds_merged_options {
    struct ds_option *table; /* ends with DS_OPTION_END; owned */
    size_t *offsets;         /* of each part in the block; owned */
    size_t bytes;            /* of the block */
};

/** @brief Put tables one behind the other. Names must differ (asserted): a flag means one thing.
 * DS_ERR_MEMORY. */
DS_MUST_CHECK bool ds_options_merge(const struct ds_option_part *parts, size_t part_count,
                                    struct ds_merged_options *merged_out, ds_error_t *error);
/** @brief From the settings of one part to those of a later one in the same block. */
const void *ds_options_part(const struct ds_option_part *parts, size_t from, size_t to,
                            const void *settings_of_from);
void ds_merged_options_cleanup(struct ds_merged_options *merged);

#endif
