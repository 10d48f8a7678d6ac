/* cli/audit/model.h - what an audit holds of one partition.
 *
 * A store has the same partition number everywhere, so all that belongs together stands in
 * partition p of the ten topics. An audit reads one partition after another and forgets it when it
 * is judged. Of a partition it holds what is open: orders until they are over (leave.c), command
 * ids and 40 bytes a command of 24 hours, inputs that wait for quarantined aggregates, products and
 * their prices, and of the records themselves only where runs of them begin and end. What grows
 * with the log is 8 to 16 bytes an order that has left, and 8 a thousand commands. A command that
 * waits keeps the later ones too. How far one topic is read ahead of another adds to it.
 *
 * Topics are read beside each other in any order. So a fold may judge what its own topic says (a
 * level, a transition, a second charge) while reading; what needs two topics is judged when all are
 * read (judge.c).
 *
 * The log is being written meanwhile. Ends are asked twice: `settled`, then, when all of those are
 * known, `end`; all is read up to `end`. A record before `settled` was there before the second
 * question, so what caused it stands before `end` and has been read. An aggregate that was touched
 * behind `settled` is in flight, and only what its own topic says of it is judged. In the other
 * direction, whether something *should* have followed by now is known from what the follower has
 * read (ds_audit_handled). Threads: one partition, one thread. */
#ifndef DS_CLI_AUDIT_MODEL_H
#define DS_CLI_AUDIT_MODEL_H

#include "base/map.h"
#include "cli/audit/hash.h"
#include "cli/audit/report.h"
#include "cli/audit/states.h"
#include "stream/fence.h"
#include "stream/quarantine.h"
#include "stream/window.h"

/** The ten topics: events, then the commands in the same order. */
enum ds_audit_topic {
    DS_AUDIT_CATALOG,
    DS_AUDIT_ORDER,
    DS_AUDIT_INVENTORY,
    DS_AUDIT_PAYMENT,
    DS_AUDIT_DELIVERY,
    DS_AUDIT_PROCESSORS, /* also: how many events topics */
    DS_AUDIT_TOPICS =
        2 * DS_AUDIT_PROCESSORS, /* commands of processor p: DS_AUDIT_PROCESSORS + p */
};

/** @brief The schema of a topic. @param topic  0 to DS_AUDIT_TOPICS - 1. */
const struct ds_schema *ds_audit_schema(int32_t topic);
/** @brief The topic of an input, by its permanent number; -1 when the processor has none of that
 * number. */
int32_t ds_audit_input(int32_t processor, int32_t input);

/** @brief A topic's name. @param topic  also DS_AUDIT_TOPICS + processor: its snapshots. */
const char *ds_audit_topic(int32_t topic);

/** One record as it stands in a topic. Texts borrowed. */
struct ds_audit_record {
    int32_t topic;
    int32_t partition;
    int64_t offset;
    int64_t appended_us;
    bool has_key;
    bool has_value;
    ds_str_t key;
    ds_bytes_t value;
};

/** What of a partition is looked at. */
struct ds_audit_range {
    int64_t low;
    int64_t settled; /* what stands before it has all its causes before the other topics' `end` */
    int64_t end;
};

/** One delivered record, decoded. */
struct ds_audit_event {
    int32_t topic;
    int64_t offset;
    const void *event; /* the topic's struct */
};

/** What one decision answers. */
struct ds_audit_cause {
    int64_t offset; /* of its first record */
    int32_t input;
    int64_t cause_offset;
    int64_t cause_epoch;
    int64_t cause_seq;
    int64_t fingerprint;
    uint64_t command_hash[2];
    int64_t first_offset; /* a repeat's: the command it repeats, -1: not known */
    enum {
        DS_AUDIT_EFFECT,
        DS_AUDIT_REJECTED,
        DS_AUDIT_REPEATED,
        DS_AUDIT_UNREADABLE,
        DS_AUDIT_DROPPED, /* it waited for a quarantined aggregate */
    } outcome;
    enum ds_audit_refused {
        DS_AUDIT_REFUSED_OTHERWISE,
        DS_AUDIT_REFUSED_UNDECODABLE,
        DS_AUDIT_REFUSED_PLACE,
    } refused; /* why it is unreadable */
    bool has_command;
    bool is_edit;  /* it decides a corrected command too, with an id of its own */
    bool was_held; /* it had waited for a quarantined aggregate */
};

