/* projections/postgres/fold.h - what an event does to the rows of the read model. Pure: no
 * database, no clock.
 *
 * ds_fold_want says which rows an event may change, so that they can be loaded for a whole batch at
 * once; ds_fold_event then changes them. Events come in offset order per (topic, partition). An
 * event about a row that is not there (it cannot happen in a log that was read from its beginning)
 * changes nothing and is counted. Threads: those of the sheets. */
#ifndef DS_PROJECTIONS_POSTGRES_FOLD_H
#define DS_PROJECTIONS_POSTGRES_FOLD_H

#include "projections/postgres/sheet.h"
#include "schemas/schema.h"

/** The topics of the read model. order.events is first: the group subscribes to it. */
enum ds_fold_topic {
    DS_FOLD_ORDER,
    DS_FOLD_PAYMENT,
    DS_FOLD_DELIVERY,
    DS_FOLD_INVENTORY,
    DS_FOLD_CATALOG,
    DS_FOLD_TOPICS,
};

/** @brief The schemas, indexed by enum ds_fold_topic. */
extern const struct ds_schema *const ds_fold_schemas[DS_FOLD_TOPICS];

/** An event and where it stands. */
struct ds_fold {
    struct ds_sheets *sheets;
    enum ds_fold_topic topic;
    int32_t partition;
    int64_t offset;
    int64_t command_offset; /* of the decision's command, whose outcome is noted already; begin with
                               -1 */
    int64_t at_us;          /* when it was decided */
    int64_t missed;         /* events about a row that is not there; counts up */
    ds_buf_t *scratch;      /* for the event's JSON */
};

/** @brief Ask for the rows this event may change. */
DS_MUST_CHECK bool ds_fold_want(struct ds_sheets *sheets, enum ds_fold_topic topic,
                                const void *event, ds_error_t *error);
/** @brief Fold one event, with the timeline and, where it answers a command, the command's outcome.
 *  @param fold  topic, partition and offset are the caller's to set.
 *  @param event  the topic's struct; its texts must live until the sheets are reset. */
DS_MUST_CHECK bool ds_fold_event(struct ds_fold *fold, const void *event, ds_error_t *error);

/** @brief How far an event shows the processor to be through its commands topic: the highest offset
 * covered, or -1 when it says nothing about that. */
int64_t ds_fold_commands_through(const void *event);

/* One topic each; called by the two above. */
DS_MUST_CHECK bool ds_want_order(struct ds_sheets *sheets, const struct ds_order_event *event,
                                 ds_error_t *error);
DS_MUST_CHECK bool ds_fold_order(struct ds_fold *fold, const struct ds_order_event *event,
                                 ds_error_t *error);
DS_MUST_CHECK bool ds_want_payment(struct ds_sheets *sheets, const struct ds_payment_event *event,
                                   ds_error_t *error);
DS_MUST_CHECK bool ds_fold_payment(struct ds_fold *fold, const struct ds_payment_event *event,
                                   ds_error_t *error);
DS_MUST_CHECK bool ds_want_delivery(struct ds_sheets *sheets, const struct ds_delivery_event *event,
                                    ds_error_t *error);
DS_MUST_CHECK bool ds_fold_delivery(struct ds_fold *fold, const struct ds_delivery_event *event,
                                    ds_error_t *error);
DS_MUST_CHECK bool ds_want_inventory(struct ds_sheets *sheets,
                                     const struct ds_inventory_event *event, ds_error_t *error);
DS_MUST_CHECK bool ds_fold_inventory(struct ds_fold *fold, const struct ds_inventory_event *event,
                                     ds_error_t *error);
DS_MUST_CHECK bool ds_want_catalog(struct ds_sheets *sheets, const struct ds_catalog_event *event,
                                   ds_error_t *error);
DS_MUST_CHECK bool ds_fold_catalog(struct ds_fold *fold, const struct ds_catalog_event *event,
                                   ds_error_t *error);

/** @brief A symbol in lower case, as the read model and the api show it. In the arena. */
DS_MUST_CHECK bool ds_fold_lower(struct ds_sheets *sheets, const char *symbol, ds_str_t *text_out,
                                 ds_error_t *error);
/** @brief Sums and products of what a log says, which may be anything: at the edge instead of
 * overflowing. */
static inline int64_t ds_fold_add(int64_t a, int64_t b)
{
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? INT64_MIN + 1 : INT64_MAX) : sum;
}
static inline int64_t ds_fold_times(int64_t a, int64_t b)
{
    int64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}
static inline int32_t ds_fold_add_i32(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum <= INT32_MIN ? INT32_MIN + 1 : (int32_t)sum;
}
/** @brief A text for a nullable column. */
static inline ds_str_t ds_fold_maybe(bool has, ds_str_t text)
{
    if (!has)
        return (ds_str_t){NULL, 0};
    return text.data == NULL ? DS_STR("") : text;
}

#endif
