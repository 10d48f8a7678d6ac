/* tests/integration/stream/fence_run.h - host processes on a real Kafka, inputs for them, and the
 * comparison of their log with what the inputs alone lead to. */
#ifndef DS_TESTS_FENCE_RUN_H
#define DS_TESTS_FENCE_RUN_H

#include "fence_kafka.h"

#include <sys/types.h>

#define FENCE_HOSTS_MAX 4

struct fence_run {
    struct fence_kafka kafka;
    struct rig inputs; /* where commands and order events are made */
    int64_t sent_commands[RIG_PARTITIONS];
    int64_t sent_orders[RIG_PARTITIONS];
    int64_t order_seq[RIG_PARTITIONS];
    int64_t deadlines[RIG_PARTITIONS];
    char name[64];
    const char *metrics_dir; /* where hosts leave their metrics when they are asked to stop; NULL */
    pid_t hosts[FENCE_HOSTS_MAX];
    bool static_members;
    uint64_t ticks;
    int burst;                      /* inputs a tick */
    int64_t epochs[RIG_PARTITIONS]; /* of the log, when it was reported */
};

/** What comes out of a program that cannot go on. */
_Noreturn void fence_fail(const char *what);
int64_t fence_now_us(void);
/** KAFKA_BROKERS, or the end. */
const char *fence_brokers(void);

void fence_run_open(struct fence_run *run, const char *brokers, bool static_members);
/** Kills what still runs and deletes the topics. */
void fence_run_close(struct fence_run *run);

void fence_start(struct fence_run *run, int i);
void fence_kill(struct fence_run *run, int i);
/** Ask it to stop and wait for its end, while inputs go on. @return how long it took. */
int64_t fence_stop(struct fence_run *run, int i);
/** Inputs for so long. A host that ended because its name was another's is started anew. */
void fence_run_for(struct fence_run *run, int64_t us);
/** Wait until the log holds a decision for every input, and nothing else. */
void fence_wait_until_decided(struct fence_run *run);
/** So many epochs the log holds now, of all partitions. */
int64_t fence_epochs(struct fence_run *run);
/** Print what it holds then, and take its epochs. */
void fence_report(struct fence_run *run);

#endif