/** Delivered records of one epoch without a gap: in each, offset - seq is the same. A log is a few
 * of them an epoch, however long it is. */
struct ds_audit_run {
    int64_t first; /* offsets */
    int64_t last;
    int64_t epoch;
    int64_t shift; /* offset - seq */
};

struct ds_audit_runs {
    struct ds_audit_run *list; /* by offset */
    size_t count;
    size_t capacity;
};

/** Causes out of an events topic that is not read as far yet, of one epoch and shift: where the log
 * has them as one run, all of them are there; where it does not, the last is wrong, and perhaps
 * some in front of it. */
struct ds_audit_named {
    struct ds_audit_run run; /* from the first to the last that are named */
    int64_t first_by;        /* offsets of the decisions that name these two */
    int64_t last_by;
    int32_t input;
    bool unreadable; /* one record, which had to be there and no more */
};

/** 128-bit hashes of the event ids of the last 131,072 records of one topic or more: two tables,
 * the older of which goes when the newer is full. Older ones need not be known: causes that are
 * inputs come in order, each once. */
#define DS_AUDIT_IDS ((size_t)1 << 17)
struct ds_audit_id_table {
    uint64_t (*slots)[2]; /* open addressing; all zero: free */
    size_t capacity;
    size_t count;
};
struct ds_audit_ids {
    struct ds_audit_id_table newer; /* grows to DS_AUDIT_IDS */
    struct ds_audit_id_table older;
};

/** One events topic of the partition under rule F. */
struct ds_audit_stream {
    struct ds_audit_range range;
    struct ds_fence fence;
    bool stopped; /* damage behind which nothing can be judged */
    bool gap_open;
    int64_t gap_offset; /* the first record skipped since rule F last held the owner's place */
    int64_t gap_seq;    /* the seq that was wanted there */
    int64_t gap_count;
    int64_t last_at_us; /* of the newest delivered record */
    int64_t last_event; /* offset of the newest delivered record that is the shop's, -1 */
    int64_t last_cause[DS_MAX_INPUTS]; /* offset of the newest delivered cause, -1 */
    int64_t through[DS_MAX_INPUTS];    /* everything up to here is handled, -1 */
    struct ds_audit_runs valid;        /* delivered */
    struct ds_audit_named *named;      /* in the order in which they are decided */
    size_t named_count;
    size_t named_capacity;
    size_t named_last[DS_MAX_INPUTS]; /* of each input: index + 1, 0: none */
    struct ds_window effects;         /* commands that took effect in the last 24 hours */
    struct ds_quarantine quarantine;  /* which inputs wait, and for whom */
    struct ds_audit_ids ids;
    ds_arena_t *scratch;            /* of the record being looked at */
    ds_arena_t *held;               /* of the decision being read */
    bool keeps_held;                /* `held` is the caller's to reset: decisions live until then */
    struct ds_audit_event *pending; /* DS_MAX_DECISION_RECORDS */
    size_t pending_count;
};

/** What is known of a command: its record, and the decision on it, whichever was read first. */
struct ds_audit_command {
    int64_t fingerprint;
    uint64_t hash[2];   /* of the command id */
    int64_t answered;   /* offset of the decision */
    bool was_read;      /* the record was */
    bool readable;      /* by the record */
    bool edits_waiting; /* by the record: answered under the id of what it puts in the place */
    bool is_misplaced;  /* its key belongs to another partition, or it has none */
    bool has_outcome;   /* the decision was read */
    bool has_command;   /* by the decision */
    bool is_edit;       /* by the decision */
    uint8_t outcome;    /* ds_audit_cause's */
    uint8_t refused;
};

#define DS_AUDIT_BLOCK 1024
struct ds_audit_command_block {
    size_t open;       /* of these: not read, or not decided */
    int64_t newest_us; /* append time */
    struct ds_audit_command list[DS_AUDIT_BLOCK];
};

/** One commands topic of the partition, in blocks by offset - range.low. A block goes when all in
 * it is read and decided, and a day old: nothing may repeat it then. */
struct ds_audit_commands {
    struct ds_audit_range range;
    struct ds_audit_command_block **blocks; /* NULL: not come to yet, or in front of `first` */
    size_t block_count;
    size_t first; /* block that is kept */
    int64_t newest_us;
};

