/* tests/support/stream/fake_inside.h - what the three files of the log in memory share; tests see
 * fake_log.h only.
 *
 * fake_log.c holds the records, fake_fates.c decides what becomes of an append, and fake_broker.c
 * is a worker's connection: it appends through the fates, and reads the records. */
#ifndef DS_TESTS_FAKE_INSIDE_H
#define DS_TESTS_FAKE_INSIDE_H

#include "fake_log.h"

#define DS_FAKE_TOPICS_MAX     16
#define DS_FAKE_PARTITIONS_MAX 16
#define DS_FAKE_NAME_BYTES     64

/** One partition of a topic. */
struct ds_fake_part {
    struct ds_fake_record **records; /* NULL: an offset without a record */
    int64_t low;
    int64_t end;
    size_t capacity;
};

struct ds_fake_topic {
    char name[DS_FAKE_NAME_BYTES];
    struct ds_fake_part parts[DS_FAKE_PARTITIONS_MAX];
};

/** fake_fates.c's. All zero: everything is delivered, nothing is held. */
struct ds_fake_fates {
    ds_fake_fate_fn choose;
    void *context;
    struct ds_fake_held *held;
    size_t held_count;
};

/** What workers meet (fake_broker.c); borrowed from the test. */
struct ds_fake_faults {
    const char *fail_ends;
    const char *deaf;
    int32_t deaf_partition;
    const char *silent;
    int32_t told_partitions; /* 0: those that there are */
};

struct ds_fake_log {
    struct ds_fake_time *time;
    int64_t ahead_us; /* of the workers' clock */
    int32_t partitions;
    struct ds_fake_topic topics[DS_FAKE_TOPICS_MAX];
    size_t topic_count;
    struct ds_fake_record **all; /* to free */
    size_t all_count;
    struct ds_fake_fates fates;
    struct ds_fake_faults faults;
};

/* ---- fake_log.c ---- */

/** The topic is made when it is first named. Stays where it is. */
struct ds_fake_part *ds_fake_part(ds_fake_log_t *log, const char *topic, int32_t partition);
/** A copy of the message, the log's, in no partition yet. */
struct ds_fake_record *ds_fake_make_record(ds_fake_log_t *log,
                                           const struct ds_broker_message *message);
/** At the end of the partition. @param record  NULL: an offset without one. @return its offset. */
int64_t ds_fake_put(ds_fake_log_t *log, const char *topic, int32_t partition,
                    struct ds_fake_record *record);

/* ---- fake_fates.c ---- */

/** Who appends. */
struct ds_fake_sender {
    ds_broker_t *broker;
    int generation; /* of its producer */
};

/** As in ds_broker_ops.produce. @param topic  the name of the message's topic. */
enum ds_broker_put ds_fake_send(ds_fake_log_t *log, const struct ds_fake_sender *sender,
                                const char *topic, const struct ds_broker_message *message,
                                uint64_t tag, ds_error_t *error);
/** The worker goes: nothing is reported to it any more. */
void ds_fake_forget_sender(ds_fake_log_t *log, const ds_broker_t *broker);

/* ---- fake_broker.c ---- */

/** What became of an append, for the sender's next poll; nothing if its producer is another by now.
 */
void ds_fake_report(const struct ds_fake_sender *sender, const struct ds_broker_event *event);

#endif
