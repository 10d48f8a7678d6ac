/* The planted mistakes by name (base/planted.h), and the switch. */
#include "planted.h"

enum ds_planted ds_planted;

const struct sim_bug sim_bugs[DS_PLANTED_COUNT] = {
    [DS_PLANTED_NONCE] = {"R1", "any Claim of the epoch is taken for the own"},
    [DS_PLANTED_TORN] = {"R2", "what a torn decision says counts"},
    [DS_PLANTED_SAME_EPOCH] = {"R3", "after a failed delivery the seq is used again"},
    [DS_PLANTED_FULL] = {"R4", "a record that finds the queue full is left out"},
    [DS_PLANTED_OFFSET] = {"R5", "a reported offset is believed"},
    [DS_PLANTED_MEMBER] = {"R6", "a Claim without membership"},
    [DS_PLANTED_SILENCE] = {"R6", "an owner that the group does not hear goes on"},
    [DS_PLANTED_UNCONFIRMED] = {"R8", "a snapshot of what is not confirmed"},
    [DS_PLANTED_CHECKSUM] = {"R8", "a restore does not look at checksums"},
    [DS_PLANTED_FORMAT] = {"R8", "another version's snapshot is used"},
    [DS_PLANTED_FOREIGN] = {"R8", "another log's snapshot is used"},
    [DS_PLANTED_DEAD_LETTER] = {"R9", "a dead letter before its InputRejected is confirmed"},
    [DS_PLANTED_TIMER] = {"R10", "a deadline before the inputs are read"},
    [DS_PLANTED_CLOCK] = {"R10", "an owner whose clock is far off decides"},
    [DS_PLANTED_IDS] = {"R11", "command ids are forgotten"},
    [DS_PLANTED_MEMORY] = {"R12", "memory is kept although the log ends elsewhere"},
    [DS_PLANTED_WARM] = {"follower", "a follower folds what rule F skips"},
    [DS_PLANTED_LAGGARD] = {"follower", "one that lags takes itself for warm"},
    [DS_PLANTED_OPEN] = {"R13", "an Open is not held against what was read"},
    [DS_PLANTED_SEQ] = {"F", "any seq of the epoch counts"},
    [DS_PLANTED_EPOCH] = {"F", "an older epoch's record counts where its seq fits"},
    [DS_PLANTED_HALF_DECISION] = {"reader", "a decision that is not complete is handed out"},
    [DS_PLANTED_POSITION] = {"postgres", "a position is moved without a look at what it was"},
    [DS_PLANTED_TALLY] = {"mongo", "an event is added to the analytics again"},
};

enum ds_planted sim_planted_off(void)
{
    enum ds_planted was = ds_planted;

    ds_planted = DS_PLANTED_NOTHING;
    return was;
}
