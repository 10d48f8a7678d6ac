/* processors/delivery/delivery_table.h - the states of a delivery: CHOREOGRAPHY section 6, first
 * table.
 *
 * One function of (state, input). Guards on data (which courier, which offer, the cash, the
 * attempts) are looked at before and choose the input, or refuse. Pure, any thread. */
#ifndef DS_PROCESSORS_DELIVERY_DELIVERY_TABLE_H
#define DS_PROCESSORS_DELIVERY_DELIVERY_TABLE_H

/** The numbers are also the kinds of the deadlines in the log: permanent. */
enum ds_delivery_state {
    DS_DELIVERY_NONE = 0,
    DS_DELIVERY_SEARCHING = 1,
    DS_DELIVERY_OFFERED = 2,
    DS_DELIVERY_ASSIGNED = 3,
    DS_DELIVERY_IN_TRANSIT = 4,
    DS_DELIVERY_SILENT = 5,
    DS_DELIVERY_RETURNING = 6,
    DS_DELIVERY_COMPLETED = 7,
    DS_DELIVERY_CANCELLED = 8,
    DS_DELIVERY_RETURNED = 9,
    DS_DELIVERY_LOST = 10,
    DS_DELIVERY_STATES,
};

enum ds_delivery_input {
    /* what happens to it */
    DS_DELIVERY_ON_CONFIRMED,       /* order.confirmed */
    DS_DELIVERY_ON_CANCEL,          /* order.cancel_requested {order, customer or timer} */
    DS_DELIVERY_ON_CANCEL_BY_STAFF, /* order.cancel_requested {order, staff} */
    DS_DELIVERY_ON_CANCEL_LINES,    /* order.cancel_requested {lines} */
    DS_DELIVERY_ON_FOUND,           /* the policy names a courier */
    DS_DELIVERY_ON_TIMER,           /* the state's deadline */
    DS_DELIVERY_ON_WENT_OFFLINE,    /* its courier does */
    DS_DELIVERY_ON_SEEN,            /* its courier is */
    /* what somebody asks for */
    DS_DELIVERY_ON_ACCEPT,
    DS_DELIVERY_ON_DECLINE,
    DS_DELIVERY_ON_GIVE_BACK,
    DS_DELIVERY_ON_PICK_UP,
    DS_DELIVERY_ON_ARRIVE,
    DS_DELIVERY_ON_HAND_OVER,
    DS_DELIVERY_ON_FAILED_AGAIN, /* attempt_failed, not the last */
    DS_DELIVERY_ON_FAILED_LAST,
    DS_DELIVERY_ON_REASSIGN,
    DS_DELIVERY_ON_BACK_AT_STORE,
    DS_DELIVERY_INPUTS,
};

enum ds_delivery_verdict {
    DS_DELIVERY_PASS,   /* no effect */
    DS_DELIVERY_DO,     /* the event, and the next state */
    DS_DELIVERY_REFUSE, /* a command is refused */
};

enum ds_delivery_effect {
    DS_DELIVERY_NOTHING,
    DS_DELIVERY_REQUEST,      /* delivery.requested */
    DS_DELIVERY_OFFER,        /* delivery.offered */
    DS_DELIVERY_END_OFFER,    /* delivery.offer_ended */
    DS_DELIVERY_ASSIGN,       /* delivery.assigned */
    DS_DELIVERY_UNASSIGN,     /* delivery.unassigned */
    DS_DELIVERY_REASSIGN,     /* delivery.reassigned */
    DS_DELIVERY_CANCEL_LINES, /* delivery.lines_cancelled */
    DS_DELIVERY_CANCEL,       /* delivery.cancelled */
    DS_DELIVERY_START,        /* delivery.in_transit */
    DS_DELIVERY_ARRIVE,       /* delivery.arrived */
    DS_DELIVERY_FAIL,         /* delivery.failed */
    DS_DELIVERY_FALL_SILENT,  /* delivery.courier_silent */
    DS_DELIVERY_LIFT_SILENCE, /* courier.seen */
    DS_DELIVERY_RECALL,       /* delivery.recalled */
    DS_DELIVERY_COMPLETE,     /* delivery.completed */
    DS_DELIVERY_TAKE_BACK,    /* delivery.returned */
    DS_DELIVERY_LOSE,         /* delivery.lost */
};

struct ds_delivery_step {
    enum ds_delivery_verdict verdict;
    enum ds_delivery_effect effect; /* of DO */
    enum ds_delivery_state next;    /* the state itself unless DO */
    const char *reason;             /* of REFUSE */
};

/** @brief What the input leads to in the state. Both must be real ones. */
struct ds_delivery_step ds_delivery_step(enum ds_delivery_state state,
                                         enum ds_delivery_input input);

/** @brief "IN_TRANSIT" and so on: as in docs/states. */
const char *ds_delivery_state_name(enum ds_delivery_state state);

#endif
