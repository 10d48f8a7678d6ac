/* cli/audit/source.h - where an audit's records come from: a broker, or the files of a dump.
 *
 * A dump is a folder with one file a topic and partition, `<topic>-<partition>.dump`, so that a log
 * can be kept, sent to somebody, and audited without a server. All numbers are little-endian:
 *
 * A dump holds the snapshots too (`<name>.snapshots-<p>.dump`); one without them is a dump as well.
 *
 *   "DSDUMP1\n"  low i64  settled i64  end i64      see struct ds_audit_range
 *   then a record: offset i64  timestamp_us i64  key length i32 (-1: none)  value length i32 (-1:
 * none)  key  value
 *
 * Threads: one source, one thread. */
#ifndef DS_CLI_AUDIT_SOURCE_H
#define DS_CLI_AUDIT_SOURCE_H

#include "base/runtime.h"
#include "cli/audit/model.h"

/** Takes one record; borrowed for the call. */
typedef bool (*ds_audit_take_fn)(void *context, const struct ds_audit_record *record,
                                 ds_error_t *error);

struct ds_audit_source {
    int32_t partitions;
    /** By partition; heap. `low` of a partition is final when it was begun. */
    struct ds_audit_range (*ranges)[DS_AUDIT_TOPICS];
    /** <name>.snapshots by processor, low and end only; NULL: none. What stands in front of `end`
     * is about places in front of the events topics' `end`. An end of 0: not there. */
    struct ds_audit_range (*snapshots)[DS_AUDIT_PROCESSORS];
    /** A partition is next: its `low` is what is there now. UNAVAILABLE. NULL: nothing changes. */
    bool (*begin)(struct ds_audit_source *source, int32_t partition, ds_error_t *error);
    /** Hand out the records of a partition: per topic in offset order, topics in any order.
     * @param ends  how far each topic is read; NULL: to the end of its range. One that ends at or
     * before its first record is left out. */
    bool (*read)(struct ds_audit_source *source, int32_t partition, const int64_t *ends,
                 ds_audit_take_fn take, void *context, ds_error_t *error);
    /** Hand out the records of a processor's snapshots [from, until), as topic DS_AUDIT_TOPICS +
     * processor, in offset order; offsets have holes, the topic is compacted.
     * @param processor  -1: of all processors, whole; `from` and `until` do not count. */
    bool (*read_snapshots)(struct ds_audit_source *source, int32_t partition, int32_t processor,
                           int64_t from, int64_t until, ds_audit_take_fn take, void *context,
                           ds_error_t *error);
    /** Where the topics of a partition end now: at its range's end or behind it. */
    bool (*ends)(struct ds_audit_source *source, int32_t partition,
                 int64_t ends_out[DS_AUDIT_TOPICS], ds_error_t *error);
    void (*destroy)(struct ds_audit_source *source);
};

/** @brief The ten topics at a broker, as they are now: the ends are asked here (model.h says how).
 *  @param runtime  borrowed. @param timeout_ms  for each answer, and without any progress.
 *  @param error  UNAVAILABLE, TIMEOUT; INVALID: the topics are not there. */
DS_MUST_CHECK bool ds_audit_source_kafka(const struct ds_runtime *runtime, const char *brokers,
                                         int timeout_ms, struct ds_audit_source **source_out,
                                         ds_error_t *error);
/** @brief A dump. IO: a file cannot be read; INVALID: it is not a dump. */
DS_MUST_CHECK bool ds_audit_source_dump(const char *folder, struct ds_audit_source **source_out,
                                        ds_error_t *error);
/** @brief Write a source as a dump into a folder, which is made when it is not there: for its owner
 * alone, as each file. IO. */
DS_MUST_CHECK bool ds_audit_dump(struct ds_audit_source *source, const char *folder,
                                 ds_error_t *error);
/** @brief To be called before the ranges of a partition are used. UNAVAILABLE. */
DS_MUST_CHECK bool ds_audit_source_begin(struct ds_audit_source *source, int32_t partition,
                                         ds_error_t *error);
void ds_audit_source_destroy(struct ds_audit_source *source);

/** One file of a dump, for writing. */
typedef struct ds_audit_file ds_audit_file_t;
DS_MUST_CHECK bool ds_audit_file_create(const char *folder, int32_t topic, int32_t partition,
                                        struct ds_audit_range range, ds_audit_file_t **file_out,
                                        ds_error_t *error);
DS_MUST_CHECK bool ds_audit_file_add(ds_audit_file_t *file, const struct ds_audit_record *record,
                                     ds_error_t *error);
/** @brief Close; IO when what was written did not reach the file. The file is gone in any case;
 * NULL is fine. */
DS_MUST_CHECK bool ds_audit_file_close(ds_audit_file_t *file, ds_error_t *error);

#endif
