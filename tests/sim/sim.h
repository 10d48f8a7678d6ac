/* tests/sim/sim.h - a whole shop in one thread, from one seed.
 *
 * The code under test is the product's own: hosts and readers of stream/, the five deciders, the
 * workers and folds of projections/, the api's tokens. What lies under it is simulated: the log and
 * its network (log.c, conn.c, append.c), the consumer groups (group.c), clocks and processes
 * (proc.c), PostgreSQL and MongoDB (pg.c, mongo.c). People, couriers, the provider and the api's
 * clients (people.c, clients.c) give it work; faults.c does harm. judge.c watches the log while it
 * grows under a rule F of its own; again.c and verdict.c look at everything in the end.
 *
 * All that happens is an event of one queue, in the order (time, number), and all chance comes from
 * the seed: a seed is a run. Where the product opens a connection by itself it calls a function
 * that is replaced here at link time; it finds its world through `sim_world`. Threads: one world,
 * one thread; one world at a time in a process. */
#ifndef DS_TESTS_SIM_H
#define DS_TESTS_SIM_H

#include "base/id.h"
#include "base/runtime.h"
#include "cli/audit/model.h"
#include "stream/broker_kafka.h"
#include "stream/host.h"

#define SIM_PARTITIONS 2
/* Events, commands, dead letters, snapshots. */
#define SIM_TOPICS      (DS_AUDIT_TOPICS + 2 * DS_AUDIT_PROCESSORS)
#define SIM_SNAPSHOTS   (DS_AUDIT_TOPICS + DS_AUDIT_PROCESSORS) /* the first of them */
#define SIM_GROUPS      (DS_AUDIT_PROCESSORS + 2)
#define SIM_GROUP_PG    DS_AUDIT_PROCESSORS
#define SIM_GROUP_MONGO (DS_AUDIT_PROCESSORS + 1)
#define SIM_PROCS       24
#define SIM_CONNS       (4 * SIM_PROCS)
#define SIM_ORDERS      8
#define SIM_COURIERS    2 /* a store */
#define SIM_PRODUCTS    3 /* a store */
#define SIM_START_US    INT64_C(1700000000000000)
#define SIM_MS          INT64_C(1000)
#define SIM_S           INT64_C(1000000)
#define SIM_NEVER       INT64_MAX

struct sim;
struct sim_proc;
struct sim_conn;

/* ---- chance.c: what a seed means ---- */

struct sim_chance {
    uint64_t state;
};
uint64_t sim_next(struct sim_chance *chance);
/** Uniform in [0, sides); 0 for 0. */
uint64_t sim_roll(struct sim_chance *chance, uint64_t sides);
/** A time in [from, to). */
int64_t sim_time(struct sim_chance *chance, int64_t from_us, int64_t to_us);
bool sim_hit(struct sim_chance *chance, unsigned of_1000);

enum sim_scenario {
    SIM_FAULTS,   /* everything but damage */
    SIM_TRUNCATE, /* a tail is lost: it must be noticed */
    SIM_FOREIGN,  /* a snapshot is another log's: its partition must be left alone */
};

/** What of 1000 appends or moments goes wrong. A seed switches some on: few faults together show
 * more than all at once. */
