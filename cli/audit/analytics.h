/* cli/audit/analytics.h - the analytics documents of a partition as docs/read-models.md describes
 * them, folded from order.events.
 *
 * Written from that page and not from projections/mongo, so that a mistake there is seen here. What
 * is remembered of orders has a maximum: where there are more, the log is folded several times, for
 * one slice of the orders each; the sums grow over all passes. Pure. Threads: one. */
#ifndef DS_CLI_AUDIT_ANALYTICS_H
#define DS_CLI_AUDIT_ANALYTICS_H

#include "base/buf.h"
#include "schemas/schema.h"

enum ds_audit_collection {
    DS_AUDIT_SALES_BY_HOUR,
    DS_AUDIT_SALES_BY_STORE,
    DS_AUDIT_SALES_BY_PRODUCT,
    DS_AUDIT_ORDER_FUNNEL,
    DS_AUDIT_CANCEL_REASONS,
    DS_AUDIT_COLLECTIONS,
};

#define DS_AUDIT_COUNTERS_MAX 8

/** What a document of a collection has. */
struct ds_audit_shape {
    const char *name;
    const char *time; /* of these, in _id */
    bool currency;
    const char *outcome; /* NULL: none, as the next */
    const char *subject;
    const char *counters[DS_AUDIT_COUNTERS_MAX + 1]; /* ends with NULL */
};
extern const struct ds_audit_shape ds_audit_shapes[DS_AUDIT_COLLECTIONS];

/** What a sum is about. Texts that the collection does not have are empty. */
struct ds_audit_sum_id {
    enum ds_audit_collection collection;
    int64_t time_us; /* when the hour or day began, UTC */
    ds_str_t store;
    ds_str_t currency;
    ds_str_t outcome;
    ds_str_t subject;
};

struct ds_audit_sum {
    struct ds_audit_sum_id id;
    int64_t pos; /* offset of the last event in it */
    int64_t counters[DS_AUDIT_COUNTERS_MAX];
    uint64_t seen; /* the caller's */
};

struct ds_audit_fact_line {
    int32_t line;
    int32_t quantity;
    int32_t cancelled;
    int64_t price_minor;
    ds_str_t product;
};

/** What is remembered of an order. */
struct ds_audit_fact {
    ds_str_t id;
    ds_str_t store;
    ds_str_t currency;
    enum ds_payment_method method;
    const char *status;
    ds_str_t reason; /* empty: none */
    int64_t total_minor;
    int64_t placed_us;
    int64_t confirmed_us; /* 0: not yet, as the next two */
    int64_t picked_up_us;
    int64_t closed_us;
    int64_t pos;
    struct ds_audit_fact_line *lines;
    size_t line_count;
    uint64_t seen; /* the caller's */
};

typedef struct ds_audit_analytics ds_audit_analytics_t;

/** @brief NULL: no memory. @param max_bytes  of what is remembered of orders. */
ds_audit_analytics_t *ds_audit_analytics_new(size_t max_bytes);
void ds_audit_analytics_destroy(ds_audit_analytics_t *analytics);
/** @brief Forget the orders, with the first slice (0) the sums too; fold the orders of this slice
 * from now on. */
DS_MUST_CHECK bool ds_audit_analytics_begin(ds_audit_analytics_t *analytics, uint32_t slice,
                                            uint32_t slices, ds_error_t *error);
/** @brief There were more orders than fit: begin anew with more slices. */
bool ds_audit_analytics_is_full(const ds_audit_analytics_t *analytics);
bool ds_audit_analytics_has_slice(const ds_audit_analytics_t *analytics, ds_str_t order_id);

/** @brief Fold one delivered event. */
DS_MUST_CHECK bool ds_audit_analytics_fold(ds_audit_analytics_t *analytics, int64_t offset,
                                           const struct ds_order_event *event, ds_error_t *error);

/** @brief The sum or the order; *out is NULL when there is none. MEMORY. */
DS_MUST_CHECK bool ds_audit_analytics_sum(ds_audit_analytics_t *analytics,
                                          const struct ds_audit_sum_id *id,
                                          struct ds_audit_sum **sum_out, ds_error_t *error);
struct ds_audit_fact *ds_audit_analytics_fact(const ds_audit_analytics_t *analytics,
                                              ds_str_t order_id);
/** @brief Walk; start with *cursor = 0, NULL at the end. */
struct ds_audit_sum *ds_audit_analytics_next_sum(const ds_audit_analytics_t *analytics,
                                                 size_t *cursor);
struct ds_audit_fact *ds_audit_analytics_next_fact(const ds_audit_analytics_t *analytics,
                                                   size_t *cursor);

#endif