struct ds_audit_price {
    int64_t offset;
    int64_t at_us;
    int64_t price_minor;
};

struct ds_audit_product {
    ds_str_t id;
    bool stocked;
    int64_t received;
    int64_t available;
    int64_t reserved;
    int64_t committed;
    struct ds_audit_price *prices; /* in offset order */
    size_t price_count;
    size_t price_capacity;
};

struct ds_audit_line {
    int32_t line;
    const struct ds_audit_product *product;
    int64_t ordered;
    int64_t cancelled;
    int64_t price_minor;
    int64_t catalog_offset;
};

struct ds_audit_held {
    int32_t line;
    const struct ds_audit_product *product;
    int64_t reserved;
    int64_t released;
    int64_t committed;
    int64_t returned;
};

/** What was due fell, and not because staff gave it back. */
struct ds_audit_lowered {
    struct ds_audit_lowered *before; /* NULL: the first time */
    int64_t owed_minor;              /* what is due and what staff gave back */
    int64_t offset;                  /* of the event */
    int64_t known;                   /* payment had read order.events up to here */
};

/** What the log says of one order. An id may be placed again when all have forgotten it, and topics
 * are read in any order: so each fold sees for itself where the second life begins, by the memory
 * of its processor, and takes no more of it. Whether there is one order.events says. Offsets are -1
 * while there is none. What ends in _by is the offset of the record that the step answers, in the
 * topic that may allow it (reasons.c). */
struct ds_audit_order {
    ds_str_t id;
    bool in_flight;    /* touched behind `settled` */
    bool is_at_rest;   /* judged, and nothing is to follow */
    bool has_left;     /* what comes now is not looked at */
    bool reborn;       /* placed again after its id was forgotten, or it has left */
    int64_t reborn_us; /* when it was placed again, the first time */
    int64_t last_us;   /* of the newest event about it */

    struct {
        enum ds_audit_order_state state;
        enum ds_payment_method method;
        enum ds_goods goods;
        int64_t fee_minor;
        int64_t placed_minor;
        int64_t confirmed_minor;
        int64_t total_minor; /* when fulfilled */
        int64_t placed_at_us;
        int64_t requested_minor;
        int64_t created;
        int64_t requested; /* order.payment_requested */
        int64_t requested_by;
        int64_t confirmed;
        int64_t confirmed_by;
        int64_t picked_up;
        int64_t picked_up_by;
        int64_t ended;
        int64_t ended_by; /* with the goods carried */
        int64_t ended_at_us;
        struct ds_audit_line *lines;
        size_t line_count;
    } order;

    struct {
        enum ds_audit_payment_state state;
        int64_t charged_minor;
        int64_t due_minor;
        int64_t captured_minor;
        int64_t refunded_minor;
        int64_t goodwill_minor; /* of what is not kept: staff gave it back, it was not owed */
        int64_t pending_minor;
        int32_t refund_number;
        ds_str_t charge_key; /* empty: no charge */
        ds_str_t refund_key;
        bool is_cash;                     /* what was captured was collected at the door */
        bool is_nothing;                  /* no charge was made: there was nothing to pay */
        struct ds_audit_lowered *lowered; /* the last time */
        int64_t initiated;
        int64_t initiated_by;
        int64_t success;
        int64_t success_by; /* cash, and nothing */
        bool is_asked_for;  /* it failed for want of an answer, which the gateway still asks for */
        int64_t last;
        int64_t first_us;
        int64_t last_us;
        int64_t again; /* it begins anew here, as the next two */
    } payment;

    struct {
        enum ds_audit_stock_state state;
        struct ds_audit_held *lines;
        size_t line_count;
        int64_t reserved;
        int64_t rejected;
        int64_t answered_by; /* either */
        int64_t committed;
        int64_t committed_by;
        int64_t returned;
        int64_t returned_by;
        int64_t last;
        int64_t first_us;
        int64_t last_us;
        int64_t again;
    } stock;

    struct {
        enum ds_audit_delivery_state state;
        bool arrived; /* on its way and at the door */
        bool has_cash;
        int64_t cash_minor;
        struct ds_line_quantity *carried;
        size_t carried_count;
        int64_t requested;
        int64_t requested_by;
        int64_t in_transit;
        int64_t completed;
        int64_t last;
        int64_t first_us;
        int64_t last_us;
        int64_t again;
    } delivery;
};

