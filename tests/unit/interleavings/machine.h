/* tests/unit/interleavings/machine.h - a decider as a function of numbers: (state, message, moment)
 * to (state, events).
 *
 * The decider is the product's own. Its state is taken apart into images (decider/walk.h), brought
 * into canonical form and numbered; a step puts a state together from them (restore), lets the
 * decider decide and evolve, and takes it apart again. Deciders are pure, so a step is worked out
 * once and looked up afterwards. That restoring loses nothing, and that next_timer names the
 * earliest deadline of the images, is checked of every state. */
#ifndef DS_TESTS_INTERLEAVINGS_MACHINE_H
#define DS_TESTS_INTERLEAVINGS_MACHINE_H

#include "canon.h"
#include "facts.h"

typedef struct machine machine_t;

struct outcome {
    uint32_t state;         /* after it */
    uint32_t count;         /* of events */
    const uint32_t *events; /* messages; borrowed from the machine */
    const char *failure;    /* NULL: none; else what a function of the decider said */
};

/** A step that somebody may take of his own accord. */
struct choice {
    uint32_t message;
    enum when when;
    struct outcome outcome;
};

/** @param whens  how many of enum when it is to be tried at. */
machine_t *machine_new(enum part part, messages_t *book, int whens);
/** @brief How many moments make a difference to it. */
int machine_whens(const machine_t *machine);
void machine_destroy(machine_t *machine);
/** The state of a partition that is empty. */
#define MACHINE_EMPTY 0
/** @brief The number by which `to` knows the events of `from`; -1: it does not read them. */
int32_t machine_input(enum part to, enum part from);
struct outcome machine_step(machine_t *machine, uint32_t state, uint32_t message, enum when when);
/** @brief Which of these messages change a state, each different outcome once. Borrowed; the
 * messages must be the same at each call. */
const struct choice *machine_choices(machine_t *machine, uint32_t state, const uint32_t *messages,
                                     size_t count, size_t *count_out);
/** @brief The same of the state's own deadlines. */
const struct choice *machine_timers(machine_t *machine, uint32_t state, size_t *count_out);
/** @brief Whether a message has no effect in a state, for what is not put into a queue. */
bool machine_ignores(machine_t *machine, uint32_t state, uint32_t message);
/** @brief Whether command.repeated, which the host writes for an id it knows, leaves the state as
 * it is. */
bool machine_ignores_repeat(machine_t *machine, uint32_t state);
/** @brief Borrowed until the next step. */
const struct facts *machine_facts(const machine_t *machine, uint32_t state);
uint32_t machine_states(const machine_t *machine);
/** @brief How many steps were worked out. */
uint32_t machine_decisions(const machine_t *machine);

#endif