struct sim_plan {
    uint64_t seed;
    enum sim_scenario scenario;
    int32_t partitions;
    int hosts; /* a processor */
    int pg_workers;
    int mongo_workers;
    int orders;
    int64_t active_us; /* how long there is work and harm */
    int64_t idle_us;   /* how long a process sleeps when nothing comes */
    int64_t session_us;
    int64_t grace_us;
    bool on_time; /* clocks agree and inputs are waited for: no deadline may overtake an input */
    bool static_members;
    size_t max_unacked;
    int64_t standby;         /* warm copies a host keeps */
    int64_t snapshot_events; /* 0: no snapshots */
    int64_t snapshot_every_us;
    /* of 1000 appends */
    unsigned lose;
    unsigned unknown; /* lands, reported as failed */
    unsigned late;
    unsigned late_claim;
    unsigned reorder;
    unsigned duplicate;
    unsigned no_offset;
    unsigned wrong_offset;
    unsigned silent_loss; /* reported as delivered */
    unsigned full;
    unsigned refuse;
    /* of 1000 calls */
    unsigned call_fails;
    unsigned small_polls;
    unsigned read_fails; /* a position is refused, and nothing is wrong with it */
    /* of 1000 rounds to a database */
    unsigned db_lost;   /* before it was carried out */
    unsigned db_unsure; /* after, or much later */
    /* of 1000 commands */
    unsigned repeat;
    unsigned garbage;
    unsigned broken;   /* of 1000 aggregates: what is about one is found impossible (ADR 21) ... */
    int64_t mended_us; /* ... until then; from there on they are released */
    /* mean time between harms of one kind; 0: none */
    int64_t crash_us;
    int64_t freeze_us;
    int64_t storm_us;
    int64_t zombie_us;
    int64_t cut_us;
    int64_t jump_us;
    int64_t slow_us;
    int64_t producer_us;
    int64_t name_us;     /* another process takes the name of a member */
    int64_t stop_us;     /* planned restarts */
    int64_t rot_us;      /* a record of a snapshot */
    int64_t reformat_us; /* a snapshot becomes another version's */
};
void sim_plan(uint64_t seed, struct sim_plan *plan_out);

/* ---- memory.c: one heap a run, forgotten at once ---- */

struct sim_memory {
    char *data;
    size_t used;
    size_t capacity;
    struct sim_chunk *more; /* what did not fit */
};
void *sim_alloc(struct sim *sim, size_t bytes); /* zeroed, 16-byte aligned */
void *sim_copy(struct sim *sim, const void *data, size_t bytes);
/** Room for one more; items are moved when it grows. */
void *sim_grow(struct sim *sim, void *items, size_t count, size_t *capacity, size_t item_bytes);
void sim_memory_forget(struct sim *sim);

/* ---- trace.c ---- */

/** Mix what happened into the run's hash. */
void sim_note(struct sim *sim, uint64_t what, uint64_t a, uint64_t b);
void sim_note_bytes(struct sim *sim, ds_bytes_t bytes);
/** A line of the readable trace; nothing unless it is wanted. */
void sim_say(struct sim *sim, const char *format, ...) DS_PRINTF(2, 3);
/** The run has failed; the first reason stays. */
void sim_fail(struct sim *sim, const char *format, ...) DS_PRINTF(2, 3);

/** What the product says and a run is worth little without: that these things happen at all. */
enum sim_seen {
    SIM_SEEN_WRITTEN,  /* a snapshot */
    SIM_SEEN_RESTORED, /* from one */
    SIM_SEEN_PASSED_OVER,
    SIM_SEEN_FOREIGN,
    SIM_SEEN_FOLLOWS, /* a warm copy is begun */
    SIM_SEEN_WARM,    /* a partition is taken over by who followed it */
    SIM_SEEN,
};
extern const char *const sim_seen_text[SIM_SEEN];

/* ---- queue.c ---- */

enum sim_event_kind {
    SIM_WAKE,    /* subject: process */
    SIM_LAND,    /* subject: flight */
    SIM_REPORT,  /* subject: flight */
    SIM_SEND,    /* subject: command of a client */
    SIM_COMMAND, /* subject: command that reaches the log */
    SIM_ACK,     /* subject: command whose client hears of it */
    SIM_ACT,     /* subject: what a person does */
    SIM_HARM,    /* number: kind of harm */
    SIM_SESSION, /* subject: connection whose session may have expired */
    SIM_JOIN,    /* subject: connection that joins its group (again) */
    SIM_RESTART, /* subject: process */
    SIM_HALT,    /* subject: process that is stopped as planned */
    SIM_BACKEND, /* subject: backend of PostgreSQL */
    SIM_MEND,    /* nothing is impossible any more: people release what is quarantined */
    SIM_HEAL,    /* harm ends */
    SIM_LOOK,    /* is it quiet? */
};
struct sim_event {
    int64_t at_us;
    uint64_t order;
    enum sim_event_kind kind;
    int number;
    void *subject;
};
void sim_at(struct sim *sim, int64_t at_us, enum sim_event_kind kind, void *subject, int number);
/** @return false: nothing is to happen any more. */
bool sim_take_event(struct sim *sim, struct sim_event *event_out);

