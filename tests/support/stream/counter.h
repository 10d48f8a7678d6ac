/* tests/support/stream/counter.h - the smallest decider worth testing a host with, on the schemas
 * of inventory.
 *
 * What it makes of its inputs (counting, and a digest over all event ids in order, so that two
 * folds can be compared): ReceiveStock of n items    n events in one decision, each adds its
 * quantity to the total AdjustStock "in:<us>"      a deadline so long after the decision's time for
 * the first item's product CountStock of quantity n   n events at once (over 256: too many)
 *   CountStock with a store id "huge"   one event over the size of a record
 *   SetThreshold               nothing
 *   OrderCancelled             one event; other events of order.events: nothing
 *   a deadline                 one event that clears it, unless the product's name begins with
 * "stuck"
 * The aggregate of a command is its first item's product, of an event the order. */
#ifndef DS_TESTS_COUNTER_H
#define DS_TESTS_COUNTER_H

#include "decider/decider.h"

#define DS_COUNTER_DEADLINES 64

/** The counter's settings (ds_host_config.settings); NULL: nothing is broken. What is about the
 * product or order `broken` is found impossible, half-way through its decision. */
struct ds_counter_settings {
    const char *broken; /* NULL: nothing is. A test changes it as a new version would be deployed */
};

struct ds_counter_state {
    const struct ds_counter_settings *settings;
    int64_t total;
    int64_t events;
    int64_t orders; /* OrderCancelled seen */
    int64_t fired;
    uint64_t digest;
    struct {
        char product[64];
        int64_t due_us;
    } deadlines[DS_COUNTER_DEADLINES];
    size_t deadline_count;
};

extern const struct ds_decider ds_counter_decider;
/** The version before it listened to order.events. */
extern const struct ds_decider ds_counter_decider_old;

#endif
