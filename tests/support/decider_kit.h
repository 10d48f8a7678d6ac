/* tests/support/decider_kit.h - drives any decider the way the host does, in memory and on a clock
 * of its own.
 *
 * Each step feeds one input, evolves the state with what was decided, and appends the encoded
 * events to a log. Inputs go through their schema's bytes and are freed after the step, and what
 * the step yielded is read back from its bytes: a text that the state borrowed for too long is
 * found by ASan. Beside that every kit takes one snapshot of its state after another, an item a
 * step, compares it with the state as it was when that began, and has a state restored from it
 * decide and evolve along: it must not differ in a byte. So every test of a decider is one of its
 * images too. Anything unexpected ends the test
 * with a message. Threads: one kit, one thread. */
#ifndef DS_TESTS_SUPPORT_DECIDER_KIT_H
#define DS_TESTS_SUPPORT_DECIDER_KIT_H

#include "decider/decider.h"

typedef struct ds_decider_kit ds_decider_kit_t;

/** @brief A state without events; the clock stands at DS_KIT_START_US.
 *  @param settings  borrowed; NULL: the defaults of the decider's options. */
ds_decider_kit_t *ds_kit_new(const struct ds_decider *decider, const void *settings);
void ds_kit_destroy(ds_decider_kit_t *kit);

#define DS_KIT_START_US INT64_C(1700000000000000)
#define DS_KIT_SECOND   INT64_C(1000000)
#define DS_KIT_MINUTE   (60 * DS_KIT_SECOND)
#define DS_KIT_HOUR     (60 * DS_KIT_MINUTE)

int64_t ds_kit_now(const ds_decider_kit_t *kit);
/** @brief Move the clock. Timers do not fire by themselves. */
void ds_kit_advance(ds_decider_kit_t *kit, int64_t us);

/** @brief Feed a command, appended just now. @param command the struct of the decider's commands
 * topic.
 *  @return how many events were decided. */
size_t ds_kit_command(ds_decider_kit_t *kit, const void *command);
/** @brief The same, appended at appended_us. */
size_t ds_kit_command_at(ds_decider_kit_t *kit, const void *command, int64_t appended_us);
/** @brief Feed an event of another processor. @param number of the input. */
size_t ds_kit_feed(ds_decider_kit_t *kit, int32_t number, const void *event);
/** @brief Fire the earliest deadline, at its time or now when that is past. No deadline ends the
 * test. */
size_t ds_kit_fire(ds_decider_kit_t *kit);
/** @brief Feed a deadline of the test's own making, such as one that was cleared. */
size_t ds_kit_timer(ds_decider_kit_t *kit, ds_str_t aggregate, int32_t kind, int64_t due_us);
bool ds_kit_next_timer(const ds_decider_kit_t *kit, struct ds_timer *timer_out);
/** @brief Feed an input that must be found impossible (ds_impossible); nothing happens then.
 *  @param number  of the input; 0: a command.
 *  @return what is said about it. */
const char *ds_kit_impossible(ds_decider_kit_t *kit, int32_t number, const void *message);
/** @brief Whose input this is (ds_decider_aggregate). Valid until the next call. */
const char *ds_kit_aggregate(ds_decider_kit_t *kit, int32_t number, const void *message);
/** @brief Apply an event of the decider's own topic that it did not decide here. Its context must
 * be filled in; the kit fills meta. */
void ds_kit_apply(ds_decider_kit_t *kit, const void *event);

/** @brief What the last step decided: "order.picked_up,order.cancel_refused"; "" for nothing. */
const char *ds_kit_types(const ds_decider_kit_t *kit);
size_t ds_kit_count(const ds_decider_kit_t *kit);
/** @brief The i-th event of the last step, decoded; valid until the next step. */
const void *ds_kit_event(const ds_decider_kit_t *kit, size_t i);
/** @brief The reason when the last step was one command.rejected, else "". */
const char *ds_kit_refusal(const ds_decider_kit_t *kit);

/** @brief Another kit whose state is read back from this one's log, with the same clock and place.
 */
ds_decider_kit_t *ds_kit_replay(const ds_decider_kit_t *kit);
/** @brief True when the last steps of both gave the same bytes. */
bool ds_kit_same_step(const ds_decider_kit_t *a, const ds_decider_kit_t *b);
/** @brief How many events the log holds. */
size_t ds_kit_log_count(const ds_decider_kit_t *kit);
/** @brief The i-th event of the log, decoded; valid until the next call of this function on the
 * same kit. */
const void *ds_kit_logged(ds_decider_kit_t *kit, size_t i);
/** @brief The decider's state, for what a test of one decider wants to look at. */
const void *ds_kit_state(const ds_decider_kit_t *kit);

#endif
