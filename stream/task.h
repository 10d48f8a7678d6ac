/* stream/task.h - one partition as its host sees it. Internal to host.c, owner.c, writer.c,
 * clock.c, confirm.c, follow.c, inputs.c, decide.c, held.c, timers.c, progress.c, dead_letters.c.
 *
 * Memory (the decider's state, the window, the inputs' positions) is the fold of the own log up to
 * `memory`. While running it is ahead of what is confirmed, by the records handed over and not yet
 * seen at their place in the log. */
#ifndef DS_STREAM_TASK_H
#define DS_STREAM_TASK_H

#include "base/id.h"
#include "base/limits.h"
#include "stream/fence.h"
#include "stream/host.h"
#include "stream/pending.h"
#include "stream/quarantine.h"
#include "stream/schema_wait.h"
#include "stream/snapshot.h"
#include "stream/window.h"

/* How long what may be waited for. */
#define DS_BACKOFF_FIRST_US (100 * DS_US_PER_MS)
#define DS_BACKOFF_MAX_US   (10 * DS_US_PER_S)
#define DS_CLAIM_TIMEOUT_US                                                                        \
    (15 * DS_US_PER_S) /* abandoned then: the next attempt has a new nonce */
#define DS_SETTLE_TIMEOUT_US                                                                       \
    (10 * DS_US_PER_S) /* an acknowledged record that cannot be found: doubt */
#define DS_BLOCKED_TIMEOUT_US                                                                      \
    (10 * DS_US_PER_S) /* one partition must not hold up the others for longer */
#define DS_IDLE_CHECK_US     (2 * DS_US_PER_S)
#define DS_HINT_US           (5 * DS_US_PER_S)
#define DS_TELL_AGAIN_US     (60 * DS_US_PER_S)
#define DS_PROGRESS_US       (30 * DS_US_PER_S) /* an input yields nothing: the log is told then ... */
#define DS_PROGRESS_RECORDS  10000              /* ... or after so many records ... */
#define DS_PROGRESS_PAUSE_US (5 * DS_US_PER_S)  /* ... and not more often */
#define DS_PARKED_US         (60 * DS_US_PER_S) /* memory of a partition that is another's now */
#define DS_CALL_TIMEOUT_MS   1000
#define DS_CALL_PAUSE_US     (500 * DS_US_PER_MS) /* after a call to the server failed */
#define DS_DEAD_LETTER_US    (2 * DS_US_PER_S)    /* a pause after they could not be sent */
#define DS_MAX_DEAD_LETTERS  256
#define DS_OWED_NOTE         1024 /* so many written letters are noted without a pause */
#define DS_MAX_OWED          2048
#define DS_MAX_KEY_BYTES     1024
#define DS_ID_STEM_BYTES     256

/* A clock that is this far from another is wrong. NTP keeps clocks within a second, and a Claim may
 * take 15 s to be appended; the deadlines of the shop are of a minute and more. */
#define DS_CLOCK_OFF_US   (60 * DS_US_PER_S)
#define DS_CLOCK_PAUSE_US (20 * DS_US_PER_S) /* then the next Claim looks at it again */

/** Stands for the own log among the numbers of inputs in a Progress: the dead letters of all
 * InputRejected before that place are written. */
#define DS_INPUT_OWN_LOG (-1)

_Static_assert(DS_OWED_NOTE + 2 * DS_MAX_DEAD_LETTERS <= DS_MAX_OWED, "an owner forgets none");

struct ds_dead_letter;

/** An InputRejected whose dead letter the log does not say is written. */
struct ds_owed {
    struct ds_log_place place; /* its own; offset -1: not confirmed yet */
    int32_t input;             /* number of the input and offset of the original ... */
    int64_t offset;
    int64_t checksum; /* ... and CRC-32C of its value */
    bool is_written;  /* the topic has it: to be noted. Not part of the fold */
    char reason[32];
    char detail[DS_ERROR_MESSAGE_BYTES];
};

