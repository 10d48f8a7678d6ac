#include "processors/delivery/courier_table.h"

#include <assert.h>
#include <stddef.h>

typedef struct ds_courier_step step_t;

static step_t to(enum ds_courier_state next)
{
    return (step_t){true, next, NULL};
}

static step_t no_row(enum ds_courier_state state, const char *reason)
{
    return (step_t){false, state, reason};
}

static step_t step_offline(enum ds_courier_input input)
{
    switch (input) {
    case DS_COURIER_ON_GO_ONLINE:
        return to(DS_COURIER_FREE);
    case DS_COURIER_ON_GO_OFFLINE:
    case DS_COURIER_ON_OFFERED:
    case DS_COURIER_ON_OFFER_ENDED:
    case DS_COURIER_ON_ASSIGNED:
    case DS_COURIER_ON_UNASSIGNED:
    case DS_COURIER_ON_CANCELLED:
    case DS_COURIER_ON_COMPLETED:
    case DS_COURIER_ON_RETURNED:
    case DS_COURIER_ON_LOST:
    case DS_COURIER_ON_REASSIGNED_AWAY:
    case DS_COURIER_ON_REASSIGNED_TO:
    case DS_COURIER_INPUTS:
        break;
    }
    return no_row(DS_COURIER_OFFLINE, "COURIER_UNKNOWN");
}

static step_t step_free(enum ds_courier_input input)
{
    switch (input) {
    case DS_COURIER_ON_GO_ONLINE:
        return to(DS_COURIER_FREE);
    case DS_COURIER_ON_GO_OFFLINE:
        return to(DS_COURIER_OFFLINE);
    case DS_COURIER_ON_OFFERED:
        return to(DS_COURIER_OFFERED);
    case DS_COURIER_ON_REASSIGNED_TO:
        return to(DS_COURIER_BUSY);
    case DS_COURIER_ON_OFFER_ENDED:
    case DS_COURIER_ON_ASSIGNED:
    case DS_COURIER_ON_UNASSIGNED:
    case DS_COURIER_ON_CANCELLED:
    case DS_COURIER_ON_COMPLETED:
    case DS_COURIER_ON_RETURNED:
    case DS_COURIER_ON_LOST:
    case DS_COURIER_ON_REASSIGNED_AWAY:
    case DS_COURIER_INPUTS:
        break;
    }
    return no_row(DS_COURIER_FREE, "COURIER_UNKNOWN");
}

static step_t step_offered(enum ds_courier_input input)
{
    switch (input) {
    case DS_COURIER_ON_GO_ONLINE:
        return to(DS_COURIER_OFFERED);
    case DS_COURIER_ON_GO_OFFLINE:
        return to(DS_COURIER_OFFLINE);
    case DS_COURIER_ON_ASSIGNED:
        return to(DS_COURIER_BUSY);
    case DS_COURIER_ON_OFFER_ENDED:
    case DS_COURIER_ON_CANCELLED:
        return to(DS_COURIER_FREE);
    case DS_COURIER_ON_OFFERED:
    case DS_COURIER_ON_UNASSIGNED:
    case DS_COURIER_ON_COMPLETED:
    case DS_COURIER_ON_RETURNED:
    case DS_COURIER_ON_LOST:
    case DS_COURIER_ON_REASSIGNED_AWAY:
    case DS_COURIER_ON_REASSIGNED_TO:
    case DS_COURIER_INPUTS:
        break;
    }
    return no_row(DS_COURIER_OFFERED, "COURIER_UNKNOWN");
}

static step_t step_busy(enum ds_courier_input input)
{
    switch (input) {
    case DS_COURIER_ON_GO_ONLINE:
        return to(DS_COURIER_BUSY);
    case DS_COURIER_ON_COMPLETED:
    case DS_COURIER_ON_RETURNED:
    case DS_COURIER_ON_CANCELLED:
        return to(DS_COURIER_FREE);
    case DS_COURIER_ON_UNASSIGNED:
    case DS_COURIER_ON_LOST:
    case DS_COURIER_ON_REASSIGNED_AWAY:
        return to(DS_COURIER_OFFLINE);
    case DS_COURIER_ON_GO_OFFLINE:
        return no_row(DS_COURIER_BUSY, "COURIER_BUSY");
    case DS_COURIER_ON_OFFERED:
    case DS_COURIER_ON_OFFER_ENDED:
    case DS_COURIER_ON_ASSIGNED:
    case DS_COURIER_ON_REASSIGNED_TO:
    case DS_COURIER_INPUTS:
        break;
    }
    return no_row(DS_COURIER_BUSY, "COURIER_UNKNOWN");
}

step_t ds_courier_step(enum ds_courier_state state, enum ds_courier_input input)
{
    assert(state < DS_COURIER_STATES);
    assert(input < DS_COURIER_INPUTS);
    switch (state) {
    case DS_COURIER_OFFLINE:
        return step_offline(input);
    case DS_COURIER_FREE:
        return step_free(input);
    case DS_COURIER_OFFERED:
        return step_offered(input);
    case DS_COURIER_BUSY:
        return step_busy(input);
    case DS_COURIER_STATES:
        break;
    }
    return no_row(state, "COURIER_UNKNOWN");
}
