#include "processors/inventory/reservation.h"

#include "base/planted.h"

#include <assert.h>

typedef struct ds_reservation_step step_t;

static step_t pass(enum ds_reservation_state state)
{
    return (step_t){DS_RESERVATION_PASS, state};
}

static step_t step_none(enum ds_reservation_input input)
{
    switch (input) {
    case DS_RESERVATION_CREATED_ENOUGH:
        return (step_t){DS_RESERVATION_RESERVE, DS_RESERVATION_HELD};
    case DS_RESERVATION_CREATED_SHORT:
        return (step_t){DS_RESERVATION_REJECT, DS_RESERVATION_NONE};
    case DS_RESERVATION_LINES_CANCELLED:
    case DS_RESERVATION_CANCELLED:
    case DS_RESERVATION_CANCELLED_LOST:
    case DS_RESERVATION_PICKED_UP:
    case DS_RESERVATION_INPUTS:
        break;
    }
    return pass(DS_RESERVATION_NONE);
}

static step_t step_held(enum ds_reservation_input input)
{
    switch (input) {
    case DS_RESERVATION_LINES_CANCELLED:
        return (step_t){DS_RESERVATION_RELEASE_LINES, DS_RESERVATION_HELD};
    /* Goods are lost or returned only after order.picked_up, which this reservation has not seen:
     * what is held is on the shelf, whatever the order says of it. */
    case DS_RESERVATION_CANCELLED:
    case DS_RESERVATION_CANCELLED_LOST:
        if (DS_PLANTED(NO_LATE_RELEASE))
            break;
        return (step_t){DS_RESERVATION_RELEASE_REST, DS_RESERVATION_RELEASED};
    case DS_RESERVATION_PICKED_UP:
        return (step_t){DS_RESERVATION_COMMIT_REST, DS_RESERVATION_COMMITTED};
    case DS_RESERVATION_CREATED_ENOUGH:
    case DS_RESERVATION_CREATED_SHORT:
    case DS_RESERVATION_INPUTS:
        break;
    }
    return pass(DS_RESERVATION_HELD);
}

static step_t step_committed(enum ds_reservation_input input)
{
    switch (input) {
    case DS_RESERVATION_CANCELLED:
        if (DS_PLANTED(NO_RESTOCK))
            break;
        return (step_t){DS_RESERVATION_RETURN_ALL, DS_RESERVATION_RETURNED};
    case DS_RESERVATION_CANCELLED_LOST: /* written off */
        if (DS_PLANTED(LOST_RESTOCKED))
            return (step_t){DS_RESERVATION_RETURN_ALL, DS_RESERVATION_RETURNED};
        break;
    case DS_RESERVATION_CREATED_ENOUGH:
    case DS_RESERVATION_CREATED_SHORT:
    case DS_RESERVATION_LINES_CANCELLED:
    case DS_RESERVATION_PICKED_UP:
    case DS_RESERVATION_INPUTS:
        break;
    }
    return pass(DS_RESERVATION_COMMITTED);
}

step_t ds_reservation_step(enum ds_reservation_state state, enum ds_reservation_input input)
{
    assert(state < DS_RESERVATION_STATES);
    assert(input < DS_RESERVATION_INPUTS);
    switch (state) {
    case DS_RESERVATION_NONE:
        return step_none(input);
    case DS_RESERVATION_HELD:
        return step_held(input);
    case DS_RESERVATION_COMMITTED:
        return step_committed(input);
    case DS_RESERVATION_RELEASED:
    case DS_RESERVATION_RETURNED:
    case DS_RESERVATION_STATES:
        break;
    }
    return pass(state);
}