/** One input of the partition. */
struct ds_task_input {
    const struct ds_decider_input *input;
    int32_t topic; /* the broker's index */
    bool is_events;
    /* Part of memory: */
    bool known;                  /* the log says where it is resumed */
    struct ds_input_position at; /* where: the next offset, F's epoch and seq before it */
    int64_t fingerprint;         /* of the command before it; 0: not known */
    int64_t decide_from; /* earlier records are read (for F) and not decided (InputAttached) */
    /* Running: */
    bool reading;
    bool verify;           /* the next record is the one before `at`: compare its fingerprint */
    bool resending;        /* the originals of owed dead letters are read before it is resumed */
    bool rereading;        /* what waited for an aggregate is read: before it is resumed */
    int64_t reread_at;     /* what is read again is at this offset or behind */
    uint64_t since_turn;   /* records of broker turns up to this one are of an earlier reading */
    struct ds_fence fence; /* of a commands topic only next_offset counts */
    struct ds_schema_wait wait;
    struct ds_pending pending;
    int64_t silent;          /* events that yielded nothing since the log last named the input */
    int64_t silent_since_us; /* monotonic: the first of them */
    int64_t hint;            /* the group's offset to be, once all before it is confirmed */
    int64_t told;            /* as it was committed last */
    size_t release_next;     /* records of `pending` before it are decided */
    int64_t barrier;         /* timers: must be read up to here; -1: not told so far */
    int64_t wait_us;         /* timers: monotonic; deadlines did not wait for it before */
    int64_t moved_us;        /* timers: monotonic time of the last record */
};

struct ds_task {
    struct ds_host *host;
    int32_t partition;
    enum ds_host_partition state;
    ds_log_t log;

    /* Memory; what is added here belongs into snapshots too (snapshot_memory.h) */
    void *domain; /* the decider's state; NULL: none, read from the beginning */
    struct ds_window window;
    struct ds_log_place memory; /* last applied (offset not kept) */
    int64_t last_event_us;
    bool mid_decision; /* the last event applied said `more` */
    struct ds_task_input *inputs;
    int32_t input_count;
    struct ds_quarantine quarantine;
    struct ds_owed *owed; /* oldest first */
    size_t owed_count;
    size_t owed_capacity;

    /* Reading the own log */
    struct ds_fence own;
    struct ds_pending pending;
    bool own_reading;
    uint64_t own_since_turn;
    struct ds_schema_wait own_wait;
    int64_t read_until; /* -1: not asked yet */

    /* Becoming the owner */
    unsigned attempts;     /* since it last ran */
    int64_t wake_us;       /* monotonic: the state's deadline */
    int64_t given_us;      /* monotonic: the group gave it, or its last epoch ended */
    uint32_t claim_number; /* of this process: tells reports of one epoch from another's */
    int64_t epoch;         /* claimed or owned */
    ds_id_t nonce;
    int64_t claim_now_us;       /* the own clock when the Claim was written ... */
    int64_t claim_monotonic_us; /* ... and the monotonic one */

    /* Running */
    int64_t next_seq;
    struct ds_log_place confirmed;
    int64_t expected_offset; /* where the record behind `confirmed` must turn up */
    int64_t acked_seq;       /* highest reported as delivered */
    bool settling;           /* reading the own log because a report was not what was expected */
    int64_t settle_until;    /* read at least up to here */
    bool aside;              /* full, and settling: its inputs are left where they stand */
    bool opened;             /* the Open is confirmed */
    int64_t idle_check_us;
    int64_t hint_us;
    int64_t tell_again_us;
    int64_t hint_seq; /* hints were taken when this was the last seq handed over; 0: none taken */

    int64_t progress_wake_us; /* monotonic: no Progress before */

    int64_t reread_wake_us;             /* monotonic: no held input is read before */
    int32_t reread_count;               /* decided since an input was last resumed */
    ds_metric_t *quarantine_metrics[2]; /* NULL: it never had any */

    ds_metric_t *ahead;   /* of the log's time; NULL: it never was */
    int64_t ahead_say_us; /* monotonic: it is not said before */