/* ---- log.c: the server ---- */

struct sim_record {
    int64_t appended_us;
    bool gone; /* compacted away, or lost */
    bool has_key;
    bool has_value;
    ds_str_t key;
    ds_bytes_t value;
    /* judge.c's: */
    const void *event;    /* decoded; NULL: it cannot be */
    int64_t delivered_us; /* when its decision was complete; 0: not, so far */
};
struct sim_part {
    struct sim_record *records;
    size_t capacity;
    int64_t end;
};
const char *sim_topic_name(int32_t topic);
int32_t sim_topic_of(const char *name);
int64_t sim_append(struct sim *sim, int32_t topic, int32_t partition,
                   const struct sim_record *record);

/* ---- conn.c, append.c: a client's connections ---- */

struct sim_stream {
    bool reading;
    int64_t next;
    int64_t told_end; /* -1: none since it began to read */
};
struct sim_news {
    int64_t at_us;
    int generation; /* of the group; 0: a report */
    struct ds_broker_event event;
};
struct sim_conn {
    ds_broker_t base;
    struct sim *sim;
    struct sim_proc *proc;
    bool open;
    int32_t topic_count;
    int32_t topics[DS_BROKER_MAX_TOPICS];
    struct sim_stream streams[DS_BROKER_MAX_TOPICS][SIM_PARTITIONS];
    int64_t last_land_us[DS_BROKER_MAX_TOPICS][SIM_PARTITIONS];
    int64_t lag_us; /* what is read comes so much later */
    /* producer */
    int producer; /* generation */
    bool producer_lost;
    int64_t full_us; /* its queue is full until then */
    /* member */
    int group; /* -1: none */
    bool joined;
    int seen_generation;
    int64_t heard_us; /* when the coordinator was heard last */
    bool thawed;      /* it has run once since it was frozen: not long enough to be answered */
    struct sim_news *news;
    size_t news_count;
    size_t news_capacity;
    struct ds_broker_event *given[2];
    size_t given_capacity[2];
    bool had_records; /* the last poll asked for them */
    int at_hand;      /* records of snapshots that it gave: a host takes one a turn */
};
struct sim_flight {
    struct sim_conn *conn; /* NULL: nobody waits for a report */
    int producer;
    int32_t index; /* of the topic at the sender */
    int32_t topic;
    int32_t partition;
    uint64_t tag;
    struct sim_record record;
    bool gone; /* died with its sender */
    bool landed;
    int copies; /* more that land later */
    enum ds_error_code code;
    int offset_lie; /* 0: true, 1: none, 2: wrong */
    int64_t offset;
};
ds_broker_t *sim_connect(struct sim *sim, struct sim_proc *proc,
                         const struct ds_broker_kafka_config *config);
bool sim_conn_waiting(struct sim_conn *conn);
enum ds_broker_put sim_produce(ds_broker_t *broker, const struct ds_broker_message *message,
                               uint64_t tag, ds_error_t *error);
void sim_land(struct sim *sim, struct sim_flight *flight);
void sim_report(struct sim *sim, struct sim_flight *flight);
/** The producer is gone: what had not left it never will. */
void sim_producer_gone(struct sim_conn *conn);
struct ds_broker_event *sim_news_add(struct sim_conn *conn, int64_t at_us, int generation,
                                     enum ds_broker_event_kind kind);

