/* decider/decider.h - what a processor's domain code looks like to the host that runs it.
 *
 * A decider is pure: decide(state, input, now) -> events, evolve(state, event) -> state,
 * next_timer(state). It knows no Kafka, no SQL, no clock, no random and no thread; time and
 * deadlines come in as arguments or out of events.
 *
 * One state holds everything of one partition. It changes only in evolve, which is called for every
 * delivered event of the processor's own topic, in order: when the log is read back, and again
 * right after decide() for what was decided. So evolve may use nothing but the event, and what a
 * decision needs to know later (a deadline, a price, a number) must be in the event. Both must do
 * the same in every run over the same log: no addresses, no hash seeds, no settings in evolve.
 *
 * Threads: one state, one thread. */
#ifndef DS_DECIDER_DECIDER_H
#define DS_DECIDER_DECIDER_H

#include "base/buf.h"
#include "base/options.h"
#include "decider/shelf.h"
#include "schemas/schema.h"

/** One input of a processor. Numbers are permanent and never reused (protocol R14); 0 is its own
 * commands topic. */
struct ds_decider_input {
    int32_t number;
    const struct ds_schema *schema; /* names the topic */
};

/** A deadline: whose, which, when. (aggregate, kind, due_us) is its identity (protocol R10). */
struct ds_timer {
    ds_str_t aggregate; /* borrowed from the state */
    int32_t kind;       /* the processor's own numbering */
    int64_t due_us;
};

/** Whose deadlines wait: those of quarantined aggregates. */
struct ds_timer_skip {
    bool (*is_held)(const void *context, ds_str_t aggregate);
    const void *context;
};
/** NULL: nobody's. */
static inline bool ds_timer_is_held(const struct ds_timer_skip *skip, ds_str_t aggregate)
{
    return skip != NULL && skip->is_held(skip->context, aggregate);
}

enum ds_input_kind { DS_INPUT_COMMAND, DS_INPUT_EVENT, DS_INPUT_TIMER };

struct ds_input {
    enum ds_input_kind kind;
    int32_t number;      /* of the input; -1 for a timer */
    int64_t offset;      /* of the record; -1 for a timer */
    int64_t appended_us; /* the record's Kafka timestamp (LogAppendTime for commands); a timer's
                            due_us */
    const void *message; /* the topic's struct (struct ds_order_command, struct ds_payment_event,
                            ...); NULL: timer */
    struct ds_timer timer;
};

#define DS_DECIDER_SHELVES 4

typedef struct ds_decision ds_decision_t;

/** @brief A new decision for events of `schema`; reused by ds_decision_reset. NULL: no memory.
 *  @locality the host, or a test. */
ds_decision_t *ds_decision_new(const struct ds_schema *schema);
void ds_decision_destroy(ds_decision_t *decision);
/** @brief Forget the events, and set the context that new events start with (correlation id, actor,
 * command, traceparent). `context` is copied shallowly: its texts must outlive the decision. */
void ds_decision_reset(ds_decision_t *decision, const struct ds_context *context);
/** @brief Append an event: zeroed, of the schema's struct, with the decision's context filled in;
 * the host fills meta. The decider sets the body. Texts may be borrowed from the state and the
 * input: they live until evolve has run. NULL: DS_ERR_LIMIT (256 records) or DS_ERR_MEMORY. */
void *ds_decision_add(ds_decision_t *decision, ds_error_t *error);
/** @brief The facts behind the rejection that was appended last, for its `detail`: "state=PAYING".
 * Borrowed. */
void ds_decision_facts(ds_decision_t *decision, ds_str_t facts);
/** @brief Append command.rejected. The texts are borrowed. */
DS_MUST_CHECK bool ds_decision_reject(ds_decision_t *decision, ds_str_t target, ds_str_t operation,
                                      const char *reason, ds_error_t *error);
/** @brief Append command.repeated. */
DS_MUST_CHECK bool ds_decision_repeat(ds_decision_t *decision, ds_str_t of, bool same_body,
                                      int64_t first_offset, ds_error_t *error);