    /* Timers */
    int64_t barrier_us;      /* the ends were asked for at this time of `now`; 0: never */
    int64_t barrier_wait_us; /* monotonic: since when deadlines due then wait for the inputs */

    struct ds_task_snapshots snapshots;

    struct ds_dead_letter *dead_letters; /* oldest first */
    size_t dead_letter_count;
    ds_metric_t *lag;            /* as a follower; NULL: never was one */
    bool stopped_following;      /* damage was met while it was another's */
    bool letters_held;           /* the partition was another's: it may have sent them */
    int64_t dead_letter_wake_us; /* monotonic: none is sent before, after failures */
};

/** What a decision answers, and what its records inherit from it. */
struct ds_decision_cause {
    struct ds_meta_cause cause;
    bool has_key;
    ds_str_t key;
    int64_t at_us;                  /* the decision's time: its `now`, and of its events */
    char id_stem[DS_ID_STEM_BYTES]; /* event_id without the index */
    bool is_protocol;               /* Open, InputAttached: its events have no cause */
};

/** Records of one decision on their way to the broker. */
struct ds_outgoing {
    struct ds_task *task; /* NULL: nothing waits */
    ds_buf_t bytes;
    size_t ends[DS_MAX_DECISION_RECORDS]; /* of each record in bytes */
    int64_t first_seq;
    size_t count;
    size_t next; /* the first not handed over */
    const char *ce_types[DS_MAX_DECISION_RECORDS];
    bool has_key;
    char key[DS_MAX_KEY_BYTES];
    uint32_t key_len;
    bool has_traceparent;
    char traceparent[64];
};

enum ds_host_metric {
    DS_HM_CLAIMS,
    DS_HM_CLAIMS_WON,
    DS_HM_EPOCHS_LOST,
    DS_HM_FENCED,
    DS_HM_SILENT,
    DS_HM_CLOCK,
    DS_HM_DECISIONS,
    DS_HM_EVENTS,
    DS_HM_INPUTS,
    DS_HM_REPEATED,
    DS_HM_REJECTED,
    DS_HM_DEAD_LETTERS,
    DS_HM_TIMERS,
    DS_HM_STOPPED,
    DS_HM_UNACKED,
    DS_HM_RUNNING,
    DS_HM_TAKEOVER,
    DS_HM_LOOP,
    DS_HM_OWN_READ,
    DS_HM_STANDBY,
    DS_HM_STANDBY_STOPPED,
    DS_HOST_METRICS,
};

enum ds_snapshot_metric {
    DS_SM_WRITTEN,
    DS_SM_FAILED,
    DS_SM_SECONDS,
    DS_SM_RESTORED,
    DS_SM_PASSED_OVER,
    DS_SNAPSHOT_METRICS,
};

/** How a (topic, partition) is asked where it ends. */
enum ds_end_with {
    DS_END_TOGETHER,
    DS_END_SUSPECT, /* a call that asked about it and others was not answered: alone */
    DS_END_SILENT,  /* it was not answered alone either: alone, and seldom */
};

struct ds_host_end {
    enum ds_end_with with;
    int64_t after_us; /* monotonic: not asked before */
};

struct ds_host {
    const struct ds_runtime *runtime;
    struct ds_host_config config;
    const struct ds_decider *decider;
    ds_broker_t *broker;
    ds_log_t log;
    char name[64];
    char owner[96];
    int32_t topic_own; /* indexes of the broker */
    int32_t topic_dlq;
    int32_t topic_snapshots; /* the last */
    int32_t partitions;      /* 0: not known yet */
    bool assigned_once;
    bool draining;

    struct ds_task *tasks[DS_MAX_PARTITIONS];
    uint64_t turn;
    const struct ds_broker_event *events; /* records not handled yet, behind event_next */
    size_t event_count;
    size_t event_next;
    struct ds_task *full; /* its records are over the bound, or the producer's queue is full */
    int64_t full_since_us;
    int64_t served_us;         /* monotonic: the last service */
    struct ds_task *releasing; /* records of a complete input decision are being decided */
    struct ds_task_input *releasing_input;