/* ---- group.c ---- */

struct sim_group {
    int generation;
    struct sim_conn *owner[SIM_PARTITIONS];
};
void sim_group_join(struct sim_conn *conn);
void sim_group_leave(struct sim_conn *conn);
void sim_group_rebalance(struct sim *sim, int group);
/** Whether the coordinator still hears of it is asked later. */
void sim_group_watch(struct sim_conn *conn);
void sim_group_session(struct sim_conn *conn);
/** A turn of the member's: the coordinator is heard unless they are apart. */
void sim_group_heard(struct sim_conn *conn);
int64_t sim_group_silent_us(const struct sim_conn *conn);
bool sim_group_confirms(const struct sim_conn *conn, int32_t partition);

/* ---- fiber.c: a worker whose code waits ---- */

typedef struct sim_fiber sim_fiber_t;
sim_fiber_t *sim_fiber_new(void);
void sim_fiber_start(sim_fiber_t *fiber, void (*run)(void *context), void *context);
/** Go on with it until it waits or ends. */
void sim_fiber_resume(sim_fiber_t *fiber);
/** Called inside: wait. */
void sim_fiber_wait(void);
sim_fiber_t *sim_fiber_current(void);
bool sim_fiber_ended(const sim_fiber_t *fiber);
void sim_fiber_destroy(sim_fiber_t *fiber);

/* ---- proc.c ---- */

enum sim_proc_kind { SIM_PROC_HOST, SIM_PROC_PG, SIM_PROC_MONGO };
struct sim_proc {
    struct sim *sim;
    int number;
    enum sim_proc_kind kind;
    int group;
    char name[32];
    ds_clock_t clock;
    int64_t skew_us;
    struct sim_chance chance;
    ds_random_t random;
    struct ds_runtime runtime;
    struct ds_health health;
    volatile sig_atomic_t stop;
    bool alive;
    bool dying;    /* everything it calls fails */
    bool stopping; /* a planned stop is under way, in its fiber */
    int life;
    int64_t wake_us;
    int64_t frozen_us; /* until then it does not run */
    int64_t zombie_us; /* until then the coordinator and it do not hear of each other */
    int64_t cut_us;    /* until then no server is in reach */
    ds_host_t *host;
    sim_fiber_t *fiber;
    struct sim_conn *member; /* its connection with the group */
};
void sim_procs_create(struct sim *sim);
void sim_proc_start(struct sim_proc *proc);
void sim_proc_wake(struct sim_proc *proc, int64_t at_us);
void sim_proc_run(struct sim_proc *proc);
void sim_proc_crash(struct sim_proc *proc);
void sim_proc_stop(struct sim_proc *proc);
void sim_proc_freeze(struct sim_proc *proc, int64_t us);
/** Called inside a worker: wait, at most so long. Returns early when woken. */
void sim_proc_wait(struct sim_proc *proc, int64_t us);
/** The process whose fiber runs. */
struct sim_proc *sim_proc_running(void);
const struct ds_decider *sim_decider(int processor);

/* ---- broken.c: deciders that find something impossible for a while ---- */

/** The decider with the planted bug in front of it. */
const struct ds_decider *sim_broken_decider(int processor);
/** It is mended. */
void sim_mend(struct sim *sim);

/** An aggregate that was found impossible by somebody; whether the log says so is another thing. */
struct sim_broken {
    int processor;
    int32_t partition;
    ds_str_t aggregate;
};
const void *sim_settings(int processor);

/* ---- faults.c ---- */

void sim_harm_begin(struct sim *sim);
void sim_harm(struct sim *sim, int kind);
void sim_heal(struct sim *sim);

/* ---- judge.c ---- */

