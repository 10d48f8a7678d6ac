/* machines.h - the state machines of the processors under names of one kind, asked through their
 * one transition function: for the pages of docs/states and for the comparison with the
 * choreography. Pure. */
#ifndef DS_TESTS_UNIT_STATES_MACHINES_H
#define DS_TESTS_UNIT_STATES_MACHINES_H

#include "decider/decider.h"

#include <stdbool.h>

/** What an input leads to. */
struct machine_step {
    bool row;            /* false: no row; an event is passed over, a command refused */
    const char *events;  /* "order.picked_up, order.cancel_refused"; "": none */
    int next;            /* the state after them; the state itself without a row */
    const char *refusal; /* of a command without a row; NULL: passed over */
};

struct machine {
    const char *name;   /* also of the page and of the section of the choreography */
    const char *title;  /* of the page */
    const char *source; /* where the function is */
    const char *about;  /* what the names of states and inputs do not say; may be "" */
    const char *memory; /* when it is forgotten */
    const char *const *states;
    int state_count;
    const char *const *inputs;
    int input_count;
    const struct ds_decider *decider; /* whose options are its deadlines; NULL: it has none */
    struct machine_step (*step)(int state, int input);
};

/** All of them, NULL behind the last. */
extern const struct machine *const machines[];

#endif