    ds_decision_t *decision;
    ds_arena_t *arena; /* of the message being handled */
    void *message;     /* the input's struct */
    size_t message_bytes;
    struct ds_outgoing out;
    uint32_t claims; /* numbers for claim_number */
    uint64_t dead_letter_tags;
    uint32_t snapshot_numbers; /* for the tags of a snapshot's records */
    bool snapshots_busy;       /* one is being written: turns must not wait long */
    int64_t standby_us;        /* monotonic: no other partition is followed before */
    bool standby_salted;
    uint64_t standby_salt; /* of a dynamic member: drawn once */
    int64_t call_after_us; /* monotonic: no synchronous call before */
    struct ds_host_end ends[DS_MAX_INPUTS + 3][DS_MAX_PARTITIONS]; /* by the topic's index */
    int64_t silent_after_us; /* monotonic: no question about a silent end before */
    int64_t unanswered_us;   /* monotonic: no question was answered since; 0: the last was */
    int64_t answers_us;      /* monotonic: the end of the last time that none was for long */
    int64_t away_said_us;
    int64_t wait_said_us; /* of schemas that are not known */
    bool fatal_set;
    ds_error_t fatal; /* the process must end */

    ds_metric_t *metrics[DS_HOST_METRICS];
    int64_t told_unacked; /* its share of two gauges */
    int64_t told_running;
    ds_metric_t *snapshot_metrics[DS_SNAPSHOT_METRICS];
    ds_metric_t *skipped[DS_MAX_INPUTS + 1][DS_FENCE_VERDICTS]; /* inputs, then the own topic */
};

/* ---- host.c ---- */
static inline int64_t ds_task_now(const struct ds_task *task)
{
    return ds_monotonic_us(task->host->runtime->clock);
}
/** `now` of decisions: never before the partition's last event, nor before the time by which
 * deadlines were found due (protocol R10). */
int64_t ds_task_decision_time(const struct ds_task *task);
/** Memory is out or the like: the step returns false. */
void ds_host_fail(struct ds_host *host, const ds_error_t *error);

/* ---- owner.c ---- */
struct ds_task *ds_task_new(struct ds_host *host, int32_t partition, ds_error_t *error);
void ds_task_destroy(struct ds_task *task);
void ds_task_given(struct ds_task *task);
void ds_task_taken_away(struct ds_task *task);
/** The epoch, or the attempt at one, is over: nothing more under it; after a pause begin again. */
void ds_task_lose(struct ds_task *task, const char *why);
/** Damage or a bug: alarm, and leave the partition alone until somebody looks. */
void ds_task_stop(struct ds_task *task, const char *code, ds_error_t *error);
void ds_task_own_record(struct ds_task *task, const struct ds_broker_event *record);
void ds_task_read_end(struct ds_task *task, const struct ds_broker_end *end);
void ds_task_member(struct ds_task *task, bool is_member);
void ds_task_owner_time(struct ds_task *task, int64_t now_us);
/** Begin a decision of the protocol's own: one event of this kind in host->decision. */
DS_MUST_CHECK bool ds_task_system_event(struct ds_task *task, int32_t kind,
                                        struct ds_protocol_event **event_out, ds_error_t *error);
/** Append it. (what, number) must differ from that of all others of the log. */
DS_MUST_CHECK bool ds_task_append_system(struct ds_task *task, const char *what, int64_t number,
                                         ds_error_t *error);
DS_MUST_CHECK bool ds_task_read_own(struct ds_task *task, struct ds_log_place place,
                                    ds_error_t *error);
void ds_task_stop_own(struct ds_task *task);
/** Go on where the own log waits for a schema, if it may be known now. */
void ds_task_resume_own(struct ds_task *task);