struct sim_decision {
    int64_t first; /* offset */
    int32_t count;
};
/** One events topic of a partition under rule F, as it grows. */
struct sim_judge {
    int64_t epoch;
    int64_t seq;
    int64_t before_epoch;
    int64_t before_seq;
    int64_t claim_offset;
    int64_t claims;
    int64_t pending[DS_MAX_DECISION_RECORDS]; /* offsets of a decision that is not complete */
    size_t pending_count;
    int64_t *taken; /* offsets of delivered records */
    size_t taken_count;
    size_t taken_capacity;
    struct sim_decision *decisions; /* places in `taken` */
    size_t decision_count;
    size_t decision_capacity;
    int64_t last_cause[DS_MAX_INPUTS];
    int64_t delivered;     /* offset of the last delivered record that is no Claim; -1 */
    int64_t latest_due_us; /* of the deadlines that were decided */
    char identity[DS_AUDIT_WHAT_BYTES];
};
void sim_judge_reset(struct sim *sim);
/** The log ends earlier now: judge what is left of it, silently. */
void sim_judge_rewind(struct sim *sim, int32_t processor, int32_t partition);
void sim_judge_event(struct sim *sim, int32_t processor, int32_t partition, int64_t offset);
/** A dead letter is handed over: its InputRejected must be delivered. */
void sim_judge_dead_letter(struct sim *sim, int32_t processor, ds_str_t key);
/** A hint is committed: what it says must be true. */
void sim_judge_hint(struct sim *sim, const struct ds_broker_hint *hint, int32_t topic);
int32_t sim_input_topic(int32_t processor, int32_t input);

/* ---- again.c: every decision of the log, decided again ---- */
void sim_decide_again(struct sim *sim, int32_t processor, int32_t partition);

/* ---- people.c, clients.c ---- */

struct sim_command {
    int32_t processor;
    int32_t partition;
    ds_str_t key;
    ds_bytes_t value;
    ds_bytes_t other; /* the same id with another body; sent instead in a repeat */
    int tries;
    bool acked;
    int64_t offset; /* of the one that was acknowledged */
};
struct sim_order {
    char id[DS_MAX_ID_BYTES + 1];
    int32_t partition;
    bool placed;
    bool cash;
    int64_t total_minor;
};
struct sim_people {
    struct sim_order orders[SIM_ORDERS];
    char store[SIM_PARTITIONS][DS_MAX_STORE_BYTES];
    int64_t price[SIM_PARTITIONS][SIM_PRODUCTS];
    int64_t price_offset[SIM_PARTITIONS][SIM_PRODUCTS]; /* -1: not on sale yet */
    int open_acts;                                      /* things people are about to do */
    int open_commands;                                  /* not acknowledged yet */
    struct sim_command **accepted;                      /* acknowledged: their tokens must be met */
    size_t accepted_count;
    size_t accepted_capacity;
    struct sim_charge *charges;
};
void sim_people_begin(struct sim *sim);
void sim_people_see(struct sim *sim, int32_t processor, int32_t partition, int64_t offset,
                    const void *event);
void sim_people_act(struct sim *sim, void *act);
void sim_people_judge(struct sim *sim, const struct ds_audit_part *part);
void sim_command_send(struct sim *sim, struct sim_command *command);
void sim_command_land(struct sim *sim, struct sim_command *command, int how);
void sim_command_ack(struct sim *sim, struct sim_command *command);
/** 26 characters, as the api makes them. */
ds_str_t sim_new_id(struct sim *sim);
/** Hand a command in. @param message  the topic's struct; an empty id is filled in. */
void sim_give_command(struct sim *sim, int32_t processor, int32_t partition, void *message);

/* ---- pg.c, mongo.c, api.c ---- */

