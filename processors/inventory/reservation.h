/* processors/inventory/reservation.h - the states of one order's reservation: CHOREOGRAPHY section
 * 5, first table.
 *
 * The table is one function of (state, input). What an order event means as an input (enough or
 * short, what became of the goods) is found out before; what is released or committed, by the
 * decider. Pure, any thread. */
#ifndef DS_PROCESSORS_INVENTORY_RESERVATION_H
#define DS_PROCESSORS_INVENTORY_RESERVATION_H

enum ds_reservation_state {
    DS_RESERVATION_NONE, /* unknown, rejected or forgotten: nothing is kept of it */
    DS_RESERVATION_HELD,
    DS_RESERVATION_RELEASED,
    DS_RESERVATION_COMMITTED,
    DS_RESERVATION_RETURNED,
    DS_RESERVATION_STATES,
};

enum ds_reservation_input {
    DS_RESERVATION_CREATED_ENOUGH, /* order.created, enough of all products */
    DS_RESERVATION_CREATED_SHORT,  /* order.created, short of one */
    DS_RESERVATION_LINES_CANCELLED,
    DS_RESERVATION_CANCELLED,      /* order.cancelled; the goods were not taken, or are back */
    DS_RESERVATION_CANCELLED_LOST, /* order.cancelled; the goods are lost */
    DS_RESERVATION_PICKED_UP,
    DS_RESERVATION_INPUTS,
};

/** The event an input leads to. PASS: none, and the state stays. */
enum ds_reservation_effect {
    DS_RESERVATION_PASS,
    DS_RESERVATION_RESERVE,
    DS_RESERVATION_REJECT,
    DS_RESERVATION_RELEASE_LINES,
    DS_RESERVATION_RELEASE_REST,
    DS_RESERVATION_COMMIT_REST,
    DS_RESERVATION_RETURN_ALL,
};

struct ds_reservation_step {
    enum ds_reservation_effect effect;
    enum ds_reservation_state next;
};

/** @brief What the input leads to in the state. Both must be real ones (not ..._STATES,
 * ..._INPUTS). */
struct ds_reservation_step ds_reservation_step(enum ds_reservation_state state,
                                               enum ds_reservation_input input);

#endif
