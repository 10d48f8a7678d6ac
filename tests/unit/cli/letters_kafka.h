/* tests/unit/cli/letters_kafka.h - .dlq topics of one partition each that are made up as they are
 * read, in the place of Kafka (the linker's --wrap of ds_broker_kafka_new), and what is written
 * while they are. Time is what was waited for. */
#ifndef DS_TEST_LETTERS_KAFKA_H
#define DS_TEST_LETTERS_KAFKA_H

#include "base/runtime.h"
#include "stream/broker.h"

/** As in the deciders' table: letters of order are in topic 1, its commands topic is 6. */
enum { KAFKA_CATALOG_DLQ, KAFKA_ORDER_DLQ, KAFKA_ORDER_COMMANDS = 6, KAFKA_TOPICS = 10 };

struct kafka_record {
    char key[64];
    int64_t at_us;
    bool has_value;
    ds_bytes_t value;
    /* Headers; NULL: none. */
    const char *error;
    const char *action;
    const char *retry_of;
    const char *retry_first;
};

struct kafka_written {
    int32_t topic;
    char key[64];
    char retry_of[64];
    char retry_first[64];
    char action[16];
    ds_bytes_t value; /* lost with the message: only its length is right */
};

/** What stands in a topic: its end, and a record of it. Reset by kafka_begin. */
extern int64_t kafka_ends[KAFKA_TOPICS];
extern void (*kafka_record_at)(int32_t topic, int64_t offset, struct kafka_record *record);
extern struct kafka_written kafka_written[16];
extern size_t kafka_written_count;
extern const struct ds_runtime kafka_runtime;
extern int64_t kafka_now_us;
/** How long each message takes that is written. Reset by kafka_begin. */
extern int64_t kafka_put_us;
/** The role is asked to stop. Reset by kafka_begin. */
extern volatile sig_atomic_t kafka_stop;

void kafka_begin(void);

#endif