struct sim_pg;
struct sim_mongo;
void sim_pg_reset(struct sim *sim);
void sim_pg_end(struct sim *sim);
void sim_pg_backend(struct sim *sim, void *backend, int idle_since);
/** How far the read model is: offset of the position row; -2: no row. */
int64_t sim_pg_position(const struct sim *sim, int32_t processor, int32_t partition);
void sim_pg_judge(struct sim *sim);
void sim_mongo_reset(struct sim *sim);
int64_t sim_mongo_position(const struct sim *sim, int32_t partition);
void sim_mongo_judge(struct sim *sim);
/** What a client with the token of this command is told now, and whether that is true. */
void sim_token_ask(struct sim *sim, const struct sim_command *command, bool must_be_met);

/* ---- verdict.c ---- */
/** Nothing waits to be done. @param why_out  what does. */
bool sim_quiet(struct sim *sim, const char **why_out);
void sim_verdict(struct sim *sim);

/* ---- damage.c: a lost tail ---- */

struct sim_lost {
    int32_t topic;
    int32_t partition;
    int64_t end;
    int witnesses;       /* who had read what is gone */
    int64_t pg_position; /* how far it is, or has read */
    int64_t mongo_position;
};
/** A power cut: the last records of a log never were. @return false: there is none to lose yet. */
bool sim_lose_tail(struct sim *sim);
/** It must have been noticed, and nobody who had read it may have gone on. */
void sim_lost_judge(struct sim *sim);

/* ---- snapshots.c: what befalls them, and what they must be ---- */

#define SIM_OWN_TOPICS 3 /* events, dead letters, snapshots */
struct sim_foreign {
    bool planted;
    int32_t processor;
    int32_t partition;
    int64_t ends[SIM_OWN_TOPICS]; /* when it was planted: nothing may come behind them */
};
void sim_snapshot_rot(struct sim *sim);
void sim_snapshot_reformat(struct sim *sim);
/** The last snapshot of a partition is another log's, and its hosts begin anew. @return false:
 * there is none yet, or something is on its way there. */
bool sim_snapshot_foreign(struct sim *sim);
void sim_foreign_judge(struct sim *sim);
/** Each complete one is the fold of the log up to its place. */
void sim_snapshots_audit(struct sim *sim, struct ds_audit_report *report, int32_t processor,
                         int32_t partition);

/* ---- world.c ---- */

struct sim {
    struct sim_plan plan;
    struct sim_chance chance;
    struct sim_memory memory;
    int64_t now_us;
    bool healed;
    bool over;
    bool failed;
    char failure[512];
    bool tracing;
    uint64_t hash;
    uint64_t steps;
    struct sim_event *queue;
    size_t queue_count;
    size_t queue_capacity;
    uint64_t queue_order;
    struct sim_part log[SIM_TOPICS][SIM_PARTITIONS];
    int flights; /* that have not landed */
    struct sim_flight **in_flight;
    size_t in_flight_count;
    size_t in_flight_capacity;
    int64_t last_append_us;
    struct sim_conn *conns[SIM_CONNS]; /* open ones */
    size_t conn_count;
    struct sim_group groups[SIM_GROUPS];
    struct sim_proc procs[SIM_PROCS];
    int proc_count;
    struct sim_judge judges[DS_AUDIT_PROCESSORS][SIM_PARTITIONS];
    ds_arena_t *decoded; /* what the judge decoded */
    struct sim_people people;
    struct sim_pg *pg;
    struct sim_mongo *mongo;
    bool damaged;    /* by a lost tail: from here on only its discovery is looked at */
    int64_t stopped; /* partitions and readers that stopped */
    struct sim_broken *broken;
    size_t broken_count;
    size_t broken_capacity;
    struct sim_lost lost;
    struct sim_foreign foreign;
    int64_t seen[SIM_SEEN];
};
extern struct sim *sim_world; /* for what is replaced at link time */

struct sim *sim_new(void);
void sim_destroy(struct sim *sim);
void sim_look(struct sim *sim);
/** One run. @return false: sim->failure says what is wrong. */
bool sim_run(struct sim *sim, const struct sim_plan *plan, bool tracing);

#endif
