#include "processors/delivery/delivery_table.h"

#include "base/planted.h"

#include <assert.h>
#include <stddef.h>

typedef struct ds_delivery_step step_t;

static step_t act(enum ds_delivery_effect effect, enum ds_delivery_state next)
{
    return (step_t){DS_DELIVERY_DO, effect, next, NULL};
}

/* Why a command is refused that has no row in the state. */
static const char *reason_of(enum ds_delivery_state state)
{
    switch (state) {
    case DS_DELIVERY_NONE:
        return "DELIVERY_UNKNOWN";
    case DS_DELIVERY_SEARCHING:
        return "NOT_OFFERED";
    case DS_DELIVERY_OFFERED:
        return "NOT_ASSIGNED";
    case DS_DELIVERY_ASSIGNED:
        return "NOT_PICKED_UP";
    case DS_DELIVERY_IN_TRANSIT:
    case DS_DELIVERY_SILENT:
        return "ALREADY_PICKED_UP";
    case DS_DELIVERY_RETURNING:
        return "RETURNING";
    case DS_DELIVERY_COMPLETED:
    case DS_DELIVERY_CANCELLED:
    case DS_DELIVERY_RETURNED:
    case DS_DELIVERY_LOST:
    case DS_DELIVERY_STATES:
        break;
    }
    return "DELIVERY_OVER";
}

/* No row: an event has no effect, a command is refused. */
static step_t no_row(enum ds_delivery_state state, enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
    case DS_DELIVERY_ON_CANCEL_LINES:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_TIMER:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_INPUTS:
        break;
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_ON_REASSIGN:
    case DS_DELIVERY_ON_BACK_AT_STORE:
        return (step_t){DS_DELIVERY_REFUSE, DS_DELIVERY_NOTHING, state, reason_of(state)};
    }
    return (step_t){DS_DELIVERY_PASS, DS_DELIVERY_NOTHING, state, NULL};
}

static step_t step_none(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_CONFIRMED:
        return act(DS_DELIVERY_REQUEST, DS_DELIVERY_SEARCHING);
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
    case DS_DELIVERY_ON_CANCEL_LINES:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_TIMER:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_ON_REASSIGN:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_NONE, input);
}

static step_t step_searching(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_FOUND:
        return act(DS_DELIVERY_OFFER, DS_DELIVERY_OFFERED);
    case DS_DELIVERY_ON_TIMER:
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        return act(DS_DELIVERY_CANCEL, DS_DELIVERY_CANCELLED);
    case DS_DELIVERY_ON_CANCEL_LINES:
        return act(DS_DELIVERY_CANCEL_LINES, DS_DELIVERY_SEARCHING);
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_ON_REASSIGN:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_SEARCHING, input);
}

static step_t step_offered(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_ACCEPT:
        return act(DS_DELIVERY_ASSIGN, DS_DELIVERY_ASSIGNED);
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_TIMER:
        return act(DS_DELIVERY_END_OFFER, DS_DELIVERY_SEARCHING);
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        return act(DS_DELIVERY_CANCEL, DS_DELIVERY_CANCELLED);
    case DS_DELIVERY_ON_CANCEL_LINES:
        return act(DS_DELIVERY_CANCEL_LINES, DS_DELIVERY_OFFERED);
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_ON_REASSIGN:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_OFFERED, input);
}

static step_t step_assigned(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_PICK_UP:
        return act(DS_DELIVERY_START, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_TIMER:
        return act(DS_DELIVERY_UNASSIGN, DS_DELIVERY_SEARCHING);
    case DS_DELIVERY_ON_CANCEL:
        if (DS_PLANTED(CANCEL_PASSED_OVER))
            break;
        return act(DS_DELIVERY_CANCEL, DS_DELIVERY_CANCELLED);
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        return act(DS_DELIVERY_CANCEL, DS_DELIVERY_CANCELLED);
    case DS_DELIVERY_ON_CANCEL_LINES:
        return act(DS_DELIVERY_CANCEL_LINES, DS_DELIVERY_ASSIGNED);
    case DS_DELIVERY_ON_REASSIGN:
        return act(DS_DELIVERY_REASSIGN, DS_DELIVERY_ASSIGNED);
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_ASSIGNED, input);
}