/** Sees each delivered decision of a partition, borrowed for the call. */
typedef bool (*ds_audit_decision_fn)(void *context, int32_t processor,
                                     const struct ds_audit_event *events, size_t count,
                                     ds_error_t *error);

/** Hashes of the orders that have left: open addressing, 0: free. */
struct ds_audit_left {
    uint64_t *slots;
    size_t capacity;
    size_t count;
};

struct ds_audit_part;
/** Sees an order that is judged and leaves, borrowed for the call. */
typedef void (*ds_audit_leaves_fn)(void *context, const struct ds_audit_part *part,
                                   const struct ds_audit_order *order);

#define DS_AUDIT_MAX_ORDERS ((size_t)1 << 28)
#define DS_AUDIT_ARENA_MAX  ((size_t)8 * 1024 * 1024 * 1024)

struct ds_audit_part {
    struct ds_audit_report *report;
    int32_t partition;
    int32_t partitions; /* of the topics */
    struct ds_audit_stream streams[DS_AUDIT_PROCESSORS];
    struct ds_audit_commands commands[DS_AUDIT_PROCESSORS];
    ds_map_t *orders;   /* struct ds_audit_order */
    ds_map_t *products; /* struct ds_audit_product */
    ds_arena_t *arena;  /* of the orders */
    ds_arena_t *product_arena;
    struct ds_audit_left left;
    size_t sweep_at; /* with so many orders it is seen who may leave; SIZE_MAX: all stay */
    struct ds_framing *framing; /* NULL: no schema registry */
    ds_audit_decision_fn also;  /* NULL: nobody */
    ds_audit_leaves_fn leaves;  /* NULL: nobody */
    void *also_context;         /* of both */
};

/** @brief An empty partition of `partitions`. @param ranges  what will be read of each of the
 * DS_AUDIT_TOPICS.
 *  @param error  MEMORY. @return false: nothing to clean up. */
DS_MUST_CHECK bool ds_audit_part_new(struct ds_audit_report *report, int32_t partition,
                                     int32_t partitions, const struct ds_audit_range *ranges,
                                     struct ds_audit_part **part_out, ds_error_t *error);
void ds_audit_part_destroy(struct ds_audit_part *part);
/** @brief Take the next record of one of the topics; per topic in offset order. MEMORY, LIMIT. */
DS_MUST_CHECK bool ds_audit_part_take(struct ds_audit_part *part,
                                      const struct ds_audit_record *record, ds_error_t *error);
/** @brief Decode a record; for a registry's answer about its schema it waits.
 *  @param error  as ds_framing_decode(); UNAVAILABLE: no answer came, nothing can be said. */
DS_MUST_CHECK bool ds_audit_decode(const struct ds_audit_part *part,
                                   const struct ds_audit_record *record, ds_arena_t *arena,
                                   void *value_out, bool *head_ok_out, ds_error_t *error);
/** @brief All is read: judge what needs more than one topic. Once. */
DS_MUST_CHECK bool ds_audit_part_judge(struct ds_audit_part *part, ds_error_t *error);

/** @brief The order, made when it is new, and marked when the event is unsettled. NULL: MEMORY. */
struct ds_audit_order *ds_audit_order_of(struct ds_audit_part *part,
                                         const struct ds_audit_event *event, ds_str_t order_id,
                                         ds_error_t *error);
/** @brief The product, made when it is new. NULL: MEMORY. */
struct ds_audit_product *ds_audit_product_of(struct ds_audit_part *part, ds_str_t product_id,
                                             ds_error_t *error);
/** @brief True when the processor has read its events input from `topic` beyond `offset` (-1:
 * false). */
bool ds_audit_handled(const struct ds_audit_part *part, int32_t processor, int32_t topic,
                      int64_t offset);
/** @brief "berlin-1.01K..., order.events/3 offset 17": where an event stands. */
struct ds_audit_place ds_audit_at(const struct ds_audit_part *part,
                                  const struct ds_audit_event *event, ds_str_t order_id);
struct ds_audit_place ds_audit_where(const struct ds_audit_part *part, int32_t topic,
                                     int64_t offset, ds_str_t order_id);
/** @brief True when the record's key, a store's id, says this partition. */
bool ds_audit_is_placed(const struct ds_audit_part *part, const struct ds_audit_record *record);

#endif
