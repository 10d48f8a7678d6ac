/* plant_log.h - a dump's topic and partition in memory, to change it and write it back. */
#ifndef DS_TESTS_INTEGRATION_AUDIT_PLANT_LOG_H
#define DS_TESTS_INTEGRATION_AUDIT_PLANT_LOG_H

#include "cli/audit/source.h"

#define PLANT_ROOM 8 /* records more than were loaded */

struct log {
    const char *folder;
    struct ds_audit_source *source;
    int32_t topic;
    int32_t partition;
    struct ds_audit_record *records;
    size_t count;
    ds_arena_t *arena;
};

DS_MUST_CHECK bool log_load(struct log *log, int32_t topic, int32_t partition, ds_error_t *error);
DS_MUST_CHECK bool log_save(struct log *log, ds_error_t *error);
/** The i-th record's struct, in the arena; NULL: it cannot be read. */
void *log_decode(struct log *log, size_t i, ds_error_t *error);
/** @param i  which record it becomes; count: one more. */
DS_MUST_CHECK bool log_put(struct log *log, size_t i, const void *event, ds_error_t *error);
/** The last event of this kind (-1: any) that ends its decision; false: none. */
bool log_find_last(struct log *log, int32_t kind, size_t *at_out);
/** Claim the next epoch at the end, with its Open. @param torn_seq  the last seq in front of it. */
DS_MUST_CHECK bool log_claim(struct log *log, int64_t epoch, int64_t last_seq, int64_t at_us,
                             ds_error_t *error);

#endif
