/* projections/mongo/tally.h - what the events of orders add to the analytics documents. Pure: no
 * database, no clock.
 *
 * A tally is one document of an analytics collection: counters for one (time, store, ...) of one
 * partition. What a tally must know of an order's past (its lines, its prices, its store) is in the
 * order's fact. A batch is folded like this:
 *
 *   ds_tallies_want      which facts; load them
 *   ds_tallies_fold      each event changes its fact and leaves entries {offset, counter, amount}
 * at tallies (load the tallies)   set pos and counters ds_tallies_merge     entries behind pos are
 * added; pos becomes the offset of the last one
 *
 * Documents are not written in one transaction, so a batch may be folded again after some of it was
 * written. It is exact all the same, because tallies are written, and acknowledged, before facts,
 * and facts are loaded before tallies: an event at or below its fact's pos is in all its tallies
 * already, and an event above it finds the fact as it was. Threads: one thread. */
#ifndef DS_PROJECTIONS_MONGO_TALLY_H
#define DS_PROJECTIONS_MONGO_TALLY_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "schemas/schema.h"

enum ds_tally_kind {
    DS_TALLY_HOUR,    /* sales_by_hour */
    DS_TALLY_PRODUCT, /* sales_by_product */
    DS_TALLY_STORE,   /* sales_by_store */
    DS_TALLY_FUNNEL,  /* order_funnel */
    DS_TALLY_REASON,  /* cancel_reasons */
    DS_TALLY_KINDS,
};

#define DS_TALLY_MAX_COUNTERS 8

/** A collection's shape. */
struct ds_tally_shape {
    const char *collection;
    const char *time;                                /* name of the time in _id: "hour" or "day" */
    int64_t bucket_us;                               /* its length */
    const char *subject;                             /* name of a further text in _id, or NULL */
    const char *outcome;                             /* and of another, or NULL */
    bool currency;                                   /* in _id */
    const char *counters[DS_TALLY_MAX_COUNTERS + 1]; /* ends with NULL */
};

extern const struct ds_tally_shape ds_tally_shapes[DS_TALLY_KINDS];

struct ds_tally_entry {
    struct ds_tally_entry *next;
    int64_t offset;
    int counter;
    int64_t amount;
};

struct ds_tally {
    enum ds_tally_kind kind;
    int32_t partition;
    int64_t time_us; /* start of the bucket, UTC */
    ds_str_t store;
    ds_str_t currency;
    ds_str_t subject; /* product or reason */
    ds_str_t outcome; /* cancelled or refused */
    int64_t pos;      /* offset of the last event in it; -1: none yet */
    int64_t counters[DS_TALLY_MAX_COUNTERS];
    bool changed;
    struct ds_tally_entry *first;
    struct ds_tally_entry *last;
};

struct ds_fact_line {
    int32_t line;
    ds_str_t product;
    int32_t quantity;
    int32_t cancelled;
    int64_t unit_price_minor;
};

/** What is remembered of an order: one document of order_facts. */
struct ds_fact {
    ds_str_t order_id;
    int32_t partition;
    ds_str_t store;
    ds_str_t currency;
    ds_str_t payment_method;
    ds_str_t status;
    ds_str_t reason; /* empty: none */
    int64_t total_minor;
    int64_t placed_us;
    int64_t confirmed_us; /* 0: not yet */
    int64_t picked_up_us;
    int64_t closed_us;
    int64_t pos; /* -1: not there */
    bool changed;
    struct ds_fact_line *lines;
    size_t line_count;
};

/** One batch. */
struct ds_tallies {
    ds_arena_t *arena;
    ds_map_t *facts;   /* by order id */
    ds_map_t *tallies; /* by all of _id */
    ds_buf_t key;
    int64_t missed; /* events of orders that are not there */
};

DS_MUST_CHECK bool ds_tallies_init(struct ds_tallies *t, ds_error_t *error);
void ds_tallies_cleanup(struct ds_tallies *t);
/** @brief Forget the batch. */
DS_MUST_CHECK bool ds_tallies_reset(struct ds_tallies *t, ds_error_t *error);

/** @brief Make the event's fact known (pos -1), to be filled by loading. */
DS_MUST_CHECK bool ds_tallies_want(struct ds_tallies *t, int32_t partition,
                                   const struct ds_order_event *event, ds_error_t *error);
/** @brief The event's texts must live until the batch is over. */
DS_MUST_CHECK bool ds_tallies_fold(struct ds_tallies *t, int32_t partition, int64_t offset,
                                   const struct ds_order_event *event, ds_error_t *error);
/** @brief Add what is not in yet. After the tallies were loaded. */
void ds_tallies_merge(struct ds_tallies *t);

/** @brief Find a fact or tally to fill it with what was loaded. NULL: it is not of this batch. */
struct ds_fact *ds_tallies_fact(struct ds_tallies *t, ds_str_t order_id);
/** @param like  kind, partition, time, store, currency, subject, outcome. */
DS_MUST_CHECK bool ds_tallies_find(struct ds_tallies *t, const struct ds_tally *like,
                                   struct ds_tally **tally_out, ds_error_t *error);

#endif