/** @brief For events a deadline sets off: the correlation id and traceparent that the state kept of
 * the aggregate. */
void ds_decision_set_context(ds_decision_t *decision, const struct ds_context *context);
/** @brief Memory that lives as long as the decision's events. */
ds_arena_t *ds_decision_arena(ds_decision_t *decision);
size_t ds_decision_count(const ds_decision_t *decision);
/** @brief The i-th event; starts with struct ds_event_head. */
void *ds_decision_event(const ds_decision_t *decision, size_t i);

/** @brief Say that the input cannot be: what it asks for, on this state, would break an invariant
 * of ours. That is a bug, and no reason to guess: the host writes nothing that was added to the
 * decision, quarantines the input's aggregate and goes on with the others (ADR 21). Sets
 * DS_ERR_IMPOSSIBLE with the text, which on-call reads: the invariant, and the numbers.
 *  @return false, for decide to return. */
bool ds_impossible(ds_error_t *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** What a processor is. Its folder defines one, as a constant. */
struct ds_decider {
    const char *name; /* "order": topics order.commands, order.events; group doorstep-order */
    const struct ds_schema *events; /* of its own events topic */
    const struct ds_decider_input *inputs;
    size_t input_count;
    uint64_t logic; /* of the sources evolve is made of: the build's own (cmake/logic.cmake) */
    const struct ds_option *options; /* its settings: deadlines and such; may be NULL */
    size_t settings_bytes;

    /** A state for one partition. `settings` (borrowed, const) are for decide only. NULL: no
     * memory. */
    void *(*state_new)(const void *settings, ds_error_t *error);
    void (*state_destroy)(void *state);
    /** Append the events the input leads to; none when it changes nothing. A refusal is an event.
     * The command ids of the last 24 h have been looked at before. false: out of memory, over a
     * limit or ds_impossible, never "refused". */
    bool (*decide)(const void *state, const struct ds_input *input, int64_t now_us,
                   ds_decision_t *decision, ds_error_t *error);
    /** Apply one event of the own topic (`event`: the schema's struct, borrowed). The protocol's
     * records are not passed; command.rejected and command.repeated are. Also drops what is old by
     * the event's time (meta.at). false: out of memory. */
    bool (*evolve)(void *state, const void *event, ds_error_t *error);
    /** The earliest deadline but for those of aggregates to be skipped (NULL: none); false: there
     * is none. Its decision must clear or move it. */
    bool (*next_timer)(const void *state, const struct ds_timer_skip *skip,
                       struct ds_timer *timer_out);
    /** The aggregate that a command or an event is about: what is quarantined when it is found
     * impossible, and whose later inputs wait then. Borrowed from the message. The same name for
     * its commands, its events and in ds_timer. Empty: nobody's, it never waits. NULL: as the
     * schema says (ds_schema.aggregate). */
    ds_str_t (*aggregate)(const struct ds_input *input);

    /* The state for snapshots: aggregates on shelves, an image of each. What the images do not hold
     * (heaps, links, sums) follows from them. */
    const struct ds_schema *item; /* an image; NULL: this decider has no snapshots */
    /** All shelves of a state, always in the same order. @return how many. */
    size_t (*shelves)(void *state, ds_shelf_t *shelves_out[DS_DECIDER_SHELVES]);
    /** The image of what stands under `key` on a shelf, into the zeroed struct of `item`. Texts are
     * borrowed from the state; what else it needs lives in the arena. LIMIT, MEMORY. */
    bool (*image)(size_t shelf, ds_str_t key, const void *value, ds_arena_t *arena, void *item_out,
                  ds_error_t *error);
    /** Put an item back into a state made anew; in any order. DAMAGE: no walk can have given this.
     */
    bool (*restore)(void *state, const void *item, ds_error_t *error);
    /** All are back: make what depends on several of them. DAMAGE: one is missing. */
    bool (*restored)(void *state, ds_error_t *error);
};

/** @brief The aggregate of any input, timers included. */
ds_str_t ds_decider_aggregate(const struct ds_decider *decider, const struct ds_input *input);

#endif
