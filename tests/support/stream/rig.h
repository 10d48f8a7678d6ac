/* tests/support/stream/rig.h - hosts running the counter on one fake log, and an oracle that reads
 * the log under rule F.
 *
 * Anything unexpected aborts the test with a message. */
#ifndef DS_TESTS_RIG_H
#define DS_TESTS_RIG_H

#include "base/runtime.h"
#include "counter.h"
#include "fake_log.h"
#include "schemas/framing.h"
#include "stream/fence.h"
#include "stream/host.h"

#define RIG_HOSTS 3
#ifndef RIG_PARTITIONS
#define RIG_PARTITIONS 2
#endif
#define RIG_COMMANDS  "inventory.commands"
#define RIG_ORDERS    "order.events"
#define RIG_EVENTS    "inventory.events"
#define RIG_DLQ       "inventory.dlq"
#define RIG_SNAPSHOTS "inventory.snapshots"
#define RIG_START_US  INT64_C(1700000000000000)

struct rig {
    struct ds_fake_time time;
    struct ds_fake_random random;
    struct ds_health health;
    volatile sig_atomic_t stop;
    struct ds_runtime runtime;
    ds_fake_log_t *log;
    ds_host_t *hosts[RIG_HOSTS];
    ds_broker_t *brokers[RIG_HOSTS]; /* owned by the hosts */
    int commands;                    /* made so far: ids count up */
    bool misplace;                   /* what is appended now has a key of another partition */
    /* With a registry: */
    ds_framing_t *oracle; /* knows all ids; the hosts' is runtime.framing */
    uint32_t write_id;    /* what is appended here is framed with it; 0: single-object */
    /* The writer of order.events, made by hand: */
    int64_t order_epoch;
    int64_t order_seq;
};

void rig_init(struct rig *rig, uint64_t seed);
void rig_cleanup(struct rig *rig);

/** Start host i; `change` (may be NULL) may alter its configuration. */
void rig_start(struct rig *rig, int i, void (*change)(struct ds_host_config *config));
void rig_stop(struct rig *rig, int i);
/** As kill -9: nothing is drained; what is held stays held. */
void rig_kill(struct rig *rig, int i);
void rig_assign(struct rig *rig, int i, int32_t from, int32_t to);
/** One turn of host i; a failing turn ends the test. */
void rig_step(struct rig *rig, int i);
/** Turns of all hosts until nothing changes any more (at most 200), the clock standing. */
void rig_settle(struct rig *rig);
/** Turns with the clock moving 10 ms each, for so long. */
void rig_run(struct rig *rig, int64_t us);
/** From now on there is a registry that nobody can reach: hosts know the ids they are taught. */
enum { RIG_ID_COMMANDS = 1, RIG_ID_ORDERS = 2, RIG_ID_EVENTS = 3, RIG_ID_OTHER_EVENTS = 4 };
void rig_registry(struct rig *rig);
void rig_teach(struct rig *rig, uint32_t id);
/** A process that knows no id yet. Hosts must not run. */
void rig_registry_again(struct rig *rig);
/** Host 0 runs partition 0. */
void rig_begin(struct rig *rig);

/** A key of partition p: records of the rig carry it. */
ds_str_t rig_key(int32_t p);
/** Framed as what is appended now. */
void rig_encode(const struct rig *rig, const struct ds_schema *schema, const void *value,
                ds_buf_t *bytes_out);
/** Append a command to partition p; returns its offset. `id` NULL: a fresh one. */
int64_t rig_receive(struct rig *rig, int32_t p, const char *id, int items, int quantity);
int64_t rig_command(struct rig *rig, int32_t p, const struct ds_inventory_command *command);
struct ds_command_head rig_head(struct rig *rig, const char *id);
int64_t rig_deadline(struct rig *rig, int32_t p, const char *product, int64_t in_us);
int64_t rig_count(struct rig *rig, int32_t p, const char *store, int quantity);
/** Append to order.events under an epoch of its own. */
int64_t rig_order_event(struct rig *rig, int32_t p, const struct ds_meta *meta, bool cancelled);
int64_t rig_order_claim(struct rig *rig, int32_t p, int64_t epoch);
int64_t rig_order_cancelled(struct rig *rig, int32_t p); /* the next valid one */
/** Append a Claim or an event of the counter, as somebody else would. */
int64_t rig_foreign_claim(struct rig *rig, int32_t p, int64_t epoch);
int64_t rig_foreign_event(struct rig *rig, int32_t p, int64_t epoch, int64_t seq, bool more);

enum ds_host_partition rig_state(const struct rig *rig, int i, int32_t p);
const struct ds_counter_state *rig_counter(const struct rig *rig, int i, int32_t p);

/** A fate for appends to `topic` whose seq (0: a Claim; dead letters count up from 1) lies in
 * [from, to], `count` times; everything else is delivered. Set it with ds_fake_set_fate(log,
 * rig_fate, &script). */
struct rig_script {
    const char *topic;
    int64_t from;
    int64_t to;
    int count;
    enum ds_fake_fate fate;
};
enum ds_fake_fate rig_fate(void *script, const struct ds_fake_append *append);
/** Release all that is held, first come first, with this fate. */
void rig_release(struct rig *rig, enum ds_fake_fate fate);
/** No (epoch, seq) of the log has two contents (protocol R3). */
bool rig_each_once(struct rig *rig, int32_t p);

/** What a reader under rule F makes of inventory.events. */
struct rig_fold {
    struct ds_counter_state counter;
    struct ds_fence fence;
    int64_t records; /* in the log */
    int64_t skipped[DS_FENCE_VERDICTS];
    int kinds[32];         /* delivered events by body kind */
    int64_t decisions;     /* with an input or a timer as cause */
    int64_t last_input[2]; /* highest cause; the fold ends the test when one is decided twice or
                              goes back */
    bool damaged;
};
struct rig_fold rig_fold(struct rig *rig, int32_t p);
/** The last delivered event of this kind, decoded; NULL: none. Valid until the next call. */
const struct ds_inventory_event *rig_last(struct rig *rig, int32_t p, int32_t kind);
int64_t rig_metric(struct rig *rig, const char *name);

#endif
