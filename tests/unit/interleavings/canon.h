/* tests/unit/interleavings/canon.h - what is left out of events and states, so that equal ones
 * meet.
 *
 * Time. Every decision happens at one of three moments (enum when) that stand in for all: before
 * every pause and deadline, after the pauses, after the search and the whole way as well. After
 * each step all times in the state are put back to what they would have been at the first moment.
 * So "has this passed already?" may be answered either way at every comparison, independently of
 * how it was answered before: more than real clocks can do, never less. Only the order of times
 * that are compared with each other is kept: since when couriers are idle, and until when refusals
 * last.
 *
 * Numbers that grow. Of offers a decider asks only whether one is the last, an older one or one
 * that never was: the last is 1 or, when there are older ones, 2. A refusal's count only lengthens
 * its pause: it is 1. Of wrong codes only too many of them count: the first is taken for the last
 * but one.
 *
 * Events lose what says when and by whom they were written: epoch, seq, cause, id, time, actor,
 * command; a refusal also the facts it tells people. A reader that used them would have to be a
 * decider that breaks decider.h. */
#ifndef DS_TESTS_INTERLEAVINGS_CANON_H
#define DS_TESTS_INTERLEAVINGS_CANON_H

#include "message.h"

#define SECOND_US INT64_C(1000000)
/** The first moment. */
#define CANON_NOW_US (INT64_C(1800000000) * SECOND_US)

enum when { EARLY, MIDDLE, LATE, WHENS };

/** @brief When a message is handled: EARLY means at its deadline for a timer; the others never
 * earlier than that. */
int64_t canon_now(const struct message *message, enum when when);
/** @brief The settings of a part; NULL: it has none. */
const void *canon_settings(enum part part);
/** @brief Whether a deadline of a delivery is before the end of the search for a courier. */
bool canon_is_in_time(const struct ds_timer *timer);
/** @brief Whether what a part decides can hang on the moment. */
bool canon_minds_time(enum part part);
/** How old a stale command is. */
extern const int64_t canon_stale_us;

/** @brief Change a copy of an event. */
void canon_event(enum part part, void *event);
/** @brief Change the images of a whole state. */
void canon_items(enum part part, void **items, size_t count);

#endif