/* ---- follow.c ---- */
/** Choose partitions to follow, up to the configured number. */
void ds_follow_turn(struct ds_host *host, int64_t now_us);
/** The group gives or takes: wait until it is calm again. */
void ds_follow_group_moved(struct ds_host *host);
/** It is given to us, or stopped. */
void ds_follow_end(struct ds_task *task);
/** Reading was refused for a moment: again after a pause. */
void ds_follow_pause(struct ds_task *task, const char *why);
/** Following: begin anew after a pause, and say how far behind. */
void ds_follow_time(struct ds_task *task);
bool ds_follow_wants_end(const struct ds_task *task);
void ds_follow_ends(struct ds_task *task, const struct ds_broker_end *end);

/* ---- fold.c ---- */
DS_MUST_CHECK bool ds_task_forget(struct ds_task *task, ds_error_t *error);
/** Apply one delivered (or just decided) event of the own topic to memory. */
DS_MUST_CHECK bool ds_task_apply(struct ds_task *task, const void *event, ds_error_t *error);
/** A delivered record read from the own log; the decision it completes is applied unless memory has
 * it. */
DS_MUST_CHECK bool ds_task_fold_record(struct ds_task *task, const struct ds_broker_event *record,
                                       const void *event, ds_error_t *error);

/* ---- writer.c ---- */
enum ds_append {
    DS_APPEND_OK,
    DS_APPEND_TOO_LARGE, /* nothing changed */
    DS_APPEND_FAILED,    /* the host must end */
};
/** Number, encode and check all events of host->decision, apply them, hand them over. */
enum ds_append ds_task_append(struct ds_task *task, const struct ds_decision_cause *cause,
                              ds_error_t *error);
DS_MUST_CHECK bool ds_task_write_claim(struct ds_task *task, ds_error_t *error);
/** Hand over what waits. True: nothing waits any more. */
bool ds_host_flush(struct ds_host *host);
static inline int64_t ds_task_unacked(const struct ds_task *task)
{
    return task->state == DS_PARTITION_RUNNING ? task->next_seq - 1 - task->confirmed.seq : 0;
}

/* ---- confirm.c ---- */
void ds_task_delivery(struct ds_task *task, const struct ds_broker_event *report);
/** Running and reading the own log: a record of it was judged. */
void ds_task_settle_record(struct ds_task *task, const struct ds_broker_event *record,
                           const struct ds_meta *meta, bool has_meta, bool is_claim,
                           enum ds_fence_verdict verdict);
void ds_task_settle(struct ds_task *task, int64_t until);
void ds_task_idle_end(struct ds_task *task, const struct ds_broker_end *end);
void ds_task_confirm_time(struct ds_task *task, int64_t now_us);

/* ---- clock.c ---- */
/** The Claim is about to be written. */
void ds_task_clock_begin(struct ds_task *task);
/** The own Claim stands in the log. False: the clock is far from the broker's, and the epoch is
 * given up unopened; it leaves no trace, since a Claim has the log's time and not ours. */
DS_MUST_CHECK bool ds_task_clock_fits(struct ds_task *task, int64_t appended_us);
/** True: the clock was set since the Claim, or what is to be decided `at_us` would be; the epoch is
 * given up. */
DS_MUST_CHECK bool ds_task_clock_stepped(struct ds_task *task, int64_t at_us);
/** Say so while the log's time is far ahead of the clock. */
void ds_task_tell_clock(struct ds_task *task);

/* ---- inputs.c ---- */
/** Begin to read; records of before do not come any more. */
DS_MUST_CHECK bool ds_task_start_input(struct ds_task *task, struct ds_task_input *in,
                                       int64_t offset, ds_error_t *error);
/** Begin to read where its fence stands. */
DS_MUST_CHECK bool ds_task_resume_input(struct ds_task *task, struct ds_task_input *in,
                                        ds_error_t *error);
DS_MUST_CHECK bool ds_task_start_inputs(struct ds_task *task, ds_error_t *error);
void ds_task_stop_inputs(struct ds_task *task);
/** Full: leave the inputs where they stand if the own log must be read to get room. False: there
 * will be room without. */