static step_t step_in_transit(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_TIMER:
        return act(DS_DELIVERY_FALL_SILENT, DS_DELIVERY_SILENT);
    case DS_DELIVERY_ON_ARRIVE:
        return act(DS_DELIVERY_ARRIVE, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_HAND_OVER:
        return act(DS_DELIVERY_COMPLETE, DS_DELIVERY_COMPLETED);
    case DS_DELIVERY_ON_FAILED_AGAIN:
        return act(DS_DELIVERY_FAIL, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_FAILED_LAST:
        return act(DS_DELIVERY_FAIL, DS_DELIVERY_RETURNING);
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        return act(DS_DELIVERY_RECALL, DS_DELIVERY_RETURNING);
    case DS_DELIVERY_ON_REASSIGN:
        return act(DS_DELIVERY_REASSIGN, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_CANCEL_LINES:
        if (DS_PLANTED(LINE_NOT_REFUSED))
            return act(DS_DELIVERY_CANCEL_LINES, DS_DELIVERY_IN_TRANSIT);
        break;
    case DS_DELIVERY_ON_GIVE_BACK:
        if (DS_PLANTED(LATE_GIVE_BACK))
            return act(DS_DELIVERY_UNASSIGN, DS_DELIVERY_SEARCHING);
        break;
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_IN_TRANSIT, input);
}

static step_t step_silent(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_SEEN:
        return act(DS_DELIVERY_LIFT_SILENCE, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_TIMER:
        return act(DS_DELIVERY_LOSE, DS_DELIVERY_LOST);
    case DS_DELIVERY_ON_HAND_OVER:
        return act(DS_DELIVERY_COMPLETE, DS_DELIVERY_COMPLETED);
    case DS_DELIVERY_ON_FAILED_AGAIN:
        return act(DS_DELIVERY_FAIL, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_FAILED_LAST:
        return act(DS_DELIVERY_FAIL, DS_DELIVERY_RETURNING);
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
        return act(DS_DELIVERY_RECALL, DS_DELIVERY_RETURNING);
    case DS_DELIVERY_ON_REASSIGN:
        return act(DS_DELIVERY_REASSIGN, DS_DELIVERY_IN_TRANSIT);
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_LINES:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_BACK_AT_STORE:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_SILENT, input);
}

static step_t step_returning(enum ds_delivery_input input)
{
    switch (input) {
    case DS_DELIVERY_ON_TIMER:
        return act(DS_DELIVERY_LOSE, DS_DELIVERY_LOST);
    case DS_DELIVERY_ON_BACK_AT_STORE:
        return act(DS_DELIVERY_TAKE_BACK, DS_DELIVERY_RETURNED);
    case DS_DELIVERY_ON_REASSIGN:
        return act(DS_DELIVERY_REASSIGN, DS_DELIVERY_RETURNING);
    case DS_DELIVERY_ON_CONFIRMED:
    case DS_DELIVERY_ON_CANCEL:
    case DS_DELIVERY_ON_CANCEL_BY_STAFF:
    case DS_DELIVERY_ON_CANCEL_LINES:
    case DS_DELIVERY_ON_FOUND:
    case DS_DELIVERY_ON_WENT_OFFLINE:
    case DS_DELIVERY_ON_SEEN:
    case DS_DELIVERY_ON_ACCEPT:
    case DS_DELIVERY_ON_DECLINE:
    case DS_DELIVERY_ON_GIVE_BACK:
    case DS_DELIVERY_ON_PICK_UP:
    case DS_DELIVERY_ON_ARRIVE:
    case DS_DELIVERY_ON_HAND_OVER:
    case DS_DELIVERY_ON_FAILED_AGAIN:
    case DS_DELIVERY_ON_FAILED_LAST:
    case DS_DELIVERY_INPUTS:
        break;
    }
    return no_row(DS_DELIVERY_RETURNING, input);
}

step_t ds_delivery_step(enum ds_delivery_state state, enum ds_delivery_input input)
{
    assert(state < DS_DELIVERY_STATES);
    assert(input < DS_DELIVERY_INPUTS);
    switch (state) {
    case DS_DELIVERY_NONE:
        return step_none(input);
    case DS_DELIVERY_SEARCHING:
        return step_searching(input);
    case DS_DELIVERY_OFFERED:
        return step_offered(input);
    case DS_DELIVERY_ASSIGNED:
        return step_assigned(input);
    case DS_DELIVERY_IN_TRANSIT:
        return step_in_transit(input);
    case DS_DELIVERY_SILENT:
        return step_silent(input);
    case DS_DELIVERY_RETURNING:
        return step_returning(input);
    case DS_DELIVERY_CANCELLED:
        if (DS_PLANTED(PICK_UP_AFTER_CANCEL) && input == DS_DELIVERY_ON_PICK_UP)
            return act(DS_DELIVERY_START, DS_DELIVERY_IN_TRANSIT);
        break;
    case DS_DELIVERY_COMPLETED:
    case DS_DELIVERY_RETURNED:
    case DS_DELIVERY_LOST:
    case DS_DELIVERY_STATES:
        break;
    }
    return no_row(state, input);
}

const char *ds_delivery_state_name(enum ds_delivery_state state)
{
    switch (state) {
    case DS_DELIVERY_NONE:
        return "NONE";
    case DS_DELIVERY_SEARCHING:
        return "SEARCHING";
    case DS_DELIVERY_OFFERED:
        return "OFFERED";
    case DS_DELIVERY_ASSIGNED:
        return "ASSIGNED";
    case DS_DELIVERY_IN_TRANSIT:
        return "IN_TRANSIT";
    case DS_DELIVERY_SILENT:
        return "SILENT";
    case DS_DELIVERY_RETURNING:
        return "RETURNING";
    case DS_DELIVERY_COMPLETED:
        return "COMPLETED";
    case DS_DELIVERY_CANCELLED:
        return "CANCELLED";
    case DS_DELIVERY_RETURNED:
        return "RETURNED";
    case DS_DELIVERY_LOST:
        return "LOST";
    case DS_DELIVERY_STATES:
        break;
    }
    return "?";
}
