#include "cli/settings.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>

const struct ds_option ds_common_options[] = {
    {"log-level", "LOG_LEVEL", DS_OPT_TEXT, offsetof(struct ds_common_settings, log_level), "info",
     0, 0, false, false, "Least level that is logged: debug, info, warn or error."},
    {"metrics-port", "METRICS_PORT", DS_OPT_INT, offsetof(struct ds_common_settings, metrics_port),
     "0", 0, 65535, false, false, "Port of probes and metrics of a server role; 0: none."},
    {"metrics-bind", "METRICS_BIND", DS_OPT_TEXT, offsetof(struct ds_common_settings, metrics_bind),
     "127.0.0.1", 0, 0, false, false, "Address of probes and metrics."},
    {"schema-registry-url", "SCHEMA_REGISTRY_URL", DS_OPT_TEXT,
     offsetof(struct ds_common_settings, registry_url), "", 0, 0, false, true,
     "A Confluent-compatible schema registry, with a path if need be; records are written with its "
     "ids then. Empty: none."},
    {"schema-registry-timeout", "SCHEMA_REGISTRY_TIMEOUT", DS_OPT_DURATION,
     offsetof(struct ds_common_settings, registry_timeout_us), "2s", 10 * DS_US_PER_MS,
     30 * DS_US_PER_S, false, false, "How long one answer of the schema registry may take."},
    DS_OPTION_END,
};

static size_t table_length(const struct ds_option *table)
{
    size_t length = 0;
    while (table != NULL && table[length].name != NULL)
        length++;
    return length;
}

static bool name_is_new(const struct ds_option *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return false;
    return true;
}

static size_t aligned(size_t bytes)
{
    return (bytes + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

bool ds_options_merge(const struct ds_option_part *parts, size_t part_count,
                      struct ds_merged_options *merged_out, ds_error_t *error)
{
    size_t length = 0;
    for (size_t i = 0; i < part_count; i++)
        length += table_length(parts[i].table);
    *merged_out = (struct ds_merged_options){calloc(length + 1, sizeof(struct ds_option)),
                                             calloc(part_count + 1, sizeof(size_t)), 0};
    if (merged_out->table == NULL || merged_out->offsets == NULL) {
        ds_merged_options_cleanup(merged_out);
        return ds_error_set(error, DS_DOMAIN_CLI, DS_ERR_MEMORY, "a table of %zu options", length);
    }
    size_t at = 0;
    for (size_t i = 0; i < part_count; i++) {
        merged_out->offsets[i] = merged_out->bytes;
        for (size_t k = 0; k < table_length(parts[i].table); k++) {
            assert(name_is_new(merged_out->table, at, parts[i].table[k].name));
            merged_out->table[at] = parts[i].table[k];
            merged_out->table[at++].place += merged_out->bytes;
        }
        merged_out->bytes += aligned(parts[i].bytes);
    }
    return true;
}

const void *ds_options_part(const struct ds_option_part *parts, size_t from, size_t to,
                            const void *settings_of_from)
{
    const char *at = settings_of_from;
    for (size_t i = from; i < to; i++)
        at += aligned(parts[i].bytes);
    return at;
}

void ds_merged_options_cleanup(struct ds_merged_options *merged)
{
    free(merged->table);
    free(merged->offsets);
    *merged = (struct ds_merged_options){NULL, NULL, 0};
}