bool ds_task_step_aside(struct ds_task *task);
/** Settled: go on with the inputs that were left. */
void ds_task_step_back(struct ds_task *task);
/** The same for the inputs. */
void ds_task_resume_inputs(struct ds_task *task);
void ds_task_input_record(struct ds_task *task, struct ds_task_input *in,
                          const struct ds_broker_event *record);
/** Memory ends the process, a server that is away the epoch; anything else stops the partition. */
void ds_task_input_failed(struct ds_task *task, const struct ds_task_input *in, ds_error_t *error);
DS_MUST_CHECK bool ds_task_release_pending(struct ds_task *task, struct ds_task_input *in,
                                           ds_error_t *error);
void ds_task_read_failed(struct ds_task *task, const struct ds_broker_event *event);
struct ds_task_input *ds_task_input_numbered(struct ds_task *task, int32_t number);

/* ---- decide.c ---- */
/** Decide one record whose place is known; `message` may be NULL: then it is rejected for `reason`.
 */
DS_MUST_CHECK bool ds_task_decide_record(struct ds_task *task, struct ds_task_input *in,
                                         const struct ds_broker_event *record,
                                         const struct ds_meta *meta, const void *message,
                                         const char *reason, const char *detail, ds_error_t *error);
DS_MUST_CHECK bool ds_task_decide_timer(struct ds_task *task, const struct ds_timer *timer,
                                        ds_error_t *error);

/** Decide one that has waited: it is read again, and is the one that was held. */
DS_MUST_CHECK bool ds_task_decide_held(struct ds_task *task, struct ds_task_input *in,
                                       const struct ds_broker_event *record, ds_str_t aggregate,
                                       const struct ds_held *held, int64_t release,
                                       const void *message, ds_error_t *error);
/** The command that an edit puts in the place of another, decoded into the host's arena; NULL: it
 * is none, or an operator's, as `why` says. */
DS_MUST_CHECK bool ds_task_corrected(const struct ds_task *task, const struct ds_task_input *in,
                                     const struct ds_edit_input *edit, const void **inner_out,
                                     ds_error_t *why, ds_error_t *error);
/** False: the message is an edit, and what it holds is no command now. `why` may say that its
 * schema is only not known yet (ds_schema_waits): then the edit must wait as well. */
DS_MUST_CHECK bool ds_task_reads_edit(const struct ds_task *task, const struct ds_task_input *in,
                                      const void *message, ds_error_t *why);
/** An input that waited cannot be decided: it goes on waiting, quarantined for this reason. */
DS_MUST_CHECK bool ds_task_requarantine(struct ds_task *task, const struct ds_task_input *in,
                                        ds_str_t aggregate, const struct ds_held *held,
                                        int64_t release, const char *reason, const char *detail,
                                        ds_error_t *error);

/* ---- held.c ---- */
/** True: the inputs of this aggregate wait. */
static inline bool ds_task_waits(const struct ds_task *task, ds_str_t aggregate)
{
    return task->quarantine.by_aggregate != NULL &&
           ds_quarantine_find(&task->quarantine, aggregate) != NULL;
}
/** The input waits: InputHeld. `context` is what its decision would have had. At the bound the
 * partition is stopped; that is no failure. */
DS_MUST_CHECK bool ds_task_hold(struct ds_task *task, const struct ds_decision_cause *cause,
                                const struct ds_context *context, ds_str_t aggregate,
                                ds_error_t *error);
/** Nothing of what host->decision holds happens: AggregateQuarantined. The texts must not live in
 * the decision. */
DS_MUST_CHECK bool ds_task_quarantine(struct ds_task *task, const struct ds_decision_cause *cause,
                                      const struct ds_context *context, ds_str_t aggregate,
                                      const char *reason, const char *detail, ds_error_t *error);
/** What an operator asks of the host: the event goes into host->decision. */
DS_MUST_CHECK bool ds_task_operate(struct ds_task *task, const struct ds_task_input *in,
                                   const struct ds_operator_command *command, ds_error_t *error);
