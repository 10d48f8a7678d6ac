/* bench/decide.h - deciders in memory, as decide_parts.c feeds and measures them and decide.c
 * leads them through the lives of orders. */
#ifndef DS_BENCH_DECIDE_H
#define DS_BENCH_DECIDE_H

#include "base/runtime.h"
#include "decider/decider.h"

enum part { ORDER, INVENTORY, PAYMENT, DELIVERY, PARTS };

struct parts;

/** Sees each event that was decided, decoded from its bytes; borrowed for the call. */
typedef void (*parts_see_fn)(void *context, enum part part, const void *event);

/** @brief Four deciders with their default settings and empty states. Ends the process where it
 * cannot. */
struct parts *parts_new(const struct ds_runtime *runtime, parts_see_fn see, void *context);
void parts_destroy(struct parts *parts);
/** @brief Decide a command (the struct of the part's commands topic), evolve by what came of it,
 * hand the events to the other parts, and so on until all is quiet. of_order: it is about one
 * order, so that the target holds for it. */
void parts_command(struct parts *parts, enum part part, bool of_order, const void *command);
/** @brief Bytes that a part's state holds of the heap, what malloc adds to them included. */
int64_t parts_bytes(const struct parts *parts, enum part part);
const char *parts_name(enum part part);
/** @brief One JSON object: of each kind of input that had an effect, how many there were, how many
 * events each led to, and the median of decide and evolve in microseconds. *worst_us_out: the
 * largest of those medians of commands of an order, *worst_event_us_out: of events. */
void parts_print_times(struct parts *parts, double *worst_us_out, double *worst_event_us_out);

#endif