/** Who may ask it. */
bool ds_operator_may(const struct ds_actor *actor);
/** Running: go on with what is released. */
void ds_task_release_turn(struct ds_task *task);
/** A record while rereading. */
DS_MUST_CHECK bool ds_task_reread_record(struct ds_task *task, struct ds_task_input *in,
                                         const struct ds_broker_event *record, ds_error_t *error);
/** What is wanted while rereading cannot be read; the input stands in [low, end). */
DS_MUST_CHECK bool ds_task_reread_failed(struct ds_task *task, struct ds_task_input *in,
                                         int64_t low, int64_t end, ds_error_t *error);
void ds_task_tell_quarantine(struct ds_task *task);

/* ---- timers.c ---- */
/** True when a deadline passed and an end must be asked for: of each input whose barrier is -1. */
bool ds_task_wants_ends(struct ds_task *task);
void ds_task_timer_end(struct ds_task *task, struct ds_task_input *in,
                       const struct ds_broker_end *end);
void ds_task_fire_timers(struct ds_task *task);

/* ---- progress.c ---- */
/** The event at this offset of an input was handled, whatever it led to. */
void ds_task_input_handled(struct ds_task *task, struct ds_task_input *in, int64_t offset);
/** Running: write a Progress where one is due. */
void ds_task_progress(struct ds_task *task);

/* ---- owed.c ---- */
void ds_owed_forget(struct ds_task *task);
DS_MUST_CHECK bool ds_owed_add(struct ds_task *task, const struct ds_meta *meta,
                               const struct ds_input_rejected *rejected, ds_error_t *error);
/** The log says that the letters up to (epoch, seq) are written. */
void ds_owed_noted(struct ds_task *task, int64_t epoch, int64_t seq);
/** The one of the InputRejected (epoch, seq); NULL: none. */
struct ds_owed *ds_owed_find(struct ds_task *task, int64_t epoch, int64_t seq);
/** How many of the oldest are written without a gap: what may be noted. */
size_t ds_owed_written(const struct ds_task *task);

/* ---- resend.c ---- */
/** Read the original of the next owed letter that is not at hand, or go on to where the input is
 * resumed. */
DS_MUST_CHECK bool ds_task_resend(struct ds_task *task, struct ds_task_input *in,
                                  ds_error_t *error);
/** A record while resending. */
DS_MUST_CHECK bool ds_task_resend_record(struct ds_task *task, struct ds_task_input *in,
                                         const struct ds_broker_event *record, ds_error_t *error);
/** Originals outside of [low, end) are gone. */
void ds_task_resend_gone(struct ds_task *task, struct ds_task_input *in, int64_t low, int64_t end);

/* ---- dead_letters.c ---- */
DS_MUST_CHECK bool ds_dead_letter_add(struct ds_task *task, const struct ds_task_input *in,
                                      const struct ds_broker_event *record, const char *reason,
                                      const char *detail, ds_error_t *error);
/** That of an InputRejected of before, whose original was read again: it may leave at once. */
DS_MUST_CHECK bool ds_dead_letter_again(struct ds_task *task, const struct ds_task_input *in,
                                        const struct ds_broker_event *record,
                                        const struct ds_owed *owed, ds_error_t *error);
bool ds_dead_letter_at_hand(const struct ds_task *task, const struct ds_owed *owed);
/** The log was read: what another owner has written and noted meanwhile goes, the rest may be
 * sent. */
void ds_dead_letters_drop_noted(struct ds_task *task);
/** The record at this place of the own log is confirmed: its dead letter may leave. */
void ds_dead_letters_confirmed(struct ds_task *task, struct ds_log_place place);
/** A later epoch has begun: what was not confirmed did not happen. */
void ds_dead_letters_drop_before(struct ds_task *task, int64_t epoch);
/** As many as may wait, and none that reading the own log could settle: only sending helps. */
bool ds_dead_letters_stuck(const struct ds_task *task);
void ds_dead_letters_send(struct ds_task *task);
void ds_dead_letter_delivery(struct ds_task *task, const struct ds_broker_event *report);
void ds_dead_letters_producer_lost(struct ds_task *task);
void ds_dead_letters_free(struct ds_task *task);

#endif
